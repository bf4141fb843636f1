# SPDX-License-Identifier: AGPL-3.0-or-later
"""The peppers of an entity's folder: kept encrypted, found by their hash, handed over, destroyed for ever.

peppers/HASH.json    the pepper in a keystore under the folder's passphrase
peppers/HASH.record  which registrars acknowledged it, and where it was destroyed: why, as of which block

A record outlives its pepper: who brings a destroyed pepper again is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from node import keys
from node.errors import KeystoreError, PepperError
from node.keys import Secret
from protocol.hashing import keccak

HANDED_OVER = "handed-over"
APPEALS_OVER = "appeals-over"


@dataclass(frozen=True, slots=True)
class Destroyed:
    """That a pepper was destroyed: `why` (HANDED_OVER or APPEALS_OVER), as of which block and its time."""

    why: str
    block: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a pepper. `acknowledged`: the registrars' receipts (signatures) by entity."""

    acknowledged: Mapping[int, bytes] = field(default_factory=dict)
    destroyed: Destroyed | None = None

    def to_json(self) -> dict[str, object]:
        gone = self.destroyed
        return {
            "acknowledged": {str(entity): "0x" + receipt.hex() for entity, receipt in self.acknowledged.items()},
            "destroyed": gone and {"why": gone.why, "block": gone.block, "timestamp": gone.timestamp},
        }


class PepperStore:
    """The folder `path`; `passphrase` is asked for when a keystore is opened."""

    def __init__(self, path: Path, passphrase: Callable[[], str]) -> None:
        self._path = path
        self._passphrase = passphrase

    def holds(self, pepper_hash: bytes) -> bool:
        """Whether the pepper is here; quick."""
        return self._keystore(pepper_hash).exists()

    def get(self, pepper_hash: bytes) -> Secret | None:
        """The pepper, None where this entity does not have it (any more)."""
        path = self._keystore(pepper_hash)
        return keys.load_secret(path, self._passphrase()) if path.exists() else None

    def put(self, pepper: Secret) -> bytes:
        """Keeps a pepper and returns its hash. Raises PepperError where it was destroyed."""
        pepper_hash = keccak(pepper.reveal())
        with self._locked():
            if self.record(pepper_hash).destroyed is not None:
                raise PepperError("This pepper was destroyed here; it is not taken again.")
            if not self.holds(pepper_hash):
                keys.store_secret(self._keystore(pepper_hash), pepper, self._passphrase())
        return pepper_hash

    def record(self, pepper_hash: bytes) -> Record:
        """What became of the pepper. Raises KeystoreError where the file is damaged."""
        path = self._record(pepper_hash)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            gone = content["destroyed"]
            return Record(
                {int(entity): bytes.fromhex(receipt[2:]) for entity, receipt in content["acknowledged"].items()},
                gone and Destroyed(str(gone["why"]), int(gone["block"]), int(gone["timestamp"])),
            )
        except FileNotFoundError:
            return Record()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeystoreError(f"The record {path} of a pepper cannot be read; restore it from a backup.") from error

    def acknowledge(self, pepper_hash: bytes, entity: int, receipt: bytes) -> None:
        """Notes a registrar's receipt."""
        with self._locked():
            record = self.record(pepper_hash)
            self._write(pepper_hash, replace(record, acknowledged={**record.acknowledged, entity: receipt}))

    def destroy(self, pepper_hash: bytes, destroyed: Destroyed) -> bool:
        """Destroys the pepper and notes it; whether it was here. Repeated, it finishes what was broken off.

        The note comes first: a pepper that is half destroyed never comes back. The file is overwritten, then removed.
        On an SSD, a snapshot or a backup older blocks may live on; they are encrypted under the folder's passphrase.
        """
        with self._locked():
            record = self.record(pepper_hash)
            if record.destroyed is None:
                self._write(pepper_hash, replace(record, destroyed=destroyed))
            path = self._keystore(pepper_hash)
            if not path.exists():
                return False
            _overwrite(path)
            path.unlink()
            _sync(self._path)
            return True

    def _write(self, pepper_hash: bytes, record: Record) -> None:
        keys.write_private(self._record(pepper_hash), json.dumps(record.to_json(), indent=1).encode() + b"\n")
        _sync(self._path)

    def _keystore(self, pepper_hash: bytes) -> Path:
        return self._path / f"{pepper_hash.hex()}.json"

    def _record(self, pepper_hash: bytes) -> Path:
        return self._path / f"{pepper_hash.hex()}.record"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Gateway and command line are processes of their own, and write here both."""
        with (self._path / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b", buffering=0) as file:
        file.write(secrets.token_bytes(size))
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
