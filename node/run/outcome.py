# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a run came to: the figures that the table, the JSON and the HTML report all show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = "urna/run/v1"


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """One option. `cost` in minor units; `published` is None where the file does not say who won."""

    option: int
    project_id: str
    name: str
    cost: int
    score: int
    support: int
    won: bool
    published: bool | None


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One line of the observer's report; `outcome` is passed, failed or not-verifiable."""

    id: str
    name: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """Seconds of wall time that a part of the run took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run. `winners_match` is None where the file publishes none, or voters were left out or added."""

    election: str
    title: str
    ballot_type: str
    rule: str
    unit: int  # minor units in one unit of money
    currency: str
    budget: int
    registered: int
    distinct: int
    valid: int
    blank: int
    null: int
    projects: tuple[ProjectRow, ...]
    winners_match: bool | None
    recount_matches: bool
    observer_passes: bool  # the observer's own verdict
    result_hash: str
    checks: tuple[CheckRow, ...]
    promises: Mapping[str, int]  # what the gateways' promises came to: kept, broken, …
    times: tuple[PhaseTime, ...]
    peak_memory: int  # bytes, all processes together
    peak_processes: int
    paths: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """What the exit code says."""
        return self.observer_passes and self.recount_matches and self.winners_match is not False

    @property
    def spent(self) -> int:
        return sum(project.cost for project in self.projects if project.won)

    def money(self, amount: int) -> str:
        """An amount in units, with thousands separated by spaces."""
        whole, rest = divmod(amount, self.unit)
        digits = f"{whole:,}".replace(",", " ")
        decimals = "" if self.unit == 1 or rest == 0 else f".{rest:0{len(str(self.unit)) - 1}d}"
        return f"{digits}{decimals} {self.currency}".strip()

    def document(self) -> dict[str, Any]:
        """The result for machines (`--json`). Amounts are decimal strings of minor units."""
        plain = asdict(self)
        plain["budget"] = str(self.budget)
        for project in plain["projects"]:
            project["cost"] = str(project["cost"])
            project["score"] = str(project["score"])
        return {
            "schema": SCHEMA,
            **plain,
            "spent": str(self.spent),
            "ok": self.ok,
        }
