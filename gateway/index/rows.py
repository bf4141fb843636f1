# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows to be written, by table and key; the last version of a row wins.

Written by the driver itself, a statement compiled once for many rows: with a million rows the layers between would take
longer than the database. Values are of the types that both drivers take as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]


class Rows:
    """Collects whole rows. `put` is given every column of its table."""

    def __init__(self) -> None:
        self._rows: dict[sa.Table, dict[tuple[Any, ...], Row]] = {}

    def put(self, table: sa.Table, row: Row) -> None:
        keys = _keys(table)
        key = tuple([row[name] for name in keys])
        try:
            self._rows[table][key] = row
        except KeyError:
            self._rows[table] = {key: row}

    def write(self, db: sa.Connection) -> None:
        """Insert or replace all of them."""
        for table, rows in self._rows.items():
            _write(db, _upsert(table, db.dialect.name), rows.values())


def insert_all(db: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Rows that are new."""
    _write(db, _insert(table, db.dialect.name), rows)


def _write(db: sa.Connection, statement: tuple[str, tuple[str, ...] | None], rows: Iterable[Row]) -> None:
    text, places = statement
    if places is None:
        given: list[Any] = list(rows)
    else:
        given = [tuple([row[name] for name in places]) for row in rows]
    if given:
        db.exec_driver_sql(text, given)


@lru_cache
def _keys(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


@lru_cache
def _insert(table: sa.Table, dialect: str) -> tuple[str, tuple[str, ...] | None]:
    return _compiled(sa.insert(table), dialect)


@lru_cache
def _upsert(table: sa.Table, dialect: str) -> tuple[str, tuple[str, ...] | None]:
    insert: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = _keys(table)
    others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    if not others:
        return _compiled(insert.on_conflict_do_nothing(), dialect)
    return _compiled(insert.on_conflict_do_update(index_elements=list(keys), set_=others), dialect)


def _compiled(statement: Any, dialect: str) -> tuple[str, tuple[str, ...] | None]:
    """The driver's text, and the order of its values where it takes them by place."""
    kinds: Any = (sqlite, postgresql)
    kind = kinds[0].dialect() if dialect == "sqlite" else kinds[1].dialect(paramstyle="pyformat")
    compiled = statement.compile(dialect=kind)
    places = compiled.positiontup
    return str(compiled), None if places is None else tuple(places)
