# SPDX-License-Identifier: AGPL-3.0-or-later
"""An election as a `.pb` file describes it."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.allocation import Option, OptionNumber
from protocol.types import AllocationRules, BallotRules

MAX_OPTIONS = 1 << 10
MAX_VOTERS = 1 << 20
MAX_POINTS = (1 << 16) - 1
"""Points of one option on one ballot; two bytes in the ballot's plaintext (docs/protocol/ballot.md)."""


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
    """A whole file. meta: every row of META as it stands. ballot, allocation: as they go into the initiative's rules.

    Amounts are in minor units; `unit` of them are one unit of money.
    """

    name: str
    meta: tuple[tuple[str, str], ...]
    ballot: BallotRules
    allocation: AllocationRules
    unit: int
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
