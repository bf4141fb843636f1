# SPDX-License-Identifier: AGPL-3.0-or-later
"""A dry run counts as the contracts would, is the same for the same seed, and ends in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.dry_run import MAX_BALLOTS, DryRunError, dry_run
from protocol.effort import estimate
from protocol.rules import Rules
from protocol.types import AllocationRule, AllocationRules, BallotRules, BallotType
from scripts.vectors.cases import base_rules
from tests.protocol.test_words import every_allocation, every_ballot

COSTS = (10, 40, 5_000, 30_000, 700, 90_000)


def rules(ballot: BallotRules, allocation: AllocationRules) -> Rules:
    return replace(base_rules(), ballot=ballot, allocation=allocation)


@pytest.mark.parametrize("ballot", every_ballot(), ids=lambda ballot: ballot.ballot_type.label)
def test_every_ballot_and_rule_can_be_rehearsed(ballot: BallotRules) -> None:
    for allocation in every_allocation():
        held = dry_run(rules(ballot, allocation), COSTS, 300, seed=7)
        assert held.totals.valid + held.totals.blank + held.totals.null == held.ballots == 300
        assert held.totals.valid > 250
        assert 0 < held.assisted < 50
        assert held.spent == sum(COSTS[winner] for winner in held.winners) * allocation.rule.has_budget
        assert held.spent <= allocation.budget
        assert sorted(held.winners) == list(held.allocation.winners)


def test_the_seed_decides_and_nothing_else() -> None:
    subject = rules(BallotRules(BallotType.APPROVAL, 1, 3), AllocationRules(AllocationRule.GREEDY, budget=40_000))
    assert dry_run(subject, COSTS, 500, seed=1) == dry_run(subject, COSTS, 500, seed=1)
    assert dry_run(subject, COSTS, 500, seed=1).totals != dry_run(subject, COSTS, 500, seed=2).totals


def test_close_calls_are_found() -> None:
    """One ballot for one of two options: the second is one short, the only winner is decided by one vote or a tie."""
    subject = rules(BallotRules(BallotType.APPROVAL, 2, 2), AllocationRules(AllocationRule.TOP_K, winners=1))
    held = dry_run(subject, (0, 0), 200, seed=3)
    (call,) = held.close
    assert (call.margin, call.decided_the_winner) == (0, True)
    assert held.winners == (0,)


def test_what_cannot_be_rehearsed_is_refused() -> None:
    subject = rules(BallotRules(BallotType.APPROVAL, 1, 3), AllocationRules(AllocationRule.GREEDY, budget=40_000))
    for costs, ballots in (((), 10), (COSTS, 0), (COSTS, MAX_BALLOTS + 1), ((1,) * 1025, 10)):
        with pytest.raises(DryRunError):
            dry_run(subject, costs, ballots, seed=1)


def test_a_rehearsal_ends_when_its_time_is_over() -> None:
    subject = rules(BallotRules(BallotType.APPROVAL, 1, 3), AllocationRules(AllocationRule.GREEDY, budget=40_000))
    looked: list[int] = []

    def go_on(done: int) -> bool:
        looked.append(done)
        return done < 2000

    with pytest.raises(DryRunError, match=r"after 2,000 of 50,000"):
        dry_run(subject, COSTS, 50_000, 1, go_on)
    assert looked == [0, 1000, 2000]


def test_rules_that_no_ballot_can_meet_leave_blanks() -> None:
    subject = rules(BallotRules(BallotType.APPROVAL, 9, 9), AllocationRules(AllocationRule.GREEDY, budget=40_000))
    assert dry_run(subject, COSTS, 100, seed=1).totals.valid == 0


def test_the_effort_grows_with_what_there_is_to_do() -> None:
    subject = base_rules()
    one = estimate(subject, proposals=5, accepted=5, registered=100, ballots=100, words=1)
    two = estimate(subject, proposals=5, accepted=5, registered=10_000, ballots=10_000, words=1)
    assert two.gas > 50 * (one.gas - estimate(subject, proposals=5, accepted=5, registered=0, ballots=0, words=1).gas)
    assert one.transactions == sum(task.transactions for task in one.tasks)
    assert two.batches == 300
    # One batch of a hundred, as measured (docs/benchmarks.md): 70,734 gas a registration, 87,287 a ballot.
    tasks = {task.name: task for task in one.tasks}
    assert tasks["register"].gas / 100 == pytest.approx(70_734, rel=0.02)
    assert tasks["cast"].gas / 100 == pytest.approx(87_287, rel=0.02)
