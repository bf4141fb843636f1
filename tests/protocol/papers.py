# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hypothesis strategies: ballot papers of all types, votes within and beyond their rules."""

from hypothesis import strategies as st

from protocol.plaintext import (
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Knapsack,
    Ordered,
    SingleChoice,
    YesNoAbstain,
)
from protocol.types import BallotRules, BallotType

# Around the edges of the bitmap's words, and small.
option_counts = st.one_of(st.integers(1, 12), st.sampled_from([183, 184, 185, 439, 440, 441, 696, 697, 1024]))


@st.composite
def papers(draw: st.DrawFn, ballot_type: BallotType | None = None) -> BallotPaper:
    kind = draw(st.sampled_from(BallotType)) if ballot_type is None else ballot_type
    options = draw(option_counts)
    longest = 1 if kind is BallotType.SINGLE_CHOICE else draw(st.integers(1, min(options, 40)))
    shortest = draw(st.integers(0, longest))
    cumulative = kind is BallotType.CUMULATIVE
    least, most = sorted(draw(st.tuples(st.integers(0, 5), st.integers(1, 9)))) if cumulative else (0, 0)
    least_sum, most_sum = sorted(draw(st.tuples(st.integers(0, 9), st.integers(1, 40)))) if cumulative else (0, 0)
    costs = tuple(draw(st.lists(st.integers(0, 50), min_size=options, max_size=options))) if options < 13 else None
    ranks = draw(st.lists(st.integers(0, 9), min_size=longest, max_size=longest)) if kind is BallotType.ORDERED else []
    rules = BallotRules(
        ballot_type=kind,
        min_length=shortest,
        max_length=longest,
        min_points=least,
        max_points=most,
        min_sum_points=least_sum,
        max_sum_points=most_sum,
        max_cost=draw(st.integers(1, 200)) if kind is BallotType.KNAPSACK else 0,
        points_per_rank=tuple(ranks),
    )
    return BallotPaper(rules, costs or tuple(7 * option % 31 for option in range(options)))


@st.composite
def choices(draw: st.DrawFn, paper: BallotPaper) -> Choice:
    """A choice of the paper's type, in canonical order; whether it keeps the rules is left to chance."""
    options, longest = paper.options, paper.rules.max_length
    if draw(st.integers(0, 9)) == 0:
        return Blank()
    option = st.integers(0, options - 1)
    few = st.lists(option, unique=True, max_size=min(longest + 1, options))
    match paper.rules.ballot_type:
        case BallotType.SINGLE_CHOICE:
            return SingleChoice(draw(option))
        case BallotType.APPROVAL:
            return Approval(tuple(sorted(draw(few))))
        case BallotType.KNAPSACK:
            return Knapsack(tuple(sorted(draw(few))))
        case BallotType.ORDERED:
            return Ordered(tuple(draw(st.lists(option, unique=draw(st.booleans()), max_size=longest))))
        case BallotType.CUMULATIVE:
            named = sorted(draw(st.lists(option, unique=True, max_size=longest)))
            # Option and points both zero would read as an empty slot; an option is written plus one, so never.
            return Cumulative(tuple((number, draw(st.integers(0, 10))) for number in named))
        case BallotType.YES_NO_ABSTAIN:
            yes = draw(few)
            no = draw(st.lists(option, unique=True, max_size=5))
            return YesNoAbstain(tuple(sorted(yes)), tuple(sorted(no)))
