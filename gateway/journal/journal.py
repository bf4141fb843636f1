# SPDX-License-Identifier: AGPL-3.0-or-later
"""The journal as the gateway's parts use it: transactions and reads, for one process and one chain."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import JOURNAL, Database, DatabaseDamaged, DatabaseError, Limits
from gateway.journal.migrate import JournalError, migrate
from gateway.journal.privacy import in_key_order
from gateway.journal.tables import ORIGIN


class Journal:
    """One process, one journal: a second one refuses to start (two writers would sign the same nonce).

    `origin` names the chain and the deployment; a journal of others is refused, for its transactions fit nowhere else.
    """

    def __init__(self, database: Database, origin: bytes) -> None:
        """Holds the store, migrates it where it is of an earlier version. Raises JournalError, DatabaseError."""
        self.database = database
        database.exclude_others()
        migrate(database)
        with database.transaction() as db:
            owners = [bytes(row.chain) for row in db.execute(sa.select(ORIGIN.c.chain))]
            if not owners:
                db.execute(ORIGIN.insert().values(chain=origin))
            elif owners != [origin]:
                raise JournalError(f"{database.place}: it belongs to another chain or deployment")
        self.tidy()

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """Everything inside, or nothing. Durable when it returns."""
        return self.database.transaction()

    def read(self, query: sa.Executable) -> list[sa.Row[Any]]:
        """Every row of one query."""
        return self.database.all(query)

    def tidy(self) -> None:
        """Leave no trace of what was erased, nor of the order in which things came."""
        with self.database.transaction() as db:
            in_key_order(db)
        self.database.flush()

    def close(self) -> None:
        with suppress(DatabaseError):  # a database that is away cannot be tidied; the next start will
            self.tidy()
        self.database.close()


def open_journal(url: URL, origin: bytes, limits: Limits | None = None) -> Journal:
    """The journal at this place (`gateway.database.locate`). Raises JournalError, DatabaseError."""
    try:
        database = Database(url, JOURNAL, limits)
    except DatabaseDamaged as error:
        raise JournalError(f"{error}; put the backup in its place") from error
    try:
        return Journal(database, origin)
    except BaseException:
        database.close()
        raise
