# SPDX-License-Identifier: AGPL-3.0-or-later
"""Points as values, and the typed errors in place of the extension's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.bn254 import (
    BASE_FIELD,
    GENERATOR,
    INFINITY,
    SCALAR_FIELD,
    decode_g1,
    encode_g1,
    encode_scalar,
    encode_scalars,
    g1_add,
    g1_msm,
    g1_mul,
    is_on_curve,
)
from protocol.errors import InvalidPoint, InvalidScalar, WrongLength
from protocol.types import G1Point
from tests.reference.vectors import data, integer, load

scalars = st.integers(0, SCALAR_FIELD - 1)


def test_products_and_sums_equal_the_vectors() -> None:
    def point(text: str) -> G1Point:
        return INFINITY if integer(text) == 0 else decode_g1(data(text))

    for case in load("points")["products"]:
        assert g1_mul(point(case["point"]), integer(case["scalar"])) == point(case["product"])
    for case in load("points")["sums"]:
        assert g1_add(point(case["left"]), point(case["right"])) == point(case["sum"])


@given(scalars, scalars)
@settings(max_examples=50)
def test_products_add_up(a: int, b: int) -> None:
    left, right = g1_mul(GENERATOR, a), g1_mul(GENERATOR, b)
    total = g1_mul(GENERATOR, (a + b) % SCALAR_FIELD)
    assert g1_add(left, right) == total == g1_msm([left, GENERATOR], [1, b])
    assert g1_mul(left, b) == g1_mul(right, a)


def test_infinity_is_neutral_and_on_no_curve() -> None:
    assert g1_add(GENERATOR, INFINITY) == GENERATOR
    assert g1_add(GENERATOR, G1Point(1, BASE_FIELD - 2)) == INFINITY
    assert g1_mul(GENERATOR, 0) == g1_mul(INFINITY, 5) == g1_msm([], []) == INFINITY
    assert encode_g1(INFINITY) == bytes(64)
    assert not is_on_curve(INFINITY)


@pytest.mark.parametrize("case", [c for c in load("points")["encodings"] if c["kind"] == "g1"], ids=lambda c: c["name"])
def test_B3_encodings_of_g1(case: dict[str, str]) -> None:
    blob = data(case["blob"])
    if not case["reason"]:
        point = decode_g1(blob)
        assert is_on_curve(point)
        assert encode_g1(point) == blob
        return
    with pytest.raises((InvalidPoint, WrongLength)) as refused:
        decode_g1(blob)
    assert refused.value.reason == case["reason"]
    assert isinstance(refused.value, WrongLength) == (case["reason"] == "wrong-length")
    if len(blob) == 64:
        x, y = int.from_bytes(blob[:32], "big"), int.from_bytes(blob[32:], "big")
        assert not is_on_curve(G1Point(x, y))


@pytest.mark.parametrize("point", [G1Point(1, 3), G1Point(1 + BASE_FIELD, 2), G1Point(-1, 2), G1Point(0, BASE_FIELD)])
def test_B3_arithmetic_refuses_what_is_no_point(point: G1Point) -> None:
    for call in (
        lambda: g1_mul(point, 1),
        lambda: g1_add(GENERATOR, point),
        lambda: g1_add(point, GENERATOR),
        lambda: g1_msm([point], [1]),
        lambda: encode_g1(point),
    ):
        with pytest.raises(InvalidPoint, match="off-curve"):
            call()


@pytest.mark.parametrize("scalar", [-1, SCALAR_FIELD, 2**256, -(2**300)])
def test_scalars_out_of_range_are_refused(scalar: int) -> None:
    for call in (lambda: g1_mul(GENERATOR, scalar), lambda: encode_scalar(scalar)):
        with pytest.raises(InvalidScalar):
            call()
    with pytest.raises(InvalidScalar) as refused:
        encode_scalars([0, 1, scalar], "share")
    assert (refused.value.reason, refused.value.what, refused.value.index) == ("scalar-range", "share", 2)


def test_as_many_scalars_as_points() -> None:
    with pytest.raises(WrongLength):
        g1_msm([GENERATOR], [1, 2])
