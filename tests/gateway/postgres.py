# SPDX-License-Identifier: AGPL-3.0-or-later
"""A PostgreSQL server for tests, and empty databases on it. Used by what must hold on both databases."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy.engine import URL

from gateway.database import parse_url

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR, which not every machine has
    from pgserver.postgres_server import PostgresServer, get_server


@contextmanager
def open_server() -> Iterator[PostgresServer]:
    """A server of its own; it ends with the block.

    Not in pytest's folder: a server that root starts runs as another user, and every pytest that begins closes that
    folder to all others.
    """
    with TemporaryDirectory(prefix="urna-pg-") as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def new_database(server: PostgresServer) -> URL:
    """The URL of an empty database."""
    name = f"urna_{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return parse_url(server.get_uri()).set(database=name)
