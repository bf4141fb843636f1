# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is fixed about an allocation when an initiative is created.

The numbers of `Rule` and `TieBreak` are those of `AllocationRule` and `TieBreak` in contracts/Types.sol.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from protocol.errors import ProtocolError

OptionNumber = NewType("OptionNumber", int)
"""Place of an option on the ballot, from 0; fixed when voting opens (in a `.pb` file: the order of the projects)."""


class AllocationError(ProtocolError):
    """The rule cannot be applied to what it was given; the message names the parameter."""


class Rule(IntEnum):
    """How totals or ballots become winners; each is defined in the module that carries it out."""

    GREEDY = 0
    GREEDY_NO_SKIP = 1
    GREEDY_THRESHOLD = 2
    EQUAL_SHARES = 3
    EQUAL_SHARES_ADD1 = 4
    TOP_K = 5
    MAJORITY = 6

    @property
    def label(self) -> str:
        """The name in the result document, e.g. `equal-shares-add1`."""
        return self.name.lower().replace("_", "-")

    @property
    def has_budget(self) -> bool:
        """Whether costs and the budget decide; top-k and majority look at neither."""
        return self not in (Rule.TOP_K, Rule.MAJORITY)

    @property
    def needs_ballots(self) -> bool:
        """Whether the ballots themselves are needed; the other rules follow from the totals."""
        return self in (Rule.EQUAL_SHARES, Rule.EQUAL_SHARES_ADD1)


class TieBreak(IntEnum):
    """Which of two options that the rule holds equal goes first. Always total: the option number decides last.

    OPTION_NUMBER: the lower number. LOWER_COST, HIGHER_COST: the cost, then the higher score (which can still differ
    under equal shares), then the lower number.
    """

    OPTION_NUMBER = 0
    LOWER_COST = 1
    HIGHER_COST = 2

    @property
    def label(self) -> str:
        """The name in `.pb` files and documents, e.g. `lower-cost`."""
        return self.name.lower().replace("_", "-")

    def key(self, option: Option, score: int) -> tuple[int, int, int]:
        """Sort key: the smallest goes first."""
        if self is TieBreak.OPTION_NUMBER:
            return (0, 0, option.number)
        return (option.cost if self is TieBreak.LOWER_COST else -option.cost, -score, option.number)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the ballot. `cost` is in minor units of money, 0 where the rule has no budget."""

    number: OptionNumber
    cost: int = 0


@dataclass(frozen=True, slots=True)
class RuleParameters:
    """A rule with everything that it needs, as frozen in the initiative's rules.

    budget: minor units; 0 for rules without one. threshold: least score that an option needs to win under any rule.
    winners: how many, top-k only. quorum: least number of valid and blank ballots, majority only.
    absolute: majority only, of all valid ballots instead of more yes than no; so where a ballot cannot say no.
    """

    rule: Rule
    tie_break: TieBreak = TieBreak.OPTION_NUMBER
    budget: int = 0
    threshold: int = 0
    winners: int = 0
    quorum: int = 0
    absolute: bool = False

    def __post_init__(self) -> None:
        for name in ("budget", "threshold", "winners", "quorum"):
            if getattr(self, name) < 0:
                raise AllocationError(f"{name} is negative")
        if self.rule is Rule.TOP_K and self.winners < 1:
            raise AllocationError("top-k needs the number of winners")
