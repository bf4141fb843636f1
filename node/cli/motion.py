# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna motion`: what only a majority of the consortium's members may do."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.options import answer, deployment_option, entity_option, json_option, opened, opened_member, rpc_option
from node.motions import MotionView, add_suite, approve, motions


@click.group()
def motion() -> None:
    """Act as one of the consortium's members.

    A motion passes when more than half of the active entities approve it; proposing one approves it, too. It is then
    carried out at once, by the contract.
    """


@motion.command("add-suite")
@entity_option
@rpc_option
@deployment_option
@json_option
def add_suite_command(entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Put the deployed contracts on the consortium's list, as far as this member can.

    The first member to call this proposes, the others approve; once it has passed, nothing is done. Motions about
    initiatives (void, reopen) need a listed suite.
    """
    with opened_member(rpc, deployment_file, entity_dir) as member:
        done, listed = add_suite(member)
    answer({"did": done, "listed": listed}, [done, "The suite is listed." if listed else "More approvals are needed."])


@motion.command("approve")
@click.argument("number", type=click.IntRange(1))
@entity_option
@rpc_option
@deployment_option
@json_option
def approve_command(number: int, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Approve motion NUMBER in the entity's name."""
    with opened_member(rpc, deployment_file, entity_dir) as member:
        executed = approve(member, number)
    answer(
        {"motion": number, "executed": executed},
        [f"Approved motion {number}; " + ("it has passed." if executed else "more approvals are needed.")],
    )


@motion.command("list")
@rpc_option
@deployment_option
@json_option
def list_command(rpc: str, deployment_file: Path) -> None:
    """List all motions, the latest last."""
    with opened(rpc, deployment_file) as (client, deployment):
        found = motions(client, deployment)
    answer({"motions": [_row(one) for one in found]}, [_line(one) for one in found] or ["There are no motions."])


def _row(one: MotionView) -> dict[str, object]:
    return {
        "motion": one.number,
        "proposer": one.proposer,
        "target": "0x" + one.target.hex(),
        "call": one.call,
        "expires": one.expires,
        "approvals": one.approvals,
        "executed": one.executed,
    }


def _line(one: MotionView) -> str:
    state = "passed" if one.executed else f"{one.approvals} approvals so far"
    return f"{one.number:>4}  {one.call}, proposed by entity {one.proposer}: {state}"
