# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys in a hardware token (PKCS #11): they sign in there and never come out.

A key is named by a URI (RFC 7512), in a file or on the command line:

    pkcs11:token=urna;object=gateway?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/urna/pin

The PIN comes from the file that `pin-source` names (mode 0600), else from URNA_TOKEN_PIN; a `pin-value` in the URI is
refused, since URIs are shown. The token must know secp256k1 and ECDSA over a given digest (CKM_ECDSA).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import pkcs11
from eth_keys import keys as eth_keys
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from node import keys
from node.errors import KeystoreError
from node.keys import SECP256K1_N, Signer
from protocol.hashing import keccak

PIN_VARIABLE = "URNA_TOKEN_PIN"
_SCHEME, _STARS = "pkcs11:", "***"
_UNCOMPRESSED = b"\x04"
_POINT_BYTES = 65
_CURVE = encode_named_curve_parameters("secp256k1")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenUri:
    """What of RFC 7512 is used: which token (by its label), which key in it, which library, where the PIN is."""

    token: str
    module: str
    object: str = ""
    pin_file: str = ""

    @classmethod
    def parse(cls, text: str) -> TokenUri:
        """Raises KeystoreError, which never shows a PIN."""
        path, _, query = text.strip().removeprefix(_SCHEME).partition("?")
        if not text.strip().startswith(_SCHEME):
            raise KeystoreError("A token's URI begins with pkcs11: (RFC 7512).")
        given = {**_attributes(path, ";"), **_attributes(query, "&")}
        if "pin-value" in given:
            raise KeystoreError(f"A token's URI must not hold the PIN: use pin-source=file:… or {PIN_VARIABLE}.")
        unknown = set(given) - {"token", "object", "type", "module-path", "pin-source"}
        if unknown:
            raise KeystoreError(f"The token's URI has the unknown attribute {min(unknown)!r}.")
        if not given.get("token") or not given.get("module-path"):
            raise KeystoreError("A token's URI names the token (token=…) and the library (?module-path=…).")
        return cls(
            given["token"],
            given["module-path"],
            given.get("object", ""),
            given.get("pin-source", "").removeprefix("file:"),
        )

    def __str__(self) -> str:
        text = f"{_SCHEME}token={quote(self.token)}"
        if self.object:
            text += f";object={quote(self.object)};type=private"
        text += f"?module-path={quote(self.module, safe='/')}"
        return text + (f"&pin-source=file:{quote(self.pin_file, safe='/')}" if self.pin_file else "")

    def named(self, object_: str) -> TokenUri:
        """The same token, another key."""
        return replace(self, object=object_)

    def pin(self) -> str:
        """Raises KeystoreError where there is none, or others may read it."""
        if self.pin_file:
            return keys.read_passphrase(Path(self.pin_file))
        if pin := os.environ.get(PIN_VARIABLE):
            return pin
        raise KeystoreError(f"The PIN of the token {self.token!r} is nowhere: pin-source=file:… or {PIN_VARIABLE}.")


class TokenKey(Signer):
    """A private key in a token; safe across threads, which take turns."""

    __slots__ = ("_token", "_uri", "address")

    def __init__(self, uri: TokenUri) -> None:
        """Raises KeystoreError where token or key are not there, or the PIN is not its."""
        self._uri = uri
        self._token = _token(uri)
        point = self._token.do(uri, lambda session: _public_point(session, uri.object))
        self.address: bytes = keccak(point[1:])[12:]

    @classmethod
    def generate(cls, uri: TokenUri) -> TokenKey:
        """A fresh key, sensitive and not to be extracted. Raises KeystoreError, also where there is one of the name."""
        _token(uri).do(uri, lambda session: _generate(session, uri))
        return cls(uri)

    def sign_digest(self, digest: bytes) -> bytes:
        raw = self._token.do(self._uri, lambda session: _sign(session, self._uri.object, digest))
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        if not (len(raw) == 64 and 0 < r < SECP256K1_N and 0 < s < SECP256K1_N):
            raise KeystoreError(f"The token {self._uri.token!r} gave no ECDSA signature over secp256k1.")
        s = min(s, SECP256K1_N - s)  # EIP-2; the token gives either
        for parity in (0, 1):
            made = eth_keys.Signature(vrs=(parity, r, s))
            try:
                account = made.recover_public_key_from_msg_hash(digest).to_canonical_address()
            except Exception:  # eth-keys raises what its backends raise: this parity is not it
                continue
            if account == self.address:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])
        raise KeystoreError(f"The token {self._uri.token!r} signed with another key than {self._uri.object!r}.")


