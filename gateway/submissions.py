# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of the journal's `submission` table: what persons handed in under their eID, until it is final."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.journal import Journal
from gateway.problems import KnownCommitment, TooMany
from protocol.types import InitiativeId

Kind = Literal["registration", "replacement", "proposal"]
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Submission:
    """One row. When the submission ends, its payload keeps the tag alone, which the chain shows as well."""

    id: str
    kind: Kind
    initiative: InitiativeId
    key: bytes
    status: str
    reason: str | None
    attempts: int
    payload: Mapping[str, Any]


class Submissions:
    """Repository of the table. `key` makes a request idempotent: its repetition finds the same row."""

    def __init__(self, journal: Journal, queue_limit: int) -> None:
        self._journal = journal
        self._queue_limit = queue_limit

    def accept(
        self,
        kind: Kind,
        initiative: InitiativeId,
        key: bytes,
        body_hash: bytes,
        payload: Mapping[str, Any],
        also: Callable[[sqlite3.Connection], object] = lambda db: None,
    ) -> Submission:
        """Store, with what `also` writes, durable on return; or the row that is there.

        Raises KnownCommitment for the key with another body, TooMany; then nothing is stored.
        """
        with self._journal.transaction() as db:
            found = db.execute(
                "SELECT * FROM submission WHERE kind = ? AND initiative = ? AND key = ?", (kind, initiative, key)
            ).fetchone()
            if found is None:
                waiting = db.execute(
                    "SELECT count(*) FROM submission WHERE kind = ? AND status = 'accepted'", (kind,)
                ).fetchone()[0]
                if waiting >= self._queue_limit:
                    raise TooMany("Too many requests of this kind are waiting; try again in a moment.")
                db.execute(
                    "INSERT INTO submission (id, kind, initiative, key, body_hash, payload, status) "
                    "VALUES (?, ?, ?, ?, ?, ?, 'accepted')",
                    (secrets.token_hex(16), kind, initiative, key, body_hash, json.dumps(payload)),
                )
            elif bytes(found["body_hash"]) != body_hash:
                raise KnownCommitment("This was handed in before, by another person or for something else.")
            elif found["status"] == "failed":
                # What failed for a reason that may have passed may be tried anew, with a fresh token.
                db.execute(
                    "UPDATE submission SET status = 'accepted', reason = NULL, attempts = 0, tx = NULL, payload = ? "
                    "WHERE id = ?",
                    (json.dumps(payload), found["id"]),
                )
            also(db)
            row = db.execute(
                "SELECT * FROM submission WHERE kind = ? AND initiative = ? AND key = ?", (kind, initiative, key)
            ).fetchone()
        return _submission(row)

    def get(self, id_: str) -> Submission | None:
        rows = self._journal.read("SELECT * FROM submission WHERE id = ?", id_)
        return _submission(rows[0]) if rows else None

    def count_waiting(self) -> dict[str, int]:
        """How many of each kind wait."""
        rows = self._journal.read("SELECT kind, count(*) AS n FROM submission WHERE status = 'accepted' GROUP BY kind")
        return {row["kind"]: row["n"] for row in rows}

    def waiting_initiatives(self, kind: Kind) -> list[InitiativeId]:
        """Initiatives with accepted submissions of this kind."""
        rows = self._journal.read(
            "SELECT DISTINCT initiative FROM submission WHERE kind = ? AND status = 'accepted' ORDER BY initiative",
            kind,
        )
        return [InitiativeId(row["initiative"]) for row in rows]

    def waiting(self, kind: Kind, initiative: InitiativeId, limit: int) -> list[Submission]:
        """Some accepted submissions, those tried least first, otherwise in no order of arrival."""
        rows = self._journal.read(
            "SELECT * FROM submission WHERE kind = ? AND status = 'accepted' AND initiative = ? "
            "ORDER BY attempts, id LIMIT ?",
            kind,
            initiative,
            limit,
        )
        return [_submission(row) for row in rows]

    def carried_by(self, kind: Kind, tx: int) -> list[Submission]:
        rows = self._journal.read("SELECT * FROM submission WHERE kind = ? AND tx = ?", kind, tx)
        return [_submission(row) for row in rows]

    @staticmethod
    def link(db: sqlite3.Connection, submissions: Sequence[Submission], tx: int) -> None:
        """Tie them to the transaction that carries them."""
        db.executemany(
            "UPDATE submission SET status = 'signed', tx = ? WHERE id = ?", [(tx, each.id) for each in submissions]
        )

    @staticmethod
    def finish(db: sqlite3.Connection, submission: Submission) -> None:
        """It stands on the chain. The token is erased."""
        db.execute(
            "UPDATE submission SET status = 'final', reason = NULL, payload = ? WHERE id = ?",
            (_without_token(submission), submission.id),
        )

    @staticmethod
    def fail(db: sqlite3.Connection, submission: Submission, reason: str) -> None:
        """It never will. The token is erased."""
        db.execute(
            "UPDATE submission SET status = 'failed', reason = ?, payload = ? WHERE id = ?",
            (reason, _without_token(submission), submission.id),
        )

    @staticmethod
    def retry(db: sqlite3.Connection, submission: Submission, reason: str) -> None:
        """Once more, or failed after too many times, or where its token was erased already."""
        if submission.attempts + 1 >= MAX_ATTEMPTS or "id_token" not in submission.payload:
            Submissions.fail(db, submission, reason)
        else:
            db.execute(
                "UPDATE submission SET status = 'accepted', reason = ?, tx = NULL, attempts = attempts + 1 "
                "WHERE id = ?",
                (reason, submission.id),
            )

    def finish_now(self, submissions: Sequence[Submission]) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.finish(db, submission)

    def fail_now(self, submissions: Sequence[Submission], reason: str) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.fail(db, submission, reason)

    def retry_now(self, submissions: Sequence[Submission], reason: str) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.retry(db, submission, reason)


def _without_token(submission: Submission) -> str:
    return json.dumps({"tag": submission.payload["tag"]})


def _submission(row: sqlite3.Row) -> Submission:
    return Submission(
        id=row["id"],
        kind=row["kind"],
        initiative=InitiativeId(row["initiative"]),
        key=bytes(row["key"]),
        status=row["status"],
        reason=row["reason"],
        attempts=row["attempts"],
        payload=json.loads(row["payload"]),
    )
