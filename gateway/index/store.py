# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks and raw events of our contracts, as far as they were read: one database transaction per block."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE origin (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, parent BLOB NOT NULL, timestamp INTEGER NOT NULL);
CREATE TABLE event (
    block INTEGER NOT NULL REFERENCES block (number) ON DELETE CASCADE,
    log INTEGER NOT NULL,
    tx INTEGER NOT NULL,
    address BLOB NOT NULL,
    topics BLOB NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (block, log)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that was folded."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A log as the chain has it; topics are 32 bytes each."""

    tx: int
    log: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


class IndexStore:
    """The index's database. It is a cache: one that is damaged, or belongs to another chain, deployment or version,
    is begun anew. `origin` names chain and deployment."""

    def __init__(self, path: Path, origin: bytes) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._origin = origin
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            log.warning("%s is damaged (%s): it is read anew from the chain", self._path, error)
            self._remove()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages are damaged")
            if not self._belongs(db):
                self._reset(db)
        except BaseException:
            db.close()
            raise
        return db

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def recreate(self) -> None:
        """Begin anew with an empty file."""
        with self._lock:
            self._db.close()
            self._remove()
            self._db = self._connect()

    def _belongs(self, db: sqlite3.Connection) -> bool:
        if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            return False
        row = db.execute("SELECT value FROM origin WHERE key = 'chain'").fetchone()
        return row is not None and bytes(row[0]) == self._origin

    def _reset(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        for table in ("event", "block", "origin"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute("INSERT INTO origin VALUES ('chain', ?)", (self._origin,))
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def head(self) -> Checkpoint | None:
        return self._checkpoint("ORDER BY number DESC LIMIT 1")

    def block(self, number: int) -> Checkpoint | None:
        return self._checkpoint("WHERE number = ?", number)

    def _checkpoint(self, tail: str, *values: object) -> Checkpoint | None:
        with self._lock:
            row = self._db.execute(f"SELECT number, hash, parent, timestamp FROM block {tail}", values).fetchone()  # noqa: S608  # fixed tails
        return None if row is None else Checkpoint(row[0], bytes(row[1]), bytes(row[2]), row[3])

    def append(self, blocks: Sequence[tuple[Checkpoint, Sequence[RawEvent]]]) -> None:
        """Add blocks with their events, in order, all or none."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for block, events in blocks:
                    self._db.execute(
                        "INSERT INTO block VALUES (?, ?, ?, ?)",
                        (block.number, block.hash, block.parent, block.timestamp),
                    )
                    self._db.executemany(
                        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
                        [
                            (block.number, event.log, event.tx, event.address, b"".join(event.topics), event.data)
                            for event in events
                        ],
                    )
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rewind(self, to: int) -> None:
        """Forget every block after `to` (-1: all)."""
        with self._lock:
            self._db.execute("DELETE FROM block WHERE number > ?", (to,))

    def replay(self) -> Iterator[tuple[Checkpoint, list[RawEvent]]]:
        """Every block that has events, in order, with them."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, hash, parent, timestamp, tx, log, address, topics, data FROM block "
                "JOIN event ON event.block = block.number ORDER BY number, log"
            ).fetchall()
        current: tuple[Checkpoint, list[RawEvent]] | None = None
        for number, hash_, parent, timestamp, tx, log, address, topics, data in rows:
            if current is None or current[0].number != number:
                if current is not None:
                    yield current
                current = (Checkpoint(number, hash_, parent, timestamp), [])
            split = tuple(topics[at : at + 32] for at in range(0, len(topics), 32))
            current[1].append(RawEvent(tx, log, address, split, data))
        if current is not None:
            yield current

    def close(self) -> None:
        with self._lock:
            self._db.close()
