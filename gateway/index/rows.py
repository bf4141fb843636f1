# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows to be written, by table and key; the last version of a row wins."""

from __future__ import annotations

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
        key = tuple(row[column.name] for column in table.primary_key)
        self._rows.setdefault(table, {})[key] = row

    def write(self, db: sa.Connection) -> None:
        """Insert or replace all of them."""
        for table, rows in self._rows.items():
            db.execute(_upsert(table, db.dialect.name), list(rows.values()))


@lru_cache
def _upsert(table: sa.Table, dialect: str) -> sa.Executable:
    keys = [column.name for column in table.primary_key]
    insert: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    if not others:
        made: sa.Executable = insert.on_conflict_do_nothing()
    else:
        made = insert.on_conflict_do_update(index_elements=keys, set_=others)
    return made
