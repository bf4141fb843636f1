# SPDX-License-Identifier: AGPL-3.0-or-later
"""One process per store: a lock on a file (SQLite), or an advisory lock of the server (PostgreSQL)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import exc


class LockTaken(Exception):
    """Another process holds it."""


class StoreLock(Protocol):
    """Held from the making on."""

    def keep(self) -> None:
        """Make sure that it is still ours, and take it again where it was lost. Raises LockTaken."""

    def release(self) -> None:
        """Give it back."""


class _FileLock:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def keep(self) -> None:
        """The system keeps it as long as the process lives."""

    def release(self) -> None:
        os.close(self._descriptor)


def file_lock(path: Path) -> StoreLock:
    """Raises LockTaken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LockTaken(str(path)) from error
    return _FileLock(descriptor)


class _ServerLock:
    """On a connection of its own: the server lets go of it when that connection ends, however it ends."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        self._connection = self._take()

    def _take(self) -> sa.Connection:
        connection = self._engine.connect()
        try:
            connection.detach()  # no part of the pool, which would be one short
            key = sa.func.hashtextextended(self._name, 0)
            if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar_one():
                raise LockTaken(self._name)
        except BaseException:
            connection.close()
            raise
        return connection

    def keep(self) -> None:
        try:
            self._connection.execute(sa.select(1))
        except exc.DBAPIError:
            self._connection.invalidate()
            self._connection.close()
            self._connection = self._take()

    def release(self) -> None:
        self._connection.close()


def server_lock(engine: sa.Engine, name: str) -> StoreLock:
    """Raises LockTaken, SQLAlchemy's errors."""
    return _ServerLock(engine, name)
