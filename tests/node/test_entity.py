# SPDX-License-Identifier: AGPL-3.0-or-later
"""Folders, keystores, and requests signed between members."""

from __future__ import annotations

import json
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_keyfile.keyfile import decode_keyfile_json

from node import member_auth
from node.entity import EntityFolder, read_public
from node.errors import EntityError, KeystoreError, MemberAuthError
from node.keys import Call, Key, Secret, load_secret, store_secret
from node.member_auth import Member, Verifier
from protocol.types import Role

URL = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> EntityFolder:
    return EntityFolder.create(tmp_path_factory.mktemp("entity") / "a", "Município A", URL + "/", lanes=2)


def test_a_folder_is_read_back_and_tells_no_secret(folder: EntityFolder) -> None:
    again = EntityFolder(folder.path)

    assert again.public == folder.public
    assert again.public.endpoint == URL
    assert len({*again.public.accounts.values(), *again.public.lanes}) == 7
    assert again.key(Role.GATEWAY).address not in again.public.lanes
    secrets = [path for path in folder.path.rglob("*") if path.is_file() and path.name != "entity.json"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)
    seed = again.trustee_seed()
    assert "***" in repr(seed)
    for private in (seed, again.key(Role.MEMBER)):
        assert seed.reveal().hex() not in repr(private)
        with pytest.raises(TypeError):
            pickle.dumps(private)


def test_keystores_are_the_standards(folder: EntityFolder) -> None:
    passphrase = (folder.path / "passphrase").read_text().strip()
    keystore = json.loads((folder.path / "keys" / "trustee.json").read_text())

    assert keystore["version"] == 3
    assert Key(Secret(decode_keyfile_json(keystore, passphrase))).address == folder.public.accounts[Role.TRUSTEE]
    assert "address" not in json.loads((folder.path / "keys" / "trustee-seed.json").read_text())


def test_an_entity_is_never_overwritten(folder: EntityFolder) -> None:
    with pytest.raises(EntityError, match="already"):
        EntityFolder.create(folder.path, "B", URL)


def test_a_broken_off_start_is_taken_up_again(tmp_path: Path) -> None:
    first = EntityFolder.create(tmp_path, "A", URL, lanes=1)
    (tmp_path / "entity.json").unlink()
    (tmp_path / "keys" / "trustee.json").unlink()

    again = EntityFolder.create(tmp_path, "A", URL, lanes=1)

    assert again.public.accounts[Role.MEMBER] == first.public.accounts[Role.MEMBER]
    assert again.public.accounts[Role.TRUSTEE] != first.public.accounts[Role.TRUSTEE]


@pytest.mark.parametrize(
    ("key", "to"),
    [
        ("schema", "x"),
        ("name", ""),
        ("endpoint", "ftp://a"),
        ("endpoint", ""),
        ("accounts", {}),
        ("lanes", []),
        ("lanes", ["0x" + "1" * 40] * 2),
    ],
)
def test_a_malformed_entity_file_is_a_typed_error(folder: EntityFolder, tmp_path: Path, key: str, to: object) -> None:
    file = tmp_path / "entity.json"
    file.write_text(json.dumps({**folder.public.to_json(), key: to}))

    with pytest.raises(EntityError, match="entity"):
        read_public(file)


def test_wrong_passphrases_open_files_and_damaged_keystores_are_typed_errors(tmp_path: Path) -> None:
    store_secret(tmp_path / "k.json", Secret(b"s" * 32), "right")

    assert load_secret(tmp_path / "k.json", "right").reveal() == b"s" * 32
    with pytest.raises(KeystoreError, match="passphrase"):
        load_secret(tmp_path / "k.json", "wrong")
    with pytest.raises(KeystoreError, match="exists already"):
        store_secret(tmp_path / "k.json", Secret(b"t" * 32), "right")
    (tmp_path / "k.json").write_text("{}")
    with pytest.raises(KeystoreError):
        load_secret(tmp_path / "k.json", "right")
    with pytest.raises(KeystoreError, match="cannot be read"):
        load_secret(tmp_path / "none.json", "right")
    for scalar in (0, 2**256 - 1):
        with pytest.raises(KeystoreError):
            Key(Secret(scalar.to_bytes(32, "big")))


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    entity = EntityFolder.create(tmp_path, "A", URL, lanes=1)
    (tmp_path / "passphrase").chmod(0o644)

    with pytest.raises(KeystoreError, match="chmod 600"):
        entity.key(Role.MEMBER)


def test_signing_is_deterministic() -> None:
    """A sender that signs twice must get the same bytes, or a rebroadcast would be another transaction."""
    key = Key(Secret(b"\x01" * 32))
    call = Call(b"\x22" * 20, b"data", "a call")

    assert key.sign_transaction(call, chain_id=1, nonce=0, gas=9) == key.sign_transaction(
        call, chain_id=1, nonce=0, gas=9
    )


