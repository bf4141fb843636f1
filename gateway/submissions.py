# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of the journal's `submission` table: what persons handed in under their eID, until it is final."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from gateway import failures, promises
from gateway.failures import Failure
from gateway.journal import Journal
from gateway.journal.tables import SUBMISSION as TABLE
from gateway.journal.tables import effective
from gateway.problems import KeyReused, ProblemDocument, TooMany
from gateway.promises import Given
from protocol.types import InitiativeId

Kind = Literal["registration", "replacement", "proposal"]
MAX_ATTEMPTS = 5
_SELECT = effective(TABLE)


@dataclass(frozen=True, slots=True)
class Submission:
    """One row. When the submission ends, its payload keeps the tag alone, which the chain shows as well.

    `failure` says why it failed, or, while it is accepted, why it is tried once more.
    """

    id: str
    kind: Kind
    initiative: InitiativeId
    key: bytes
    status: str
    failure: Failure | None
    attempts: int
    payload: Mapping[str, Any]
    promise: Given | None = None

    @property
    def problem(self) -> ProblemDocument | None:
        """The problem document of what has failed for good."""
        return self.failure.document() if self.status == "failed" and self.failure else None

    @property
    def waiting(self) -> str | None:
        """For what it waits where it is not simply its turn: one sentence."""
        return self.failure.reason if self.status == "accepted" and self.failure else None


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
        also: Callable[[sa.Connection], object] = lambda db: None,
        promise: Callable[[Given | None], Given | None] = lambda given: given,
    ) -> Submission:
        """Store, with what `also` writes, durable on return; or the row that is there. `promise` makes of the
        promise that was given for it, if any, the one that holds.

        Raises KeyReused for the key with another body, TooMany; then nothing is stored.
        """
        own = _SELECT.where(TABLE.c.kind == kind, TABLE.c.initiative == initiative, TABLE.c.key == key)
        fresh = {"status": "accepted", "payload": json.dumps(payload), "attempts": 0, "tx": None, **failures.NONE}
        with self._journal.transaction() as db:
            found = db.execute(own).one_or_none()
            if found is None:
                if self._waiting(db, kind) >= self._queue_limit:
                    raise TooMany("Too many requests of this kind are waiting; try again in a moment.")
                db.execute(
                    TABLE.insert().values(
                        id=secrets.token_hex(16),
                        kind=kind,
                        initiative=initiative,
                        key=key,
                        body_hash=body_hash,
                        **fresh,
                        **_columns(promise(None)),
                    )
                )
            elif found.body_hash != body_hash:
                raise KeyReused("This was handed in before, by another person or for something else.")
            elif found.state == "failed":
                # What failed for a reason that may have passed may be tried anew, with a fresh token.
                _set(db, found.id, **fresh, **_columns(promise(None)))
            elif (kept := promise(given := Given.from_row(found))) != given:
                _set(db, found.id, **_columns(kept))
            also(db)
            row = db.execute(own).one()
        return _submission(row)

    @staticmethod
    def _waiting(db: sa.Connection, kind: Kind) -> int:
        query = sa.select(sa.func.count()).select_from(TABLE).where(TABLE.c.kind == kind, TABLE.c.status == "accepted")
        return int(db.execute(query).scalar_one())

    def get(self, id_: str) -> Submission | None:
        rows = self._journal.read(_SELECT.where(TABLE.c.id == id_))
        return _submission(rows[0]) if rows else None

    def count_waiting(self) -> dict[str, int]:
        """How many of each kind wait."""
        query = sa.select(TABLE.c.kind, sa.func.count().label("many")).where(TABLE.c.status == "accepted")
        return {row.kind: row.many for row in self._journal.read(query.group_by(TABLE.c.kind))}

    def waiting_initiatives(self, kind: Kind) -> list[InitiativeId]:
        """Initiatives with accepted submissions of this kind."""
        accepted = TABLE.c.kind == kind, TABLE.c.status == "accepted"
        rows = self._journal.read(
            sa.select(TABLE.c.initiative).distinct().where(*accepted).order_by(TABLE.c.initiative)
        )
        return [InitiativeId(row.initiative) for row in rows]

    def waiting(self, kind: Kind, initiative: InitiativeId, limit: int) -> list[Submission]:
        """Some accepted submissions, those tried least first, otherwise in no order of arrival."""
        rows = self._journal.read(
            _SELECT.where(TABLE.c.kind == kind, TABLE.c.status == "accepted", TABLE.c.initiative == initiative)
            .order_by(TABLE.c.attempts, TABLE.c.id)
            .limit(limit)
        )
        return [_submission(row) for row in rows]

    def carried_by(self, kind: Kind, tx: int) -> list[Submission]:
        rows = self._journal.read(_SELECT.where(TABLE.c.kind == kind, TABLE.c.tx == tx))
        return [_submission(row) for row in rows]

    @staticmethod
    def link(db: sa.Connection, submissions: Sequence[Submission], tx: int) -> None:
        """Tie them to the transaction that carries them."""
        own = [each.id for each in submissions]
        db.execute(TABLE.update().where(TABLE.c.id.in_(own)).values(status="queued", tx=tx))

    @staticmethod
    def finish(db: sa.Connection, submission: Submission) -> None:
        """It stands on the chain. The token is erased."""
        _set(db, submission.id, status="final", payload=_without_token(submission), **failures.NONE)

    @staticmethod
    def fail(db: sa.Connection, submission: Submission, failure: Failure) -> None:
        """It never will. The token is erased."""
        _set(db, submission.id, status="failed", payload=_without_token(submission), **failure.columns())

    @staticmethod
    def retry(db: sa.Connection, submission: Submission, failure: Failure) -> None:
        """Once more, or failed after too many times, or where its token was erased already."""
        if submission.attempts + 1 >= MAX_ATTEMPTS or "id_token" not in submission.payload:
            Submissions.fail(db, submission, failure)
        else:
            attempts = submission.attempts + 1
            _set(db, submission.id, status="accepted", tx=None, attempts=attempts, **failure.columns())

    @staticmethod
    def requeue(db: sa.Connection, submission: Submission) -> None:
        """Once more, for no fault of its own: its transaction never came to be."""
        _set(db, submission.id, status="accepted", tx=None)

    def finish_now(self, submissions: Sequence[Submission]) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.finish(db, submission)

    def fail_now(self, submissions: Sequence[Submission], failure: Failure) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.fail(db, submission, failure)

    def remark_now(self, submissions: Sequence[Submission], failure: Failure) -> None:
        """They wait on, and are told for what."""
        own = [each.id for each in submissions]
        with self._journal.transaction() as db:
            still = TABLE.c.id.in_(own), TABLE.c.status == "accepted"
            db.execute(TABLE.update().where(*still).values(**failure.columns()))

    def retry_now(self, submissions: Sequence[Submission], failure: Failure) -> None:
        with self._journal.transaction() as db:
            for submission in submissions:
                self.retry(db, submission, failure)


def _columns(given: Given | None) -> dict[str, object]:
    return promises.NONE if given is None else given.columns()


def _set(db: sa.Connection, id_: str, **values: object) -> None:
    db.execute(TABLE.update().where(TABLE.c.id == id_).values(**values))


def _without_token(submission: Submission) -> str:
    return json.dumps({"tag": submission.payload["tag"]})


def _submission(row: sa.Row[Any]) -> Submission:
    return Submission(
        id=row.id,
        kind=row.kind,
        initiative=InitiativeId(row.initiative),
        key=row.key,
        status=row.state,
        failure=Failure.from_row(row),
        attempts=row.attempts,
        payload=json.loads(row.payload),
        promise=Given.from_row(row),
    )
