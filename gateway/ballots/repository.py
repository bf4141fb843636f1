# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of the journal's `ballot` table. Keyed by the ballot's hash, without a time: no order of arrival is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from gateway import failures, promises
from gateway.failures import Failure
from gateway.journal import Journal
from gateway.journal.tables import BALLOT as TABLE
from gateway.journal.tables import effective
from gateway.problems import KeyReused, Problem, ProblemDocument, TooMany
from gateway.promises import Given
from protocol.ballot import PROOF_BYTES
from protocol.types import InitiativeId, Nullifier

MAX_ATTEMPTS = 5
RECOUNT = 0.5  # seconds between two counts of what waits
_SELECT = effective(TABLE)
_SLOT = slice(PROOF_BYTES, PROOF_BYTES + 36)


@dataclass(frozen=True, slots=True)
class StoredBallot:
    """A ballot in the journal; `entry` is proof and record. `failure` as a submission's."""

    hash: bytes
    initiative: InitiativeId
    entry: bytes
    status: str = "accepted"
    failure: Failure | None = None
    attempts: int = 0
    promise: Given | None = None

    @property
    def slot(self) -> bytes:
        """Nullifier and sequence: a voter casts one ballot of each sequence."""
        return self.entry[_SLOT]

    @property
    def nullifier(self) -> Nullifier:
        return Nullifier(int.from_bytes(self.slot[:32], "big"))

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.slot[32:], "big")

    @property
    def problem(self) -> ProblemDocument | None:
        """The problem document of one that has failed for good."""
        return self.failure.document() if self.status == "failed" and self.failure else None


