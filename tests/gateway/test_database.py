# SPDX-License-Identifier: AGPL-3.0-or-later
"""The seam to the databases, on both: turns, durability, one process, faults that end in time (G3, G10)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import (
    INDEX,
    JOURNAL,
    Database,
    DatabaseConflict,
    DatabaseDamaged,
    DatabaseInUse,
    DatabaseUnavailable,
    Limits,
    locate,
    parse_url,
)
from gateway.settings import Settings
from tests.gateway.postgres import new_database, open_server

TABLES = sa.MetaData()
NOTE = sa.Table("note", TABLES, sa.Column("key", sa.Integer, primary_key=True), sa.Column("text", sa.LargeBinary))
QUICK = Limits(connect=2.0, statement=1.0, lock=0.3, connections=4)


@pytest.fixture
def url(make_url: Callable[[], URL]) -> URL:
    return make_url()


@pytest.fixture
def database(url: URL) -> Iterator[Database]:
    opened = Database(url, JOURNAL, QUICK)
    with opened.transaction() as db:
        TABLES.create_all(db)
    yield opened
    opened.close()


def write(database: Database, key: int) -> None:
    with database.transaction() as db:
        db.execute(NOTE.insert().values(key=key, text=b"text"))


def keys(database: Database) -> list[int]:
    return [row.key for row in database.all(sa.select(NOTE.c.key).order_by(NOTE.c.key))]


def test_a_transaction_is_all_or_nothing_and_lasts(database: Database, url: URL) -> None:
    write(database, 1)

    def half() -> None:
        with database.transaction() as db:
            db.execute(NOTE.insert().values(key=2, text=b""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with pytest.raises(DatabaseConflict) as refused:
        write(database, 1)
    assert "text" not in str(refused.value)
    again = Database(url, JOURNAL)
    assert keys(again) == keys(database) == [1]
    again.close()


def test_a_reader_sees_one_state_and_waits_for_no_writer(database: Database) -> None:
    write(database, 1)
    with database.read() as db:
        count = sa.select(sa.func.count()).select_from(NOTE)
        assert db.execute(count).scalar_one() == 1
        write(database, 2)
        with database.transaction() as writer:
            writer.execute(NOTE.insert().values(key=3, text=b""))
            assert db.execute(count).scalar_one() == 1
            assert keys(database) == [1, 2]


def test_G10_a_writer_waits_its_turn_and_not_for_ever(database: Database) -> None:
    begun = time.monotonic()
    with database.transaction(), pytest.raises(DatabaseUnavailable, match="other writers"), database.transaction():
        pytest.fail("two writers at once")
    assert 0.2 < time.monotonic() - begun < 3


def test_writers_take_turns(database: Database, url: URL) -> None:
    patient = Database(url, JOURNAL, Limits(lock=60.0))
    done: list[int] = []

    def work(number: int) -> None:
        write(patient, number)
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys(database) == sorted(done) == list(range(20))
    patient.close()


def test_G10_readers_are_bounded_by_the_connections(database: Database) -> None:
    held = threading.Barrier(QUICK.connections + 1)
    release = threading.Event()

    def hold() -> None:
        with database.read() as db:
            db.execute(sa.select(NOTE.c.key))
            held.wait()
            release.wait()

    threads = [threading.Thread(target=hold) for _ in range(QUICK.connections)]
    for thread in threads:
        thread.start()
    held.wait()
    with pytest.raises(DatabaseUnavailable, match="busy"):
        keys(database)
    release.set()
    for thread in threads:
        thread.join()
    assert keys(database) == []


def test_G3_a_second_process_is_refused_until_the_first_one_ends(database: Database, url: URL) -> None:
    database.exclude_others()
    other = Database(url, JOURNAL, QUICK)
    with pytest.raises(DatabaseInUse, match="another gateway uses this journal"):
        other.exclude_others()
    program = (
        "import sys; from sqlalchemy.engine import make_url\n"
        "from gateway.database import *\n"
        "d = Database(make_url(sys.argv[1]), JOURNAL)\n"
        "try: d.exclude_others()\n"
        "except DatabaseInUse: sys.exit(7)\n"
    )
    command = [sys.executable, "-c", program, url.render_as_string(hide_password=False)]
    assert subprocess.run(command, check=False).returncode == 7
    database.close()
    other.exclude_others()
    other.close()
    assert subprocess.run(command, check=False).returncode == 0


def test_a_cache_can_be_removed_and_begun_anew(make_url: Callable[[], URL], tmp_path: Path) -> None:
    given = make_url()
    place = locate(tmp_path, None if given.get_backend_name() == "sqlite" else given, INDEX)
    for _ in range(2):
        index = Database(place, INDEX)
        with index.transaction() as db:
            TABLES.create_all(db)
        write(index, 1)
        assert keys(index) == [1]
        index.remove()


def test_the_stores_of_one_server_are_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_server() as server:
        url = new_database(server)
        journal, index = Database(url, JOURNAL, QUICK), Database(url, INDEX, QUICK)
        journal.exclude_others()
        index.exclude_others()
        for store in (journal, index):
            with store.transaction() as db:
                TABLES.create_all(db)
        write(journal, 1)
        assert keys(index) == []

        # G3, G10: the server forgets who held what, and a statement that hangs is broken off.
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'urna%';")
        write(journal, 2)
        assert keys(journal) == [1, 2]
        with pytest.raises(DatabaseUnavailable, match="timeout"):
            journal.all(sa.select(sa.func.pg_sleep(30)))
        other = Database(url, JOURNAL, QUICK)
        with pytest.raises(DatabaseInUse):
            other.exclude_others()
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'urna%';")
        other.exclude_others()
        with pytest.raises(DatabaseInUse, match="took this journal over"):
            write(journal, 3)
        for store in (journal, index, other):
            store.close()


def test_G10_a_server_that_is_not_there_is_said_in_time_without_the_password() -> None:
    url = parse_url("postgresql://urna:topsecret@127.0.0.1:1/urna")
    with pytest.raises(DatabaseUnavailable) as refused:
        Database(url, JOURNAL, QUICK)
    assert "topsecret" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)


def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(DatabaseDamaged, match="cannot be read"):
        Database(locate(tmp_path, None, JOURNAL), JOURNAL)
    assert path.read_bytes().startswith(b"not a database")


def test_a_journal_is_its_owners_alone_and_flushed(tmp_path: Path) -> None:
    database = Database(locate(tmp_path, None, JOURNAL), JOURNAL)
    with database.read() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert db.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o777 == 0o600
    database.close()


@pytest.mark.parametrize("text", ["mysql://a:secret@b/c", "secret", "postgresql://a:secret@host", "sqlite:///secret"])
def test_another_url_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="database") as refused:
        parse_url(text)
    assert "secret" not in str(refused.value)


def test_the_setting_shows_no_password(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.touch()
    given = {"entity": tmp_path, "deployment": file, "rpc": "http://127.0.0.1:1", "issuers": file}
    assert Settings.model_validate(given).database is None
    settings = Settings.model_validate({**given, "database": "postgresql://urna:topsecret@db:5432/urna"})
    assert "topsecret" not in f"{settings!r} {settings.model_dump_json()}"
    assert settings.database is not None
    assert settings.database.password == "topsecret"
