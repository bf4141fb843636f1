# SPDX-License-Identifier: AGPL-3.0-or-later
"""The durable store of a gateway: what it accepted and signed. Losing it loses promises; the index may burn, this not.

Rows of submissions and ballots are kept in the order of random or hashed keys, not of arrival, and without a time:
nothing in here joins a person to a ballot, nor tells in which order ballots came.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE origin (chain BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tx (
    id INTEGER PRIMARY KEY,
    lane TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    raw BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('signed', 'sent', 'mined', 'final', 'failed')),
    block INTEGER,
    UNIQUE (lane, nonce)
);
CREATE TABLE submission (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('registration', 'replacement', 'proposal')),
    initiative INTEGER NOT NULL,
    key BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    payload BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'signed', 'sent', 'mined', 'final', 'failed')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tx INTEGER REFERENCES tx (id),
    UNIQUE (kind, initiative, key)
) WITHOUT ROWID;
CREATE INDEX submission_open ON submission (kind, initiative, attempts, id) WHERE status = 'accepted';
CREATE INDEX submission_tx ON submission (tx);
CREATE TABLE ballot (
    hash BLOB PRIMARY KEY,
    initiative INTEGER NOT NULL,
    entry BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'signed', 'sent', 'mined', 'final', 'failed')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tx INTEGER REFERENCES tx (id)
) WITHOUT ROWID;
CREATE INDEX ballot_open ON ballot (initiative) WHERE status = 'accepted';
CREATE INDEX ballot_tx ON ballot (tx);
CREATE TABLE evidence (batch BLOB PRIMARY KEY, initiative INTEGER NOT NULL, token_hashes BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE content (hash BLOB PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
"""


class JournalError(Exception):
    """The journal cannot be used: its path and why."""


class Journal:
    """One process, one journal: a second one refuses to start (two writers would sign the same nonce).

    `origin` names the chain and the deployment; a journal of others is refused, for its transactions fit nowhere else.
    Raises JournalError.
    """

    def __init__(self, path: Path, origin: bytes) -> None:
        self._lock_file = _lock(path)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._open(path, origin)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise JournalError(f"{path}: cannot be read ({error}); put the backup in its place") from error
            raise

    def _open(self, path: Path, origin: bytes) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version not in (0, SCHEMA_VERSION):
            raise JournalError(f"{path}: written by another version ({version}) of the gateway")
        if version == 0:
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO origin VALUES (?)", (origin,))
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        path.chmod(0o600)
        if [bytes(row[0]) for row in self._db.execute("SELECT chain FROM origin")] != [origin]:
            raise JournalError(f"{path}: it belongs to another chain or deployment")
        # A token that was erased must not stay in the log of changes.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside, or nothing. Durable when it returns."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()
        self._lock_file.close()


def _lock(path: Path) -> IO[str]:
    file = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise JournalError(f"{path}: another gateway uses this journal; stop it first") from error
    return file
