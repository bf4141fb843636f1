# SPDX-License-Identifier: AGPL-3.0-or-later
"""bn254's G1 and the words of docs/protocol, written from those pages for this environment alone."""

from __future__ import annotations

from eth_abi import encode
from eth_utils import keccak

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617

Point = tuple[int, int]
INFINITY: Point = (0, 0)
G: Point = (1, 2)


def add(a: Point, b: Point) -> Point:
    if a == INFINITY:
        return b
    if b == INFINITY:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return INFINITY
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def mul(a: Point, k: int) -> Point:
    total = INFINITY
    for bit in bin(k % R)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, a)
    return total


def words(*values: int | bytes | str | Point) -> bytes:
    """Each an integer, 32 bytes, an address (0x…), a point (two words), or a domain string."""
    out = b""
    for value in values:
        if isinstance(value, tuple):
            out += encode(["uint256", "uint256"], value)
        elif isinstance(value, bytes):
            out += value
        elif isinstance(value, str):
            out += encode(["address"], [value]) if value.startswith("0x") else keccak(text=value)
        else:
            out += encode(["uint256"], [value])
    return out


def scalar(*values: int | bytes | str | Point) -> int:
    """A non-zero scalar that follows from the words; for keys and nonces of tests."""
    return int.from_bytes(keccak(words(*values)), "big") % (R - 1) + 1


def schnorr(secret: int, *prefix: int | bytes | str | Point) -> tuple[Point, int]:
    """(T, s) with s·G = T + c·X, X = secret·G."""
    nonce = scalar("nonce", secret)
    t = mul(G, nonce)
    challenge = int.from_bytes(keccak(words(*prefix, mul(G, secret), t)), "big") % R
    return t, (nonce + challenge * secret) % R
