# SPDX-License-Identifier: AGPL-3.0-or-later
"""A ballot on the wire: record, entry, hash, slot (docs/protocol/ballot.md).

Errors:
    BallotError
    ├── WrongBallotLength
    ├── NullifierOutOfRange
    ├── InvalidChannel
    ├── InvalidEntryPoint
    └── SequenceOutOfRange
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol.bn254 import BASE_FIELD, SCALAR_FIELD, is_on_curve
from protocol.errors import ProtocolError
from protocol.hashing import WORD_BYTES, domain, keccak, words
from protocol.types import CastSkipReason, G1Point, Nullifier

PROOF_BYTES = 256
HEADER_BYTES = 101  # nullifier 32, sequence 4, channel 1, R 64
SEQUENCE_MAX = (1 << 32) - 1
SEQUENCE_WINDOW = 16  # how far a sequence may be past the stored one
RECOVERY_STEP = 8
SLOT_HASH_BITS = 224

# y² = x³ + 3/(9 + u) over Fp² (EIP-197); the constant as real and imaginary part.
_TWIST = (
    19485874751759354771024239261021720505790618469301721065564631296452457478373,
    266929791119991161246907387137283842545076965332900288569378510910307636690,
)


class BallotError(ProtocolError):
    """A blob that is no ballot. `index` is the entry's place in its batch, where it has one."""


class WrongBallotLength(BallotError):
    """Not a whole number of entries or records, or none at all."""

    def __init__(self, length: int, expected: int) -> None:
        super().__init__(f"{length} bytes are no multiple of {expected} above zero")
        self.length = length
        self.expected = expected


class NullifierOutOfRange(BallotError):
    """A nullifier of r or more: it would be another name of a smaller one (B2)."""

    def __init__(self, index: int) -> None:
        super().__init__(f"entry {index}: the nullifier is not below r")
        self.index = index


class InvalidChannel(BallotError):
    """A channel other than own device and assisted."""

    def __init__(self, index: int) -> None:
        super().__init__(f"entry {index}: the channel is neither 0 nor 1")
        self.index = index


class InvalidEntryPoint(BallotError):
    """A, B, C or R: a coordinate of p or more, a point off the curve, or infinity (B3)."""

    def __init__(self, index: int, point: str) -> None:
        super().__init__(f"entry {index}: {point} is not a point of the curve, or is infinity")
        self.index = index
        self.point = point


class SequenceOutOfRange(BallotError):
    """A sequence of zero, or one that no ballot box could accept any more."""


class Channel(IntEnum):
    """How the ballot was cast."""

    OWN_DEVICE = 0
    ASSISTED = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A ballot without its proof: what is hashed, stored and counted.

    `point` is R of the seal, `ciphertext` the masked plaintext, 32 bytes a word.
    """

    nullifier: Nullifier
    sequence: int
    channel: Channel
    point: G1Point
    ciphertext: bytes

    def encode(self) -> bytes:
        """`nullifier (32) ‖ sequence (4) ‖ channel (1) ‖ R.x ‖ R.y ‖ ciphertext`."""
        return b"".join(
            (
                self.nullifier.to_bytes(WORD_BYTES, "big"),
                self.sequence.to_bytes(4, "big"),
                bytes((self.channel,)),
                self.point.x.to_bytes(WORD_BYTES, "big"),
                self.point.y.to_bytes(WORD_BYTES, "big"),
                self.ciphertext,
            )
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its proof: `A.x A.y B.x₁ B.x₀ B.y₁ B.y₀ C.x C.y`, 256 bytes, imaginary parts first."""

    proof: bytes
    record: Record

    def encode(self) -> bytes:
        """`proof (256) ‖ record`."""
        return self.proof + self.record.encode()


def record_bytes(word_count: int) -> int:
    """Length of a record whose ciphertext has `word_count` words."""
    return HEADER_BYTES + WORD_BYTES * word_count


def entry_bytes(word_count: int) -> int:
    """Length of an entry whose ciphertext has `word_count` words."""
    return PROOF_BYTES + record_bytes(word_count)


def _word(blob: bytes, at: int) -> int:
    return int.from_bytes(blob[at : at + WORD_BYTES], "big")


def _split(blob: bytes, size: int) -> list[bytes]:
    if not blob or len(blob) % size:
        raise WrongBallotLength(len(blob), size)
    return [blob[at : at + size] for at in range(0, len(blob), size)]


def _g1(blob: bytes, at: int, index: int, name: str) -> G1Point:
    point = G1Point(_word(blob, at), _word(blob, at + WORD_BYTES))
    if not is_on_curve(point):
        raise InvalidEntryPoint(index, name)
    return point


def is_on_twist(x1: int, x0: int, y1: int, y0: int) -> bool:
    """Whether (x₀ + x₁u, y₀ + y₁u) is a point of the twist other than infinity. Says nothing of its order."""
    p = BASE_FIELD
    if max(x1, x0, y1, y0) >= p or not any((x1, x0, y1, y0)):
        return False
    square0, square1 = (x0 * x0 - x1 * x1) % p, 2 * x0 * x1 % p
    right0 = square0 * x0 - square1 * x1 + _TWIST[0]
    right1 = square0 * x1 + square1 * x0 + _TWIST[1]
    return (y0 * y0 - y1 * y1 - right0) % p == 0 and (2 * y0 * y1 - right1) % p == 0


