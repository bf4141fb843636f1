# SPDX-License-Identifier: AGPL-3.0-or-later
"""The voters' side: their secrets, kept in a file of the driver's, and what their devices compute."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.eid.persons import Person
from node.keys import write_private
from protocol.ballot import Channel, Entry, ballot_hash, slot_of
from protocol.hashing import keccak
from protocol.identity import Identity
from protocol.sealing import seal
from protocol.types import Commitment, G1Point, Nullifier


def citizen(person: int) -> str:
    """The test person who votes as this one."""
    return f"citizen-{person:07d}"


def author(proposal: int) -> str:
    """The test person who submits this proposal."""
    return f"author-{proposal:07d}"


def people(voters: int, proposals: int, residence: str) -> list[Person]:
    """Everybody who logs in in a run, as the development provider has to know them."""
    claims = {"birthdate": "1990-01-01", "residence": residence}
    ids = [*map(citizen, range(voters)), *map(author, range(proposals))]
    return [Person(one, one, "substantial", claims) for one in ids]


@dataclass(frozen=True, slots=True)
class Voter:
    """One citizen. `master` is what a recovery phrase would hold."""

    person: int
    master: bytes = field(repr=False)

    @property
    def subject(self) -> str:
        """The test person at the development provider."""
        return citizen(self.person)

    def identity(self, chain_id: int, initiatives: bytes, initiative: int) -> Identity:
        return Identity.derive(self.master, chain_id, initiatives, initiative)


def load_voters(path: Path, count: int, seed: int | None) -> list[Voter]:
    """The voters of this run, made at the first call; with a seed the same ones every time (for development only)."""
    if path.exists():
        masters = [bytes.fromhex(master) for master in json.loads(path.read_text(encoding="utf-8"))]
    elif seed is None:
        masters = [secrets.token_bytes(32) for _ in range(count)]
    else:
        masters = [keccak(f"urna run, seed {seed}, voter {person}".encode()) for person in range(count)]
    if not path.exists():
        write_private(path, json.dumps([master.hex() for master in masters]).encode())
    return [Voter(person, master) for person, master in enumerate(masters)]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ballot that waits for its proof."""

    person: int
    unproved: Entry
    hash: bytes

    def entry(self, proof: bytes) -> bytes:
        return Entry(proof, self.unproved.record).encode()

    @property
    def nullifier(self) -> Nullifier:
        return self.unproved.record.nullifier

    @property
    def slot(self) -> int:
        """What the box holds once this ballot is in it."""
        return slot_of(self.unproved.record.sequence, self.hash)


def seal_all(
    person: int,
    identity: Identity,
    plaintexts: Sequence[bytes],
    scope: bytes,
    joint_key: G1Point,
    stored: int,
) -> list[Sealed]:
    """The person's ballots in order, sequences from the stored one on."""
    nullifier = identity.nullifier(scope)
    ballots = []
    for offset, plaintext in enumerate(plaintexts, 1):
        record = seal(
            plaintext,
            scope=scope,
            nullifier=nullifier,
            sequence=stored + offset,
            channel=Channel.OWN_DEVICE,
            joint_key=joint_key,
        )
        ballots.append(Sealed(person, Entry(b"", record), ballot_hash(scope, record)))
    return ballots


def commitments(voters: Sequence[Voter], chain_id: int, initiatives: bytes, initiative: int) -> list[Commitment]:
    """In the order of the voters."""
    return [voter.identity(chain_id, initiatives, initiative).commitment() for voter in voters]
