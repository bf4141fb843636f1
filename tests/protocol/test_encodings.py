# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tags, nonces, evidence, signed batches: against vectors and other libraries, and for what they must tell apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from protocol import eip712, evidence, jcs, nonces, pepper, tags
from protocol.eip712 import SignatureError, camel_case
from protocol.hashing import domain, keccak, signal, word, words
from protocol.types import Address, Commitment, EntityId, Hash32, InitiativeId, PromiseKind, Tag
from scripts.vectors.encodings import VECTORS, render
from tests.protocol.chronicle import SUITE, batch_id, commitment, tag

FOLDER = Path(__file__).parents[1] / "vectors"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
INITIATIVE = InitiativeId(7)


def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_are_what_the_script_writes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == render(name)


def test_words_domains_and_signals() -> None:
    given_vectors = vectors("encodings")
    for name, digest in given_vectors["domains"].items():
        assert unhex(digest) == domain(name) == keccak(name.encode())
    one, address, salt = given_vectors["words"]["of"]
    assert words(one, unhex(address), unhex(salt)) == unhex(given_vectors["words"]["encoded"])
    assert signal(unhex(given_vectors["signal"]["of"])) == int(given_vectors["signal"]["signal"])
    assert words(0, b"\1") == bytes(63) + b"\1"
    with pytest.raises(OverflowError):
        word(-1)
    with pytest.raises(OverflowError):
        word(1 << 256)
    with pytest.raises(ValueError, match="32"):
        word(bytes(33))


def test_tags_by_hand() -> None:
    for item in vectors("encodings")["tags"]:
        pepper, subject, namespace = unhex(item["pepper"]), item["subject"].encode(), item["namespace"].encode()
        parts = [item["purpose"].encode(), word(item["chainId"]), bytes(7) + b"\7", namespace, subject]
        message = b"urna/person/v1" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        assert hmac.new(pepper, message, hashlib.sha256).digest() == unhex(item["tag"])


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.integers(1, 19))
def test_J6_tags_tell_apart_where_issuer_and_subject_meet(left: str, right: str, cut: int) -> None:
    joined = left + right
    cut = 1 + cut % (len(joined) - 1) if len(joined) > 2 else 1
    first = tags.person_tag(bytes(32), tags.Purpose.ELECTOR, 1, INITIATIVE, left, right)
    second = tags.person_tag(bytes(32), tags.Purpose.ELECTOR, 1, INITIATIVE, joined[:cut], joined[cut:])
    assert (first == second) == (left == joined[:cut])


def test_a_tag_is_of_one_purpose_chain_initiative_and_pepper() -> None:
    base = (bytes(32), tags.Purpose.ELECTOR, 1, INITIATIVE, "iss", "sub")
    others: list[tuple[Any, ...]] = [
        (b"\1" * 32, *base[1:]),
        (base[0], tags.Purpose.AUTHOR, *base[2:]),
        (*base[:2], 2, *base[3:]),
        (*base[:3], InitiativeId(8), *base[4:]),
    ]
    assert len({tags.person_tag(*arguments) for arguments in [base, *others]}) == 5
    for wrong in [(b"", *base[1:]), (bytes(31), *base[1:]), (*base[:4], "", "sub"), (*base[:4], "iss", "")]:
        with pytest.raises(tags.TagError):
            tags.person_tag(*wrong)