def _record(blob: bytes, index: int) -> Record:
    nullifier = _word(blob, 0)
    if nullifier >= SCALAR_FIELD:
        raise NullifierOutOfRange(index)
    if blob[36] > Channel.ASSISTED:
        raise InvalidChannel(index)
    point = _g1(blob, 37, index, "R")
    sequence = int.from_bytes(blob[32:36], "big")
    return Record(Nullifier(nullifier), sequence, Channel(blob[36]), point, blob[HEADER_BYTES:])


def _entry(blob: bytes, index: int) -> Entry:
    proof = blob[:PROOF_BYTES]
    record = _record(blob[PROOF_BYTES:], index)
    _g1(proof, 0, index, "A")
    if not is_on_twist(*(_word(proof, at) for at in (64, 96, 128, 160))):
        raise InvalidEntryPoint(index, "B")
    _g1(proof, 192, index, "C")
    return Entry(proof, record)


def parse_entries(blob: bytes, word_count: int) -> tuple[Entry, ...]:
    """The entries of one `castBatch`, in order, every field in its range; what the contract refuses is refused.

    A sequence of 0 is well-formed: the ballot box skips it like any other that is too low. Whether B is in the subgroup
    of order r is left to the pairing.

    Raises:
        WrongBallotLength, NullifierOutOfRange, InvalidChannel, InvalidEntryPoint: the first fault, in this order, of
            the first entry that has one.
    """
    return tuple(_entry(item, index) for index, item in enumerate(_split(blob, entry_bytes(word_count))))


def parse_entry(blob: bytes, word_count: int) -> Entry:
    """Exactly one entry, as a client hands it in: as `parse_entries`, and the sequence is at least 1.

    Raises:
        SequenceOutOfRange: the sequence is 0.
        WrongBallotLength, NullifierOutOfRange, InvalidChannel, InvalidEntryPoint: see `parse_entries`.
    """
    if len(blob) != entry_bytes(word_count):
        raise WrongBallotLength(len(blob), entry_bytes(word_count))
    entry = _entry(blob, 0)
    if entry.record.sequence == 0:
        raise SequenceOutOfRange("sequences start at 1")
    return entry


def parse_records(blob: bytes, word_count: int) -> tuple[Record, ...]:
    """The records of one `count`, in order.

    Raises:
        WrongBallotLength, NullifierOutOfRange, InvalidChannel, InvalidEntryPoint: see `parse_entries`.
    """
    return tuple(_record(item, index) for index, item in enumerate(_split(blob, record_bytes(word_count))))


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """The argument of `castBatch`."""
    return b"".join(entry.encode() for entry in entries)


def encode_records(records: Iterable[Record]) -> bytes:
    """The argument of `Tally.count`."""
    return b"".join(record.encode() for record in records)


def ballot_scope(chain_id: int, ballot_box: bytes, initiative: int) -> bytes:
    """What binds a ballot to chain, contract and initiative; 32 bytes. `ballot_box` is the 20-byte address."""
    return keccak(words(domain("urna/scope/v1"), chain_id, ballot_box, initiative))


def ballot_hash(scope: bytes, record: Record) -> bytes:
    """`keccak(scope ‖ record)`: the message of the proof. Never over the proof, which anyone can re-randomise (B4)."""
    return keccak(scope + record.encode())


def slot_of(sequence: int, hash_: bytes) -> int:
    """`sequence << 224 | hash >> 32`: what the ballot box stores for a nullifier."""
    return sequence << SLOT_HASH_BITS | int.from_bytes(hash_, "big") >> 32


def slot_sequence(slot: int) -> int:
    """The stored sequence; 0 of an empty slot."""
    return slot >> SLOT_HASH_BITS


def skip_reason(stored: int, sequence: int) -> CastSkipReason | None:
    """Why a ballot of this sequence would be skipped over a stored sequence; None where it counts (B6)."""
    if sequence <= stored:
        return CastSkipReason.SEQUENCE_TOO_LOW
    if sequence > stored + SEQUENCE_WINDOW:
        return CastSkipReason.SEQUENCE_TOO_HIGH
    return None


def next_sequence(stored: int, signed: int = 0, *, recovered: bool = False) -> int:
    """The sequence for a new ballot.

    Args:
        stored: the slot's sequence, 0 where there is none.
        signed: the highest that this client ever signed, 0 where it signed none.
        recovered: the identity was restored from its phrase, so that others may have been signed and forgotten.

    Raises:
        SequenceOutOfRange: too many were signed that never landed, or 32 bits are used up.
    """
    sequence = max(stored, signed) + (RECOVERY_STEP if recovered else 1)
    if sequence > min(stored + SEQUENCE_WINDOW, SEQUENCE_MAX):
        raise SequenceOutOfRange(f"the stored sequence is {stored}: {sequence} would not count")
    return sequence
