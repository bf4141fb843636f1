# SPDX-License-Identifier: AGPL-3.0-or-later
"""An election as a `.pb` file describes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocol.allocation import Option, OptionNumber, RuleParameters

MAX_OPTIONS = 1 << 10
MAX_VOTERS = 1 << 20
MAX_POINTS = (1 << 16) - 1
"""Points of one option on one ballot; two bytes in the ballot's plaintext (docs/protocol/ballot.md)."""


class BallotType(IntEnum):
    """Numbered as `BallotType` in contracts/Types.sol."""

    SINGLE_CHOICE = 0
    APPROVAL = 1
    CUMULATIVE = 2
    ORDERED = 3
    KNAPSACK = 4
    YES_NO_ABSTAIN = 5

    @property
    def label(self) -> str:
        """The name in messages, e.g. `single-choice`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Limits:
    """When a ballot is valid, all bounds included; a bound that its type does not have is 0, as in the contracts.

    Lengths count the options named (yes/no/abstain: those answered yes or no). max_cost is in minor units (knapsack).
    points_per_rank has max_length entries, best first (ordered).
    """

    min_length: int
    max_length: int
    min_points: int = 0
    max_points: int = 0
    min_sum_points: int = 0
    max_sum_points: int = 0
    max_cost: int = 0
    points_per_rank: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A row of PROJECTS. cost is in minor units; votes, score and selected are what was published, None where absent.

    extra: the cells of `Election.project_columns`.
    """

    number: OptionNumber
    project_id: str
    cost: int
    name: str = ""
    votes: int | None = None
    score: int | None = None
    selected: int | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """A row of VOTES; no options is a blank ballot.

    points: for cumulative those of each option; for yes/no/abstain 1, -1 or 0 of each option; otherwise empty.
    extra: the cells of `Election.vote_columns`.
    """

    voter_id: str
    options: tuple[OptionNumber, ...]
    points: tuple[int, ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Election:
    """A whole file. meta: every row of META as it stands. Amounts are in minor units, `allocation.unit` to the unit."""

    name: str
    meta: tuple[tuple[str, str], ...]
    ballot_type: BallotType
    limits: Limits
    allocation: RuleParameters
    projects: tuple[Project, ...]
    votes: tuple[Vote, ...]
    project_columns: tuple[str, ...] = ()
    vote_columns: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        """The projects as allocation sees them; without costs where the rule and the ballot look at none."""
        return tuple(Option(project.number, project.cost) for project in self.projects)

    @property
    def published_winners(self) -> tuple[OptionNumber, ...] | None:
        """The projects whose `selected` is 1, ascending; None where the file does not say.

        Pabulib gives 2 and 3 to what was funded for another reason than the rule.
        """
        if any(project.selected is None for project in self.projects):
            return None
        return tuple(project.number for project in self.projects if project.selected == 1)

    def meta_value(self, key: str) -> str:
        """The value in META, empty where there is none."""
        return dict(self.meta).get(key, "")
