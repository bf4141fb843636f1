# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index's database: what was read, and what it amounts to, whole blocks in one transaction with their checkpoint.

It is a cache: one that is damaged, or belongs to another chain, deployment or version, is begun anew. Where only the
projections are of another version, they are folded again from the raw events.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import INDEX, Database, DatabaseDamaged
from gateway.index import tables
from gateway.index.model import Block, Checkpoint, Folded, RawEvent
from gateway.index.phases import return_phases, turn_phases
from gateway.index.rows import Rows, insert_all
from gateway.index.tables import PROJECTIONS_VERSION, RAW_VERSION, block, event, folded, header, origin
from protocol.types import InitiativeId, Phase

log = logging.getLogger(__name__)

PAGE = 2_000
HEADERS = 1_000


class IndexStore:
    """This process alone works with it. Raises DatabaseError."""

    def __init__(self, url: URL, origin_: bytes) -> None:
        self._url = url
        self._origin = origin_
        try:
            self._db = self._connect()
            self._check()
        except DatabaseDamaged as error:
            log.warning("the index is damaged (%s): it is read anew from the chain", error)
            self.recreate()

    @property
    def database(self) -> Database:
        """For reads."""
        return self._db

    def close(self) -> None:
        self._db.close()

    # Opening

    def _connect(self) -> Database:
        db = Database(self._url, INDEX)
        try:
            db.exclude_others()
        except BaseException:
            db.close()
            raise
        return db

    def _check(self) -> None:
        if self._db.is_sqlite and [row[0] for row in self._db.all(sa.text("PRAGMA quick_check(1)"))] != ["ok"]:
            raise DatabaseDamaged(f"{self._db.place}: its pages are damaged")
        known = self._versions()
        if known.get("origin") != self._origin or known.get("raw") != _number(RAW_VERSION):
            if known:
                log.warning("%s is of another chain, deployment or version: it is read anew", self._db.place)
            self.recreate()
        elif known.get("projections") != _number(PROJECTIONS_VERSION):
            log.warning("%s: its projections are of another version: they are folded anew", self._db.place)
            self.forget_projections()

    def _versions(self) -> dict[str, bytes]:
        if not sa.inspect(self._db.engine).has_table("origin", schema=None if self._db.is_sqlite else INDEX.schema):
            return {}
        return {key: bytes(value) for key, value in map(tuple, self._db.all(sa.select(origin)))}

    def recreate(self) -> None:
        """Begin anew, with nothing."""
        if hasattr(self, "_db"):
            self._db.remove()
        else:  # it could not even be opened
            for end in ("", "-wal", "-shm"):
                Path(f"{self._url.database}{end}").unlink(missing_ok=True)
        self._db = self._connect()
        with self._db.transaction() as db:
            tables.metadata.create_all(db)
            self._sign(db)

    def forget_projections(self) -> None:
        """Fold everything anew, from the raw events."""
        with self._db.transaction() as db:
            for table in reversed(tables.PROJECTIONS):
                table.drop(db, checkfirst=True)
            tables.metadata.create_all(db, tables=list(tables.PROJECTIONS))
            self._sign(db)

    def _sign(self, db: sa.Connection) -> None:
        rows = Rows()
        for key, value in (
            ("origin", self._origin),
            ("raw", _number(RAW_VERSION)),
            ("projections", _number(PROJECTIONS_VERSION)),
        ):
            rows.put(origin, {"key": key, "value": value})
        rows.write(db)

    def begin_rebuild(self, what: str) -> bool:
        """Note that it was begun; False where that was so before, and it only has to go on."""
        if self._versions().get("rebuilding") == what.encode():
            return False
        with self._db.transaction() as db:
            rows = Rows()
            rows.put(origin, {"key": "rebuilding", "value": what.encode()})
            rows.write(db)
        return True

    def end_rebuild(self) -> None:
        """Nothing is left to do."""
        with self._db.transaction() as db:
            db.execute(sa.delete(origin).where(origin.c.key == "rebuilding"))

    # Reading

    def head(self) -> Checkpoint | None:
        """The last block that was read, whether it is folded or not."""
        return self._checkpoint(sa.select(block).order_by(block.c.number.desc()).limit(1))

    def block(self, number: int) -> Checkpoint | None:
        return self._checkpoint(sa.select(block).where(block.c.number == number))

    def _checkpoint(self, query: sa.Select[Any]) -> Checkpoint | None:
        rows = self._db.all(query)
        if not rows:
            return None
        number, hash_, parent, timestamp = tuple(rows[0])
        return Checkpoint(number, bytes(hash_), bytes(parent), timestamp)

    def folded(self) -> Folded | None:
        """None where nothing is folded yet."""
        rows = self._db.all(sa.select(folded))
        if not rows:
            return None
        number, hash_, parent, timestamp, minimum, initiatives = tuple(rows[0])
        return Folded(Checkpoint(number, bytes(hash_), bytes(parent), timestamp), minimum, initiatives)

    def count(self) -> tuple[int, int]:
        """Blocks and events."""
        with self._db.read() as db:
            blocks = db.execute(sa.select(sa.func.count()).select_from(block)).scalar_one()
            events = db.execute(sa.select(sa.func.count()).select_from(event)).scalar_one()
        return blocks, events

    def after(self, number: int) -> tuple[list[tuple[Checkpoint, list[RawEvent]]], bool]:
        """The next whole blocks with some thousand events, and whether more follow. Blocks without events are left
        out, but the last of all."""
        limit = sa.select(event.c.block).where(event.c.block > number).order_by(event.c.block).offset(PAGE).limit(1)
        rows = self._db.all(limit)
        head = self.head()
        if head is None or head.number <= number:
            return [], False
        last = rows[0][0] if rows else head.number
        found = list(_grouped(self._events(event.c.block.between(number + 1, last))))
        if not rows and (not found or found[-1][0].number != head.number):
            found.append((head, []))
        return found, last < head.number

    def events_of(self, initiative: InitiativeId | None, upto: int) -> Iterator[tuple[Checkpoint, RawEvent]]:
        """The initiative's events, or the consortium's, in blocks up to `upto`, in order."""
        own = event.c.initiative.is_(None) if initiative is None else event.c.initiative == initiative
        return iter(self._events(sa.and_(own, event.c.block <= upto)))

    def last_event(self, upto: int) -> tuple[Checkpoint, RawEvent] | None:
        """The last event in blocks up to `upto`."""
        rows = self._db.all(sa.select(sa.func.max(event.c.block)).where(event.c.block <= upto))
        found = self._events(event.c.block == rows[0][0]) if rows[0][0] is not None else []
        return found[-1] if found else None

    def touched_after(self, number: int) -> list[InitiativeId | None]:
        """Initiatives with events in later blocks; None among them stands for the consortium."""
        rows = self._db.all(sa.select(event.c.initiative).where(event.c.block > number).distinct())
        return [None if row[0] is None else InitiativeId(row[0]) for row in rows]

    def created_upto(self, number: int) -> int:
        """How many initiatives there were at this block."""
        own = tables.initiative.c
        return int(self._db.all(sa.select(sa.func.coalesce(sa.func.max(own.id), 0)).where(own.created <= number))[0][0])

    def in_phase(self, phases: Sequence[Phase]) -> list[InitiativeId]:
        """Initiatives that are in one of these phases at the time of the folded block, ascending."""
        own = tables.initiative.c
        rows = self._db.all(sa.select(own.id).where(own.phase.in_([int(one) for one in phases])).order_by(own.id))
        return [InitiativeId(row[0]) for row in rows]

    def _events(self, condition: sa.ColumnElement[bool]) -> list[tuple[Checkpoint, RawEvent]]:
        known: dict[int, Checkpoint] = {}
        columns = (event.c.block, event.c.log, event.c.tx, event.c.address, event.c.topics, event.c.data)
        query = sa.select(block.c.hash, block.c.parent, block.c.timestamp, *columns).join(
            block, block.c.number == event.c.block
        )
        found: list[tuple[Checkpoint, RawEvent]] = []
        rows = self._db.all(query.select_from(event).where(condition).order_by(event.c.block, event.c.log))
        for hash_, parent, timestamp, number, log_, tx, address, topics, data in map(tuple, rows):
            checkpoint = known.get(number)
            if checkpoint is None:
                checkpoint = known[number] = Checkpoint(number, bytes(hash_), bytes(parent), timestamp)
            split = tuple(topics[at : at + 32] for at in range(0, len(topics), 32))
            found.append((checkpoint, RawEvent(tx, log_, bytes(address), split, bytes(data))))
        return found

    # Writing

    def append(self, blocks: Sequence[Block], rows: Rows, state: Folded) -> None:
        """Add blocks with their events, in order, and what they change; all or none."""
        with self._db.transaction() as db:
            insert_blocks(db, blocks)
            self._project(db, rows, state)

    def keep_headers(self, headers: Sequence[tuple[int, bytes]]) -> None:
        """The last thousand, for evidence."""
        rows = Rows()
        for number, encoded in headers:
            rows.put(header, {"number": number, "encoded": encoded})
        with self._db.transaction() as db:
            rows.write(db)
            db.execute(sa.delete(header).where(header.c.number <= headers[-1][0] - HEADERS))

    def header(self, number: int) -> bytes | None:
        """RLP of a block's header as it was read, if it was read lately."""
        rows = self._db.all(sa.select(header.c.encoded).where(header.c.number == number))
        return bytes(rows[0][0]) if rows else None

    def project(self, rows: Rows, state: Folded) -> None:
        """What blocks change that were read before."""
        with self._db.transaction() as db:
            self._project(db, rows, state)

    @staticmethod
    def _project(db: sa.Connection, rows: Rows, state: Folded) -> None:
        rows.write(db)
        turn_phases(db, state.checkpoint.timestamp)
        one = state.checkpoint
        db.execute(sa.delete(folded))
        db.execute(
            sa.insert(folded),
            {
                "number": one.number,
                "hash": one.hash,
                "parent": one.parent,
                "timestamp": one.timestamp,
                "minimum_anonymity": state.minimum_anonymity,
                "initiatives": state.initiatives,
            },
        )

    def rewind(self, state: Folded, rows: Rows, gone: Sequence[InitiativeId], consortium: bool) -> None:
        """Forget the blocks after the one of `state`, and what they changed: the initiatives that are `gone` are as in
        `rows`, or nowhere."""
        to = state.checkpoint.number
        with self._db.transaction() as db:
            db.execute(sa.delete(event).where(event.c.block > to))
            db.execute(sa.delete(block).where(block.c.number > to))
            if consortium:
                for table in (tables.entity, tables.motion, tables.suite):
                    db.execute(sa.delete(table))
            for table in (*tables.OF_INITIATIVE, tables.initiative):
                key = table.c.id if table is tables.initiative else table.c.initiative
                for at in range(0, len(gone), 500):
                    db.execute(sa.delete(table).where(key.in_(gone[at : at + 500])))
            self._project(db, rows, state)
            return_phases(db, state.checkpoint.timestamp)


def insert_blocks(db: sa.Connection, blocks: Sequence[Block]) -> None:
    """Blocks and their events as they were read."""
    own = [{"number": b.number, "hash": b.hash, "parent": b.parent, "timestamp": b.timestamp} for b, _ in blocks]
    insert_all(db, block, own)
    insert_all(db, event, [_event_row(one, raw, of) for one, events in blocks for raw, of in events])


def _event_row(checkpoint: Checkpoint, raw: RawEvent, initiative: InitiativeId | None) -> dict[str, Any]:
    return {
        "block": checkpoint.number,
        "log": raw.log,
        "tx": raw.tx,
        "initiative": initiative,
        "address": raw.address,
        "topics": b"".join(raw.topics),
        "data": raw.data,
    }


def _grouped(events: Sequence[tuple[Checkpoint, RawEvent]]) -> Iterator[tuple[Checkpoint, list[RawEvent]]]:
    current: tuple[Checkpoint, list[RawEvent]] | None = None
    for checkpoint, raw in events:
        if current is None or current[0] is not checkpoint:
            if current is not None:
                yield current
            current = (checkpoint, [])
        current[1].append(raw)
    if current is not None:
        yield current


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")
