# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is checked before a registration or replacement is accepted, cheapest first."""

from __future__ import annotations

from gateway.index.view import ChainView
from gateway.members.registrar import Claim, Registrar
from gateway.problems import (
    InvalidCommitment,
    KnownCommitment,
    KnownPerson,
    TooManyReplacements,
    UnknownPerson,
    UnknownRecord,
)
from gateway.promises import Promises
from gateway.submissions import Submission, Submissions
from protocol.bn254 import SCALAR_FIELD
from protocol.hashing import keccak
from protocol.types import Commitment, InitiativeId, Phase, PromiseKind, Tag

MAX_REPLACEMENTS = 2


class RegistrationService:
    """Accepts into the journal; the carriers bring it to the chain."""

    def __init__(self, view: ChainView, registrar: Registrar, submissions: Submissions, promises: Promises) -> None:
        self._promises = promises
        self._view = view
        self._registrar = registrar
        self._submissions = submissions

    def register(self, initiative: InitiativeId, claim: Claim) -> Submission:
        """Idempotent per person and commitment. Raises a Problem; then nothing is stored."""
        self._view.require_phase(initiative, Phase.REGISTRATION)
        commitment = self._unused(claim)
        tag = self._registrar.elector(initiative, claim)
        known = self._view.commitment_of(initiative, tag)
        if known is not None and known != commitment:
            raise KnownPerson("This person is registered with another commitment; a replacement can be asked for.")
        if known is None and self._view.is_used(initiative, commitment):
            raise KnownCommitment("This commitment was used before: make a new one.")
        return self._accept(PromiseKind.REGISTRATION, initiative, commitment, tag, claim)

    def replace(self, initiative: InitiativeId, claim: Claim) -> Submission:
        """A new commitment in place of the one this person lost."""
        self._view.require_phase(initiative, Phase.REGISTRATION, Phase.REVIEW)
        commitment = self._unused(claim)
        tag = self._registrar.replaced_elector(initiative, claim)
        if self._view.commitment_of(initiative, tag) is None:
            raise UnknownPerson("This person is not registered: register instead.")
        if self._view.pending_replacement(initiative, tag) != commitment:
            if self._view.is_used(initiative, commitment):
                raise KnownCommitment("This commitment was used before: make a new one.")
            if self._view.replacements(initiative, tag) >= MAX_REPLACEMENTS:
                raise TooManyReplacements(f"A commitment is replaced at most {MAX_REPLACEMENTS} times.")
        return self._accept(PromiseKind.REPLACEMENT, initiative, commitment, tag, claim)

    def status(self, id_: str) -> Submission:
        found = self._submissions.get(id_)
        if found is None or found.kind == "proposal":
            raise UnknownRecord("There is no registration of this id.")
        return found

    def _accept(
        self, kind: PromiseKind, initiative: InitiativeId, commitment: Commitment, tag: Tag, claim: Claim
    ) -> Submission:
        payload = {
            "id_token": claim.token,
            "salt": claim.salt.hex(),
            "commitment": str(commitment),
            "tag": tag.hex(),
        }
        key = commitment.to_bytes(32, "big")
        return self._submissions.accept(
            "replacement" if kind is PromiseKind.REPLACEMENT else "registration",
            initiative,
            key,
            keccak(tag + key),
            payload,
            promise=lambda given: self._promises.renewed(kind, initiative, key, given),
        )

    @staticmethod
    def _unused(claim: Claim) -> Commitment:
        if claim.commitment is None or not 0 < claim.commitment < SCALAR_FIELD:
            raise InvalidCommitment("A commitment is a number above zero and below the field's order.")
        return claim.commitment
