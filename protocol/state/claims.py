# SPDX-License-Identifier: AGPL-3.0-or-later
"""What events claim and a cheap fold cannot check (signatures, proofs, roots), kept whole with the place of the event.

The opened ballots of `CountState` are claims too: each plaintext must be what its ballot opens to.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.ballot import Entry
from protocol.types import Address, Commitment, Dealing, EntityId, G1Point, Hash32, SkipReason, Tag


@dataclass(frozen=True, slots=True, order=True)
class EventMeta:
    """Where an event stands: total order is (block, transaction, log). `log` counts within the block."""

    block: int
    timestamp: int
    transaction: int
    log: int
    address: Address

    def same_transaction(self, other: EventMeta) -> bool:
        """Whether both were emitted by one transaction."""
        return (self.block, self.transaction) == (other.block, other.transaction)


@dataclass(frozen=True, slots=True)
class TrusteeKeyClaim:
    """A key whose proof of possession is in the transaction alone."""

    meta: EventMeta
    entity: EntityId
    key: G1Point


@dataclass(frozen=True, slots=True)
class Signer:
    """A registrar that signed, and the account that it had then."""

    entity: EntityId
    account: Address


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """A registration batch that its signers are said to have signed.

    `tags` and `commitments` are those that were accepted; `skipped` has the place in the batch with each of the others.
    """

    meta: EventMeta
    batch_id: Hash32
    tags: tuple[Tag, ...]
    commitments: tuple[Commitment, ...]
    skipped: tuple[tuple[int, Tag, Commitment, SkipReason], ...]
    evidence_root: Hash32
    signers: tuple[Signer, ...]

    def signed(self) -> list[tuple[Tag, Commitment]]:
        """All entries in the order in which they were signed."""
        entries = list(zip(self.tags, self.commitments, strict=True))
        for position, tag, commitment, _ in self.skipped:  # ascending, so that each finds its place
            entries.insert(position, (tag, commitment))
        return entries


@dataclass(frozen=True, slots=True)
class ReplacementClaim:
    """A replacement that its signers are said to have signed."""

    meta: EventMeta
    batch_id: Hash32
    tag: Tag
    old_commitment: Commitment
    new_commitment: Commitment
    evidence_root: Hash32
    signers: tuple[Signer, ...]


@dataclass(frozen=True, slots=True)
class SubmissionClaim:
    """A proposal that its signers are said to have signed."""

    meta: EventMeta
    batch_id: Hash32
    author_tag: Tag
    content_hash: Hash32
    evidence_root: Hash32
    signers: tuple[Signer, ...]


@dataclass(frozen=True, slots=True)
class RootClaim:
    """The tree's root after leaves were put from `index` on (appended, or one replaced)."""

    meta: EventMeta
    index: int
    leaves: tuple[Commitment, ...]
    root: int


@dataclass(frozen=True, slots=True)
class DealtClaim:
    """A dealing, verified when it was folded."""

    meta: EventMeta
    epoch: int
    dealer: int
    dealing: Dealing


@dataclass(frozen=True, slots=True)
class ComplaintClaim:
    """A judged complaint. The revealed point and its proof are in the transaction alone."""

    meta: EventMeta
    epoch: int
    dealer: int
    complainant: int
    upheld: bool


@dataclass(frozen=True, slots=True)
class CastBallot:
    """An accepted entry; its proof is a claim about the electorate's root and the scope. `hash` is the ballot's."""

    meta: EventMeta
    entry: Entry
    hash: bytes
