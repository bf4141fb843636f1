# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a voter may choose, on what ballot paper (docs/protocol/ballot.md, Plaintext)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from protocol.hashing import WORD_BYTES
from protocol.types import BallotRules, BallotType

HEADER_BYTES = 9  # tag 8, kind 1
FIRST_WORD_OPTIONS = 184  # bits of a word below the header
WORD_OPTIONS = 256
OPTION_BYTES = 2
POINTS_BYTES = 2


class NullReason(StrEnum):
    """Why a plaintext counts as null."""

    TAG = "the tag is not zero: not meant as a vote, or sealed for something else"
    KIND = "neither a vote nor a blank"
    STRAY = "bytes where there must be zeros"
    GAP = "an empty slot before a full one"
    TYPE = "a vote of another ballot type"
    UNKNOWN_OPTION = "an option that does not exist"
    REPEATED_OPTION = "an option named twice"
    NOT_ASCENDING = "options that do not ascend"
    TOO_FEW = "too few options named"
    TOO_MANY = "too many options named"
    POINTS = "points of an option out of bounds"
    SUM = "sum of points out of bounds"
    COST = "over the budget"


@dataclass(frozen=True, slots=True)
class SingleChoice:
    """One option."""

    option: int


@dataclass(frozen=True, slots=True)
class Approval:
    """The approved options; ascending where they were decoded."""

    options: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Knapsack:
    """Options that fit the budget together; ascending where they were decoded."""

    options: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cumulative:
    """Pairs (option, points), options ascending."""

    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ordered:
    """Options, best first."""

    options: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class YesNoAbstain:
    """Options answered yes, and no; on all others the voter abstains. Ascending where they were decoded."""

    yes: tuple[int, ...]
    no: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """Deliberately nothing."""


Vote: TypeAlias = SingleChoice | Approval | Knapsack | Cumulative | Ordered | YesNoAbstain
Choice: TypeAlias = Vote | Blank


@dataclass(frozen=True, slots=True)
class BallotPaper:
    """What may be voted on, and how: the frozen rules, and the options' costs by option number."""

    rules: BallotRules
    costs: tuple[int, ...]

    @property
    def options(self) -> int:
        """Number of options."""
        return len(self.costs)

    @property
    def words(self) -> int:
        """Words of a plaintext, and of a ciphertext."""
        return words(self.rules, self.options)


def _bitmap_words(options: int) -> int:
    return 1 if options <= FIRST_WORD_OPTIONS else 1 + -(-(options - FIRST_WORD_OPTIONS) // WORD_OPTIONS)


def words(rules: BallotRules, options: int) -> int:
    """W: words of a plaintext under these rules with this number of options."""
    match rules.ballot_type:
        case BallotType.SINGLE_CHOICE:
            return 1
        case BallotType.APPROVAL | BallotType.KNAPSACK:
            return _bitmap_words(options)
        case BallotType.CUMULATIVE:
            return -(-(HEADER_BYTES + (OPTION_BYTES + POINTS_BYTES) * rules.max_length) // WORD_BYTES)
        case BallotType.ORDERED:
            return -(-(HEADER_BYTES + OPTION_BYTES * rules.max_length) // WORD_BYTES)
        case BallotType.YES_NO_ABSTAIN:
            return 2 * _bitmap_words(options)


def named_options(vote: Vote) -> tuple[int, ...]:
    """Options that a vote names: for yes/no/abstain those answered yes, then those answered no."""
    match vote:
        case SingleChoice(option):
            return (option,)
        case Approval(options) | Knapsack(options) | Ordered(options):
            return options
        case Cumulative(points):
            return tuple(option for option, _ in points)
        case YesNoAbstain(yes, no):
            return yes + no


_TYPES: dict[BallotType, type[Vote]] = {
    BallotType.SINGLE_CHOICE: SingleChoice,
    BallotType.APPROVAL: Approval,
    BallotType.CUMULATIVE: Cumulative,
    BallotType.ORDERED: Ordered,
    BallotType.KNAPSACK: Knapsack,
    BallotType.YES_NO_ABSTAIN: YesNoAbstain,
}


def fault(vote: Vote, paper: BallotPaper) -> NullReason | None:
    """Why this vote would count as null; None where it is within the rules."""
    rules = paper.rules
    if not isinstance(vote, _TYPES[rules.ballot_type]):
        return NullReason.TYPE
    named = named_options(vote)
    if any(not 0 <= option < paper.options for option in named):
        return NullReason.UNKNOWN_OPTION
    if len(set(named)) != len(named):
        return NullReason.REPEATED_OPTION
    if len(named) < rules.min_length:
        return NullReason.TOO_FEW
    if len(named) > rules.max_length:
        return NullReason.TOO_MANY
    if isinstance(vote, Cumulative):
        return _points_fault(vote, rules)
    if isinstance(vote, Knapsack) and sum(paper.costs[option] for option in named) > rules.max_cost:
        return NullReason.COST
    return None


def _points_fault(vote: Cumulative, rules: BallotRules) -> NullReason | None:
    if any(left[0] > right[0] for left, right in zip(vote.points, vote.points[1:], strict=False)):
        return NullReason.NOT_ASCENDING
    if any(not rules.min_points <= points <= rules.max_points for _, points in vote.points):
        return NullReason.POINTS
    if not rules.min_sum_points <= sum(points for _, points in vote.points) <= rules.max_sum_points:
        return NullReason.SUM
    return None
