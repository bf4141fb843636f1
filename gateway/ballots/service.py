# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is checked before a ballot is accepted: size, encoding, phase, sequence, proof; the dearest last."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.ballots.verifier import ProofVerifier
from gateway.index.view import ChainView
from gateway.problems import (
    BallotOutOfRange,
    InvalidProof,
    MalformedBallot,
    ProblemDocument,
    SequenceTooHigh,
    StaleBallot,
)
from gateway.promises import PromiseBody, Promises
from protocol import ballot, proof
from protocol.ballot import Entry
from protocol.types import CastSkipReason, InitiativeId, Phase, PromiseKind


@dataclass(frozen=True, slots=True)
class Accepted:
    """A ballot in the journal, and the promise that it will be in the box."""

    hash: bytes
    status: str
    problem: ProblemDocument | None
    promise: PromiseBody | None


class BallotService:
    """Accepts into the journal; the carrier brings it to the chain."""

    def __init__(self, view: ChainView, ballots: Ballots, key: proof.VerifyingKey, promises: Promises) -> None:
        self._promises = promises
        self._view = view
        self._ballots = ballots
        self._verifier = ProofVerifier(key)

    def cast(self, initiative: InitiativeId, blob: bytes) -> Accepted:
        """Idempotent per ballot hash. Raises a Problem; then nothing is stored."""
        entry = self._parse(initiative, blob)
        hash_ = ballot.ballot_hash(self._view.ballot_scope(initiative), entry.record)
        stored = self._ballots.get(hash_)
        if stored is not None and stored.status != "failed":
            return self._again(stored)
        self._view.require_phase(initiative, Phase.VOTING)
        self._check_sequence(initiative, entry)
        self._check_proof(initiative, entry, hash_)
        promise = self._promises.give(PromiseKind.BALLOT, initiative, hash_)
        return self._answer(self._ballots.accept(StoredBallot(hash_, initiative, blob, promise=promise)))

    def _again(self, stored: StoredBallot) -> Accepted:
        """The same answer; a promise by an account that is no more the gateway's is given anew."""
        promise = self._promises.renewed(PromiseKind.BALLOT, stored.initiative, stored.hash, stored.promise)
        return self._answer(stored if promise == stored.promise else self._ballots.promise(stored, promise))

    def _answer(self, stored: StoredBallot) -> Accepted:
        promise = self._promises.show(PromiseKind.BALLOT, stored.initiative, stored.hash, stored.promise)
        return Accepted(stored.hash, stored.status, stored.problem, promise)

    def _parse(self, initiative: InitiativeId, blob: bytes) -> Entry:
        try:
            return ballot.parse_entry(blob, self._view.words(initiative))
        except (ballot.NullifierOutOfRange, ballot.SequenceOutOfRange) as error:
            raise BallotOutOfRange(f"The ballot is out of range: {error}.") from error
        except ballot.BallotError as error:
            raise MalformedBallot(f"The ballot is not well formed: {error}.") from error

    def _check_sequence(self, initiative: InitiativeId, entry: Entry) -> None:
        stored = self._view.slot_sequence(initiative, entry.record.nullifier)
        match ballot.skip_reason(stored, entry.record.sequence):
            case CastSkipReason.SEQUENCE_TOO_LOW:
                raise StaleBallot("The box holds this ballot or a later one of the same voter.", stored=stored)
            case CastSkipReason.SEQUENCE_TOO_HIGH:
                raise SequenceTooHigh(
                    f"The sequence may be at most {ballot.SEQUENCE_WINDOW} past the stored one.", stored=stored
                )

    def _check_proof(self, initiative: InitiativeId, entry: Entry, hash_: bytes) -> None:
        statement = proof.ProofStatement.of_ballot(
            self._view.root(initiative), entry.record.nullifier, hash_, self._view.ballot_scope(initiative)
        )
        if not self._verifier.is_valid(entry.proof, statement):
            raise InvalidProof("The proof does not show membership in this electorate for this ballot.")
