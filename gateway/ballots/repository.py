# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of the journal's `ballot` table. Keyed by the ballot's hash, without a time: no order of arrival is kept."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.journal import Journal
from gateway.problems import TooMany
from gateway.together import Together
from protocol.types import InitiativeId

MAX_ATTEMPTS = 5
RECOUNT = 0.5  # seconds between two counts of what waits


@dataclass(frozen=True, slots=True)
class StoredBallot:
    """A ballot in the journal; `entry` is proof and record."""

    hash: bytes
    initiative: InitiativeId
    entry: bytes
    status: str
    reason: str | None
    attempts: int


class Ballots:
    """Repository of the table."""

    def __init__(self, journal: Journal, queue_limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._queue_limit = queue_limit
        self._clock = clock
        self._waiting_at = -RECOUNT
        self._waiting_count = 0
        self._together: Together[StoredBallot, StoredBallot | TooMany] = Together(self._accept_all)

    def get(self, hash_: bytes) -> StoredBallot | None:
        rows = self._journal.read("SELECT * FROM ballot WHERE hash = ?", hash_)
        return _ballot(rows[0]) if rows else None

    def accept(self, ballot: StoredBallot) -> StoredBallot:
        """Store, durable on return; or the row that is there (a failed one is tried anew). Raises TooMany."""
        answer = self._together.do(ballot)
        if isinstance(answer, TooMany):
            raise answer
        return answer

    def _accept_all(self, ballots: Sequence[StoredBallot]) -> list[StoredBallot | TooMany]:
        """One flush to the disk for all that came at the same time."""
        with self._journal.transaction() as db:
            return [self._accept(db, ballot) for ballot in ballots]

    def _accept(self, db: sqlite3.Connection, ballot: StoredBallot) -> StoredBallot | TooMany:
        if self._is_full(db):
            return TooMany("Too many ballots are waiting; try again in a moment, or through another member.")
        self._waiting_count += 1
        db.execute(
            "INSERT INTO ballot (hash, initiative, entry, status) VALUES (?, ?, ?, 'accepted') "
            "ON CONFLICT (hash) DO UPDATE SET status = 'accepted', reason = NULL, attempts = 0, tx = NULL, "
            "entry = excluded.entry WHERE status = 'failed'",
            (ballot.hash, ballot.initiative, ballot.entry),
        )
        return _ballot(db.execute("SELECT * FROM ballot WHERE hash = ?", (ballot.hash,)).fetchone())

    def _is_full(self, db: sqlite3.Connection) -> bool:
        """Counted now and then, since that takes a while; in between as if none had left."""
        now = self._clock()
        if now - self._waiting_at >= RECOUNT:
            self._waiting_at = now
            self._waiting_count = db.execute("SELECT count(*) FROM ballot WHERE status = 'accepted'").fetchone()[0]
        return self._waiting_count >= self._queue_limit

    def waiting_initiatives(self) -> list[tuple[InitiativeId, int]]:
        """Initiatives with ballots that wait, and how many."""
        rows = self._journal.read(
            "SELECT initiative, count(*) AS n FROM ballot WHERE status = 'accepted' GROUP BY initiative"
        )
        return [(InitiativeId(row["initiative"]), row["n"]) for row in rows]

    def waiting(self, initiative: InitiativeId, limit: int) -> list[StoredBallot]:
        """Some of them, in the order of their hashes, which says nothing of their arrival."""
        rows = self._journal.read(
            "SELECT * FROM ballot WHERE status = 'accepted' AND initiative = ? ORDER BY hash LIMIT ?", initiative, limit
        )
        return [_ballot(row) for row in rows]

    def carried_by(self, tx: int) -> list[StoredBallot]:
        return [_ballot(row) for row in self._journal.read("SELECT * FROM ballot WHERE tx = ?", tx)]

    @staticmethod
    def link(db: sqlite3.Connection, ballots: Sequence[StoredBallot], tx: int) -> None:
        db.executemany("UPDATE ballot SET status = 'signed', tx = ? WHERE hash = ?", [(tx, b.hash) for b in ballots])

    @staticmethod
    def end(db: sqlite3.Connection, ballot: StoredBallot, reason: str | None) -> None:
        """It is in the box, or (with a reason) never will be."""
        status = "final" if reason is None else "failed"
        db.execute("UPDATE ballot SET status = ?, reason = ? WHERE hash = ?", (status, reason, ballot.hash))

    @staticmethod
    def retry(db: sqlite3.Connection, ballot: StoredBallot, reason: str) -> None:
        if ballot.attempts + 1 >= MAX_ATTEMPTS:
            Ballots.end(db, ballot, reason)
        else:
            db.execute(
                "UPDATE ballot SET status = 'accepted', reason = ?, tx = NULL, attempts = attempts + 1 WHERE hash = ?",
                (reason, ballot.hash),
            )

    def end_now(self, ballots: Sequence[StoredBallot], reason: str) -> None:
        with self._journal.transaction() as db:
            for ballot in ballots:
                self.end(db, ballot, reason)


def _ballot(row: sqlite3.Row) -> StoredBallot:
    return StoredBallot(
        bytes(row["hash"]),
        InitiativeId(row["initiative"]),
        bytes(row["entry"]),
        row["status"],
        row["reason"],
        row["attempts"],
    )
