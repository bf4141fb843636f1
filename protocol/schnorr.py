# SPDX-License-Identifier: AGPL-3.0-or-later
"""Schnorr proofs of knowledge of a discrete logarithm on bn254's G1, bound to a context (docs/protocol/ceremony.md)."""

from protocol.bn254 import GENERATOR, SCALAR_FIELD, g1_add, g1_mul, is_on_curve
from protocol.hashing import domain, keccak, words
from protocol.types import G1Point, SchnorrProof


def coordinates(*points: G1Point) -> bytes:
    """x and y of each, as words."""
    return words(*(coordinate for point in points for coordinate in (point.x, point.y)))


def are_points(*points: G1Point) -> bool:
    """Whether all are on the curve, canonical and not infinity."""
    return all(is_on_curve(point) for point in points)


def wide_scalar(*parts: bytes) -> int:
    """In 1 … r − 1 from 64 bytes of hash, so that the bias is below 2⁻²⁵⁶."""
    data = b"".join(parts)
    wide = keccak(data + words(0)) + keccak(data + words(1))
    return int.from_bytes(wide, "big") % (SCALAR_FIELD - 1) + 1


def challenge_of(*parts: bytes) -> int:
    """A challenge: the hash of all that is proved, mod r."""
    return int.from_bytes(keccak(b"".join(parts)), "big") % SCALAR_FIELD


def nonce_of(secret: int, binding: bytes, *bases: G1Point) -> int:
    """A prover's own randomness, fixed by the secret and everything that is proved, as in RFC 6979."""
    return wide_scalar(domain("urna/nonce/proof/v1"), words(secret), binding, coordinates(*bases))


def prove(secret: int, key: G1Point, binding: bytes) -> SchnorrProof:
    """That the prover knows the secret of `key = secret·G`, in the context of `binding` (whole words)."""
    nonce = nonce_of(secret, binding, key)
    commitment = g1_mul(GENERATOR, nonce)
    challenge = challenge_of(binding, coordinates(key, commitment))
    return SchnorrProof(commitment, (nonce + challenge * secret) % SCALAR_FIELD)


def proves(proof: SchnorrProof, key: G1Point, binding: bytes) -> bool:
    """Whether it is such a proof; false too where a point or scalar is out of range."""
    if not (are_points(key, proof.t) and 0 <= proof.s < SCALAR_FIELD):
        return False
    challenge = challenge_of(binding, coordinates(key, proof.t))
    return g1_mul(GENERATOR, proof.s) == g1_add(proof.t, g1_mul(key, challenge))
