# SPDX-License-Identifier: AGPL-3.0-or-later
"""The signed transactions of one account that are not final yet, on disk before they are sent.

One file per chain and account, `CHAIN-GENESIS-ADDRESS.json`; next to it a lock, so that an account has one sender.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from node.errors import AccountBusy, SendError
from node.keys import write_private
from protocol.hashing import keccak

_LOCK_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed transaction: `raw` are its bytes, `what` says in words what it does."""

    nonce: int
    hash: bytes
    raw: bytes
    what: str


class Outbox:
    """Holds the lock from construction to `close`. Raises AccountBusy when another process keeps the lock."""

    def __init__(
        self, folder: Path, *, chain_id: int, genesis: bytes, account: bytes, patience: float = _LOCK_PATIENCE
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{chain_id}-{genesis.hex()[:16]}-{account.hex()}.json"
        self._lock: int | None = _lock(self._path.with_suffix(".lock"), account, patience)
        try:
            self._pending = self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives the lock back; what is pending stays on disk."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def pending(self) -> tuple[Sent, ...]:
        """Not final yet, by nonce."""
        return tuple(self._pending[nonce] for nonce in sorted(self._pending))

    def next_nonces(self, count: int, latest: int) -> list[int]:
        """The lowest nonces from `latest` (the account's on chain) on that no pending transaction holds."""
        nonces: list[int] = []
        nonce = latest
        while len(nonces) < count:
            if nonce not in self._pending:
                nonces.append(nonce)
            nonce += 1
        return nonces

    def add(self, sent: Iterable[Sent]) -> None:
        """Keeps the transactions; they are on disk when this returns."""
        for one in sent:
            if one.nonce in self._pending:
                raise SendError(f"The nonce {one.nonce} is taken by a transaction that is not final yet.")
            self._pending[one.nonce] = one
        self._write()

    def drop(self, sent: Iterable[Sent]) -> None:
        """Forgets transactions that are final."""
        for one in sent:
            self._pending.pop(one.nonce, None)
        self._write()

    def _read(self) -> dict[int, Sent]:
        if not self._path.exists():
            return {}
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            found = [
                Sent(row["nonce"], bytes.fromhex(row["hash"]), bytes.fromhex(row["raw"]), row["what"]) for row in rows
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SendError(f"The outbox {self._path} cannot be read: {error}.") from error
        if any(keccak(one.raw) != one.hash for one in found):
            raise SendError(f"The outbox {self._path} is damaged: a transaction does not have its hash.")
        return {one.nonce: one for one in found}

    def _write(self) -> None:
        rows = [{"nonce": s.nonce, "hash": s.hash.hex(), "raw": s.raw.hex(), "what": s.what} for s in self.pending]
        write_private(self._path, json.dumps(rows).encode())


def _lock(path: Path, account: bytes, patience: float) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError as error:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise AccountBusy(
                    f"Another process sends with the account 0x{account.hex()}; wait for it to end, then try again."
                ) from error
        time.sleep(0.05)