KEY = Key(Secret(b"\x07" * 32))
PATH, BODY = "/members/peppers", b'{"initiative":1}'


def verifier(now: float = 1000.0) -> Verifier:
    known = {KEY.address: Member(3, "publisher")}
    return Verifier(known.get, audience=2, clock=lambda: now)


def signed(**changes: object) -> dict[str, str]:
    given: dict[str, object] = {"entity": 3, "audience": 2, "method": "POST", "path": PATH, "body": BODY, "now": 1000.0}
    return member_auth.sign(KEY, **{**given, **changes})  # type: ignore[arg-type]


def test_K1_one_account_cannot_use_up_the_others_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_auth, "MAX_NONCES", 2)
    other = Key(Secret(b"\x08" * 32))
    known = {KEY.address: Member(3, "publisher"), other.address: Member(4, "gateway")}
    guard = Verifier(known.get, audience=2, clock=lambda: 1000.0)
    for _ in range(2):
        guard.verify(method="POST", path=PATH, headers=signed(), body=BODY)

    with pytest.raises(MemberAuthError) as caught:
        guard.verify(method="POST", path=PATH, headers=signed(), body=BODY)
    assert caught.value.code == "too-many-requests"
    theirs = member_auth.sign(other, entity=4, audience=2, method="POST", path=PATH, body=BODY, now=1000.0)
    assert guard.verify(method="POST", path=PATH, headers=theirs, body=BODY).entity == 4


def test_a_signed_request_is_accepted_once() -> None:
    guard, headers = verifier(), signed()

    assert guard.verify(method="post", path=PATH, headers=headers, body=BODY) == Member(3, "publisher")
    with pytest.raises(MemberAuthError) as caught:
        guard.verify(method="POST", path=PATH, headers=headers, body=BODY)
    assert caught.value.code == "replayed-nonce"


@pytest.mark.parametrize(
    "changes",
    [{"audience": 4}, {"method": "PUT"}, {"path": "/members"}, {"body": b"{}"}],
)
def test_a_signature_over_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MemberAuthError) as caught:
        verifier().verify(method="POST", path=PATH, headers=signed(**changes), body=BODY)
    assert caught.value.code == "unknown-account"


def test_another_entitys_number_is_refused() -> None:
    with pytest.raises(MemberAuthError) as caught:
        verifier().verify(method="POST", path=PATH, headers=signed(entity=4), body=BODY)
    assert caught.value.code == "unknown-account"


@pytest.mark.parametrize(
    ("now", "stale"), [(1000 - 60, False), (1000 + 60, False), (1000 - 61, True), (1000 + 61, True)]
)
def test_the_clocks_may_differ_by_a_minute(now: float, stale: bool) -> None:
    guard = verifier(now)
    if not stale:
        guard.verify(method="POST", path=PATH, headers=signed(), body=BODY)
        return
    with pytest.raises(MemberAuthError) as caught:
        guard.verify(method="POST", path=PATH, headers=signed(), body=BODY)
    assert caught.value.code == "stale-timestamp"


@pytest.mark.parametrize(
    ("header", "to", "code"),
    [
        (member_auth.SIGNATURE, "", "missing-signature"),
        (member_auth.SIGNATURE, "0x" + "00" * 65, "malformed-signature"),
        (member_auth.SIGNATURE, "0x12", "malformed-signature"),
        (member_auth.NONCE, "x", "malformed-signature"),
        (member_auth.TIMESTAMP, "-1", "malformed-signature"),
        (member_auth.ENTITY, "٣", "malformed-signature"),
    ],
)
def test_malformed_headers_are_refused_with_a_code(header: str, to: str, code: str) -> None:
    with pytest.raises(MemberAuthError) as caught:
        verifier().verify(method="POST", path=PATH, headers={**signed(), header: to}, body=BODY)
    assert caught.value.code == code


def test_a_gateway_that_signed_with_its_first_lane_gets_an_account_of_its_own_at_the_rotation(tmp_path: Path) -> None:
    """As folders of earlier versions have it; what the lanes have under way goes on."""
    folder = EntityFolder.create(tmp_path / "old", "Old", URL, lanes=2)
    public = folder.public.to_json()
    accounts: Any = public["accounts"]
    first: Any = public["lanes"]
    (folder.path / "entity.json").write_text(json.dumps({**public, "accounts": {**accounts, "gateway": first[0]}}))
    (folder.path / "keys" / "gateway.json").unlink()

    old = EntityFolder(folder.path)
    assert old.key(Role.GATEWAY).address == old.lane_key(0).address
    successor = old.successor(Role.GATEWAY)
    old.succeed(Role.GATEWAY, successor.address)
    again = EntityFolder(folder.path)
    assert again.key(Role.GATEWAY).address == successor.address
    assert again.public.lanes == folder.public.lanes
    assert again.lane_key(0).address == folder.public.lanes[0]
