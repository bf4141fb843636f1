# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index as one canonical text: the same on every database, however often it was interrupted or rebuilt.

Tables in the order of their names, rows in that of their keys, a JSON array a row: integers as numbers, truth values as
0 and 1, bytes as 0x and hex. What is compared is the SHA-256 of the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from gateway.database import Database
from gateway.index import tables

PAGE = 10_000


def lines(database: Database) -> Iterator[str]:
    """One line a table's name, one a row. All as of one block. Raises DatabaseError."""
    exported = sorted(
        (table for table in tables.metadata.tables.values() if table not in (tables.origin, tables.header)), key=_name
    )
    with database.read() as db:
        for table in exported:
            yield json.dumps({"table": table.name})
            for row in _rows(db, table):
                yield json.dumps([_written(value) for value in row], ensure_ascii=False, separators=(",", ":"))


def digest(database: Database) -> str:
    """SHA-256 of all lines, each with its line feed."""
    found = hashlib.sha256()
    for line in lines(database):
        found.update(line.encode() + b"\n")
    return found.hexdigest()


def _name(table: sa.Table) -> str:
    return table.name


def _rows(db: sa.Connection, table: sa.Table) -> Iterator[tuple[Any, ...]]:
    """In pages after the last key: no database holds a million rows for us."""
    keys = list(table.primary_key)
    places = [list(table.columns).index(key) for key in keys]
    query = sa.select(table).order_by(*keys).limit(PAGE)
    page = db.execute(query).all()
    while page:
        yield from map(tuple, page)
        if len(page) < PAGE:
            return
        last = [tuple(page[-1])[place] for place in places]
        page = db.execute(query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last)))).all()


def _written(value: object) -> object:
    if isinstance(value, bytes | memoryview | bytearray):
        return "0x" + bytes(value).hex()
    return int(value) if isinstance(value, bool) else value
