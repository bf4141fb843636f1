# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys in a token: they sign as those in files do, and what goes wrong with a token is said in one sentence."""

from __future__ import annotations

import json
import pickle
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from eth_account import Account

from node.cli import main
from node.entity import EntityFolder
from node.errors import KeystoreError
from node.keys import SECP256K1_N, Call, recover_message_signer
from node.token import PIN_VARIABLE, TokenKey, TokenUri, _sign, _token
from protocol import eip712
from protocol.types import Hash32, Role
from tests.token import PIN, new_token


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> TokenUri:
    return new_token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="module")
def key(token: TokenUri) -> TokenKey:
    return TokenKey.generate(token.named("signer"))


def test_a_token_signs_as_the_contracts_want_it(key: TokenKey) -> None:
    """r ‖ s ‖ v with s in the lower half, and the account recovered: also of digests with leading zeros."""
    for digest in [Hash32(secrets.token_bytes(32)) for _ in range(30)] + [Hash32(bytes(32)), Hash32(b"\xff" * 32)]:
        signature = key.sign_digest(digest)
        assert len(signature) == 65
        assert int.from_bytes(signature[32:64], "big") <= SECP256K1_N // 2
        assert eip712.recover(digest, signature) == key.address
    assert recover_message_signer(b"hello", key.sign_message(b"hello")) == key.address


def test_a_tokens_transactions_are_its_accounts(key: TokenKey) -> None:
    for to in (b"\x11" * 20, None):
        raw, hash_ = key.sign_transaction(Call(to, b"\1" * 100, "a call"), chain_id=31337, nonce=7, gas=90_000)
        assert Account.recover_transaction(raw).lower() == "0x" + key.address.hex()
        assert len(hash_) == 32


def test_threads_take_turns(key: TokenKey) -> None:
    digests = [Hash32(secrets.token_bytes(32)) for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(key.sign_digest, digests))
    assert all(eip712.recover(*pair) == key.address for pair in zip(digests, signatures, strict=True))


def test_a_key_stays_in_its_token(token: TokenUri, key: TokenKey) -> None:
    def attributes(session: Any) -> tuple[bool, bool]:
        private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label="signer")
        return private[pkcs11.Attribute.SENSITIVE], private[pkcs11.Attribute.EXTRACTABLE]

    assert _token(token).do(token, attributes) == (True, False)
    assert TokenKey(token.named("signer")).address == key.address
    assert repr(key) == f"TokenKey({key.checksum})"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(KeystoreError, match="already"):
        TokenKey.generate(token.named("signer"))
    with pytest.raises(KeystoreError, match="no one key 'nobody'"):
        TokenKey(token.named("nobody"))
    with pytest.raises(KeystoreError, match="names the key"):
        TokenKey.generate(token)


