# SPDX-License-Identifier: AGPL-3.0-or-later
"""An attribution is found behind every call and in no arguments; a record is of one act alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from protocol.attribution import MARKER, SCHEMA, SUFFIX_BYTES, AttributionError, OfficerAct, attributed, split
from protocol.evidence import EvidenceError, content_document
from protocol.hashing import keccak
from protocol.types import Address, Hash32
from tests.protocol.test_encodings import unhex, vectors

SALT = keccak(b"salt")
words = st.lists(st.binary(min_size=32, max_size=32), max_size=8).map(b"".join)
calls = st.builds(lambda selector, arguments: selector + arguments, st.binary(min_size=4, max_size=4), words)
hashes = st.binary(min_size=32, max_size=32)


def test_the_suffix_is_that_of_the_vectors() -> None:
    of = vectors("encodings")["attribution"]
    act = OfficerAct(
        of["act"]["officer"],
        of["act"]["role"],
        of["act"]["chainId"],
        Address(unhex(of["act"]["contract"])),
        Hash32(unhex(of["act"]["callHash"])),
    )
    call, data, salt = unhex(of["call"]), unhex(of["data"]), unhex(of["salt"])

    assert act.call_hash == keccak(call)
    assert content_document(act.content(), salt).decode() == of["document"]
    assert act.attribution(salt) == unhex(of["attribution"])
    assert attributed(call, act.attribution(salt)) == data
    assert data == call + act.attribution(salt) + bytes((SCHEMA,)) + MARKER
    assert split(data) == (call, act.attribution(salt))
    assert act.is_of(act.chain_id, act.contract, data, salt)


@given(calls, hashes)
def test_an_attribution_is_found_again(call: bytes, attribution: bytes) -> None:
    assert split(attributed(call, attribution)) == (call, attribution)


@given(calls)
def test_a_call_without_one_has_none(call: bytes) -> None:
    assert split(call) == (call, None)


@given(st.text(max_size=40), hashes)
def test_arguments_that_end_like_an_attribution_are_none(reason: str, attribution: bytes) -> None:
    forged = reason.encode() + attribution + bytes((SCHEMA,)) + MARKER
    for padding in range(32):
        call = b"\1\2\3\4" + encode(["uint64", "bytes"], [1, b"x" * padding + forged])
        assert split(call) == (call, None)
        assert split(attributed(call, attribution)) == (call, attribution)


@given(st.binary(max_size=200))
def test_no_data_stop_a_reader(data: bytes) -> None:
    call, attribution = split(data)
    assert data == (call if attribution is None else attributed(call, attribution))


@pytest.mark.parametrize(("call", "attribution"), [(b"", bytes(32)), (bytes(35), bytes(32)), (bytes(36), bytes(31))])
def test_what_would_not_be_found_again_is_refused(call: bytes, attribution: bytes) -> None:
    with pytest.raises(AttributionError):
        attributed(call, attribution)


def test_a_record_is_of_one_act_of_one_contract_and_chain() -> None:
    call = bytes(36)
    act = OfficerAct("officer-7f", "moderator", 31337, Address(b"\1" * 20), Hash32(keccak(call)))
    data = attributed(call, act.attribution(SALT))
    assert len(data) == len(call) + SUFFIX_BYTES
    assert act.is_of(31337, b"\1" * 20, data, SALT)

    other = attributed(bytes(68), act.attribution(SALT))
    for chain_id, contract, given_data, salt in (
        (1, b"\1" * 20, data, SALT),
        (31337, b"\2" * 20, data, SALT),
        (31337, None, data, SALT),
        (31337, b"\1" * 20, call, SALT),
        (31337, b"\1" * 20, other, SALT),
        (31337, b"\1" * 20, data, keccak(b"other")),
    ):
        assert not act.is_of(chain_id, contract, given_data, salt)
    assert not replace(act, officer="officer-80").is_of(31337, b"\1" * 20, data, SALT)
    assert not replace(act, role="publisher").is_of(31337, b"\1" * 20, data, SALT)
    with pytest.raises(EvidenceError):
        act.attribution(b"short")
