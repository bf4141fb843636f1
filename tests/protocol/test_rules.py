# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rules: one encoding, every refusal of the contract in the contract's words (B14)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from eth_abi.abi import encode as reference_encode
from hypothesis import given
from hypothesis import strategies as st

from protocol import abi, rules
from protocol.hashing import keccak
from protocol.types import EntityId
from scripts.vectors.cases import NOW, EveryEntity, base_rules
from tests.protocol.solidity import CONTRACTS
from tests.protocol.test_encodings import unhex, vectors


def as_tuple(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        return tuple(as_tuple(getattr(value, name)) for name in value.__dataclass_fields__)
    if isinstance(value, tuple):
        return [as_tuple(item) for item in value]
    return value


def test_encoding_as_another_library_encodes_it() -> None:
    for item in vectors("rules")["valid"]:
        decoded = rules.decode(unhex(item["encoded"]))
        assert rules.encode(decoded) == unhex(item["encoded"])
        assert reference_encode([abi.codec_of(rules.Rules).name], [as_tuple(decoded)]) == unhex(item["encoded"])
        assert rules.rules_hash(decoded) == keccak(unhex(item["encoded"])) == unhex(item["hash"])
        rules.check(decoded, NOW, EveryEntity())


def test_bytes_that_encode_no_rules() -> None:
    for data in vectors("rules")["malformed"]:
        with pytest.raises(abi.AbiError):
            rules.decode(unhex(data))


@given(place=st.integers(0, 2000), bit=st.integers(0, 7))
def test_rules_have_one_encoding(place: int, bit: int) -> None:
    data = rules.encode(base_rules())
    place %= len(data)
    flipped = data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :]
    try:
        decoded = rules.decode(flipped)
    except abi.AbiError:
        return
    if "�" not in "".join(decoded.issuers):
        assert rules.encode(decoded) == flipped


def test_B14_every_fault_is_refused_in_the_contracts_words() -> None:
    for item in vectors("rules")["refused"]:
        with pytest.raises(rules.RulesError) as caught:
            rules.check(rules.decode(unhex(item["encoded"])), NOW, EveryEntity())
        assert {"error": type(caught.value).__name__, "reason": caught.value.reason} == {
            key: item[key] for key in ("error", "reason")
        }


def test_B14_the_vectors_know_every_reason_of_the_contract() -> None:
    text = (CONTRACTS / "lib" / "RulesCheck.sol").read_text()
    reasons = set(re.findall(r'revert IInitiatives\.(\w+)\("([^"]*)"\)', text))
    assert len(reasons) > 40
    covered = {(item["error"], item["reason"]) for item in vectors("rules")["refused"]}
    assert reasons - covered == set()
    assert {error for error, _ in covered - reasons} == {"MinimumAnonymityTooSmall"}


def test_B14_floors() -> None:
    good = base_rules()
    for broken in (
        replace(good, registrar_threshold=1),
        replace(good, trustee_threshold=1),
        replace(good, trustees=(*good.trustees, EntityId(6)), trustee_threshold=3),
        replace(good, registrars=(EntityId(2), EntityId(2))),
        replace(good, min_anonymity=9),
    ):
        with pytest.raises(rules.RulesError):
            rules.check(broken, NOW, EveryEntity())
    rules.check(replace(good, trustees=tuple(map(EntityId, range(1, 6))), trustee_threshold=3), NOW, EveryEntity())


def test_windows_at_their_edges() -> None:
    w = base_rules().windows
    for edge in (
        replace(w, registration_opens=NOW + 1, ceremony_step=600),
        replace(w, registration_closes=w.registration_opens + 1),
        replace(w, voting_closes=w.voting_opens + 1),
        replace(w, voting_closes=NOW + rules.MAX_HORIZON),
        replace(w, challenge_period=rules.MAX_CHALLENGE, max_extension=rules.MAX_EXTENSION),
        replace(w, ceremony_step=7 * rules.DAY // 2 - 1),
    ):
        rules.check(replace(base_rules(), windows=edge), NOW, EveryEntity())
