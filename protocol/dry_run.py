# SPDX-License-Identifier: AGPL-3.0-or-later
"""A rehearsal of a vote on ballots that nobody cast: who would win, what would be spent, where it would be close.

Ballots are drawn from a seed, then go the way of real ones: a choice is laid out as a plaintext, the plaintext is
decoded, counted and allocated by the code that counts in earnest. Sealing, proofs and the chain are left out.

What is drawn is a town without opinions but for one popularity per option: it shows what the rules do, and says nothing
about how people will vote.

Errors:
    DryRunError    no option, no ballot, or more than `MAX_BALLOTS` or the time allowed
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from protocol.allocation import Allocation, Fate, Option, OptionNumber, Totals, add_up, allocate
from protocol.ballot import Channel, Record
from protocol.choice import (
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Knapsack,
    Ordered,
    SingleChoice,
    YesNoAbstain,
    fault,
)
from protocol.count import parameters
from protocol.errors import ProtocolError
from protocol.plaintext import Valid, decode, encode, null_plaintext
from protocol.rules import MAX_OPTIONS, Rules
from protocol.tally import CountedBallot, scores, tally
from protocol.types import BallotType, G1Point, Nullifier

MAX_BALLOTS = 200_000
MAX_SPREAD = 256  # options that one synthetic ballot names at most
CLOSE = 100  # a margin of a hundredth of the valid ballots counts as close
STEP = 1000  # ballots between two looks at the clock
_BLANK_SHARE, _NULL_SHARE, _ASSISTED_SHARE = 0.02, 0.01, 0.05
_NOWHERE = G1Point(0, 0)


class DryRunError(ProtocolError):
    """A rehearsal that cannot be held, or took too long."""


@dataclass(frozen=True, slots=True)
class CloseCall:
    """Two options next to each other in the order of scores, of which one won and one did not, or which are equal.

    margin: by how much the score of the first is higher; 0 is a tie, that the tie-break decided.
    """

    first: int
    second: int
    margin: int
    decided_the_winner: bool


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came out. `winners` are option numbers in the order in which they were chosen; money in minor units."""

    seed: int
    ballots: int
    totals: Totals
    assisted: int
    allocation: Allocation
    spent: int
    budget: int
    close: tuple[CloseCall, ...]
    words: int

    @property
    def winners(self) -> tuple[int, ...]:
        return tuple(self.allocation.order)


def dry_run(
    rules: Rules,
    costs: Sequence[int],
    ballots: int,
    seed: int,
    progress: Callable[[int], bool] = lambda done: True,
) -> DryRun:
    """Votes `ballots` times over options of these costs, and counts.

    `progress` is told how many ballots are drawn, every thousand; it answers whether to go on, so that whoever has a
    clock can bound the time. The same arguments give the same answer.

    Raises:
        DryRunError: as the module says.
        protocol.allocation.AllocationError: rules that were not checked.
    """
    if not costs or len(costs) > MAX_OPTIONS:
        raise DryRunError(f"a dry run needs 1 to {MAX_OPTIONS} options, not {len(costs)}")
    if not 1 <= ballots <= MAX_BALLOTS:
        raise DryRunError(f"a dry run takes 1 to {MAX_BALLOTS:,} ballots, not {ballots:,}")
    paper = BallotPaper(rules.ballot, tuple(costs))
    counted = []
    for number, plaintext in enumerate(_plaintexts(paper, ballots, random.Random(seed))):
        if number % STEP == 0 and not progress(number):
            raise DryRunError(f"the time for a dry run was over after {number:,} of {ballots:,} ballots: ask for fewer")
        channel = Channel.ASSISTED if number % round(1 / _ASSISTED_SHARE) == 0 else Channel.OWN_DEVICE
        record = Record(Nullifier(number + 1), 1, channel, _NOWHERE, plaintext)
        counted.append(CountedBallot(record, plaintext, decode(plaintext, paper)))
    if not progress(ballots):
        raise DryRunError(f"the time for a dry run was over before {ballots:,} ballots were counted: ask for fewer")
    return _result(rules, paper, counted, seed)