class Ballots:
    """Repository of the table."""

    def __init__(self, journal: Journal, queue_limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._queue_limit = queue_limit
        self._clock = clock
        self._waiting_at = -RECOUNT
        self._waiting_count = 0

    def get(self, hash_: bytes) -> StoredBallot | None:
        return self.get_all([hash_]).get(hash_)

    def get_all(self, hashes: Sequence[bytes]) -> dict[bytes, StoredBallot]:
        """Those of them that are here, by hash."""
        return {row.hash: _ballot(row) for row in self._journal.read(_SELECT.where(TABLE.c.hash.in_(hashes)))}

    def accept(self, ballot: StoredBallot) -> StoredBallot:
        """Store, durable on return; or the row that is there (a failed one is tried anew).

        Raises KeyReused where another ballot of this nullifier and sequence is under way, TooMany.
        """
        (answer,) = self.accept_all([ballot])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def accept_all(self, ballots: Sequence[StoredBallot]) -> list[StoredBallot | Problem]:
        """As `accept` for each, with one flush to the disk for all."""
        new: list[StoredBallot] = []
        with self._journal.transaction() as db:
            rows = db.execute(_SELECT.where(TABLE.c.slot.in_([each.slot for each in ballots])))
            known: dict[tuple[InitiativeId, bytes], list[StoredBallot]] = {}
            for found in map(_ballot, rows):
                known.setdefault((found.initiative, found.slot), []).append(found)
            answers = [
                self._judge(db, each, known.setdefault((each.initiative, each.slot), []), new) for each in ballots
            ]
            if new:
                db.execute(TABLE.insert(), [_values(each) for each in new])
        return answers

    def _judge(
        self, db: sa.Connection, ballot: StoredBallot, known: list[StoredBallot], new: list[StoredBallot]
    ) -> StoredBallot | Problem:
        """What is answered, with `known` of the same nullifier and sequence; what must be inserted goes to `new`."""
        same = next((each for each in known if each.hash == ballot.hash), None)
        if same is not None and same.status != "failed":
            return same
        if any(each.status != "failed" for each in known):
            return KeyReused("Another ballot of this nullifier and sequence was handed in here before.")
        if self._is_full(db):
            return TooMany("Too many ballots are waiting; try again in a moment, or through another member.")
        self._waiting_count += 1
        if same is None:
            new.append(ballot)
        else:
            known.remove(same)
            fresh = {"status": "accepted", "attempts": 0, "tx": None, "entry": ballot.entry, **failures.NONE}
            promised = _promised(ballot.promise)
            db.execute(TABLE.update().where(TABLE.c.hash == ballot.hash).values(**fresh, **promised))
        known.append(ballot)
        return ballot

    def _is_full(self, db: sa.Connection) -> bool:
        """Counted now and then, since that takes a while; in between as if none had left."""
        now = self._clock()
        if now - self._waiting_at >= RECOUNT:
            self._waiting_at = now
            query = sa.select(sa.func.count()).select_from(TABLE).where(TABLE.c.status == "accepted")
            self._waiting_count = db.execute(query).scalar_one()
        return self._waiting_count >= self._queue_limit

    def promise(self, ballot: StoredBallot, given: Given) -> StoredBallot:
        """Put this promise in the place of the one before."""
        with self._journal.transaction() as db:
            _set(db, ballot, **given.columns())
        return replace(ballot, promise=given)

    def waiting_initiatives(self) -> list[tuple[InitiativeId, int]]:
        """Initiatives with ballots that wait, and how many."""
        query = sa.select(TABLE.c.initiative, sa.func.count()).where(TABLE.c.status == "accepted")
        rows = self._journal.read(query.group_by(TABLE.c.initiative))
        return [(InitiativeId(initiative), count) for initiative, count in map(tuple, rows)]

    def waiting(self, initiative: InitiativeId, limit: int) -> list[StoredBallot]:
        """Some of them, in the order of their hashes, which says nothing of their arrival."""
        accepted = TABLE.c.status == "accepted", TABLE.c.initiative == initiative
        rows = self._journal.read(_SELECT.where(*accepted).order_by(TABLE.c.hash).limit(limit))
        return [_ballot(row) for row in rows]

    def carried_by(self, tx: int) -> list[StoredBallot]:
        return [_ballot(row) for row in self._journal.read(_SELECT.where(TABLE.c.tx == tx))]

    @staticmethod
    def link(db: sa.Connection, ballots: Sequence[StoredBallot], tx: int) -> None:
        """Tie them to the transaction that carries them, written in the shuffled order of the batch."""
        own = [{"own": each.hash} for each in ballots]
        update = TABLE.update().where(TABLE.c.hash == sa.bindparam("own")).values(status="queued", tx=tx)
        db.execute(update, own)

    @staticmethod
    def finish_all(db: sa.Connection, ballots: Sequence[StoredBallot]) -> None:
        """They are in the box."""
        update = TABLE.update().where(TABLE.c.hash.in_([each.hash for each in ballots]))
        db.execute(update.values(status="final", **failures.NONE))

    @staticmethod
    def fail(db: sa.Connection, ballot: StoredBallot, failure: Failure) -> None:
        """It never will be."""
        _set(db, ballot, status="failed", **failure.columns())

    @staticmethod
    def retry(db: sa.Connection, ballot: StoredBallot, failure: Failure) -> None:
        """Once more, or failed after too many times."""
        if ballot.attempts + 1 >= MAX_ATTEMPTS:
            Ballots.fail(db, ballot, failure)
        else:
            _set(db, ballot, status="accepted", tx=None, attempts=ballot.attempts + 1, **failure.columns())

    @staticmethod
    def requeue(db: sa.Connection, ballot: StoredBallot) -> None:
        """Once more, for no fault of its own: its transaction never came to be."""
        _set(db, ballot, status="accepted", tx=None)

    def fail_now(self, ballots: Sequence[StoredBallot], failure: Failure) -> None:
        with self._journal.transaction() as db:
            for ballot in ballots:
                self.fail(db, ballot, failure)


def _set(db: sa.Connection, ballot: StoredBallot, **values: object) -> None:
    db.execute(TABLE.update().where(TABLE.c.hash == ballot.hash).values(**values))


def _values(ballot: StoredBallot) -> dict[str, object]:
    return {
        "hash": ballot.hash,
        "initiative": ballot.initiative,
        "slot": ballot.slot,
        "entry": ballot.entry,
        "status": "accepted",
        "attempts": 0,
        **_promised(ballot.promise),
    }


def _promised(given: Given | None) -> dict[str, object]:
    return promises.NONE if given is None else given.columns()


def _ballot(row: sa.Row[Any]) -> StoredBallot:
    return StoredBallot(
        row.hash,
        InitiativeId(row.initiative),
        row.entry,
        row.state,
        Failure.from_row(row),
        row.attempts,
        Given.from_row(row),
    )
