# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brokers' names and keys: one name a broker, points of the curve alone, and no key after an initiative's creation."""

from __future__ import annotations

import base64

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from protocol import events
from protocol.broker import BrokerError, BrokerIssuer, is_on_curve, parse_issuer, to_jwk
from protocol.types import Address, EntityId, P256Point
from tests.protocol.chronicle import BROKER_KEY, CONSORTIUM, Chronicle
from tests.protocol.test_encodings import unhex, vectors
from tests.protocol.test_state import refused

TWO = EntityId(2)
P = 2**256 - 2**224 + 2**192 + 2**96 - 1


def test_names_are_those_of_the_vectors() -> None:
    given_vectors = vectors("encodings")["brokers"]
    for one in given_vectors["issuers"]:
        named = one["of"]
        issuer = BrokerIssuer(named["chainId"], Address(unhex(named["consortium"])), EntityId(named["entity"]))
        assert str(issuer) == one["issuer"]
        assert parse_issuer(one["issuer"]) == issuer
    for other in given_vectors["others"]:
        assert parse_issuer(other) is None
    for unfit in given_vectors["refused"]:
        with pytest.raises(BrokerError):
            parse_issuer(unfit)


@given(st.integers(1, 2**256 - 1), st.binary(min_size=20, max_size=20), st.integers(1, 2**32 - 1))
def test_a_broker_has_one_name(chain_id: int, consortium: bytes, entity: int) -> None:
    issuer = BrokerIssuer(chain_id, Address(consortium), EntityId(entity))
    assert parse_issuer(str(issuer)) == issuer


@given(st.text())
def test_what_begins_as_a_broker_is_one_or_refused(rest: str) -> None:
    try:
        parsed = parse_issuer("urn:urna:broker:" + rest)
    except BrokerError:
        return
    assert str(parsed) == "urn:urna:broker:" + rest


def test_a_key_made_elsewhere_is_on_the_curve_and_signs_what_its_jwk_verifies() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    key = P256Point(numbers.x, numbers.y)

    assert is_on_curve(key)
    token = jwt.encode({"sub": "1"}, private, algorithm="ES256")
    assert jwt.decode(token, jwt.PyJWK(to_jwk(key)), algorithms=["ES256"]) == {"sub": "1"}
    assert base64.urlsafe_b64decode(to_jwk(key)["x"] + "=") == numbers.x.to_bytes(32, "big")


ROOT_OF_B = 0x66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4


@pytest.mark.parametrize("key", [P256Point(0, 0), P256Point(BROKER_KEY.x, BROKER_KEY.y ^ 1), P256Point(P, ROOT_OF_B)])
def test_B3_what_is_no_point_has_no_jwk(key: P256Point) -> None:
    assert is_on_curve(P256Point(0, ROOT_OF_B))
    assert not is_on_curve(key)
    with pytest.raises(BrokerError):
        to_jwk(key)


def begun() -> Chronicle:
    c = Chronicle()
    c.found()
    c.emit(events.BrokerKeyRegistered(TWO, BROKER_KEY))
    c.create()
    return c


def test_K1_an_initiative_keeps_the_broker_keys_it_began_with() -> None:
    c = begun()
    consortium, created = c.state.consortium, c.initiative.created
    other = P256Point(BROKER_KEY.x, P - BROKER_KEY.y)
    assert consortium.broker_key(TWO, created) == BROKER_KEY

    c.emit(events.BrokerKeyRegistered(TWO, other))
    c.emit(events.BrokerKeyRegistered(EntityId(3), other))

    assert consortium.broker_key(TWO) == consortium.broker_key(EntityId(3)) == other
    assert consortium.broker_key(TWO, created) is None
    assert consortium.broker_key(EntityId(3), created) is None


def test_K2_a_removed_key_and_a_suspended_entitys_count_for_nothing() -> None:
    c = begun()
    consortium, created = c.state.consortium, c.initiative.created
    draft = events.EntitySuspended(TWO)
    c.motion(CONSORTIUM, "suspend(uint32)", [2], draft)
    assert consortium.broker_key(TWO, created) is None
    assert consortium.broker_key(EntityId(9)) is None
    refused(c, "consortium.motions", events.BrokerKeyRegistered(TWO, BROKER_KEY), reason="not active")

    c = begun()
    refused(c, "consortium.motions", events.BrokerKeyRegistered(TWO, P256Point(1, 1)), reason="no point")
    c.emit(events.BrokerKeyRegistered(TWO, P256Point(0, 0)))
    assert c.state.consortium.broker_key(TWO) is None
    assert c.state.consortium.broker_key(TWO, c.initiative.created) is None
