# SPDX-License-Identifier: AGPL-3.0-or-later
"""What members ask of each other."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.wire import Body, Decimal, Hex32, HexBytes, Token
from protocol import eip712
from protocol.pepper import BOX_BYTES
from protocol.types import Commitment, Hash32, InitiativeId, Tag

MAX_BATCH = 200

Id = Annotated[int, Field(gt=0, lt=1 << 64)]
Entity = Annotated[int, Field(gt=0, lt=1 << 32)]
Seconds = Annotated[int, Field(ge=0, lt=1 << 64)]


class EncryptionKeyBody(Body):
    """To which peppers for this registrar are sealed (X25519); signed by its account (EIP-712 `EncryptionKey`)."""

    entity: Entity
    key: Hex32
    signature: HexBytes


class PepperBody(Body):
    """`sealed`: HPKE's encapsulated key and ciphertext (docs/protocol/encodings.md)."""

    initiative: Id
    sealed: Annotated[HexBytes, Field(min_length=BOX_BYTES, max_length=BOX_BYTES)]


class PersonBody(Body):
    id_token: Token
    salt: Hex32


class BatchBody(Body):
    """A registration batch, with the token of each person."""

    initiative: Id
    batch_id: Hex32
    valid_until: Seconds
    tags: Annotated[list[Hex32], Field(min_length=1, max_length=MAX_BATCH)]
    commitments: Annotated[list[Decimal], Field(min_length=1, max_length=MAX_BATCH)]
    evidence_root: Hex32
    persons: Annotated[list[PersonBody], Field(min_length=1, max_length=MAX_BATCH)]

    def message(self) -> eip712.RegistrationBatch:
        return eip712.RegistrationBatch(
            InitiativeId(self.initiative),
            Hash32(self.batch_id),
            self.valid_until,
            tuple(Tag(tag) for tag in self.tags),
            tuple(Commitment(commitment) for commitment in self.commitments),
            Hash32(self.evidence_root),
        )


class ReplacementBody(Body):
    initiative: Id
    batch_id: Hex32
    valid_until: Seconds
    tag: Hex32
    old_commitment: Decimal
    new_commitment: Decimal
    evidence_root: Hex32
    person: PersonBody

    def message(self) -> eip712.Replacement:
        return eip712.Replacement(
            InitiativeId(self.initiative),
            Hash32(self.batch_id),
            self.valid_until,
            Tag(self.tag),
            Commitment(self.old_commitment),
            Commitment(self.new_commitment),
            Hash32(self.evidence_root),
        )


class SubmissionBody(Body):
    initiative: Id
    batch_id: Hex32
    valid_until: Seconds
    author_tag: Hex32
    content_hash: Hex32
    evidence_root: Hex32
    person: PersonBody

    def message(self) -> eip712.Submission:
        return eip712.Submission(
            InitiativeId(self.initiative),
            Hash32(self.batch_id),
            self.valid_until,
            Tag(self.author_tag),
            Hash32(self.content_hash),
            Hash32(self.evidence_root),
        )


class SignatureBody(Body):
    """A registrar's EIP-712 signature."""

    entity: Entity
    signature: HexBytes
