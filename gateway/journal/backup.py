# SPDX-License-Identifier: AGPL-3.0-or-later
"""A journal in one file, from either database and into either: a copy as of one moment, while the gateway runs.

The file is lines of JSON, compressed: first a head (format, revision, origin), then each table's name and rows in the
order of their keys, last the number of lines and the hash of all before. It holds what the journal holds, tokens of
waiting registrations among it, and tells no order of arrival. What the gateway sent after the copy was made is not in
it: after a restore the outbox takes the chain's nonces, and fills or gives up those that it does not know.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from gateway.database import Database
from gateway.journal.migrate import JournalError, migrate, newest, revision
from gateway.journal.tables import METADATA, ORIGIN

FORMAT = "urna-journal-1"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds: the chain and deployment it belongs to, and how many rows each table has."""

    revision: str
    origin: bytes
    rows: dict[str, int]


def write(database: Database, path: Path) -> Summary:
    """Copy the journal into a new file, which only its owner may read; whole, or not at all.

    Raises JournalError where there is nothing to copy, or a journal of another version; DatabaseError, OSError.
    """
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file, database.read() as db:
                summary = _write(db, database, _Lines(file))
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return summary


class _Lines:
    """Writes lines and hashes them."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self.count = 0
        self.digest = hashlib.sha256()

    def write(self, value: object) -> None:
        line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self.digest.update(line)
        self.count += 1


def _write(db: sa.Connection, database: Database, lines: _Lines) -> Summary:
    at = revision(db)
    if at != newest():
        raise JournalError(f"{database.place}: at revision {at}, and this program is at {newest()}: migrate it first")
    origin = db.execute(sa.select(ORIGIN.c.chain)).scalar_one_or_none()
    if origin is None:
        raise JournalError(f"{database.place}: it is empty")
    lines.write({"format": FORMAT, "revision": at, "origin": origin.hex()})
    counts: dict[str, int] = {}
    streamed = db.execution_options(yield_per=_CHUNK)
    for table in METADATA.sorted_tables:
        lines.write({"table": table.name, "columns": [column.name for column in table.columns]})
        counts[table.name] = 0
        for row in streamed.execute(sa.select(table).order_by(*table.primary_key.columns)):
            lines.write([_plain(value) for value in row])
            counts[table.name] += 1
    lines.write({"lines": lines.count, "sha256": lines.digest.hexdigest()})
    return Summary(at, origin, counts)


def _plain(value: object) -> object:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def check(path: Path) -> Summary:
    """Read a backup to its end. Raises JournalError where a bit of it is not as it was written; OSError."""
    head: dict[str, Any] = {}
    rows: dict[str, int] = {}
    for value in _lines(path):
        if isinstance(value, list):
            rows[list(rows)[-1]] += 1
        elif "table" in value:
            rows[value["table"]] = 0
        else:
            head = value
    return Summary(head["revision"], bytes.fromhex(head["origin"]), rows)


def _lines(path: Path) -> Iterator[Any]:
    """Every line but the last, which is checked against them. Raises JournalError."""
    digest, count, ended = hashlib.sha256(), 0, False
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                value = json.loads(line)
                if ended or (count == 0 and (not isinstance(value, dict) or value.get("format") != FORMAT)):
                    raise JournalError(f"{path}: this is no backup of a journal")
                if isinstance(value, dict) and "sha256" in value:
                    ended = value == {"lines": count, "sha256": digest.hexdigest()}
                    if not ended:
                        raise JournalError(f"{path}: the backup is damaged: its hash does not fit")
                    continue
                digest.update(line)
                count += 1
                yield value
    except (ValueError, EOFError, gzip.BadGzipFile) as error:
        raise JournalError(f"{path}: the backup is damaged: {error}") from error
    if not ended:
        raise JournalError(f"{path}: the backup is damaged: it has no end")


def restore(database: Database, path: Path, origin: bytes | None = None) -> Summary:
    """Fill an empty journal from a backup, whole or not at all; one of an earlier version is not taken.

    `origin`: the chain and deployment that it must belong to. Raises JournalError, DatabaseInUse, DatabaseError.
    """
    summary = check(path)
    if summary.revision != newest():
        raise JournalError(f"{path}: made at revision {summary.revision}, and this program is at {newest()}")
    if origin is not None and summary.origin != origin:
        raise JournalError(f"{path}: the backup belongs to another chain or deployment")
    database.exclude_others()
    migrate(database)
    with database.transaction() as db:
        if not database.is_sqlite:
            db.execute(sa.text("SET LOCAL statement_timeout = 0"))
        owners = list(db.execute(sa.select(ORIGIN.c.chain)).scalars())
        if owners:
            raise JournalError(f"{database.place}: there is a journal already; move it away first")
        for table, rows in _tables(path):
            db.execute(table.insert(), rows)
        if not database.is_sqlite:
            _continue_numbers(db)
    return summary


def _tables(path: Path) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    """Rows in portions."""
    table: sa.Table | None = None
    columns: list[str] = []
    portion: list[dict[str, Any]] = []
    for value in _lines(path):
        if isinstance(value, list):
            portion.append(dict(zip(columns, (_typed(each) for each in value), strict=True)))
        if table is not None and portion and (len(portion) == _CHUNK or not isinstance(value, list)):
            yield table, portion
            portion = []
        if isinstance(value, dict) and "table" in value:
            table, columns = METADATA.tables[value["table"]], value["columns"]
    if table is not None and portion:
        yield table, portion


def _typed(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def _continue_numbers(db: sa.Connection) -> None:
    """PostgreSQL counts by itself, whatever was inserted."""
    for table in METADATA.sorted_tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, sa.Integer) and len(table.primary_key.columns) == 1:
                last = f"(SELECT coalesce(max({column.name}), 0) + 1 FROM {table.name})"  # noqa: S608  # our own names
                sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                db.execute(sa.text(f"SELECT setval({sequence}, {last}, false)"))
