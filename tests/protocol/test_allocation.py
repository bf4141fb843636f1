# SPDX-License-Identifier: AGPL-3.0-or-later
"""Allocation rules against their definitions, and equal shares against a slow reference."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol.allocation import (
    Allocation,
    AllocationError,
    Ballot,
    Fate,
    Option,
    OptionNumber,
    Rule,
    RuleParameters,
    TieBreak,
    Totals,
    add_up,
    allocate,
    allocate_totals,
)

BUDGET_RULES = [rule for rule in Rule if rule.has_budget]


def options(*costs: int) -> list[Option]:
    return [Option(OptionNumber(i), cost) for i, cost in enumerate(costs)]


def approval(*named: int) -> Ballot:
    return {OptionNumber(i): 1 for i in named}


def totals(*scores: int, valid: int = 100) -> Totals:
    return Totals(scores, scores, (0,) * len(scores), valid)


def rules(rule: Rule, budget: int = 0, **more: int) -> RuleParameters:
    if rule is Rule.GREEDY_THRESHOLD:
        more.setdefault("threshold", 1)
    if rule is Rule.TOP_K:
        more.setdefault("winners", 2)
    return RuleParameters(rule, budget=budget, **more)  # type: ignore[arg-type]


# --- greedy -----------------------------------------------------------------------------------------------------


def test_greedy_passes_over_what_does_not_fit() -> None:
    result = allocate_totals(rules(Rule.GREEDY, 10), options(6, 5, 4), totals(9, 8, 7))
    assert (result.winners, result.spent) == ((0, 2), 10)
    assert [step.fate for step in result.steps] == [Fate.WON, Fate.TOO_EXPENSIVE, Fate.WON]


def test_greedy_no_skip_ends_at_what_does_not_fit() -> None:
    result = allocate_totals(rules(Rule.GREEDY_NO_SKIP, 10), options(6, 5, 4), totals(9, 8, 7))
    assert result.winners == (0,)
    assert [step.fate for step in result.steps] == [Fate.WON, Fate.TOO_EXPENSIVE, Fate.AFTER_STOP]


def test_greedy_goes_by_score_not_by_score_per_cost() -> None:
    assert allocate_totals(rules(Rule.GREEDY, 10), options(10, 1, 1), totals(9, 8, 8)).winners == (0,)


@pytest.mark.parametrize(("threshold", "winners"), [(8, (0, 1)), (9, (0,)), (10, ())])
def test_greedy_threshold_is_the_least_score_that_wins(threshold: int, winners: tuple[int, ...]) -> None:
    result = allocate_totals(rules(Rule.GREEDY_THRESHOLD, 10, threshold=threshold), options(1, 1, 1), totals(9, 8, 7))
    assert result.winners == winners


def test_an_option_below_the_threshold_does_not_end_a_no_skip_list() -> None:
    given_rules = rules(Rule.GREEDY_NO_SKIP, 10, threshold=8)
    result = allocate_totals(given_rules, options(4, 99, 4), totals(9, 7, 8))
    assert result.winners == (0, 2)


@pytest.mark.parametrize(
    ("tie_break", "first"), [(TieBreak.OPTION_NUMBER, 0), (TieBreak.LOWER_COST, 1), (TieBreak.HIGHER_COST, 2)]
)
@pytest.mark.parametrize("rule", [Rule.GREEDY, Rule.GREEDY_NO_SKIP, Rule.GREEDY_THRESHOLD, Rule.TOP_K])
def test_equal_scores_go_by_the_tie_break(rule: Rule, tie_break: TieBreak, first: int) -> None:
    given_rules = replace(rules(rule, 100), tie_break=tie_break)
    assert allocate_totals(given_rules, options(5, 3, 7), totals(4, 4, 4)).order[0] == first


# --- top-k and majority -----------------------------------------------------------------------------------------


def test_top_k_takes_the_highest_scores_whatever_they_cost() -> None:
    result = allocate_totals(rules(Rule.TOP_K, winners=2), options(10**9, 1, 10**9), totals(3, 1, 2))
    assert (result.winners, result.order, result.spent) == ((0, 2), (0, 2), 0)


def test_top_k_gives_nothing_to_an_option_that_nobody_chose() -> None:
    assert allocate_totals(rules(Rule.TOP_K, winners=3), options(0, 0, 0), totals(3, 0, 2)).winners == (0, 2)


def test_simple_majority_needs_more_yes_than_no() -> None:
    answers: list[Ballot] = [{OptionNumber(0): 1, OptionNumber(1): -1}, {OptionNumber(0): 1}, {OptionNumber(1): 1}, {}]
    result = allocate(rules(Rule.MAJORITY), options(0, 0, 0), answers)
    assert result.winners == (0,)
    assert add_up(answers, 3) == Totals((2, 1, 0), (2, 1, 0), (0, 1, 0), 4)


@pytest.mark.parametrize(("support", "wins"), [(50, False), (51, True)])
def test_absolute_majority_is_more_than_half_of_the_valid_ballots(support: int, wins: bool) -> None:
    given_rules = rules(Rule.MAJORITY, absolute=True)
    assert bool(allocate_totals(given_rules, options(0), totals(support)).winners) is wins


@pytest.mark.parametrize(("blank", "met"), [(4, False), (5, True)])
def test_quorum_counts_valid_and_blank_ballots(blank: int, met: bool) -> None:
    result = allocate(rules(Rule.MAJORITY, quorum=7), options(0), [approval(0), approval(0)], blank=blank)
    assert (result.quorum_met, bool(result.winners)) == (met, met)
    assert result.steps[0].fate is (Fate.WON if met else Fate.NO_QUORUM)


# --- equal shares -----------------------------------------------------------------------------------------------


def test_equal_shares_serves_the_minority_that_greedy_forgets() -> None:
    ballots = [approval(0, 1)] * 6 + [approval(2)] * 4
    costs = options(50, 50, 40)
    assert allocate(rules(Rule.GREEDY, 100), costs, ballots).winners == (0, 1)
    result = allocate(rules(Rule.EQUAL_SHARES, 100), costs, ballots)
    assert result.winners == (0, 2)
    assert [(step.price, step.payers) for step in result.steps[:2]] == [(Fraction(50, 6), 6), (Fraction(10), 4)]


def test_equal_shares_drains_who_cannot_pay_in_full() -> None:
    ballots = [approval(0, 1), approval(0), approval(0), approval(1)]
    first, second = allocate(rules(Rule.EQUAL_SHARES, 40), options(15, 14), ballots).steps
    assert [first.option, first.price, first.payers, first.drained, first.backing] == [0, 5, 3, 0, 30]
    assert [second.option, second.price, second.payers, second.drained, second.backing] == [1, 9, 1, 1, 15]


def test_add1_raises_the_endowment_until_the_next_would_overspend() -> None:
    ballots = [approval(0)] * 3 + [approval(1)] * 2 + [approval(2)]
    plain = allocate(rules(Rule.EQUAL_SHARES, 60), options(30, 25, 20), ballots)
    completed = allocate(rules(Rule.EQUAL_SHARES_ADD1, 60), options(30, 25, 20), ballots)
    assert [plain.winners, plain.endowment] == [(0,), 10]
    assert [completed.winners, completed.endowment, completed.spent] == [(0, 1), 13, 55]


def test_add1_ends_when_everything_with_support_is_bought() -> None:
    result = allocate(rules(Rule.EQUAL_SHARES_ADD1, 10**9), options(10, 10, 10), [approval(0), approval(1)])
    assert result.winners == (0, 1)


def test_equal_shares_buys_what_is_free_if_somebody_wants_it() -> None:
    assert allocate(rules(Rule.EQUAL_SHARES, 1), options(0, 0), [approval(1)]).winners == (1,)


@pytest.mark.parametrize("rule", BUDGET_RULES)
def test_no_ballots_no_failure(rule: Rule) -> None:
    result = allocate(rules(rule, 10), options(3, 4), [])
    assert result.winners == ((0, 1) if rule in (Rule.GREEDY, Rule.GREEDY_NO_SKIP) else ())


@st.composite
def contests(draw: st.DrawFn, high: int = 60) -> tuple[list[Option], list[Ballot], int]:
    costs = draw(st.lists(st.integers(0, high), min_size=1, max_size=6))
    scores = draw(st.sampled_from([(1,), (1, 2, 3)]))
    ballot = st.dictionaries(st.integers(0, len(costs) - 1).map(OptionNumber), st.sampled_from(scores), max_size=4)
    ballots: list[Ballot] = list(draw(st.lists(ballot, min_size=1, max_size=9)))
    return options(*costs), ballots, draw(st.integers(0, sum(costs) + 5))


def slow_equal_shares(
    choices: Sequence[Option], ballots: Sequence[Ballot], tie: TieBreak, start: Fraction
) -> list[int]:
    """The definition, read aloud: one purse per voter, every option priced anew in every round."""
    purses = [start] * len(ballots)
    score = {o.number: sum(b.get(o.number, 0) for b in ballots) for o in choices}
    left = [o for o in choices if score[o.number]]
    bought = [o for o in sorted(left, key=lambda o: tie.key(o, score[o.number])) if o.cost == 0]
    left = [o for o in left if o.cost]
    while True:
        priced: list[tuple[Fraction, tuple[int, int, int], Option, Fraction]] = []
        for option in left:
            ratios = sorted({purses[i] / s for i, b in enumerate(ballots) if (s := b.get(option.number, 0))})
            if sum(purses[i] for i, b in enumerate(ballots) if option.number in b) < option.cost:
                continue
            low = Fraction(0)
            for ratio in ratios:
                paid = sum(min(purses[i], ratio * b.get(option.number, 0)) for i, b in enumerate(ballots))
                if paid >= option.cost:
                    before = sum(min(purses[i], low * b.get(option.number, 0)) for i, b in enumerate(ballots))
                    price = low + (option.cost - before) * (ratio - low) / (paid - before)
                    priced.append((price / option.cost, tie.key(option, score[option.number]), option, price))
                    break
                low = ratio
        if not priced:
            return [o.number for o in bought]
        _, _, option, price = min(priced, key=lambda item: item[:2])
        purses = [p - min(p, price * b.get(option.number, 0)) for p, b in zip(purses, ballots, strict=True)]
        bought.append(option)
        left.remove(option)


def slow_add1(
    choices: Sequence[Option], ballots: Sequence[Ballot], tie: TieBreak, budget: int
) -> tuple[list[int], Fraction]:
    endowment = Fraction(budget, len(ballots))
    bought = slow_equal_shares(choices, ballots, tie, endowment)
    wanted = {number for ballot in ballots for number in ballot}
    following = Fraction(budget // len(ballots))
    while True:
        left = budget - sum(choices[number].cost for number in bought)
        if len(bought) == len(wanted) or all(o.cost > left for o in choices if o.number not in bought):
            return bought, endowment
        following += 1
        after = slow_equal_shares(choices, ballots, tie, following)
        if sum(choices[number].cost for number in after) > budget:
            return bought, endowment
        bought, endowment = after, following


@given(contests(), st.sampled_from(TieBreak))
def test_equal_shares_is_exactly_its_definition(contest: tuple[list[Option], list[Ballot], int], tie: TieBreak) -> None:
    choices, ballots, budget = contest
    result = allocate(replace(rules(Rule.EQUAL_SHARES, budget), tie_break=tie), choices, ballots)
    assert list(result.order) == slow_equal_shares(choices, ballots, tie, Fraction(budget, len(ballots)))


@settings(deadline=None, max_examples=150)
@given(contests(high=400), st.sampled_from(TieBreak))
def test_add1_leaps_exactly_as_far_as_steps_would_go(
    contest: tuple[list[Option], list[Ballot], int], tie: TieBreak
) -> None:
    choices, ballots, budget = contest
    result = allocate(replace(rules(Rule.EQUAL_SHARES_ADD1, budget), tie_break=tie), choices, ballots)
    bought, endowment = slow_add1(choices, ballots, tie, budget)
    assert (list(result.order), result.endowment) == (bought, endowment)


@pytest.mark.parametrize("seed", range(85, 100))
def test_add1_leaps_exactly_where_points_differ_and_costs_are_large(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randint(2, 5)
    choices = options(*[rng.randint(1, 3000) for _ in range(count)])
    ballots: list[Ballot] = [
        {OptionNumber(i): rng.choice((1, 1, 2, 3)) for i in rng.sample(range(count), rng.randint(1, min(3, count)))}
        for _ in range(rng.randint(2, 7))
    ]
    budget = rng.randint(sum(o.cost for o in choices) // 3, sum(o.cost for o in choices))
    result = allocate(RuleParameters(Rule.EQUAL_SHARES_ADD1, TieBreak.LOWER_COST, budget), choices, ballots)
    bought, endowment = slow_add1(choices, ballots, TieBreak.LOWER_COST, budget)
    assert (list(result.order), result.endowment) == (bought, endowment)


def test_equal_costs_go_by_the_higher_score_then_by_the_number() -> None:
    first, second = options(7, 7)
    for tie_break in (TieBreak.LOWER_COST, TieBreak.HIGHER_COST):
        assert tie_break.key(second, 5) < tie_break.key(first, 4)
        assert tie_break.key(first, 4) < tie_break.key(second, 4)


@pytest.mark.timeout(5)
def test_add1_leaps_over_millions_of_endowments_that_change_nothing() -> None:
    ballots = [approval(0)] * 2 + [approval(1)]
    result = allocate(rules(Rule.EQUAL_SHARES_ADD1, 36 * 10**8), options(20 * 10**8, 15 * 10**8), ballots)
    assert [result.winners, result.endowment, result.rounds] == [(0, 1), 15 * 10**8, 3 * 10**8 + 1]


# --- what holds for every rule ----------------------------------------------------------------------------------


def apply(rule: Rule, contest: tuple[list[Option], list[Ballot], int], tie: TieBreak) -> Allocation:
    choices, ballots, budget = contest
    return allocate(replace(rules(rule, budget), tie_break=tie), choices, ballots)


@pytest.mark.parametrize("rule", BUDGET_RULES)
@given(contest=contests(), tie=st.sampled_from(TieBreak))
def test_the_budget_is_never_exceeded_and_every_option_has_one_step(
    rule: Rule, contest: tuple[list[Option], list[Ballot], int], tie: TieBreak
) -> None:
    result = apply(rule, contest, tie)
    assert result.spent == sum(contest[0][number].cost for number in result.winners) <= contest[2]
    assert sorted(step.option for step in result.steps) == [option.number for option in contest[0]]
    assert min(step.left for step in result.steps) == contest[2] - result.spent


@pytest.mark.parametrize("rule", list(Rule))
@given(contest=contests(), tie=st.sampled_from(TieBreak), seed=st.integers(0, 2**32))
def test_the_order_of_the_ballots_does_not_matter(
    rule: Rule, contest: tuple[list[Option], list[Ballot], int], tie: TieBreak, seed: int
) -> None:
    choices, ballots, budget = contest
    shuffled = [dict(reversed(list(ballot.items()))) for ballot in ballots]
    random.Random(seed).shuffle(shuffled)
    assert apply(rule, (choices, list(shuffled), budget), tie) == apply(rule, contest, tie)


@given(contest=contests(), cut=st.integers(1, 60))
def test_greedy_winner_that_becomes_cheaper_still_wins(
    contest: tuple[list[Option], list[Ballot], int], cut: int
) -> None:
    # Under option-number alone: a tie-break by cost is meant to move an option whose cost changes.
    choices, ballots, budget = contest
    before = apply(Rule.GREEDY, contest, TieBreak.OPTION_NUMBER)
    for number in before.winners:
        cheaper = [replace(o, cost=max(0, o.cost - cut)) if o.number == number else o for o in choices]
        assert number in apply(Rule.GREEDY, (cheaper, ballots, budget), TieBreak.OPTION_NUMBER).winners


@pytest.mark.parametrize("rule", [Rule.GREEDY, Rule.GREEDY_NO_SKIP, Rule.TOP_K])
@given(contest=contests(), tie=st.sampled_from(TieBreak))
def test_a_further_ballot_for_the_first_chosen_keeps_it_first(
    rule: Rule, contest: tuple[list[Option], list[Ballot], int], tie: TieBreak
) -> None:
    choices, ballots, budget = contest
    before = apply(rule, contest, tie)
    assume(before.order)
    after = apply(rule, (choices, [*ballots, approval(before.order[0])], budget), tie)
    assert before.order[0] == after.order[0]


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-1, 2])
def test_a_ballot_for_no_option_is_refused(number: int) -> None:
    with pytest.raises(AllocationError, match=f"option {number} of 2"):
        allocate(rules(Rule.GREEDY, 1), options(1, 1), [approval(number)])


def test_equal_shares_from_totals_is_refused() -> None:
    with pytest.raises(AllocationError, match="equal-shares needs the ballots"):
        allocate_totals(rules(Rule.EQUAL_SHARES, 1), options(1), totals(1))


def test_totals_of_other_options_are_refused() -> None:
    with pytest.raises(AllocationError, match="do not fit 2 options"):
        allocate_totals(rules(Rule.GREEDY, 1), options(1, 1), totals(1))


def test_options_out_of_order_are_refused() -> None:
    with pytest.raises(AllocationError, match="place 0 is numbered 1"):
        allocate(rules(Rule.GREEDY, 1), [Option(OptionNumber(1), 1)], [])


@pytest.mark.parametrize(
    ("rule", "more", "message"),
    [
        (Rule.TOP_K, {"winners": 0}, "number of winners"),
        (Rule.GREEDY, {"budget": -1}, "budget is negative"),
        (Rule.MAJORITY, {"quorum": -1}, "quorum is negative"),
    ],
)
def test_parameters_that_do_not_fit_the_rule_are_refused(rule: Rule, more: dict[str, int], message: str) -> None:
    with pytest.raises(AllocationError, match=message):
        RuleParameters(rule, **more)  # type: ignore[arg-type]
