# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which texts the chain names, in proposals and in reports on the winners' execution, and which it says are erased."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.database import Database
from gateway.index.tables import event, folded, proposal, report
from protocol.types import Hash32, InitiativeId

PAGE = 1_000
_TABLES = (proposal, report)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A text that was erased: in which initiative, and the reason that stands on chain."""

    initiative: InitiativeId
    reason: str


class NamedContents:
    """`database` gives the index's as it is now, for an index may be begun anew. Raises DatabaseError."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    def is_named(self, hashed: Hash32) -> Tombstone | bool:
        """True while the chain names it; its tombstone where every place that names it says that it is erased."""
        found: Tombstone | bool = False
        with self._database().read() as db:
            for table in _TABLES:
                query = sa.select(table.c.initiative, table.c.erasure).where(table.c.content_hash == hashed)
                for row in db.execute(query):
                    if row.erasure is None:
                        return True
                    found = Tombstone(InitiativeId(row.initiative), row.erasure)
        return found

    def head(self) -> int | None:
        """The block that the index is as of; None before the first."""
        rows = self._database().all(sa.select(folded.c.number))
        return int(rows[0].number) if rows else None

    def erased(self, since: int = -1) -> Iterator[list[Hash32]]:
        """Hashes of texts that somewhere are said to be erased, some at a time; of initiatives to which something
        happened after block `since`."""
        for table in _TABLES:
            yield from self._pages(table, table.c.erasure.is_not(None), since)

    def standing(self, since: int = -1) -> Iterator[list[Hash32]]:
        """The same of texts that are not erased."""
        for table in _TABLES:
            yield from self._pages(table, table.c.erasure.is_(None), since)

    def _pages(self, table: sa.Table, which: sa.ColumnElement[bool], since: int) -> Iterator[list[Hash32]]:
        """By key, so that no page takes longer than another, and nothing is held open in between."""
        key = tuple(table.primary_key.columns)
        query = sa.select(table.c.content_hash).where(which)
        if since >= 0:
            moved = sa.select(event.c.initiative).where(event.c.block > since, event.c.initiative.is_not(None))
            query = query.where(table.c.initiative.in_(moved.distinct()))
        after: tuple[int, ...] | None = None
        while True:
            page = query.add_columns(*key).order_by(*key).limit(PAGE)
            if after is not None:
                page = page.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(value) for value in after)))
            rows = self._database().all(page)
            if rows:
                yield [Hash32(bytes(row[0])) for row in rows]
            if len(rows) < PAGE:
                return
            after = tuple(rows[-1][1:])