class _Token:
    """One token, with one session at a time; opened again where it was lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None

    def do(self, uri: TokenUri, work: Callable[[Any], T]) -> T:
        """Raises KeystoreError: what is wrong with the token, and what to do."""
        with self._lock:
            for last in (False, True):
                try:
                    if self._session is None:
                        self._session = _open(uri)
                    return work(self._session)
                except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
                    raise KeystoreError(f"The token {uri.token!r} has no one key {uri.object!r}.") from error
                except (pkcs11.PKCS11Error, RuntimeError) as error:
                    self._close()
                    if last or self._is_final(error):
                        raise KeystoreError(_sentence(uri, error)) from error
            raise AssertionError("unreachable")

    @staticmethod
    def _is_final(error: Exception) -> bool:
        """Trying again would not help, or would use up the PIN's tries."""
        return isinstance(error, pkcs11.PinIncorrect | pkcs11.PinLocked | pkcs11.NoSuchToken)

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error:
                return  # it went with the token


_tokens: dict[tuple[str, str], _Token] = {}
_tokens_lock = threading.Lock()


def _token(uri: TokenUri) -> _Token:
    """One for each token of this process: who has logged in once is logged in."""
    with _tokens_lock:
        return _tokens.setdefault((uri.module, uri.token), _Token())


def _open(uri: TokenUri) -> Any:
    return pkcs11.lib(uri.module).get_token(token_label=uri.token).open(rw=True, user_pin=uri.pin())


def _sentence(uri: TokenUri, error: Exception) -> str:
    match error:
        case pkcs11.NoSuchToken():
            return f"There is no token {uri.token!r} at {uri.module}: put it in, or correct the URI."
        case pkcs11.PinIncorrect():
            return f"The token {uri.token!r} refuses the PIN; every further try may lock it."
        case pkcs11.PinLocked():
            return f"The token {uri.token!r} is locked after too many wrong PINs; its security officer unlocks it."
        case _:
            return (
                f"The token {uri.token!r} at {uri.module} does not work: {type(error).__name__} {error}".strip() + "."
            )


def _public_point(session: Any, name: str) -> bytes:
    """The uncompressed point of the key's public half, 65 bytes."""
    encoded = bytes(session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=name)[Attribute.EC_POINT])
    point = encoded[2:] if encoded[:2] == bytes((0x04, _POINT_BYTES)) else encoded  # DER, which some tokens leave out
    if len(point) != _POINT_BYTES or point[:1] != _UNCOMPRESSED:
        raise KeystoreError(f"The key {name!r} in the token is not on secp256k1.")
    return point


def _generate(session: Any, uri: TokenUri) -> None:
    if not uri.object:
        raise KeystoreError("A token's URI names the key to be made (object=…).")
    if any(True for _ in session.get_objects({Attribute.LABEL: uri.object})):
        raise KeystoreError(f"The token {uri.token!r} has a key {uri.object!r} already.")
    curve = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: _CURVE}, local=True)
    curve.generate_keypair(
        mechanism=Mechanism.EC_KEY_PAIR_GEN,
        store=True,
        label=uri.object,
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )


def _sign(session: Any, name: str, digest: bytes) -> bytes:
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=name)
    return bytes(key.sign(digest, mechanism=Mechanism.ECDSA))


def _attributes(text: str, separator: str) -> dict[str, str]:
    found = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise KeystoreError(f"The token's URI is malformed at {name!r}.")
        found[name] = unquote(value)
    return found
