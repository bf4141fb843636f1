# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ballots and totals as allocation sees them, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from protocol.allocation.rule import AllocationError, Option, OptionNumber, Rule

Ballot = Mapping[OptionNumber, int]
"""A valid ballot: the score that it gives to each option it names.

Approval, knapsack, single choice: 1. Cumulative: its points. Ordered: the points of the place. Yes/no/abstain: 1 for
yes, -1 for no, absent for abstain. A blank ballot is no `Ballot`; blanks are only counted.
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts per option, indexed by option number, and of ballots.

    support: ballots that name the option (for yes/no/abstain: the yes). scores: sum of its scores without the no.
    against: the no. valid, blank, null: numbers of ballots.
    """

    support: tuple[int, ...]
    scores: tuple[int, ...]
    against: tuple[int, ...]
    valid: int
    blank: int = 0
    null: int = 0


def add_up(ballots: Iterable[Ballot], options: int, *, blank: int = 0, null: int = 0) -> Totals:
    """Totals of valid ballots over `options` options.

    Raises AllocationError where a ballot names an option that does not exist.
    """
    support, scores, against = [0] * options, [0] * options, [0] * options
    valid = 0
    for ballot in ballots:
        valid += 1
        for number, score in ballot.items():
            if not 0 <= number < options:
                raise AllocationError(f"a ballot names option {number} of {options}")
            if score < 0:
                against[number] += 1
            else:
                support[number] += 1
                scores[number] += score
    return Totals(tuple(support), tuple(scores), tuple(against), valid, blank, null)


class Fate(StrEnum):
    """What became of an option, as a result page says it."""

    WON = "won"
    BELOW_THRESHOLD = "below the threshold"
    TOO_EXPENSIVE = "costs more than what was left"
    AFTER_STOP = "came after the first that did not fit"
    NOT_AMONG_FIRST = "not among the first"
    NO_MAJORITY = "no majority"
    NO_QUORUM = "no quorum"
    UNSUPPORTED = "its supporters could not pay for it"


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, in the order in which it was taken.

    left: budget left after the step (rules with a budget). Equal shares only: price, the most that one supporter pays
    per point of score, in minor units (None for what was not bought); payers, how many pay the full price; drained,
    how many supporters give all that they have left and end with nothing; backing, what the supporters hold before
    the step.
    """

    option: OptionNumber
    fate: Fate
    score: int
    cost: int
    left: int
    price: Fraction | None = None
    payers: int = 0
    drained: int = 0
    backing: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who wins. winners: ascending option numbers; order: as they were chosen; steps: one per option, in order.

    spent: minor units. endowment: what each voter had in the last round of equal shares, else None. rounds: how many
    endowments add-1 tried, the first included. quorum_met: None for rules without a quorum.
    """

    rule: Rule
    winners: tuple[OptionNumber, ...]
    order: tuple[OptionNumber, ...]
    spent: int
    steps: tuple[Step, ...]
    endowment: Fraction | None = None
    rounds: int = 0
    quorum_met: bool | None = None


def concluded(
    rule: Rule,
    steps: Sequence[Step],
    *,
    endowment: Fraction | None = None,
    rounds: int = 0,
    quorum_met: bool | None = None,
) -> Allocation:
    """The allocation that a finished list of steps says; what top-k and majority choose is not paid for here."""
    order = tuple(step.option for step in steps if step.fate is Fate.WON)
    spent = sum(step.cost for step in steps if step.fate is Fate.WON) if rule.has_budget else 0
    return Allocation(rule, tuple(sorted(order)), order, spent, tuple(steps), endowment, rounds, quorum_met)


def check_options(options: Sequence[Option], totals: Totals | None = None) -> None:
    """Options must be numbered 0, 1, 2, …, cost nothing negative, and be as many as the totals have."""
    for place, option in enumerate(options):
        if option.number != place:
            raise AllocationError(f"option at place {place} is numbered {option.number}")
        if option.cost < 0:
            raise AllocationError(f"option {place} has a negative cost")
    if totals is not None and not len(totals.support) == len(totals.scores) == len(totals.against) == len(options):
        raise AllocationError(f"totals do not fit {len(options)} options")
