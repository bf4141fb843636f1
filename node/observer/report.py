# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an observer found, as data; `node.observer.pages` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from protocol.checks import CheckResult, Outcome


@dataclass(frozen=True, slots=True)
class OptionFigures:
    """An option's count. `against` is None but for yes/no/abstain."""

    option: int
    cost: int
    score: int
    support: int
    against: int | None
    won: bool


@dataclass(frozen=True, slots=True)
class InitiativeFigures:
    """One initiative in figures. `options` are there once it is counted."""

    title: str
    phase: str
    void_reason: str
    ballot_type: str
    rule: str
    registered: int
    proposals: int
    cast: int
    distinct: int
    skipped: int
    counted: int
    valid: int
    blank: int
    null: int
    own_device: int
    assisted: int
    accumulator: str
    extended: bool
    reopened: bool
    voting_closes: int
    result_hash: str
    options: tuple[OptionFigures, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How much was verified. Times are chain time, `seconds` wall time."""

    network: str
    chain_id: int
    head: int
    head_hash: str
    blocks: int
    transactions: int
    logs: int
    events: int
    first_time: int
    last_time: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """The checks in order, and figures; `figures` is None where the source could not be read at all."""

    checks: tuple[CheckResult, ...]
    figures: Figures | None
    initiatives: Mapping[int, InitiativeFigures]
    #: Checks that cannot be made here by the nature of things: seals on the embedded engine, results before the count.
    awaited: frozenset[str] = frozenset()

    @property
    def gaps(self) -> tuple[CheckResult, ...]:
        """Checks that should have been possible and were not: something may be hidden there."""
        return tuple(
            check for check in self.checks if check.outcome is Outcome.NOT_VERIFIABLE and check.id not in self.awaited
        )

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)

    @property
    def ok(self) -> bool:
        """No check failed, none was left open that could have been made, and the events were there."""
        folded = any(check.id == "events" and check.outcome is Outcome.PASSED for check in self.checks)
        return folded and not self.failed and not self.gaps

    def to_json(self) -> dict[str, object]:
        """For machines: {"ok", "checks", "figures", "initiatives"}. Amounts and scores are decimal strings."""
        initiatives: dict[str, object] = {}
        for number, one in self.initiatives.items():
            plain = asdict(one)
            plain["options"] = [
                {**asdict(option), "cost": str(option.cost), "score": str(option.score)} for option in one.options
            ]
            initiatives[str(number)] = plain
        return {
            "ok": self.ok,
            "gaps": [check.id for check in self.gaps],
            "checks": [asdict(check) for check in self.checks],
            "figures": {} if self.figures is None else asdict(self.figures),
            "initiatives": initiatives,
        }
