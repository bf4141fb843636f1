# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sealing of a ballot for the trustees' joint key: hashed ElGamal on bn254's G1 (docs/protocol/ballot.md, Seal)."""

import secrets
from collections.abc import Callable

from protocol.ballot import SEQUENCE_MAX, Channel, Record
from protocol.bn254 import GENERATOR, SCALAR_FIELD, g1_mul, is_on_curve
from protocol.errors import ProtocolError
from protocol.hashing import WORD_BYTES, domain, keccak, word, words
from protocol.types import G1Point, Nullifier


class SealError(ProtocolError):
    """A key, a nullifier, a sequence or a randomness that would make a ballot that cannot count."""


def fresh_scalar() -> int:
    """Uniform in 1 … r − 1, from the operating system. Used once and never stored."""
    return secrets.randbelow(SCALAR_FIELD - 1) + 1


def seal(
    plaintext: bytes,
    *,
    scope: bytes,
    nullifier: Nullifier,
    sequence: int,
    channel: Channel,
    joint_key: G1Point,
    randomness: Callable[[], int] = fresh_scalar,
) -> Record:
    """Seals a plaintext (32·W bytes) for one nullifier and sequence.

    Args:
        scope: the ballot scope, 32 bytes.
        randomness: the source of r; anything but the default is for tests and vectors.

    Raises:
        SealError: the joint key is no point, or nullifier, sequence, r or the plaintext's length are out of range.
    """
    if not is_on_curve(joint_key):
        raise SealError("the joint key is not a point of the curve, or is infinity")
    if not 0 <= nullifier < SCALAR_FIELD:
        raise SealError("the nullifier is not below r")
    if not 1 <= sequence <= SEQUENCE_MAX:
        raise SealError(f"sequence {sequence} is not in 1 … {SEQUENCE_MAX}")
    if not plaintext or len(plaintext) % WORD_BYTES:
        raise SealError(f"a plaintext of {len(plaintext)} bytes is not of whole words")
    r = randomness()
    if not 1 <= r < SCALAR_FIELD:
        raise SealError("r is not in 1 … r − 1")
    point = g1_mul(GENERATOR, r)
    ciphertext = _mask(plaintext, scope, nullifier, sequence, point, g1_mul(joint_key, r))
    return Record(nullifier, sequence, channel, point, ciphertext)


def open_sealed(secret_key: int, scope: bytes, record: Record) -> bytes:
    """The plaintext of one record, whatever it is. For many, `protocol.tally.open_ballots` does the same in Rust."""
    shared = g1_mul(record.point, secret_key)
    return _mask(record.ciphertext, scope, record.nullifier, record.sequence, record.point, shared)


def _mask(text: bytes, scope: bytes, nullifier: int, sequence: int, point: G1Point, shared: G1Point) -> bytes:
    head = words(domain("urna/seal/v1"), scope, nullifier, sequence, point.x, point.y, shared.x, shared.y)
    mask = b"".join(keccak(head + word(k)) for k in range(len(text) // WORD_BYTES))
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))
