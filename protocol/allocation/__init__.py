# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who wins: deterministic, exact, and the same for whoever recomputes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from protocol.allocation.equal_shares import equal_shares
from protocol.allocation.ranked import greedy, majority, top_k
from protocol.allocation.result import Allocation, Ballot, Fate, Step, Totals, add_up, check_options
from protocol.allocation.rule import AllocationError, Option, OptionNumber, Rule, RuleParameters, TieBreak

__all__ = [
    "Allocation",
    "AllocationError",
    "Ballot",
    "Fate",
    "Option",
    "OptionNumber",
    "Rule",
    "RuleParameters",
    "Step",
    "TieBreak",
    "Totals",
    "add_up",
    "allocate",
    "allocate_totals",
]


def allocate(
    rules: RuleParameters, options: Sequence[Option], ballots: Collection[Ballot], *, blank: int = 0
) -> Allocation:
    """Winners by the rule from the valid ballots; `blank` ballots count for a quorum only.

    Raises AllocationError where the options are not numbered from 0 or a ballot names one that does not exist.
    """
    check_options(options)
    totals = add_up(ballots, len(options), blank=blank)
    if rules.rule.needs_ballots:
        return equal_shares(rules, options, ballots, totals.scores)
    return allocate_totals(rules, options, totals)


def allocate_totals(rules: RuleParameters, options: Sequence[Option], totals: Totals) -> Allocation:
    """Winners from the totals alone, for the rules that follow from them.

    Raises AllocationError for equal shares, and where the totals do not fit the options.
    """
    check_options(options, totals)
    match rules.rule:
        case Rule.GREEDY | Rule.GREEDY_NO_SKIP | Rule.GREEDY_THRESHOLD:
            return greedy(rules, options, totals)
        case Rule.TOP_K:
            return top_k(rules, options, totals)
        case Rule.MAJORITY:
            return majority(rules, options, totals)
        case _:
            raise AllocationError(f"{rules.rule.label} needs the ballots, not only their totals")
