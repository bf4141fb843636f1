# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna gateway …`: run an entity's gateway, see its settings, try what it needs before it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway import settings as settings_
from gateway.settings import Loaded, SettingsError
from node.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNAVAILABLE, EXIT_USAGE
from node.cli.options import answer, json_option
from node.errors import NodeError


class Unusable(click.ClickException):
    """Settings that cannot be used, all of them."""

    exit_code = EXIT_USAGE


class CannotStart(click.ClickException):
    """The settings are good, and the gateway cannot start with them."""

    exit_code = EXIT_FAILED


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`, and an option for each setting."""
    for name, field in reversed(settings_.Settings.model_fields.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=field.description)(command)
    return click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"A TOML file of settings, also from {settings_.CONFIG}; the environment and these options come first.",
    )(command)


def load(config: Path | None, given: dict[str, Any]) -> Loaded:
    try:
        return settings_.load(config, {name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        raise Unusable(str(error)) from error


@click.group()
def gateway() -> None:
    """An entity's gateway: registrar, relay, index and interface for citizens.

    Each setting is an option, URNA_GATEWAY_… in the environment, or a line `name = value` in a file; the first of
    these that names it wins.

    \b
      urna gateway check --config gateway.toml     what is wrong, before it runs
      urna gateway run --config gateway.toml
    """


@gateway.command()
@setting_options
def run(config: Path | None, **given: Any) -> int:
    """Serve until told to stop (TERM or Ctrl-C): what was accepted is brought to its end first; twice, at once."""
    from gateway import logs, server
    from gateway.app import create_app
    from gateway.assembly import build
    from gateway.database import DatabaseError
    from gateway.stopping import GatewayServer

    settings = load(config, given).settings
    logs.configure(settings.log_format, settings.log_level)
    try:
        built = build(settings)
        app = create_app(built)
    except (NodeError, DatabaseError, ValueError, OSError) as error:
        raise CannotStart(str(error)) from error
    GatewayServer(server.config(app, settings.host, settings.port), built, settings.drain_timeout).run()
    return 0


@gateway.command("config")
@setting_options
@json_option
def show(config: Path | None, **given: Any) -> None:
    """Show every setting in force and where it was given. Secrets are stars."""
    loaded = load(config, given)
    rows = {
        name: {"value": settings_.shown(name, getattr(loaded.settings, name)), "from": loaded.sources[name]}
        for name in settings_.Settings.model_fields
    }
    wide = max(len(name) for name in rows)
    answer(rows, [f"{name:{wide}}  {row['value'] or '-'}  ({row['from']})" for name, row in rows.items()])


@gateway.command()
@setting_options
@json_option
def check(config: Path | None, **given: Any) -> int:
    """Try what the gateway needs: its files, keys, chain, issuers and database. The gateway may be running.

    Ends with 0 where all is well, 1 where something is not, 3 where it is only that something does not answer.
    """
    from gateway.checkup import checkup

    found = checkup(load(config, given).settings)
    answer(
        {"checks": [{"check": one.name, "ok": one.ok, "detail": one.detail} for one in found]},
        [f"{'ok    ' if one.ok else 'FAILED'}  {one.name}: {one.detail}" for one in found],
    )
    if all(one.ok for one in found):
        return 0
    return EXIT_UNAVAILABLE if all(one.ok or one.is_remote for one in found) else EXIT_FAILED


def run_alone(arguments: list[str]) -> int:
    """`python -m gateway …`: the same as `urna gateway run …`."""
    try:
        result = run.main(arguments, prog_name="python -m gateway", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0
