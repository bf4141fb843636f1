# SPDX-License-Identifier: AGPL-3.0-or-later
"""The accounts of an entity's folder: each a keystore (NAME.json), or the URI of a key in a token (NAME.token)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from node import keys
from node.errors import KeystoreError
from node.keys import Key, Signer
from node.token import TokenKey, TokenUri

MAX_URI = 4096


class Accounts:
    """In the folder `path`; `passphrase` is asked for when a keystore is opened."""

    def __init__(self, path: Path, passphrase: Callable[[], str]) -> None:
        self._path = path
        self._passphrase = passphrase

    def exists(self, name: str) -> bool:
        return self._keystore(name).exists() or self._uri(name).exists()

    def token_of(self, name: str) -> TokenUri | None:
        """The key's place in a token, None where it is in a keystore. Raises KeystoreError."""
        path = self._uri(name)
        if not path.exists():
            return None
        try:
            return TokenUri.parse(path.read_text(encoding="utf-8")[:MAX_URI])
        except (OSError, UnicodeDecodeError) as error:
            raise KeystoreError(f"The file {path} cannot be read.") from error

    def load(self, name: str) -> Signer:
        """Raises KeystoreError where it cannot be opened, or its token is out of reach."""
        if (uri := self.token_of(name)) is not None:
            return TokenKey(uri)
        return keys.load_key(self._keystore(name), self._passphrase())

    def make(self, name: str, token: TokenUri | None) -> Signer:
        """A fresh account, in the token where one is given; or the one that a broken-off start left here."""
        if not self.exists(name):
            if token is None:
                secret = keys.new_account_secret()
                keys.store_secret(self._keystore(name), secret, self._passphrase(), address=Key(secret).address)
            else:
                fresh = token.named(f"{name}-{secrets.token_hex(4)}")
                TokenKey.generate(fresh)
                keys.write_private(self._uri(name), f"{fresh}\n".encode())
        return self.load(name)

    def rename(self, name: str, to: str) -> None:
        """The file of an account; a key in a token keeps its name there."""
        for before, after in ((self._keystore(name), self._keystore(to)), (self._uri(name), self._uri(to))):
            if before.exists():
                before.replace(after)

    def _keystore(self, name: str) -> Path:
        return self._path / f"{name}.json"

    def _uri(self, name: str) -> Path:
        return self._path / f"{name}.token"
