# SPDX-License-Identifier: AGPL-3.0-or-later
"""That a copy of the journal tells no order of arrival, on either database.

SQLite keeps the rows of these tables in the order of their keys (WITHOUT ROWID), and overwrites what is deleted.
PostgreSQL appends rows where there is room, and leaves old versions until they are swept: whoever reads the server's
files while it runs sees about when a waiting row came. A ballot's row is written anew with its shuffled batch, which
is the order on chain; and `in_key_order` writes what is left in the order of the keys, so that a dump shows that order.
It runs at the start and the end of a gateway and before a backup.
"""

from __future__ import annotations

import sqlalchemy as sa

from gateway.journal import tables

#: Everything that came one by one from outside.
ARRIVED = (tables.SUBMISSION, tables.BALLOT, tables.EVIDENCE, tables.CONTENT)


def in_key_order(db: sa.Connection) -> None:
    """Write the rows of every table that tells an order of arrival anew, in the order of its key. PostgreSQL alone."""
    if db.dialect.name == "sqlite":
        return
    for table in ARRIVED:
        if _tells(db, table):
            db.execute(sa.text(f"CREATE TEMPORARY TABLE moved ON COMMIT DROP AS SELECT * FROM {table.name}"))  # noqa: S608  # our own table
            db.execute(sa.text(f"TRUNCATE {table.name}"))
            (key,) = table.primary_key.columns
            db.execute(sa.text(f"INSERT INTO {table.name} SELECT * FROM moved ORDER BY {key.name}"))  # noqa: S608  # as above
            db.execute(sa.text("DROP TABLE moved"))


def _tells(db: sa.Connection, table: sa.Table) -> bool:
    """Whether any row lies before one with a lower key, or was written in another transaction than the rest."""
    (key,) = table.primary_key.columns
    place: sa.ColumnElement[object] = sa.literal_column("ctid")
    falls = (key < sa.func.lag(key).over(order_by=place)).label("falls")
    writer: sa.ColumnElement[str] = sa.literal_column("xmin::text").label("writer")
    found = sa.select(falls, writer).select_from(table).subquery()
    query = sa.select(sa.func.bool_or(found.c.falls), sa.func.count(found.c.writer.distinct()))
    falling, writers = db.execute(query).one()
    return bool(falling) or writers > 1
