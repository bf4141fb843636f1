# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna registrar`: the peppers that an entity holds, and their end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from node import appeals
from node.appeals import PepperView
from node.cli.options import answer, deployment_option, entity_option, json_option, opened_member, rpc_option

_DAY = 86_400


@click.group()
def registrar() -> None:
    """What an entity does as a registrar, besides what its gateway does by itself."""


@registrar.group()
def pepper() -> None:
    """The secret of an initiative by which registrars tell persons apart.

    Each initiative has its own. While registrars hold it, they can tell which entry of the electorate is whose; after
    the appeals are over nobody needs to, and it is destroyed, here and in every backup.
    """


def _days_option(command: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--appeal-days",
        envvar="URNA_APPEAL_DAYS",
        default=appeals.APPEAL_PERIOD // _DAY,
        show_default=True,
        type=click.IntRange(1, 3650),
        help="Days of chain time from the count (or the void) during which the pepper is kept. Also from "
        "URNA_APPEAL_DAYS.",
    )(command)


@pepper.command()
@entity_option
@rpc_option
@deployment_option
@_days_option
@json_option
def status(entity_dir: Path, rpc: str, deployment_file: Path, appeal_days: int) -> None:
    """Show for each initiative whether this entity holds the pepper, who acknowledged it, and when it is to go."""
    with opened_member(rpc, deployment_file, entity_dir) as member:
        found = appeals.peppers(member, appeal_days * _DAY)
    lines = [line for view in found for line in _lines(view)] or ["This entity has no part in any pepper."]
    answer({"peppers": [view.to_json() for view in found]}, lines)


@pepper.command()
@click.argument("number", type=click.IntRange(1))
@entity_option
@rpc_option
@deployment_option
@_days_option
@json_option
def destroy(number: int, entity_dir: Path, rpc: str, deployment_file: Path, appeal_days: int) -> None:
    """Destroy the pepper of initiative NUMBER for ever. Refused before the appeals are over.

    The file is overwritten and removed, and the entity's folder keeps a record. An SSD, a snapshot or a backup may
    keep older blocks: they are encrypted under the folder's passphrase, which the other keys need, so destroy the
    backups that hold them. The gateway notices by itself.
    """
    with opened_member(rpc, deployment_file, entity_dir) as member:
        view = appeals.destroy(member, number, appeal_days * _DAY)
    answer(view.to_json(), _lines(view))


def _lines(view: PepperView) -> list[str]:
    acknowledged = ", ".join(str(entity) for entity in view.acknowledged) or "nobody"
    lines = [f"Initiative {view.initiative}: {view.state}"]
    if view.publishes:
        lines.append(f"  acknowledged by  {acknowledged}")
    if view.destroyed is not None:
        lines.append(f"  destroyed        as of block {view.destroyed.block}: {view.destroyed.why}")
    elif view.due is not None:
        at = datetime.fromtimestamp(view.due, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        lines.append(f"  to be destroyed  from {at} on")
    return lines