def _result(rules: Rules, paper: BallotPaper, counted: Sequence[CountedBallot], seed: int) -> DryRun:
    summed = tally(counted, paper)
    valid = [
        {OptionNumber(option): score for option, score in scores(ballot.decoded.vote, rules.ballot).items()}
        for ballot in counted
        if isinstance(ballot.decoded, Valid)
    ]
    totals = add_up(valid, paper.options, blank=summed.blank, null=summed.nulls)
    options = [Option(OptionNumber(number), cost) for number, cost in enumerate(paper.costs)]
    allocation = allocate(parameters(rules.ballot, rules.allocation), options, valid, blank=summed.blank)
    return DryRun(
        seed=seed,
        ballots=len(counted),
        totals=totals,
        assisted=summed.assisted,
        allocation=allocation,
        spent=allocation.spent,
        budget=rules.allocation.budget,
        close=tuple(_close_calls(allocation, totals)),
        words=paper.words,
    )


def _close_calls(allocation: Allocation, totals: Totals) -> Iterator[CloseCall]:
    """Neighbours by score that are equal, or that fewer than one ballot in a hundred separates from another fate."""
    won = {step.option: step.fate is Fate.WON for step in allocation.steps}
    order = sorted(won, key=lambda option: (-totals.scores[option], option))
    bound = max(1, totals.valid // CLOSE)
    for first, second in pairwise(order):
        margin = totals.scores[first] - totals.scores[second]
        decided = won[first] != won[second]
        if (margin == 0 and totals.scores[first] > 0) or (decided and margin <= bound):
            yield CloseCall(first, second, margin, decided)


def _plaintexts(paper: BallotPaper, ballots: int, source: random.Random) -> Iterator[bytes]:
    popularity = list(accumulate(source.paretovariate(1.2) for _ in range(paper.options)))
    for _ in range(ballots):
        lot = source.random()
        if lot < _NULL_SHARE:
            yield null_plaintext(paper.words)
            continue
        choice = Blank() if lot < _NULL_SHARE + _BLANK_SHARE else _choice(paper, popularity, source)
        yield encode(choice, paper)


def _choice(paper: BallotPaper, popularity: Sequence[float], source: random.Random) -> Choice:
    """A vote within the rules, or a blank where the lot found none that is."""
    rules = paper.rules
    most = min(rules.max_length, paper.options, MAX_SPREAD)
    least = min(rules.min_length, most)
    named = _named(source.randint(max(least, 1), most), popularity, source)
    choice: Choice
    match rules.ballot_type:
        case BallotType.SINGLE_CHOICE:
            choice = SingleChoice(named[0])
        case BallotType.APPROVAL:
            choice = Approval(tuple(sorted(named)))
        case BallotType.ORDERED:
            choice = Ordered(tuple(named))
        case BallotType.KNAPSACK:
            choice = Knapsack(_affordable(named, paper))
        case BallotType.CUMULATIVE:
            choice = Cumulative(_points(named, paper, source))
        case BallotType.YES_NO_ABSTAIN:
            yes = {option for option in named if source.random() < 0.6}
            choice = YesNoAbstain(tuple(sorted(yes)), tuple(sorted(set(named) - yes)))
    return Blank() if fault(choice, paper) is not None else choice


def _named(count: int, popularity: Sequence[float], source: random.Random) -> list[int]:
    """Different options, the popular ones more often, in the order drawn."""
    found: dict[int, None] = {}
    for _ in range(4 * count):
        found.setdefault(source.choices(range(len(popularity)), cum_weights=popularity)[0])
        if len(found) == count:
            return list(found)
    for option in source.sample(range(len(popularity)), len(popularity)):
        found.setdefault(option)
        if len(found) == count:
            break
    return list(found)


def _affordable(named: Sequence[int], paper: BallotPaper) -> tuple[int, ...]:
    left, kept = paper.rules.max_cost, []
    for option in named:
        if paper.costs[option] <= left:
            left -= paper.costs[option]
            kept.append(option)
    return tuple(sorted(kept))


def _points(named: Sequence[int], paper: BallotPaper, source: random.Random) -> tuple[tuple[int, int], ...]:
    """Points within the bounds of each and of the sum, as far as those can be met with these options."""
    rules = paper.rules
    wanted = max(rules.min_sum_points, rules.min_points * len(named))
    most = min(rules.max_sum_points, rules.max_points * len(named))
    points = dict.fromkeys(named, rules.min_points)
    spare = source.randint(min(wanted, most), most) - sum(points.values())
    for option in named:
        given = min(max(spare, 0), rules.max_points - points[option])
        points[option] += given
        spare -= given
    return tuple(sorted(points.items()))
