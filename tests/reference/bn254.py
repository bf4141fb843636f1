# SPDX-License-Identifier: AGPL-3.0-or-later
"""bn254 through py_ecc: encodings, Groth16's equation, opening of a sealed ballot."""

from functools import cache

from eth_hash.auto import keccak
from py_ecc.optimized_bn128 import (
    FQ,
    FQ2,
    add,
    b,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    is_on_curve,
    multiply,
    normalize,
    pairing,
)

P, R = field_modulus, curve_order


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]


def g1_reason(data: bytes) -> str:
    """Why these bytes are no point of G1; empty if they are one."""
    if len(data) != 64:
        return "wrong-length"
    x, y = words(data)
    if x >= P or y >= P:
        return "coordinate-range"
    if (x, y) == (0, 0):
        return "infinity"
    return "" if is_on_curve((FQ(x), FQ(y), FQ(1)), b) else "off-curve"


@cache
def g2_reason(data: bytes) -> str:
    """The same for the subgroup of order r on the twist."""
    if len(data) != 128:
        return "wrong-length"
    coordinates = words(data)
    if any(value >= P for value in coordinates):
        return "coordinate-range"
    if not any(coordinates):
        return "infinity"
    point = g2(data)
    if not is_on_curve(point, b2):
        return "off-curve"
    return "" if is_inf(multiply(point, R)) else "outside-subgroup"


def proof_reason(data: bytes) -> str:
    if len(data) != 256:
        return "wrong-length"
    return g1_reason(data[:64]) or g2_reason(data[64:192]) or g1_reason(data[192:])


def _g1(data: bytes) -> tuple[FQ, FQ, FQ]:
    x, y = words(data)
    return FQ(x), FQ(y), FQ(1) if (x, y) != (0, 0) else FQ(0)


def g2(data: bytes) -> tuple[FQ2, FQ2, FQ2]:
    x1, x0, y1, y0 = words(data)
    return FQ2([x0, x1]), FQ2([y0, y1]), FQ2.one()


def g1_bytes(point: tuple[FQ, FQ, FQ]) -> bytes:
    if is_inf(point):
        return bytes(64)
    return b"".join(int(value).to_bytes(32, "big") for value in normalize(point))


def g1_add(left: bytes, right: bytes) -> bytes:
    return g1_bytes(add(_g1(left), _g1(right)))


def g1_mul(point: bytes, scalar: int) -> bytes:
    return g1_bytes(multiply(_g1(point), scalar))


def holds(key: bytes, proof: bytes, publics: list[int]) -> bool:
    """Groth16's equation, four pairings."""
    alpha, beta, gamma, delta = _g1(key[:64]), g2(key[64:192]), g2(key[192:320]), g2(key[320:448])
    ic = [_g1(key[at : at + 64]) for at in range(448, len(key), 64)]
    statement = ic[0]
    for point, value in zip(ic[1:], publics, strict=True):
        statement = add(statement, multiply(point, value))
    a, b_, c = _g1(proof[:64]), g2(proof[64:192]), _g1(proof[192:])
    right = pairing(beta, alpha) * pairing(gamma, statement) * pairing(delta, c)
    return pairing(b_, a) == right


def unseal(secret_key: int, scope: bytes, record: bytes) -> bytes:
    """Plaintext of nullifier(32) | sequence(4) | channel(1) | R(64) | ciphertext."""
    nullifier, sequence, point, text = record[:32], record[32:36], record[37:101], record[101:]
    head = keccak(b"urna/seal/v1") + scope + nullifier + bytes(28) + sequence + point + g1_mul(point, secret_key)
    mask = b"".join(keccak(head + k.to_bytes(32, "big")) for k in range(len(text) // 32))
    return bytes(x ^ y for x, y in zip(text, mask, strict=True))
