# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a check is and how it ends; the ids and names of all of them (docs/protocol/verification.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from protocol.errors import ProtocolError
from protocol.state import EventMeta


class Outcome(StrEnum):
    """How a check ends. What is not verifiable never counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_VERIFIABLE = "not-verifiable"


class CheckFailed(ProtocolError):
    """Something does not hold; `check` is the id, `reason` says what and where."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason


class NotVerifiable(ProtocolError):
    """There is not enough to judge by; `reason` says what is missing."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report. `detail` has figures, or says where and why it failed."""

    id: str
    name: str
    outcome: Outcome
    detail: str


CHECKS: Final[Mapping[str, str]] = {
    "bundle.form": "The source is complete and well-formed",
    "chain.genesis": "The chain begins with the deployment's genesis block and has its chain id",
    "chain.headers": "Every block follows from the one before it, up to the head",
    "chain.seals": "Validators sealed every block",
    "chain.transactions": "Every transaction is in its block and signed by its sender",
    "chain.receipts": "Every receipt and every log is what its block commits to",
    "code.source": "The contracts are the published source, wired to each other, with the pinned verifying key",
    "events": "Every event is one that the contracts could have emitted there",
    "consortium.motions": "Every effect of a motion follows from enough approvals",
    "consortium.accounts": "Whoever acted in an entity's name sent that from the entity's account",
    "initiative.rules": "Rules, windows, extension and reopening are within their bounds",
    "electorate.signatures": "Enough registrars signed every registration and replacement",
    "electorate.root": "Every root of the electorate follows from its leaves; one person, one leaf",
    "proposals": "Enough registrars signed every proposal; limits, options and costs hold",
    "ceremony.dealings": "Every trustee's key and dealing is proved",
    "ceremony.complaints": "Every complaint was judged rightly",
    "ceremony.key": "The joint key is the sum of the qualified dealings",
    "ballots.window": "Every ballot was cast while voting was open",
    "ballots.encoding": "Every ballot is in its one form",
    "ballots.proofs": "Every ballot is proved by a member of the frozen electorate",
    "ballots.slots": "Every ballot's sequence follows from its voter's last",
    "opening.shares": "Every key share fits its trustee's public share",
    "opening.key": "The shares combine to the joint key",
    "tally.opened": "Every counted ballot is what its ciphertext opens to, once, and none is missing",
    "tally.counts": "Outcomes, totals, channels and accumulator are those of the opened ballots",
    "result.allocation": "The winners follow from the count by the rules",
    "result.attested": "The result document is the one that the trustees attested",
    "followup.reports": "Reports on execution are the publisher's, in order, after an attested result",
    "claims": "The contracts answer what follows from the events",
}


def result(check: str, outcome: Outcome, detail: str) -> CheckResult:
    """A line for a check of `CHECKS`."""
    return CheckResult(check, CHECKS[check], outcome, detail)


def run(check: str, judge: Callable[[], str]) -> CheckResult:
    """Runs one check; `judge` returns the detail, or raises CheckFailed, NotVerifiable or another ProtocolError."""
    try:
        return result(check, Outcome.PASSED, judge())
    except NotVerifiable as missing:
        return result(check, Outcome.NOT_VERIFIABLE, missing.reason)
    except CheckFailed as failed:
        return result(failed.check, Outcome.FAILED, failed.reason)
    except ProtocolError as error:
        return result(check, Outcome.FAILED, str(error))


_GRAVITY = (Outcome.FAILED, Outcome.NOT_VERIFIABLE, Outcome.PASSED)


def merge(results: Iterable[CheckResult]) -> list[CheckResult]:
    """One line a check, in the order of `CHECKS`: the gravest outcome, with the details that belong to it."""
    found: dict[str, list[CheckResult]] = {}
    for one in results:
        found.setdefault(one.id, []).append(one)
    merged = []
    for check in CHECKS:
        lines = found.get(check, [])
        for outcome in _GRAVITY:
            details = [line.detail for line in lines if line.outcome is outcome and line.detail]
            if any(line.outcome is outcome for line in lines):
                merged.append(result(check, outcome, "; ".join(dict.fromkeys(details))))
                break
    return merged


def place(meta: EventMeta) -> str:
    """Where an event stands, in words."""
    return f"block {meta.block}, transaction {meta.transaction}, log {meta.log}"


def refuse(check: str, meta: EventMeta, reason: str) -> NoReturn:
    """Raises CheckFailed for an event."""
    raise CheckFailed(check, f"{place(meta)}: {reason}")
