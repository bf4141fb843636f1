# SPDX-License-Identifier: AGPL-3.0-or-later
"""The registrar: verifies a person's token itself, derives the tag, and signs what it verified.

Nothing is stored of a person but a hash of the token.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.eid.issuers import KeysUnavailable
from gateway.eid.tokens import Person, TokenVerifier
from gateway.index.view import ChainView
from gateway.problems import (
    ChainUnavailable,
    InvalidCommitment,
    MalformedRequest,
    NotRegistrar,
    OutOfScope,
    PepperDestroyed,
    PepperMismatch,
    Problem,
    TokenAssurance,
    TokenIssuer,
)
from gateway.sessions.problems import IssuerUnavailable
from node import pepper_box
from node.deployment import Deployment
from node.entity import EntityFolder
from node.errors import PepperError
from node.keys import Signer
from protocol import eip712, scope
from protocol.bn254 import SCALAR_FIELD
from protocol.evidence import evidence_root
from protocol.hashing import domain, keccak, words
from protocol.nonces import author_nonce, elector_nonce, replacement_nonce
from protocol.tags import Purpose, person_tag
from protocol.types import Address, Commitment, EntityId, Hash32, InitiativeId, Role, Tag

#: How far ahead (seconds of chain time) a batch may be valid; a signature that lasts could be held back.
MAX_VALIDITY = 2 * 3600


@dataclass(frozen=True, slots=True)
class Claim:
    """A person's token with what its nonce binds: a commitment, or the hash of a proposal's content."""

    token: str = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: Commitment | None = None
    content_hash: Hash32 | None = None


class Registrar:
    """This entity's registrar. `entity` is its number in the consortium."""

    def __init__(
        self, entity: EntityId, folder: EntityFolder, deployment: Deployment, view: ChainView, verifier: TokenVerifier
    ) -> None:
        self.entity = entity
        self._folder = folder
        self._deployment = deployment
        self._view = view
        self._verifier = verifier
        self._key: Signer = folder.key(Role.REGISTRAR)
        key = pepper_box.public_key(folder.registrar_decryption_key())
        self._encryption_key = key, pepper_box.sign_key(self._key, deployment, entity, key)
        self._peppers: dict[InitiativeId, bytes] = {}
        self._opening = threading.Lock()

    # Peppers

    def encryption_key(self) -> tuple[Hash32, bytes]:
        """The key to which peppers for this registrar are sealed, and the signature of its account over it."""
        return self._encryption_key

    def accept_pepper(self, initiative: InitiativeId, box: bytes) -> bytes:
        """Keep the pepper in the box; the signed receipt. Raises NotRegistrar, PepperMismatch, PepperDestroyed."""
        rules = self._view.rules(initiative)
        if self.entity not in rules.registrars:
            raise NotRegistrar("This entity is no registrar of the initiative: it takes no pepper.")
        envelope = pepper_box.Envelope(self._deployment, initiative, rules.pepper_hash, self.entity)
        try:
            pepper = pepper_box.unseal(box, self._folder.registrar_decryption_key(), envelope)
        except PepperError as error:
            raise PepperMismatch(str(error)) from error
        try:
            self._folder.peppers.put(pepper)
        except PepperError as error:
            raise PepperDestroyed(str(error)) from error
        return pepper_box.sign_receipt(self._key, envelope)

    def holds_pepper(self, initiative: InitiativeId) -> bool:
        return self._folder.peppers.holds(self._view.rules(initiative).pepper_hash)

    def _pepper(self, initiative: InitiativeId) -> bytes:
        pepper_hash = self._view.rules(initiative).pepper_hash
        with self._opening:  # a keystore takes a while to open: once is enough
            if not self._folder.peppers.holds(pepper_hash):  # not yet, or destroyed since by `urna registrar pepper`
                self._peppers.pop(initiative, None)
                if self._folder.peppers.record(pepper_hash).destroyed:
                    raise PepperDestroyed("The initiative's pepper was destroyed: nobody registers any more.")
                raise ChainUnavailable("This registrar was not given the initiative's pepper yet.")
            if initiative not in self._peppers:
                secret = self._folder.peppers.get(pepper_hash)
                assert secret is not None
                self._peppers[initiative] = secret.reveal()
            return self._peppers[initiative]

    # Persons

    def elector(self, initiative: InitiativeId, claim: Claim) -> Tag:
        """The tag of who may register this commitment. Raises a TokenProblem, OutOfScope or InvalidCommitment."""
        commitment = _commitment(claim)
        nonce = elector_nonce(self._chain, self._address("Electorate"), initiative, commitment, claim.salt)
        return self._tag(Purpose.ELECTOR, initiative, self._person(initiative, claim, nonce))

    def replaced_elector(self, initiative: InitiativeId, claim: Claim) -> Tag:
        """The tag of who may replace the own commitment by this one."""
        commitment = _commitment(claim)
        nonce = replacement_nonce(self._chain, self._address("Electorate"), initiative, commitment, claim.salt)
        return self._tag(Purpose.ELECTOR, initiative, self._person(initiative, claim, nonce))

    def author(self, initiative: InitiativeId, claim: Claim) -> Tag:
        """The tag of who may submit this content. It is unlike the same person's elector tag."""
        if claim.content_hash is None:
            raise MalformedRequest("A proposal's content hash is missing.")
        nonce = author_nonce(self._chain, self._address("Proposals"), initiative, claim.content_hash, claim.salt)
        return self._tag(Purpose.AUTHOR, initiative, self._person(initiative, claim, nonce))

    def _person(self, initiative: InitiativeId, claim: Claim, nonce: str) -> Person:
        if self.entity not in self._view.rules(initiative).registrars:
            raise NotRegistrar("This entity is no registrar of the initiative: ask one of its registrars.")
        try:
            person = self._verifier.verify(claim.token, nonce, initiative)
        except KeysUnavailable as error:
            raise IssuerUnavailable("The eID issuer's keys cannot be had now; try again in a moment.") from error
        if person.issuer not in self._view.rules(initiative).issuers:
            raise TokenIssuer("The initiative does not accept this eID issuer.")
        try:
            scope.require(self._view.scope(initiative), person.claims)
        except scope.OutOfScope as error:
            if error.criterion == "assurance":
                raise TokenAssurance(f"The log-in was too weak for this initiative: {error.reason}.") from error
            raise OutOfScope(f"The initiative is not open to this person: {error}.") from error
        return person

    def _tag(self, purpose: Purpose, initiative: InitiativeId, person: Person) -> Tag:
        return person_tag(self._pepper(initiative), purpose, self._chain, initiative, person.namespace, person.subject)

    # Signatures

    def digest(self, message: eip712.Signable) -> Hash32:
        contract = "Proposals" if isinstance(message, eip712.Submission) else "Electorate"
        return eip712.digest(message, self._chain, self._address(contract))

    def sign(self, message: eip712.Signable) -> bytes:
        """Over exactly this message; the caller has verified every person in it."""
        return self._key.sign_digest(self.digest(message))

    def cosign_batch(self, batch: eip712.RegistrationBatch, claims: Sequence[Claim]) -> bytes:
        """Verify each person of another registrar's batch, then sign. Raises MalformedRequest where it does not fit."""
        if not len(batch.tags) == len(batch.commitments) == len(claims) > 0:
            raise MalformedRequest("The batch and its persons differ in number.")
        if len(set(batch.tags)) != len(batch.tags) or len(set(batch.commitments)) != len(batch.commitments):
            raise MalformedRequest("The batch names a person or a commitment twice.")
        self._check_validity(batch.valid_until)
        for index, (tag, commitment, claim) in enumerate(zip(batch.tags, batch.commitments, claims, strict=True)):
            try:
                fits = claim.commitment == commitment and self.elector(batch.initiative, claim) == tag
            except Problem as problem:  # whom it is about, so that the others need not wait
                raise type(problem)(problem.detail, **{**problem.extra, "index": index}) from problem
            if not fits:
                raise MalformedRequest("A tag of the batch is not that of its person.", index=index)
        self._check_evidence(batch.evidence_root, claims)
        return self.sign(batch)

    def cosign_replacement(self, replacement: eip712.Replacement, claim: Claim) -> bytes:
        if (
            claim.commitment != replacement.new_commitment
            or self.replaced_elector(replacement.initiative, claim) != replacement.tag
        ):
            raise MalformedRequest("The replacement's tag is not that of its person.")
        self._check_validity(replacement.valid_until)
        self._check_evidence(replacement.evidence_root, [claim])
        return self.sign(replacement)

    def cosign_submission(self, submission: eip712.Submission, claim: Claim) -> bytes:
        if (
            claim.content_hash != submission.content_hash
            or self.author(submission.initiative, claim) != submission.author_tag
        ):
            raise MalformedRequest("The submission's tag is not that of its author.")
        self._check_validity(submission.valid_until)
        # One id for one content of one author: nobody can spend an author's limit by bringing it again.
        if submission.batch_id != submission_id(submission.author_tag, submission.content_hash):
            raise MalformedRequest("The submission's id is not that of its author and content.")
        self._check_evidence(submission.evidence_root, [claim])
        return self.sign(submission)

    def _check_validity(self, until: int) -> None:
        if until > self._view.as_of().timestamp + MAX_VALIDITY:
            raise MalformedRequest(f"A batch is valid for at most {MAX_VALIDITY} seconds.")

    def _check_evidence(self, root: Hash32, claims: Sequence[Claim]) -> None:
        if evidence_root([claim.token for claim in claims]) != root:
            raise MalformedRequest("The evidence root is not that of the tokens.")

    @property
    def _chain(self) -> int:
        return self._deployment.chain_id

    def _address(self, name: str) -> Address:
        return Address(self._deployment.address(name))


def submission_id(author_tag: Tag, content_hash: Hash32) -> Hash32:
    """The id under which registrars sign a submission: it burns on use."""
    return Hash32(keccak(words(domain("urna/submission/v1"), author_tag, content_hash)))


def _commitment(claim: Claim) -> Commitment:
    if claim.commitment is None or not 0 < claim.commitment < SCALAR_FIELD:
        raise InvalidCommitment("A commitment is a number above zero and below the field's order.")
    return claim.commitment
