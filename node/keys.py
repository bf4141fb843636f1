# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys on disk (Web3 Secret Storage, version 3) and in memory. A secret never shows in repr, log or traceback text.

A folder's keystores share one passphrase of 256 random bits in a file with mode 0600; stretching such a passphrase
adds nothing, so the scrypt cost is low. Besides accounts, a keystore may hold any other 32 bytes.
"""

from __future__ import annotations

import json
import os
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rlp
from eth_account import Account
from eth_account.messages import SignableMessage, encode_defunct
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address, to_checksum_address

from node.errors import KeystoreError
from protocol.attribution import SUFFIX_BYTES, attributed
from protocol.hashing import keccak

_coincurve: Any
try:
    import coincurve as _coincurve
except ImportError:  # no build for this Python: eth-keys signs the same, slower
    _coincurve = None

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_GAS_PER_BYTE = 16  # of calldata, EIP-2028
_SCRYPT_N = 1 << 12
_MAX_FILE = 16_384


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a contract (or a creation, `to` None), before it has a nonce. `what` names it in errors."""

    to: bytes | None
    data: bytes
    what: str
    gas: int | None = None

    def attributed(self, attribution: bytes) -> Call:
        """The same call with an officer's attribution behind it (`protocol.attribution`)."""
        gas = None if self.gas is None else self.gas + _GAS_PER_BYTE * SUFFIX_BYTES
        return replace(self, data=attributed(self.data, attribution), gas=gas)


class Secret:
    """32 secret bytes. Printing shows stars; `reveal()` is the one way to them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if len(value) != 32:
            raise KeystoreError(f"A secret has 32 bytes, not {len(value)}.")
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def new_account_secret() -> Secret:
    """A fresh random signing key."""
    return Secret((secrets.randbelow(SECP256K1_N - 1) + 1).to_bytes(32, "big"))


class Signer(ABC):
    """An account that signs, wherever its key lives: `Key` in memory, `node.token.TokenKey` in a hardware token.

    `address` is 20 bytes, `checksum` its EIP-55 form.
    """

    __slots__ = ()
    address: bytes

    @abstractmethod
    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes `r ‖ s ‖ v`, v 27 or 28, s in the lower half. Raises KeystoreError where the key is out of reach."""

    @property
    def checksum(self) -> str:
        return str(to_checksum_address(self.address))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.checksum})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def sign_message(self, message: bytes) -> bytes:
        """EIP-191 (personal) signature, 65 bytes."""
        return self.sign_digest(_digest(encode_defunct(message)))

    def sign_transaction(self, call: Call, *, chain_id: int, nonce: int, gas: int) -> tuple[bytes, bytes]:
        """Signed bytes (type 0 with EIP-155, gas price and value zero) and their hash."""
        fields: list[int | bytes] = [nonce, 0, gas, call.to or b"", 0, call.data]
        signature = self.sign_digest(keccak(rlp.encode([*fields, chain_id, 0, 0])))
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw = bytes(rlp.encode([*fields, chain_id * 2 + 8 + signature[64], r, s]))
        return raw, keccak(raw)


class Key(Signer):
    """A signing key in this process's memory; nonces by RFC 6979."""

    __slots__ = ("_fast", "_private", "address")

    def __init__(self, secret: Secret) -> None:
        if not 0 < int.from_bytes(secret.reveal(), "big") < SECP256K1_N:
            raise KeystoreError("The key is not a valid secp256k1 key.")
        self._private = PrivateKey(secret.reveal())
        self._fast = None if _coincurve is None else _coincurve.PrivateKey(secret.reveal())
        self.address: bytes = self._private.public_key.to_canonical_address()

    def sign_digest(self, digest: bytes) -> bytes:
        if self._fast is not None and len(digest) == 32:
            made = self._fast.sign_recoverable(digest, hasher=None)  # libsecp256k1: RFC 6979, low s
            return bytes(made[:64]) + bytes([27 + made[64]])
        signature = self._private.sign_msg_hash(digest)
        return bytes(signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([27 + signature.v]))


def _digest(message: SignableMessage) -> bytes:
    return keccak(b"\x19" + message.version + message.header + message.body)


def recover_message_signer(message: bytes, signature: bytes) -> bytes:
    """Address (20 bytes) that signed an EIP-191 message. Raises KeystoreError on a malformed signature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise KeystoreError("The signature is not 65 bytes with v 27 or 28.")
    try:
        address = Account.recover_message(encode_defunct(message), signature=signature)
    except Exception as error:  # eth-account lets its backends' exceptions through
        raise KeystoreError("The signature is not valid.") from error
    return bytes(to_canonical_address(address))


def new_passphrase(path: Path) -> str:
    """Writes a new random passphrase (mode 0600) where there is none, and returns what the file holds."""
    if not path.exists():
        write_private(path, secrets.token_hex(32).encode() + b"\n")
    return read_passphrase(path)


def read_passphrase(path: Path) -> str:
    """The passphrase in the file. Raises KeystoreError when it is missing, empty, or readable by others."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeystoreError(f"The passphrase file {path} can be read by others; run chmod 600 on it.")
        passphrase = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeystoreError(f"The passphrase file {path} cannot be read: {_reason(error)}.") from error
    if not passphrase:
        raise KeystoreError(f"The passphrase file {path} is empty.")
    return passphrase


def store_secret(path: Path, secret: Secret, passphrase: str, *, address: bytes | None = None) -> None:
    """Writes a keystore file (mode 0600), never over another. `address` only for accounts."""
    keystore = create_keyfile_json(secret.reveal(), passphrase, version=3, kdf="scrypt", iterations=_SCRYPT_N)
    keystore.pop("address", None)  # of 32 bytes that are no account it would be a public key derived for nothing
    content: dict[str, Any] = {**keystore}
    if address is not None:
        content["address"] = address.hex()
    if path.exists():
        raise KeystoreError(f"The keystore {path} exists already; move it away first.")
    write_private(path, json.dumps(content, indent=1).encode() + b"\n")


def load_secret(path: Path, passphrase: str) -> Secret:
    """Raises KeystoreError when the file is missing, no keystore v3, or the passphrase is another."""
    try:
        if path.stat().st_size > _MAX_FILE:
            raise KeystoreError(f"The file {path} is too long for a keystore.")
        keystore = json.loads(path.read_text(encoding="utf-8"))
        secret = decode_keyfile_json(keystore, passphrase)
    except OSError as error:
        raise KeystoreError(f"The keystore {path} cannot be read: {_reason(error)}.") from error
    except Exception as error:  # eth-keyfile raises what its parsers raise
        raise KeystoreError(f"The keystore {path} cannot be opened with the folder's passphrase.") from error
    return Secret(secret)


def load_key(path: Path, passphrase: str) -> Key:
    """As `load_secret`, for an account; the address in the file must be the key's."""
    key = Key(load_secret(path, passphrase))
    if json.loads(path.read_text(encoding="utf-8")).get("address") != key.address.hex():
        raise KeystoreError(f"The keystore {path} names another address than its key's.")
    return key


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner reads (mode 0600), whole or not at all, and on disk when it returns."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
