# SPDX-License-Identifier: AGPL-3.0-or-later
"""Secrets, commitments, nullifiers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.bn254 import SCALAR_FIELD
from protocol.errors import InvalidScalar, WrongLength
from protocol.identity import SUBGROUP_ORDER, Identity, derive_secret
from tests.reference.vectors import data, integer, load


@pytest.mark.parametrize("case", load("identity")["cases"])
def test_commitment_and_nullifier_are_semaphores(case: dict[str, str]) -> None:
    identity = Identity(integer(case["secret"]))
    assert identity.commitment() == integer(case["commitment"])
    assert identity.nullifier(data(case["scope"])) == integer(case["nullifier"])


@pytest.mark.parametrize("case", load("identity")["derived"])
def test_derivation_equals_the_vectors(case: dict[str, Any]) -> None:
    place = (case["chainId"], data(case["initiatives"]), case["initiative"], case["attempt"])
    secret = derive_secret(data(case["master"]), *place)
    assert secret == integer(case["secret"])
    assert Identity.derive(data(case["master"]), *place).commitment() == integer(case["commitment"])


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64),
    st.binary(min_size=20, max_size=20),
    st.integers(0, 2**64),
    st.integers(0, 2),
)
def test_every_part_changes_the_secret(
    master: bytes, chain: int, address: bytes, initiative: int, attempt: int
) -> None:
    base = derive_secret(master, chain, address, initiative, attempt)
    assert 1 <= base < SUBGROUP_ORDER
    others = [
        derive_secret(bytes([master[0] ^ 1]) + master[1:], chain, address, initiative, attempt),
        derive_secret(master, chain + 1, address, initiative, attempt),
        derive_secret(master, chain, address[:-1] + bytes([address[-1] ^ 1]), initiative, attempt),
        derive_secret(master, chain, address, initiative + 1, attempt),
        derive_secret(master, chain, address, initiative, attempt + 1),
    ]
    assert base not in others


def test_malformed_parts_are_refused() -> None:
    for master, address in ((bytes(31), bytes(20)), (bytes(33), bytes(20)), (bytes(32), bytes(19)), (bytes(32), b"")):
        with pytest.raises(WrongLength):
            derive_secret(master, 1, address, 1, 0)
    for chain, initiative, attempt in ((-1, 1, 0), (1, -1, 0), (1, 1, -1), (2**256, 1, 0)):
        with pytest.raises(InvalidScalar):
            derive_secret(bytes(32), chain, bytes(20), initiative, attempt)


@pytest.mark.parametrize("secret", [0, -1, SUBGROUP_ORDER, SUBGROUP_ORDER + 1, SCALAR_FIELD])
def test_secrets_outside_the_subgroup_are_refused(secret: int) -> None:
    # secret + order would have the same commitment, and another nullifier: a second vote.
    with pytest.raises(InvalidScalar, match="identity secret"):
        Identity(secret)


def test_a_scope_is_32_bytes() -> None:
    with pytest.raises(WrongLength):
        Identity(1).nullifier(bytes(31))


def test_the_secret_is_not_printed() -> None:
    secret = 123456789123456789
    for text in (repr(Identity(secret)), str(Identity(secret)), f"{Identity(secret)!r}"):
        assert str(secret) not in text
