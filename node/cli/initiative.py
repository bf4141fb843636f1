# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna initiative`: what a publisher does, and what anybody may see of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from node import publisher
from node.cli import EXIT_UNAVAILABLE
from node.cli.costs import costs_command
from node.cli.drafting import check, dry_run_command, new, preview_command, templates_command
from node.cli.options import answer, deployment_option, entity_option, json_option, opened, opened_member, rpc_option
from node.draft import read_draft
from node.errors import DraftError
from node.overview import initiative_view
from node.publisher import Acceptance, Created


@click.group()
def initiative() -> None:
    """Draft an initiative, create it, show it, decide on its proposals.

    The rules are fixed at creation; nobody can change them afterwards, and the phases follow from the chain's time.
    """


for command in (templates_command, new, check, preview_command, dry_run_command, costs_command):
    initiative.add_command(command)


@initiative.command()
@entity_option
@rpc_option
@deployment_option
@click.option(
    "--draft",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The rules as JSON: `urna initiative new` makes one from a template.",
)
@click.option(
    "--patience",
    default=publisher.PEPPER_PATIENCE,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds to wait for the other registrars' gateways.",
)
@json_option
def create(entity_dir: Path, rpc: str, deployment_file: Path, draft: Path, patience: float) -> None:
    """Create the initiative of a draft, and hand its pepper to the registrars.

    Called again with the same draft it creates nothing, and only hands over the pepper where that failed before.
    All trustees must have registered their keys (urna trustee run).
    """
    read = read_draft(draft)
    with opened_member(rpc, deployment_file, entity_dir) as member:
        created = publisher.create(member, read, patience=patience)
    _answer_created(created, read.title)
    failed = [one for one in created.handovers if one.problem is not None]
    if failed:
        missing = "; ".join(f"entity {one.entity} at {one.endpoint}: {one.problem}" for one in failed)
        sentence = f"Not every registrar has the pepper ({missing}); repeat the command when their gateways run."
        click.echo(f"urna: {sentence}", err=True)
        raise click.exceptions.Exit(EXIT_UNAVAILABLE)


@initiative.command()
@click.argument("number", type=click.IntRange(1))
@rpc_option
@deployment_option
@json_option
def show(number: int, rpc: str, deployment_file: Path) -> None:
    """Show initiative NUMBER as it stands on the chain."""
    with opened(rpc, deployment_file) as (client, deployment):
        view = initiative_view(client, deployment, number)
    answer(view.to_json(), view.lines())


@initiative.command()
@click.argument("number", type=click.IntRange(1))
@entity_option
@rpc_option
@deployment_option
@click.option(
    "--costs",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help='JSON: {"PROPOSAL": "COST", …} or {"PROPOSAL": {"cost": "COST", "reason": "…"}, …}, costs in minor units.',
)
@json_option
def accept(number: int, entity_dir: Path, rpc: str, deployment_file: Path, costs: Path) -> None:
    """Accept proposals of initiative NUMBER, in the file's order, which gives them their option numbers.

    Proposals that are accepted already are passed over (a changed cost is corrected), so that a broken-off call can be
    repeated.
    """
    acceptances = read_acceptances(costs)
    with opened_member(rpc, deployment_file, entity_dir) as member:
        accepted = publisher.accept(member, number, acceptances)
    answer(
        {"initiative": number, "accepted": accepted, "listed": len(acceptances)},
        [f"Accepted {accepted} proposals of initiative {number}; {len(acceptances) - accepted} were accepted before."],
    )


@initiative.command()
@click.argument("number", type=click.IntRange(1))
@entity_option
@rpc_option
@deployment_option
@click.option("--proposal", required=True, type=click.IntRange(1), help="The proposal's number.")
@click.option("--reason", required=True, help="Why, for everybody to read.")
@click.option("--feasible/--infeasible", default=False, help="Whether it could be carried out all the same.")
@json_option
def reject(
    number: int, entity_dir: Path, rpc: str, deployment_file: Path, proposal: int, reason: str, feasible: bool
) -> None:
    """Reject a proposal of initiative NUMBER, saying why. An appeal may still be accepted afterwards."""
    with opened_member(rpc, deployment_file, entity_dir) as member:
        publisher.reject(member, number, proposal, feasible=feasible, reason=reason)
    answer({"initiative": number, "rejected": proposal}, [f"Rejected proposal {proposal} of initiative {number}."])


def read_acceptances(path: Path) -> list[Acceptance]:
    """Reads a file of costs. Raises DraftError, which names the proposal."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DraftError("file of costs", f"{path} is not readable JSON: {error}") from error
    if not isinstance(document, dict):
        raise DraftError("file of costs", f"{path} is not an object from proposals to costs")
    return [_acceptance(key, value) for key, value in document.items()]


def _acceptance(key: str, value: object) -> Acceptance:
    cost, reason = (value.get("cost"), value.get("reason", "")) if isinstance(value, dict) else (value, "")
    if not (key.isascii() and key.isdigit()):
        raise DraftError(f"proposal {key!r}", "is not a proposal's number")
    if isinstance(cost, str) and cost.isascii() and cost.isdigit():
        cost = int(cost)
    if not isinstance(cost, int) or isinstance(cost, bool) or cost < 0 or not isinstance(reason, str):
        raise DraftError(f"proposal {key}", "needs a cost in whole minor units, and its reason is a text")
    return Acceptance(int(key), cost, reason)


def _answer_created(created: Created, title: str) -> None:
    handovers = [{"entity": one.entity, "endpoint": one.endpoint, "problem": one.problem} for one in created.handovers]
    data = {
        "initiative": created.initiative,
        "already": created.already,
        "rulesHash": "0x" + created.rules_hash.hex(),
        "pepperHash": "0x" + created.pepper_hash.hex(),
        "peppers": handovers,
    }
    verb = "was there already" if created.already else "is created"
    given = sum(one.problem is None for one in created.handovers)
    lines = [f"Initiative {created.initiative} ({title}) {verb}.", f"{given} other registrars have its pepper."]
    answer(data, lines)
