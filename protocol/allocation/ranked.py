# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rules that follow from the totals: greedy, top-k, majority.

Greedy takes the options by descending score (Pabulib's convention for city budgets: plain votes or points, not votes
per cost) and funds each whose cost is at most what is left of the budget. With *skip* (`greedy`, `greedy-threshold`)
an option that does not fit is passed over; with *no-skip* the first that does not fit ends the list. An option whose
score is below the threshold is not looked at under any rule, and does not end a no-skip list. Equal scores: the
tie-break. An option with score 0 is funded when the threshold is 0 and it fits, as in Pabulib.

Top-k: the k options with the highest scores, equal scores by the tie-break, whatever they cost; score 0 never wins.

Majority: nothing wins unless valid and blank ballots together reach the quorum. Simple: an option wins with more yes
than no. Absolute: it wins when more than half of the valid ballots support it.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.allocation.result import Allocation, Fate, Step, Totals, concluded
from protocol.allocation.rule import Option, Rule, RuleParameters


def by_score(rules: RuleParameters, options: Sequence[Option], totals: Totals) -> list[Option]:
    """Options by descending score, ties by the tie-break."""
    scores = totals.scores
    return sorted(options, key=lambda o: (-scores[o.number], *rules.tie_break.key(o, scores[o.number])))


def greedy(rules: RuleParameters, options: Sequence[Option], totals: Totals) -> Allocation:
    """Greedy with skip, no-skip or threshold, as the module says. O(n log n) in the number of options."""
    left, stopped = rules.budget, False
    steps = []
    for option in by_score(rules, options, totals):
        score = totals.scores[option.number]
        if score < rules.threshold:
            fate = Fate.BELOW_THRESHOLD
        elif stopped:
            fate = Fate.AFTER_STOP
        elif option.cost > left:
            fate = Fate.TOO_EXPENSIVE
            stopped = rules.rule is Rule.GREEDY_NO_SKIP
        else:
            fate = Fate.WON
            left -= option.cost
        steps.append(Step(option.number, fate, score, option.cost, left))
    return concluded(rules.rule, steps)


def top_k(rules: RuleParameters, options: Sequence[Option], totals: Totals) -> Allocation:
    """The `rules.winners` options with the highest scores."""
    steps: list[Step] = []
    for place, option in enumerate(by_score(rules, options, totals)):
        score = totals.scores[option.number]
        if score < max(1, rules.threshold):
            fate = Fate.BELOW_THRESHOLD
        else:
            fate = Fate.WON if place < rules.winners else Fate.NOT_AMONG_FIRST
        steps.append(Step(option.number, fate, score, option.cost, 0))
    return concluded(rules.rule, steps)


def majority(rules: RuleParameters, options: Sequence[Option], totals: Totals) -> Allocation:
    """Every option that has the majority, provided the quorum."""
    quorum_met = totals.valid + totals.blank >= rules.quorum
    steps = []
    for option in by_score(rules, options, totals):
        support, against = totals.support[option.number], totals.against[option.number]
        score = totals.scores[option.number]
        has_majority = 2 * support > totals.valid if rules.absolute else support > against
        if not quorum_met:
            fate = Fate.NO_QUORUM
        elif score < rules.threshold:
            fate = Fate.BELOW_THRESHOLD
        else:
            fate = Fate.WON if has_majority else Fate.NO_MAJORITY
        steps.append(Step(option.number, fate, score, option.cost, 0))
    return concluded(rules.rule, steps, quorum_met=quorum_met)
