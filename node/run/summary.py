# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a held election to its outcome, compared with a plain count of the same ballots and with what was published."""

from __future__ import annotations

import json
from collections.abc import Mapping

from node.run.driver import Held
from node.run.outcome import CheckRow, Outcome, PhaseTime, ProjectRow
from node.run.plan import Plan, title
from protocol.allocation import Allocation, Totals, allocate
from protocol.count import count, parameters, valid_ballots


def recount(plan: Plan) -> tuple[Totals, Allocation]:
    """The plain count of the ballots that took part, extras among them, and the winners that follow."""
    election = plan.election
    plain = count(election)
    totals = Totals(
        plain.support, plain.scores, plain.against, plain.valid, plain.blank + plan.blanks, plain.null + plan.nulls
    )
    rules = parameters(election.ballot, election.allocation)
    return totals, allocate(rules, election.options, valid_ballots(election), blank=totals.blank)


def outcome_of(
    plan: Plan,
    held: Held,
    *,
    times: tuple[PhaseTime, ...],
    peak_memory: int,
    peak_processes: int,
    paths: Mapping[str, str],
    addresses: Mapping[str, str],
) -> Outcome:
    """What the run came to."""
    election = plan.election
    totals, allocation = recount(plan)
    document = json.loads(held.result["document"])
    options = {int(option["option"]): option for option in document["options"]}
    winners = tuple(int(winner) for winner in document["allocation"]["winners"])
    published = election.published_winners
    rows = tuple(
        ProjectRow(
            option=project.number,
            project_id=project.project_id,
            name=project.name,
            cost=project.cost,
            score=int(options[project.number]["score"]),
            support=int(options[project.number]["support"]),
            won=project.number in winners,
            published=None if published is None else project.number in published,
        )
        for project in election.projects
    )
    return Outcome(
        election=election.name,
        title=title(election),
        ballot_type=election.ballot.ballot_type.label,
        rule=election.allocation.rule.label,
        unit=election.unit,
        currency=election.meta_value("currency"),
        budget=election.allocation.budget,
        registered=int(document["registered"]),
        distinct=int(document["distinct"]),
        valid=int(document["valid"]),
        blank=int(document["blank"]),
        null=int(document["null"]),
        projects=rows,
        winners_match=None if published is None or not plan.complete else winners == published,
        recount_matches=_equal(totals, allocation, rows, winners, document),
        observer_passes=held.observation["ok"] is True,
        result_hash=held.result["result_hash"],
        checks=tuple(
            CheckRow(check["id"], check["name"], check["outcome"], check["detail"])
            for check in held.observation["checks"]
        ),
        promises=held.promises,
        times=times,
        peak_memory=peak_memory,
        peak_processes=peak_processes,
        paths=paths,
        addresses=addresses,
    )


def _equal(
    totals: Totals,
    allocation: Allocation,
    rows: tuple[ProjectRow, ...],
    winners: tuple[int, ...],
    document: Mapping[str, object],
) -> bool:
    """Whether the contracts counted what a plain count of the same ballots gives."""
    counted = (document["valid"], document["blank"], document["null"])
    return (
        counted == (totals.valid, totals.blank, totals.null)
        and [row.support for row in rows] == list(totals.support)
        and [row.score for row in rows] == list(totals.scores)
        and winners == tuple(allocation.winners)
    )
