# SPDX-License-Identifier: AGPL-3.0-or-later
"""What everybody reads of the chain: short queries on a consistent state of the index, that say as of which block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway import conditional
from gateway.index.store import IndexStore
from gateway.index.tables import folded
from gateway.problems import ChainUnavailable
from gateway.wire import AsOf

_AS_OF = sa.select(folded.c.number, folded.c.hash, folded.c.timestamp)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the index; everything asked of it is as of the same block."""

    db: sa.Connection
    as_of: AsOf

    def all(self, query: sa.Executable) -> list[Any]:
        return list(self.db.execute(query))

    def first(self, query: sa.Executable) -> Any:
        """The first row, None where there is none."""
        return self.db.execute(query).first()


class Reads:
    """Safe across threads; waits for no writer."""

    def __init__(self, store: IndexStore, is_stale: Callable[[], bool]) -> None:
        self._store = store
        self._is_stale = is_stale

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Raises ChainUnavailable where nothing was read yet, DatabaseError."""
        with self._store.database.read() as db:
            found = db.execute(_AS_OF).first()
            if found is None:
                raise ChainUnavailable("This gateway has not read the chain yet.")
            number, hash_, timestamp = tuple(found)
            as_of = AsOf(block=number, hash=bytes(hash_), timestamp=timestamp, stale=self._is_stale())
            conditional.note(as_of)
            yield Snapshot(db, as_of)

    def as_of(self) -> AsOf:
        """The block that a read now would be as of."""
        with self.snapshot() as now:
            return now.as_of