def test_a_session_that_was_lost_is_opened_again(
    token: TokenUri, key: TokenKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a token was taken out and put in again."""
    sessions: list[Any] = []

    def sign(session: Any, name: str, digest: bytes) -> bytes:
        sessions.append(session)
        if len(sessions) == 1:
            raise pkcs11.SessionHandleInvalid
        return _sign(session, name, digest)

    monkeypatch.setattr("node.token._sign", sign)
    digest = Hash32(secrets.token_bytes(32))
    assert eip712.recover(digest, key.sign_digest(digest)) == key.address
    assert len(sessions) == 2
    assert sessions[0] is not sessions[1]


def test_a_token_that_is_gone_or_locked_is_told_and_not_tried_for_ever(
    token: TokenUri, key: TokenKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def fails(error: Exception) -> None:
        def open_(uri: TokenUri) -> Any:
            nonlocal tries
            tries += 1
            raise error

        monkeypatch.setattr("node.token._open", open_)
        _token(token)._close()

    for error, says, opened in (
        (pkcs11.DeviceRemoved(), "does not work: DeviceRemoved", 2),
        (pkcs11.PinIncorrect(), "refuses the PIN", 1),
        (pkcs11.PinLocked(), "is locked", 1),
        (pkcs11.NoSuchToken(), "put it in", 1),
    ):
        tries = 0
        fails(error)
        with pytest.raises(KeystoreError, match=says):
            key.sign_digest(bytes(32))
        assert tries == opened  # a wrong PIN is not tried twice
    monkeypatch.undo()
    assert eip712.recover(Hash32(bytes(32)), key.sign_digest(bytes(32))) == key.address


def test_real_tokens_refuse_wrong_pins_and_unknown_labels(token: TokenUri, tmp_path: Path) -> None:
    fresh = new_token(tmp_path)
    Path(fresh.pin_file).write_text("wrong-pin\n")
    with pytest.raises(KeystoreError, match="refuses the PIN") as refused:
        TokenKey.generate(fresh.named("x"))
    assert "wrong-pin" not in str(refused.value)
    with pytest.raises(KeystoreError, match="There is no token 'elsewhere'"):
        TokenKey(TokenUri("elsewhere", token.module, "x", token.pin_file))
    with pytest.raises(KeystoreError, match="does not work"):
        TokenKey(TokenUri("a", str(tmp_path / "no-library.so"), "x", token.pin_file))


def test_pins_come_from_a_private_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pin"
    file.write_text("1234\n")
    file.chmod(0o644)
    with pytest.raises(KeystoreError, match="chmod 600"):
        TokenUri("a", "b.so", pin_file=str(file)).pin()
    file.chmod(0o600)
    assert TokenUri("a", "b.so", pin_file=str(file)).pin() == "1234"
    monkeypatch.delenv(PIN_VARIABLE, raising=False)
    with pytest.raises(KeystoreError, match=PIN_VARIABLE):
        TokenUri("a", "b.so").pin()
    monkeypatch.setenv(PIN_VARIABLE, "5678")
    assert TokenUri("a", "b.so").pin() == "5678"


def test_uris_are_read_as_rfc_7512_writes_them() -> None:
    text = "pkcs11:token=The%20Software%3B%20token;object=a%2Fb;type=private"
    text += "?module-path=/usr/lib/p11.so&pin-source=file:/etc/p"
    uri = TokenUri.parse(text)
    assert uri == TokenUri("The Software; token", "/usr/lib/p11.so", "a/b", "/etc/p")
    assert TokenUri.parse(str(uri)) == uri
    assert TokenUri.parse("pkcs11:token=a?module-path=/b.so") == TokenUri("a", "/b.so")
    for wrong, says in (
        ("file:/x", "begins with pkcs11:"),
        ("pkcs11:token=a", "module-path"),
        ("pkcs11:object=a?module-path=/b.so", "names the token"),
        ("pkcs11:token=a;token=b?module-path=/b.so", "malformed"),
        ("pkcs11:token?module-path=/b.so", "malformed"),
        ("pkcs11:token=a;slot-id=1?module-path=/b.so", "slot-id"),
        (f"pkcs11:token=a?module-path=/b.so&pin-value={PIN}", "must not hold the PIN"),
    ):
        with pytest.raises(KeystoreError, match=says) as refused:
            TokenUri.parse(wrong)
        assert PIN not in str(refused.value)


def test_an_entitys_accounts_live_in_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = new_token(tmp_path)
    words = ["entity", "init", str(tmp_path / "a"), "--name", "A", "--endpoint", "http://127.0.0.1:1", "--lanes", "2"]
    assert main([*words, "--token", str(token), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    folder = EntityFolder(tmp_path / "a")
    for role in Role:
        assert isinstance(folder.key(role), TokenKey)
        assert "0x" + folder.key(role).address.hex() == shown["accounts"][role.label]
    assert isinstance(folder.lane_key(1), TokenKey)
    texts = [file.read_text() for file in (tmp_path / "a" / "keys").iterdir()]
    assert len(texts) == len(Role) + 2 + 3
    assert not any(PIN in text for text in texts)

    successor = folder.successor(Role.GATEWAY)  # made where the present one is
    assert isinstance(successor, TokenKey)
    assert folder.successor(Role.GATEWAY).address == successor.address
    folder.succeed(Role.GATEWAY, successor.address)
    assert EntityFolder(tmp_path / "a").key(Role.GATEWAY).address == successor.address
    (tmp_path / "a" / "keys" / "gateway.token").write_text(str(token.named("nothing")))
    with pytest.raises(KeystoreError, match="no one key"):
        folder.key(Role.GATEWAY)
    assert main([*words[:2], str(tmp_path / "b"), *words[3:], "--token", "pkcs11:token=a", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["name"] == "KeystoreError"
