# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ABI against eth-abi, and stricter than it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from eth_abi.abi import decode as reference_decode
from eth_abi.abi import encode as reference_encode
from hypothesis import given
from hypothesis import strategies as st

from protocol import abi
from protocol.abi import AbiError, Bytes20, Bytes32, Fixed, Uint8, Uint16, Uint64, Uint256, codec_of
from protocol.types import Outcome


@dataclass(frozen=True, slots=True)
class Inner:
    numbers: tuple[Uint16, ...]
    flag: bool
    text: str


@dataclass(frozen=True, slots=True)
class Flat:
    left: Uint256
    right: Bytes32


@dataclass(frozen=True, slots=True)
class Outer:
    small: Uint8
    flats: tuple[Flat, ...]
    data: bytes
    inner: Inner
    pair: Annotated[tuple[Bytes20, ...], Fixed(2)]
    nested: tuple[tuple[Uint64, ...], ...]
    inners: tuple[Inner, ...]
    outcome: Outcome


inners = st.builds(Inner, st.lists(st.integers(0, 65535), max_size=3).map(tuple), st.booleans(), st.text(max_size=40))
flats = st.builds(Flat, st.integers(0, 2**256 - 1), st.binary(min_size=32, max_size=32))
outers = st.builds(
    Outer,
    st.integers(0, 255),
    st.lists(flats, max_size=3).map(tuple),
    st.binary(max_size=70),
    inners,
    st.tuples(st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=20)),
    st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=2).map(tuple), max_size=3).map(tuple),
    st.lists(inners, max_size=2).map(tuple),
    st.sampled_from(Outcome),
)
NAME = "(uint8,(uint256,bytes32)[],bytes,(uint16[],bool,string),address[2],uint64[][],(uint16[],bool,string)[],uint8)"


def plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return tuple(plain(getattr(value, name)) for name in value.__dataclass_fields__)
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, bytes) and len(value) == 20:
        return "0x" + value.hex()
    return value


@given(outers.filter(lambda outer: len(outer.data) != 20))
def test_as_another_library(value: Outer) -> None:
    assert codec_of(Outer).name == NAME
    encoded = abi.encode(value)
    assert encoded == reference_encode([NAME], [plain(value)])
    assert reference_decode([NAME], encoded) == (plain(value),)
    assert abi.decode(Outer, encoded) == value


@given(outers, st.data())
def test_no_two_encodings_of_one_value(value: Outer, data: st.DataObject) -> None:
    encoded = abi.encode(value)
    place = data.draw(st.integers(0, len(encoded) - 1))
    changed = bytearray(encoded)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    for other in (bytes(changed), encoded[:-32], encoded + bytes(32), encoded[: place + 1][:-1]):
        try:
            decoded = abi.decode(Outer, other)
        except AbiError:
            continue
        assert decoded != value
        texts = [decoded.inner.text, *(inner.text for inner in decoded.inners)]
        assert "�" in "".join(texts) or abi.encode(decoded) == other


@given(st.binary(max_size=400))
def test_whatever_the_bytes_only_one_error(data: bytes) -> None:
    with pytest.raises(AbiError):
        abi.decode(Outer, data)


def test_an_offset_elsewhere_is_refused_though_it_reads_the_same() -> None:

    canonical = abi.encode_items([codec_of(bytes)], [b"x"])
    shifted = (64).to_bytes(32, "big") + bytes(32) + canonical[32:]
    assert reference_decode(["bytes"], shifted) == reference_decode(["bytes"], canonical)
    with pytest.raises(AbiError, match="offset"):
        abi.decode_items([codec_of(bytes)], shifted, 0)


@pytest.mark.parametrize(
    "value",
    [Flat(-1, bytes(32)), Flat(2**256, bytes(32)), Flat(0, bytes(31)), Flat("1", bytes(32))],  # type: ignore[arg-type]
)
def test_values_out_of_range(value: Flat) -> None:
    with pytest.raises(AbiError):
        abi.encode(value)


def test_a_length_that_promises_more_than_there_is() -> None:
    huge = (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big")
    for kind in (bytes, tuple[Flat, ...], str):
        with pytest.raises(AbiError):
            abi.decode_items([codec_of(kind)], huge, 0)


def test_types_without_an_abi_type() -> None:
    with pytest.raises(TypeError):
        codec_of(float)
