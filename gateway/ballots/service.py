# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is checked before a ballot is accepted: size, encoding, phase, sequence, proof; the dearest last.

Ballots that came together are checked together: one look at the state, one batch of proofs, one flush to the disk.
A verdict never depends on the company.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.ballots.verifier import Case, verdicts
from gateway.index.view import ChainView
from gateway.problems import (
    BallotOutOfRange,
    InvalidProof,
    MalformedBallot,
    Problem,
    ProblemDocument,
    SequenceTooHigh,
    StaleBallot,
)
from gateway.promises import PromiseBody, Promises
from protocol import ballot, proof
from protocol.ballot import Entry
from protocol.types import CastSkipReason, InitiativeId, Phase, PromiseKind

Request = tuple[InitiativeId, bytes]
"""The initiative, and the entry as it came."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A ballot in the journal, and the promise that it will be in the box."""

    hash: bytes
    status: str
    problem: ProblemDocument | None
    promise: PromiseBody | None


@dataclass(slots=True)
class _Case:
    """One request on its way; `answer` as soon as it is certain, then the further checks pass it over."""

    initiative: InitiativeId
    blob: bytes
    entry: Entry | None = None
    hash: bytes = b""
    scope: bytes = b""
    answer: Accepted | Problem | None = None


_Check = Callable[[_Case], None]


class BallotService:
    """Accepts into the journal; the carrier brings it to the chain."""

    def __init__(self, view: ChainView, ballots: Ballots, key: proof.VerifyingKey, promises: Promises) -> None:
        self._promises = promises
        self._view = view
        self._ballots = ballots
        self._key = key

    def cast(self, initiative: InitiativeId, blob: bytes) -> Accepted:
        """Idempotent per ballot hash. Raises a Problem; then nothing is stored."""
        (answer,) = self.cast_all([(initiative, blob)])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def cast_all(self, requests: Sequence[Request]) -> list[Accepted | Problem]:
        """As `cast` for each, in their order. Raises DatabaseError: then nothing is stored."""
        cases = [_Case(*request) for request in requests]
        for case in cases:
            self._settle(case, self._parse)
        self._recall([case for case in cases if case.answer is None])
        for case in cases:
            self._settle(case, self._check_state)
        self._check_proofs([case for case in cases if case.answer is None])
        self._store([case for case in cases if case.answer is None])
        return [case.answer for case in cases if case.answer is not None]

    @staticmethod
    def _settle(case: _Case, check: _Check) -> None:
        if case.answer is None:
            try:
                check(case)
            except Problem as problem:
                case.answer = problem

    def _parse(self, case: _Case) -> None:
        try:
            case.entry = ballot.parse_entry(case.blob, self._view.words(case.initiative))
        except (ballot.NullifierOutOfRange, ballot.SequenceOutOfRange) as error:
            raise BallotOutOfRange(f"The ballot is out of range: {error}.") from error
        except ballot.BallotError as error:
            raise MalformedBallot(f"The ballot is not well formed: {error}.") from error
        case.scope = self._view.ballot_scope(case.initiative)
        case.hash = ballot.ballot_hash(case.scope, case.entry.record)

    def _recall(self, cases: Sequence[_Case]) -> None:
        """A ballot that is here already has its answer, in whatever phase it is asked for again."""
        stored = self._ballots.get_all([case.hash for case in cases])
        for case in cases:
            found = stored.get(case.hash)
            if found is not None and found.status != "failed":
                case.answer = self._again(found)

    def _again(self, stored: StoredBallot) -> Accepted:
        """The same answer; a promise by an account that is no more the gateway's is given anew."""
        promise = self._promises.renewed(PromiseKind.BALLOT, stored.initiative, stored.hash, stored.promise)
        if promise is None or promise == stored.promise:
            return self._answer(stored)
        return self._answer(self._ballots.promise(stored, promise))

    def _answer(self, stored: StoredBallot) -> Accepted:
        promise = self._promises.show(PromiseKind.BALLOT, stored.initiative, stored.hash, stored.promise)
        return Accepted(stored.hash, stored.status, stored.problem, promise)

    def _check_state(self, case: _Case) -> None:
        assert case.entry is not None
        self._view.require_phase(case.initiative, Phase.VOTING)
        record = case.entry.record
        stored = self._view.slot_sequence(case.initiative, record.nullifier)
        match ballot.skip_reason(stored, record.sequence):
            case CastSkipReason.SEQUENCE_TOO_LOW:
                raise StaleBallot("The box holds this ballot or a later one of the same voter.", stored=stored)
            case CastSkipReason.SEQUENCE_TOO_HIGH:
                raise SequenceTooHigh(
                    f"The sequence may be at most {ballot.SEQUENCE_WINDOW} past the stored one.", stored=stored
                )

    def _check_proofs(self, cases: Sequence[_Case]) -> None:
        proved: list[Case] = []
        for case in cases:
            assert case.entry is not None
            root, nullifier = self._view.root(case.initiative), case.entry.record.nullifier
            statement = proof.ProofStatement.of_ballot(root, nullifier, case.hash, case.scope)
            proved.append((case.entry.proof, statement))
        for case, good in zip(cases, verdicts(self._key, proved), strict=True):
            if not good:
                case.answer = InvalidProof("The proof does not show membership in this electorate for this ballot.")

    def _store(self, cases: Sequence[_Case]) -> None:
        if not cases:
            return
        stored = self._ballots.accept_all([self._promised(case) for case in cases])
        for case, answer in zip(cases, stored, strict=True):
            case.answer = answer if isinstance(answer, Problem) else self._answer(answer)

    def _promised(self, case: _Case) -> StoredBallot:
        promise = self._promises.give(PromiseKind.BALLOT, case.initiative, case.hash)
        return StoredBallot(case.hash, case.initiative, case.blob, promise=promise)
