# SPDX-License-Identifier: AGPL-3.0-or-later
"""The group G1 of bn254 (EIP-196) and the way into the Rust extension.

`urna_native` speaks bytes and raises `NativeError`; `refusing` turns that into this package's typed errors.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import urna_native

from protocol.errors import EncodingFault, InvalidLeaf, InvalidPoint, InvalidProof, InvalidScalar, WrongLength
from protocol.types import G1Point

BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""p, the field of the coordinates."""

SCALAR_FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""r, the order of the groups."""

GENERATOR = G1Point(1, 2)
INFINITY = G1Point(0, 0)
"""The neutral element, as the EVM's precompiles write it. On no curve: `is_on_curve` says no."""

WORD_BYTES = 32

_FAULTS: dict[str, type[EncodingFault]] = {
    "wrong-length": WrongLength,
    "coordinate-range": InvalidPoint,
    "off-curve": InvalidPoint,
    "infinity": InvalidPoint,
    "outside-subgroup": InvalidPoint,
    "scalar-range": InvalidScalar,
    "zero-leaf": InvalidLeaf,
    "index-range": InvalidLeaf,
    "empty-tree": InvalidLeaf,
    "full-tree": InvalidLeaf,
    "bad-key-file": InvalidProof,
}


@contextmanager
def refusing(error: type[EncodingFault] | None = None) -> Iterator[None]:
    """Raises the typed error (or `error`, for all reasons alike) in place of the extension's."""
    try:
        yield
    except urna_native.NativeError as refused:
        reason, what, index = refused.args
        raise (error or _FAULTS[reason])(reason, what, index) from None


def encode_scalar(value: int, what: str = "scalar") -> bytes:
    """32 bytes big-endian.

    Raises:
        InvalidScalar: not in 0 … r − 1.
    """
    if not 0 <= value < SCALAR_FIELD:
        raise InvalidScalar("scalar-range", what)
    return value.to_bytes(WORD_BYTES, "big")


def encode_scalars(values: Sequence[int], what: str = "scalar") -> bytes:
    """The words joined; errors as `encode_scalar`, with the index."""
    for index, value in enumerate(values):
        if not 0 <= value < SCALAR_FIELD:
            raise InvalidScalar("scalar-range", what, index)
    return b"".join(value.to_bytes(WORD_BYTES, "big") for value in values)


def is_on_curve(point: G1Point) -> bool:
    """Coordinates in 0 … p − 1, y² = x³ + 3; infinity is not."""
    x, y = point.x, point.y
    return 0 <= x < BASE_FIELD and 0 <= y < BASE_FIELD and (y * y - x * x * x - 3) % BASE_FIELD == 0


def encode_g1(point: G1Point) -> bytes:
    """x ‖ y, 64 bytes; infinity is zeros.

    Raises:
        InvalidPoint: neither on the curve nor infinity.
    """
    if point != INFINITY and not is_on_curve(point):
        raise InvalidPoint("off-curve", "point")
    return point.x.to_bytes(WORD_BYTES, "big") + point.y.to_bytes(WORD_BYTES, "big")


def decode_g1(data: bytes) -> G1Point:
    """A point other than infinity from x ‖ y.

    Raises:
        WrongLength: not 64 bytes.
        InvalidPoint: a coordinate of p or more, off the curve, infinity.
    """
    with refusing():
        urna_native.check_g1(data)
    return _point(data)


def g1_add(left: G1Point, right: G1Point) -> G1Point:
    """Sum; takes and gives infinity.

    Raises:
        InvalidPoint: a point off the curve.
    """
    return _point(urna_native.g1_add(encode_g1(left), encode_g1(right)))


def g1_mul(point: G1Point, scalar: int) -> G1Point:
    """Product; takes and gives infinity.

    Raises:
        InvalidPoint: a point off the curve.
        InvalidScalar: not in 0 … r − 1.
    """
    return _point(urna_native.g1_mul(encode_g1(point), encode_scalar(scalar)))


def g1_msm(points: Sequence[G1Point], scalars: Sequence[int]) -> G1Point:
    """Sum of the products, in one go.

    Raises:
        WrongLength: not as many scalars as points.
        InvalidPoint, InvalidScalar: as `g1_mul`.
    """
    with refusing():
        return _point(urna_native.g1_msm(b"".join(map(encode_g1, points)), encode_scalars(scalars)))


def _point(data: bytes) -> G1Point:
    return G1Point(int.from_bytes(data[:WORD_BYTES], "big"), int.from_bytes(data[WORD_BYTES:], "big"))
