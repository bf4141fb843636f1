# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna trustee`: the duties of an entity as a trustee."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli import EXIT_FAILED
from node.cli.options import answer, deployment_option, entity_option, json_option, opened_member, rpc_option
from node.duty import Report
from node.trustee import TrusteeRun


@click.group()
def trustee() -> None:
    """Do whatever is due for an entity as a trustee.

    A trustee helps to make an initiative's joint key, checks what it received from the others, and releases its share
    of the key when voting is over and the challenge period has passed; then it sees to the count and attests the
    result. It keeps no state: everything follows from its folder and the chain.
    """


@trustee.command()
@entity_option
@rpc_option
@deployment_option
@click.option("--initiative", type=click.IntRange(1), help="Only this initiative.")
@json_option
def run(entity_dir: Path, rpc: str, deployment_file: Path, initiative: int | None) -> None:
    """Do everything that is due now, once; repeat it from time to time, at least once in every ceremony step.

    Prints what was done and what (and whom) each initiative waits for. Waiting is no error; the exit code is 1 only
    where a duty could not be done.
    """
    with opened_member(rpc, deployment_file, entity_dir) as member:
        work = TrusteeRun(member)
        reports = work.run(initiative)
    data = {
        "entity": member.entity,
        "keyRegistered": work.key_registered,
        "initiatives": [_row(one) for one in reports],
    }
    lines = ["Registered the trustee's key."] if work.key_registered else []
    for report in reports:
        lines.append(f"Initiative {report.initiative}, {report.phase.label}:")
        said = [*report.sentences, *([f"PROBLEM: {report.problem}"] if report.problem else [])]
        lines += [f"  {sentence}" for sentence in said or ["nothing to do"]]
    answer(data, lines or ["There is nothing to do: no initiative has this entity as a trustee."])
    if any(report.problem for report in reports):
        raise click.exceptions.Exit(EXIT_FAILED)


def _row(report: Report) -> dict[str, object]:
    return {
        "initiative": report.initiative,
        "phase": report.phase.label,
        "did": report.did,
        "waiting": [{"what": one.what, "entities": list(one.entities), "anyOf": one.any_of} for one in report.waiting],
        "sentences": report.sentences,
        "problem": report.problem,
    }
