# SPDX-License-Identifier: AGPL-3.0-or-later
"""The `urna` command. One file a group of commands, loaded when it is asked for.

Exit codes: 0 done (also when a trustee has to wait), 1 refused or failed, 2 wrong usage or input, 3 the chain or
another member's service does not answer, 130 interrupted. With `--json` the answer, or the error, is one JSON object.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

import click

from node.errors import ContractError, DraftError, EntityError, NodeError, PromiseFileError, RpcUnavailable
from protocol.errors import ProtocolError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130

#: Entry points that other layers bring: each a table like COMMANDS. This layer imports none of them by itself.
PLUGINS = "urna.commands"

# name: (module:object, what `urna --help` says)
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("node.cli.run:run", "Hold a whole election from a .pb file on this machine, and observe it."),
    "observe": ("node.cli.observe:observe", "Verify everything that a chain or an exported bundle says."),
    "export": ("node.cli.export:export", "Write the bundle from which an observer works offline."),
    "entity": ("node.cli.entity:entity", "Make or show an entity's folder: its keys, accounts and endpoint."),
    "deploy": ("node.cli.deploy:deploy", "Deploy the contracts with the founding entities."),
    "motion": ("node.cli.motion:motion", "Act as one of the consortium's members: propose, approve, list."),
    "initiative": ("node.cli.initiative:initiative", "Create an initiative, show it, decide on its proposals."),
    "promise": ("node.cli.promise:promise", "Hold what a gateway promised against the chain."),
    "registrar": ("node.cli.registrar:registrar", "Show and destroy the peppers of initiatives."),
    "trustee": ("node.cli.trustee:trustee", "Do whatever is due for an entity as a trustee."),
    "status": ("node.cli.status:status", "Show the chain, the consortium and the initiatives."),
    "eid": ("node.cli.eid:eid", "Serve a development eID provider; never for production."),
}


@dataclass(slots=True)
class Session:
    """What an invocation knows besides its options: whether answers are JSON."""

    as_json: bool = False


def all_commands() -> dict[str, tuple[str, str]]:
    """The commands of this layer, and those of the tables behind the entry points `urna.commands`."""
    found: dict[str, tuple[str, str]] = {}
    for plugin in sorted(entry_points(group=PLUGINS)):
        found |= plugin.load()
    return COMMANDS | {name: row for name, row in found.items() if name not in COMMANDS}


class LazyGroup(click.Group):
    """Loads a command's module when it is named, so that `urna status` does not import what only `urna run` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(all_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = COMMANDS.get(cmd_name) or all_commands().get(cmd_name)
        if row is None:
            return None
        module, _, name = row[0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in all_commands().items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def urna() -> None:
    """Urna: participation processes of public bodies on a ledger that no single one of them owns.

    To see a whole election at work:  urna run FILE.pb

    \b
    To set one up by hand:
      urna entity init A --name "Municipality A"     (each entity, on its own machine)
      urna deploy --rpc URL --entity A/entity.json … (once)
      urna trustee run --entity A …                  (each trustee, from time to time)
      urna initiative create --entity A …            (a publisher)
      urna status --rpc URL --deployment FILE        (anyone)

    Every command explains itself with --help.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; prints one sentence instead of a traceback."""
    session = Session()
    try:
        result = urna.main(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name="urna",
            standalone_mode=False,
            obj=session,
        )
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        if not session.as_json:
            error.show()
        else:
            _print_error(session, type(error).__name__, error.format_message())
        return EXIT_USAGE
    except (NodeError, ProtocolError) as error:
        name = error.name if isinstance(error, ContractError) else type(error).__name__
        _print_error(session, name, str(error))
        return exit_code(error)


def exit_code(error: Exception) -> int:
    """The process's exit code for an error of node or protocol."""
    if isinstance(error, RpcUnavailable):
        return EXIT_UNAVAILABLE
    return EXIT_USAGE if isinstance(error, DraftError | EntityError | PromiseFileError) else EXIT_FAILED


def _print_error(session: Session, name: str, sentence: str) -> None:
    if session.as_json:
        print(json.dumps({"error": {"name": name, "message": sentence}}, ensure_ascii=False), flush=True)
    else:
        print(f"urna: {sentence}", file=sys.stderr, flush=True)