def test_J4_a_nonce_binds_everything() -> None:
    listed = vectors("encodings")["nonces"]
    contract, salt = Address(unhex(listed["electorate"])), unhex(listed["salt"])
    bound = Commitment(int(listed["commitment"]))
    base = (listed["chainId"], contract, INITIATIVE, bound, salt)
    assert nonces.elector_nonce(*base) == listed["elector"]
    expected = keccak(words(domain("urna/nonce/elector/v1"), *base))
    assert base64.urlsafe_b64decode(listed["elector"] + "=") == expected
    assert nonces.replacement_nonce(*base) == listed["replacement"]
    text = Hash32(unhex(listed["contentHash"]))
    assert nonces.author_nonce(base[0], SUITE.proposals, INITIATIVE, text, salt) == listed["author"]
    others: list[tuple[Any, ...]] = [
        (1, *base[1:]),
        (base[0], SUITE.tally, *base[2:]),
        (*base[:2], InitiativeId(8), *base[3:]),
        (*base[:3], Commitment(bound + 1), salt),
        (*base[:4], bytes(32)),
    ]
    made = {nonces.elector_nonce(*arguments) for arguments in [base, *others]} | {nonces.replacement_nonce(*base)}
    assert len(made) == 7
    assert {len(nonce) for nonce in made} == {43}
    with pytest.raises(nonces.NonceError):
        nonces.elector_nonce(*base[:4], salt[:31])


def test_evidence_roots_by_hand() -> None:
    listed = vectors("encodings")["evidence"]
    leaves = [keccak(b"\0" + keccak(token.encode())) for token in listed[-1]["tokens"]]

    def node(left: bytes, right: bytes) -> bytes:
        return keccak(b"\1" + left + right)

    a, b, c, d, e = leaves
    by_hand = [a, node(a, b), node(node(a, b), c), node(node(a, b), node(c, d)), node(node(node(a, b), node(c, d)), e)]
    assert [unhex(item["root"]) for item in listed] == by_hand
    assert [evidence.evidence_root(item["tokens"]) for item in listed] == by_hand
    for wrong in ([], ["é"]):
        with pytest.raises(evidence.EvidenceError):
            evidence.evidence_root(wrong)


def test_contents_are_canonical_and_salted() -> None:
    item = vectors("encodings")["content"]
    assert evidence.content_document(item["content"], unhex(item["salt"])).decode() == item["document"]
    assert evidence.content_hash(item["content"], unhex(item["salt"])) == unhex(item["hash"])
    shuffled = dict(reversed(item["content"].items()))
    assert evidence.content_hash(shuffled, unhex(item["salt"])) == unhex(item["hash"])
    assert evidence.content_hash(item["content"], bytes(32)) != unhex(item["hash"])
    broken: list[tuple[dict[str, object], bytes]] = [
        ({}, b""),
        ({"x": float("nan")}, bytes(32)),
        ({"x": 1 << 60}, bytes(32)),
        ({"x": b""}, bytes(32)),
    ]
    for content, salt in broken:
        with pytest.raises(evidence.EvidenceError):
            evidence.content_document(content, salt)


def test_canonical_json() -> None:
    for item in vectors("encodings")["canonicalJson"]:
        assert jcs.canonical(item["document"]).decode() == item["canonical"]
    with pytest.raises(jcs.JsonError):
        jcs.canonical({"x": "\ud800"})


MESSAGES: list[tuple[eip712.Statement, str, Address]] = [
    (
        eip712.RegistrationBatch(
            INITIATIVE, batch_id(1), 99, (tag(1), tag(2)), (commitment(1), commitment(2)), Hash32(bytes(32))
        ),
        "Urna Electorate",
        SUITE.electorate,
    ),
    (
        eip712.Replacement(INITIATIVE, batch_id(1), 99, tag(1), commitment(1), commitment(2), Hash32(bytes(32))),
        "Urna Electorate",
        SUITE.electorate,
    ),
    (
        eip712.Submission(INITIATIVE, batch_id(1), 99, tag(1), Hash32(keccak(b"text")), Hash32(bytes(32))),
        "Urna Proposals",
        SUITE.proposals,
    ),
    (eip712.EncryptionKey(EntityId(2), Hash32(keccak(b"key"))), "Urna Registrar", SUITE.tally),
    (eip712.PepperReceipt(EntityId(2), INITIATIVE, Hash32(keccak(b"pepper"))), "Urna Registrar", SUITE.tally),
    (
        eip712.Promise(EntityId(2), PromiseKind.BALLOT, INITIATIVE, Hash32(keccak(b"ballot")), 99),
        "Urna Gateway",
        SUITE.ballot_box,
    ),
]


