# SPDX-License-Identifier: AGPL-3.0-or-later
"""A journal of any version becomes one of this version, with every row, or stays what it was (G1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import URL

from gateway.ballots.repository import Ballots
from gateway.database import JOURNAL, Database, locate
from gateway.failures import Failure
from gateway.journal import JournalError, migrate, open_journal
from gateway.journal.migrate import newest, revision
from gateway.journal.tables import CONTENT, EVIDENCE, METADATA, TX
from gateway.submissions import Submissions
from protocol.types import InitiativeId

ORIGIN = b"a chain"
SCHEMA_1 = Path(__file__).with_name("schema_1.sql").read_text(encoding="utf-8")


def old_journal(folder: Path) -> URL:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        db.executescript(SCHEMA_1)
    return locate(folder, None, JOURNAL)


def test_a_journal_of_the_first_version_is_taken_over_with_every_row(tmp_path: Path) -> None:
    journal = open_journal(old_journal(tmp_path), ORIGIN)

    rows = journal.read(sa.select(TX.c.id, TX.c.lane, TX.c.nonce, TX.c.raw, TX.c.status, TX.c.block).order_by(TX.c.id))
    assert [tuple(row) for row in rows] == [
        (1, "lane-0", 0, b"\xf8\x01", "final", 7),
        (2, "lane-0", 1, b"\xf8\x02", "sent", None),
        (5, "lane-1", 0, b"\xf8\x03", "queued", None),
    ]
    found = {id_: Submissions(journal, 9).get(id_) for id_ in ("aa", "bb", "cc", "dd")}
    told = {id_: (one.status, one.attempts, one.failure) for id_, one in found.items() if one is not None}
    assert told == {
        "aa": ("accepted", 1, Failure("refused-by-contract", "WrongPhase", "WrongPhase")),
        "bb": ("final", 0, None),
        "cc": ("failed", 0, Failure("known-person", "registered with another commitment before")),
        "dd": ("queued", 0, None),
    }
    assert found["aa"] is not None
    assert found["aa"].payload["id_token"] == "t"
    ballots = Ballots(journal, 9)
    assert [one.hash for one in ballots.waiting(InitiativeId(2), 9)] == [b"\x31"]
    kept = [ballots.get(bytes([number])) for number in range(0x31, 0x35)]
    assert [(one.status, one.nullifier, one.sequence, len(one.entry)) for one in kept if one is not None] == [
        ("accepted", 9, 1, 293),
        ("sent", 10, 2, 293),
        ("failed", 11, 3, 293),
        ("queued", 12, 4, 293),
    ]
    assert kept[2] is not None
    assert kept[2].failure == Failure("not-landed", "the batch was refused by the contract")
    assert [one.hash for one in ballots.carried_by(5)] == [b"\x34"]
    assert [tuple(row) for row in journal.read(sa.select(EVIDENCE))] == [(b"\x41", 1, b"BB")]
    assert [tuple(row) for row in journal.read(sa.select(CONTENT))] == [(b"\x51", '{"content": {"title": "x"}}')]
    journal.close()
    open_journal(old := locate(tmp_path, None, JOURNAL), ORIGIN).close()  # nothing is left to do
    with pytest.raises(JournalError, match="another chain"):
        open_journal(old, b"another")


def test_the_migrations_lead_to_the_tables(make_url: Callable[[], URL]) -> None:
    journal = open_journal(make_url(), ORIGIN)
    with journal.database.read() as db:
        assert compare_metadata(MigrationContext.configure(db), METADATA) == []
        assert revision(db) == newest()
    journal.close()


def test_G1_a_migration_that_breaks_off_has_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = old_journal(tmp_path)
    upgrade = command.upgrade

    def broken(*arguments: object) -> None:
        upgrade(*arguments)  # type: ignore[arg-type]  # handed on
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", broken)
        with pytest.raises(ZeroDivisionError):
            open_journal(url, ORIGIN)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        assert db.execute("SELECT status FROM tx WHERE id = 5").fetchone() == ("signed",)
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    open_journal(url, ORIGIN).close()


def test_a_journal_of_a_later_version_is_refused_and_left_alone(make_url: Callable[[], URL]) -> None:
    url = make_url()
    open_journal(url, ORIGIN).close()
    database = Database(url, JOURNAL)
    with database.transaction() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(JournalError, match="later version"):
        migrate(database)
    with database.read() as db:
        assert revision(db) == "9999"
    database.close()
