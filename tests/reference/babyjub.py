# SPDX-License-Identifier: AGPL-3.0-or-later
"""Baby Jubjub in affine coordinates (EIP-2494)."""

from tests.reference.poseidon import R, poseidon2

A, D = 168700, 168696
BASE8 = (
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
Point = tuple[int, int]


def add(p: Point, q: Point) -> Point:
    (x1, y1), (x2, y2) = p, q
    cross = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + cross, -1, R)
    y = (y1 * y2 - A * x1 * x2) * pow(1 - cross, -1, R)
    return x % R, y % R


def multiply(point: Point, scalar: int) -> Point:
    total = (0, 1)
    for bit in f"{scalar:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def commitment(secret: int) -> int:
    return poseidon2(*multiply(BASE8, secret))