@pytest.mark.parametrize(("message", "name", "contract"), MESSAGES)
def test_signed_batches_as_another_library_signs_them(message: eip712.Statement, name: str, contract: Address) -> None:
    members = eip712.type_string(type(message)).partition("(")[2].rstrip(")").split(",")
    types = {type(message).__name__: [dict(zip(("type", "name"), part.split(), strict=True)) for part in members]}
    domain_data = {"name": name, "version": "1", "chainId": 31337, "verifyingContract": "0x" + contract.hex()}
    content = {
        camel_case(key): list(value) if isinstance(value, tuple) else value for key, value in asdict(message).items()
    }
    signable = encode_typed_data(domain_data=domain_data, message_types=types, message_data=content)
    account = Account.create()
    signed = account.sign_message(signable)
    digest = eip712.digest(message, 31337, contract)
    assert digest == signed.message_hash
    assert eip712.sign(digest, bytes(account.key)) == bytes(signed.signature)
    assert "0x" + eip712.recover(digest, bytes(signed.signature)).hex() == account.address.lower()


@pytest.mark.parametrize(("message", "name", "contract"), MESSAGES)
def test_a_digest_is_of_every_field_the_chain_and_the_contract(
    message: eip712.Statement, name: str, contract: Address
) -> None:
    digests = {
        eip712.digest(message, 1, contract),
        eip712.digest(message, 2, contract),
        eip712.digest(message, 1, SUITE.initiatives),
    }
    for field in fields(message):
        value = getattr(message, field.name)
        other: Any = (
            type(value)(value - 1) if isinstance(value, int) else value[::-1] if len(set(value)) > 1 else b"\1" * 32
        )
        digests.add(eip712.digest(replace(message, **{field.name: other}), 1, contract))
    assert len(digests) == 3 + len(fields(message))
    number = next(field.name for field in fields(message) if type(getattr(message, field.name)) is int)
    too_large: dict[str, Any] = {number: 1 << 64}
    with pytest.raises(SignatureError):
        eip712.digest(replace(message, **too_large), 1, contract)


def test_signatures_have_one_form() -> None:
    key, digest = keccak(b"key"), Hash32(keccak(b"digest"))
    good = eip712.sign(digest, key)
    account = eip712.recover(digest, good)
    s = int.from_bytes(good[32:64], "big")
    flipped = good[:32] + (ORDER - s).to_bytes(32, "big") + bytes((55 - good[64],))
    compact = good[:64] + bytes((good[64] - 27,))
    zero = bytes(64) + b"\x1b"
    for wrong in (flipped, compact, zero, good[:64], good + b"\0", b"\xff" * 64 + b"\x1b"):
        with pytest.raises(SignatureError):
            eip712.recover(digest, wrong)
    assert eip712.recover(Hash32(keccak(b"other")), good) != account


def test_a_sealed_pepper_is_bound_as_the_vectors_say() -> None:
    item = vectors("encodings")["pepperBox"]
    values = item["initiatives"], item["pepperHash"]
    info = pepper.box_info(
        item["chainId"],
        Address(unhex(values[0])),
        InitiativeId(item["initiative"]),
        Hash32(unhex(values[1])),
        EntityId(item["receiver"]),
    )
    assert info == unhex(item["info"])


def test_signed_vectors() -> None:
    for item in vectors("eip712"):
        digest = Hash32(unhex(item["digest"]))
        assert eip712.sign(digest, unhex(item["privateKey"])) == unhex(item["signature"])
        assert eip712.recover(digest, unhex(item["signature"])) == unhex(item["account"])


def test_tags_are_bytes_of_their_own_type() -> None:
    assert Tag(tag(1)) == tag(1) != tag(2)
