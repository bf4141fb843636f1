# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings a journal's tables to this version, whatever version wrote them: all steps in one transaction, or none.

A further step is a file in `migrations/versions` whose `down_revision` is the last one's `revision`; `tables.py` shows
what the tables are after it. There is no way back: a backup is the way back.
"""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.database import Database, DatabaseError
from gateway.journal.privacy import in_key_order

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)

FIRST = "0001"  # what journals without Alembic's mark are at: SQLite's `user_version` 1


class JournalError(DatabaseError):
    """The journal cannot be used: where it lies, and why."""


def newest() -> str:
    """The revision of this version of the gateway."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def revision(db: sa.Connection) -> str | None:
    """The revision that the tables are at; None where there are none."""
    found = MigrationContext.configure(db).get_current_revision()
    if found is None and db.dialect.name == "sqlite" and db.exec_driver_sql("PRAGMA user_version").scalar_one():
        return FIRST
    return found


def migrate(database: Database) -> tuple[str | None, str]:
    """From which revision to which; the same where nothing was to do.

    Raises JournalError for a journal of a later version; DatabaseError.
    """
    config = _config()
    with database.transaction() as db:
        if not database.is_sqlite:
            db.execute(sa.text("SET LOCAL statement_timeout = 0"))  # a large journal takes its time
        before, after = revision(db), newest()
        known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
        if before is not None and before not in known:
            raise JournalError(f"{database.place}: written by a later version of the gateway (revision {before})")
        if before == after:
            return before, after
        config.attributes["connection"] = db
        if before == FIRST and MigrationContext.configure(db).get_current_revision() is None:
            command.stamp(config, FIRST)
        command.upgrade(config, "head")
        if database.is_sqlite:
            db.exec_driver_sql("PRAGMA user_version = 0")  # the mark is Alembic's from here on
        in_key_order(db)
    if before is not None:
        log.info("%s: migrated from revision %s to %s", database.place, before, after)
    return before, after


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
