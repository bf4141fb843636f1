# SPDX-License-Identifier: AGPL-3.0-or-later
"""The state of one initiative (approval, at most 184 options) as a fold of its events alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from eth_utils import keccak

PROOF = 256


class Phase(IntEnum):
    ANNOUNCED, REGISTRATION, REVIEW, VOTING, CHALLENGE, OPENING, COUNTED, VOID = range(8)


class Reason(IntEnum):
    NONE, WITHDRAWN, MOTION, TOO_FEW_REGISTERED, NO_JOINT_KEY, NO_OPTIONS, TOO_FEW_BALLOTS = range(7)


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds since the epoch, and periods in seconds, as in the contracts' struct."""

    registration_opens: int
    registration_closes: int
    voting_opens: int
    voting_closes: int
    challenge: int
    max_extension: int
    step: int


@dataclass(slots=True)
class Ledger:
    windows: Windows
    min_anonymity: int
    closes: int
    leaves: list[int] = field(default_factory=list)
    root: int = 0
    commitment_of: dict[bytes, int] = field(default_factory=dict)
    pending: dict[bytes, int] = field(default_factory=dict)
    proposals: int = 0
    option_of: dict[int, int] = field(default_factory=dict)
    costs: list[int] = field(default_factory=list)
    dealers: list[int] = field(default_factory=list)
    finalised: bool = False
    shares: set[int] = field(default_factory=set)
    secret_key: int = 0
    records: dict[int, bytes] = field(default_factory=dict)  # by nullifier
    counted: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # outcome, plaintext
    attested: dict[int, bytes] = field(default_factory=dict)  # by trustee
    result: bytes = b""
    reports: dict[int, list[tuple[int, int, int, bytes]]] = field(default_factory=dict)  # by option
    erased: set[tuple[int, int]] = field(default_factory=set)
    voided: Reason = Reason.NONE
    extended: bool = False
    reopened: bool = False

    def status(self, time: int) -> tuple[Phase, Reason]:
        """Phase, and for a void its reason, that design section 4 gives for this state at this time."""
        w = self.windows
        if self.voided:
            return Phase.VOID, self.voided
        if time < w.registration_opens:
            return Phase.ANNOUNCED, Reason.NONE
        if time < w.registration_closes:
            return Phase.REGISTRATION, Reason.NONE
        if time < w.voting_opens:
            return Phase.REVIEW, Reason.NONE
        if len(self.leaves) < self.min_anonymity:
            return Phase.VOID, Reason.TOO_FEW_REGISTERED
        if not self.finalised:
            return Phase.VOID, Reason.NO_JOINT_KEY
        if not self.costs:
            return Phase.VOID, Reason.NO_OPTIONS
        if time < self.closes:
            return Phase.VOTING, Reason.NONE
        if time < self.closes + w.challenge:
            return Phase.CHALLENGE, Reason.NONE
        if len(self.records) < self.min_anonymity:
            return Phase.VOID, Reason.TOO_FEW_BALLOTS
        return (Phase.COUNTED if len(self.counted) == len(self.records) else Phase.OPENING), Reason.NONE

    def phase(self, time: int) -> Phase:
        return self.status(time)[0]

    def boundaries(self) -> list[int]:
        w = self.windows
        return [
            w.registration_opens,
            w.registration_opens + w.step,
            w.registration_opens + 2 * w.step,
            w.registration_closes,
            w.voting_opens,
            self.closes,
            self.closes + w.challenge,
        ]

    def totals(self) -> list[int]:
        """Scores by option number."""
        valid = [int.from_bytes(text, "big") for outcome, text in self.counted.values() if outcome == 0]
        return [sum(bitmap >> option & 1 for bitmap in valid) for option in range(len(self.costs))]

    def accumulator(self) -> int:
        def hashed(nullifier: int, text: bytes) -> int:
            return int.from_bytes(keccak(self.records[nullifier][:37] + text), "big")

        return sum(hashed(n, text) for n, (_, text) in self.counted.items()) % 2**256

    def fold(self, events: Any) -> None:
        for event in events:
            handler = getattr(self, f"_on_{event.name}", None)
            if handler is not None:
                handler(event)

    def _on_Registered(self, e: Any) -> None:
        assert e["firstIndex"] == len(self.leaves), "leaves follow one another"
        for tag, commitment in zip(e["tags"], e["commitments"], strict=True):
            assert bytes(tag) not in self.commitment_of, "one person, one leaf"
            assert commitment not in self.leaves, "one commitment, one leaf"
            self.commitment_of[bytes(tag)] = commitment
            self.leaves.append(commitment)
        self.root = e["root"]

    def _on_ReplacementQueued(self, e: Any) -> None:
        self.pending[bytes(e["tag"])] = e["newCommitment"]

    def _on_ReplacementApplied(self, e: Any) -> None:
        tag = bytes(e["tag"])
        assert self.pending.pop(tag) == e["newCommitment"]
        assert self.commitment_of[tag] == self.leaves[e["index"]] == e["oldCommitment"]
        self.commitment_of[tag] = self.leaves[e["index"]] = e["newCommitment"]
        self.root = e["root"]

    def _on_ProposalSubmitted(self, e: Any) -> None:
        self.proposals += 1
        assert e["proposal"] == self.proposals, "proposals are numbered in their order"

    def _on_ProposalAccepted(self, e: Any) -> None:
        assert e["option"] == len(self.costs), "options are numbered in the order of acceptance"
        self.option_of[e["proposal"]] = e["option"]
        self.costs.append(e["cost"])

    def _on_CostChanged(self, e: Any) -> None:
        self.costs[self.option_of[e["proposal"]]] = e["cost"]

    def _on_Dealt(self, e: Any) -> None:
        self.dealers.append(e["dealer"])

    def _on_KeyFinalised(self, e: Any) -> None:
        assert list(e["dealers"]) == sorted(self.dealers)
        self.finalised = True

    def _on_ShareReleased(self, e: Any) -> None:
        self.shares.add(e["trustee"])

    def _on_KeyCombined(self, e: Any) -> None:
        self.secret_key = e["secretKey"]

    def _on_BallotCast(self, e: Any) -> None:
        self.records[e["nullifier"]] = bytes(e["entry"])[PROOF:]

    def _on_BallotCounted(self, e: Any) -> None:
        assert e["nullifier"] in self.records, "a ballot that was cast"
        assert e["nullifier"] not in self.counted, "once"
        self.counted[e["nullifier"]] = int(e["outcome"]), bytes(e["plaintext"])

    def _on_ResultAttested(self, e: Any) -> None:
        document = self.attested[e["trustee"]] = bytes(e["resultHash"])
        if not self.result and [*self.attested.values()].count(document) == 2:
            self.result = document

    def _on_ExecutionReported(self, e: Any) -> None:
        assert self.result, "nothing is reported before a result is attested"
        given = self.reports.setdefault(e["option"], [])
        given.append((e["status"], e["shareDone"], e["spent"], bytes(e["contentHash"])))
        assert e["report"] == len(given), "reports are numbered by option in their order"

    def _on_ReportErased(self, e: Any) -> None:
        assert bytes(e["contentHash"]) == self.reports[e["option"]][e["report"] - 1][3]
        self.erased.add((e["option"], e["report"]))

    def _on_VotingExtended(self, e: Any) -> None:
        self.closes, self.extended = e["votingCloses"], True

    def _on_VotingReopened(self, e: Any) -> None:
        self.closes, self.reopened = e["votingCloses"], True

    def _on_InitiativeVoided(self, e: Any) -> None:
        self.voided = Reason(e["reason"])
