# SPDX-License-Identifier: AGPL-3.0-or-later
"""The seam to the databases: both stores of a gateway, journal and index, on SQLite or PostgreSQL by one setting.

    DatabaseError
    ├── DatabaseUnavailable   slow, lost, locked or full: it may answer later (503)
    ├── DatabaseInUse         another process holds this store
    ├── DatabaseDamaged       it cannot be read as what it is
    └── DatabaseConflict      a row that must be there once is there already

Nothing waits without bound: not for a connection, a lock, an answer, nor for another writer. Errors never hold values
of rows, since those may be persons' tokens.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from gateway.database_lock import LockTaken, StoreLock, file_lock, server_lock

SCHEMES = ("postgresql", "postgresql+psycopg")


class DatabaseError(Exception):
    """Base; the sentence names the database without its password."""


class DatabaseUnavailable(DatabaseError):
    """It did not answer in time, or not at all."""


class DatabaseInUse(DatabaseError):
    """Another process works with this store: two would sign the same nonce, or fold the same block."""


class DatabaseDamaged(DatabaseError):
    """What is there is no database, or a broken one."""


class DatabaseConflict(DatabaseError):
    """A constraint refused a row; nothing was written."""


@dataclass(frozen=True, slots=True)
class Store:
    """`name` is the file's stem (SQLite) and, after `urna_`, the schema's (PostgreSQL).

    A durable store is on the disk when a transaction returns, and deleted content is overwritten; a cache is not.
    """

    name: str
    durable: bool

    @property
    def schema(self) -> str:
        return f"urna_{self.name}"


JOURNAL = Store("journal", durable=True)
INDEX = Store("index", durable=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but `connections`: how many a store has open at most."""

    connect: float = 5.0
    statement: float = 15.0
    lock: float = 5.0
    connections: int = 12


def parse_url(text: str) -> URL:
    """A `postgresql://` URL. Its repr and str show the password as stars. Raises ValueError without the value."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise ValueError("it is no database URL") from None
    if url.drivername not in SCHEMES or not url.database:
        raise ValueError("it must be of the form postgresql://user:password@host:port/database")
    return url.set(drivername="postgresql+psycopg")


def locate(folder: Path, url: URL | None, store: Store) -> URL:
    """Where a store lies: a file in the entity's folder, or a schema of the database server."""
    return url or URL.create("sqlite", database=str(folder / f"{store.name}.sqlite"))


class Database:
    """One store, opened. Threads share it; writers take turns, readers wait for nobody."""

    def __init__(self, url: URL, store: Store, limits: Limits | None = None) -> None:
        """Connects, and makes file or schema where there is none. Raises DatabaseUnavailable, DatabaseDamaged."""
        self.store = store
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.url = url
        self._limits = limits or Limits()
        self._writer = threading.Lock()
        self._lock: StoreLock | None = None
        self.engine = _sqlite(url, store, self._limits) if self.is_sqlite else _postgresql(url, store, self._limits)
        try:
            with self.transaction() as db:
                if not self.is_sqlite:
                    db.execute(sa.schema.CreateSchema(store.schema, if_not_exists=True))
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def place(self) -> str:
        """For messages: the file's path, or the server's URL with stars, and the schema."""
        return str(self.url.database) if self.is_sqlite else f"{self.url!r} {self.store.schema}"

    def exclude_others(self) -> None:
        """Hold the store for this process alone, until `close`. Raises DatabaseInUse, DatabaseUnavailable."""
        with self._translated():
            try:
                if self.is_sqlite:
                    self._lock = file_lock(Path(str(self.url.database)).with_suffix(".lock"))
                else:
                    self._lock = server_lock(self.engine, self.store.schema)
            except LockTaken as error:
                raise DatabaseInUse(f"{self.place}: another gateway uses this {self.store.name}; stop it") from error

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Everything inside, or nothing; on the disk when it returns, where the store is durable. Does not nest.

        Raises DatabaseError.
        """
        if not self._writer.acquire(timeout=self._limits.lock):
            raise DatabaseUnavailable(f"{self.place}: other writers hold it for too long")
        try:
            with self._translated(), self.engine.connect() as plain:
                if self._lock is not None:
                    self._keep(self._lock)
                connection = plain.execution_options(writes=True)
                with connection.begin():
                    yield connection
        finally:
            self._writer.release()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent state, as of its first statement; nothing is written in it. Raises DatabaseError."""
        with self._translated(), self.engine.connect() as plain:
            connection = plain
            if not self.is_sqlite:
                connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def all(self, query: sa.Executable) -> list[sa.Row[Any]]:
        """Every row of one query. Raises DatabaseError."""
        with self.read() as db:
            return list(db.execute(query))

    def flush(self) -> None:
        """Move what SQLite still has in its log into the file, so that nothing erased stays in the log."""
        if self.is_sqlite:
            with self._translated(), self.engine.connect() as plain:
                plain.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]

    def remove(self) -> None:
        """Erase the store with everything in it; the object is closed afterwards. For caches alone."""
        assert not self.store.durable
        if not self.is_sqlite:
            with self.transaction() as db:
                db.execute(sa.schema.DropSchema(self.store.schema, cascade=True))
            self.close()
            return
        self.close()
        for end in ("", "-wal", "-shm"):
            Path(f"{self.url.database}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        """Give connections and the exclusive hold back."""
        self.engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _keep(self, lock: StoreLock) -> None:
        """A server that was restarted has forgotten who held what: hold it again before anything is written."""
        try:
            lock.keep()
        except LockTaken as error:
            raise DatabaseInUse(f"{self.place}: another gateway took this {self.store.name} over") from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise DatabaseConflict(f"{self.place}: a row is there already") from None  # its text holds the row's values
        except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
            raise DatabaseUnavailable(f"{self.place}: {_said(error)}") from None
        except exc.TimeoutError:
            raise DatabaseUnavailable(f"{self.place}: all connections are busy") from None
        except exc.DatabaseError as error:
            if type(error) is not exc.DatabaseError:
                raise  # a defect of ours
            raise DatabaseDamaged(f"{self.place}: cannot be read ({_said(error)})") from None


def _said(error: exc.DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _sqlite(url: URL, store: Store, limits: Limits) -> sa.Engine:
    path = Path(str(url.database))
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(
        url,
        connect_args={"timeout": limits.lock},
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.lock,
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if store.durable else 'NORMAL'}",
            "foreign_keys = ON",
            f"secure_delete = {'ON' if store.durable else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, store: Store, limits: Limits) -> sa.Engine:
    given = {
        "search_path": store.schema,
        "statement_timeout": f"{limits.statement * 1000:.0f}",
        "lock_timeout": f"{limits.lock * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{limits.statement * 1000:.0f}",
        "synchronous_commit": "on" if store.durable else "off",
    }
    return sa.create_engine(
        url,
        connect_args={
            "connect_timeout": max(2, round(limits.connect)),  # libpq takes whole seconds, two at least
            "tcp_user_timeout": round(limits.statement * 1000),
            "application_name": f"urna {store.name}",
            "options": " ".join(f"-c {name}={value}" for name, value in given.items()),
        },
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.lock,
        pool_pre_ping=True,  # a server that was restarted is no error of the next request
        hide_parameters=True,
    )
