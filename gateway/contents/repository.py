# SPDX-License-Identifier: AGPL-3.0-or-later
"""The journal's `content` table: a text with its salt, in the canonical form that was hashed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.journal import Journal
from gateway.journal.tables import CONTENT
from protocol.errors import ProtocolError
from protocol.evidence import content_document, content_hash
from protocol.types import Hash32

MAX_CONTENT = 64 * 1024
AT_ONCE = 500


class NotTheContent(ValueError):
    """A document that is not the canonical form of what the hash names."""


class Contents:
    """Repository of the table. Raises DatabaseError."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def document(self, hashed: Hash32) -> str | None:
        """The text with its salt, as it was hashed; None where this gateway does not hold it."""
        rows = self._journal.read(sa.select(CONTENT.c.document).where(CONTENT.c.hash == hashed))
        return str(rows[0].document) if rows else None

    def texts(self, hashes: Iterable[Hash32]) -> dict[Hash32, Mapping[str, Any]]:
        """Those texts of these that this gateway holds."""
        found: dict[Hash32, Mapping[str, Any]] = {}
        for part in _parts(hashes):
            for row in self._journal.read(sa.select(CONTENT).where(CONTENT.c.hash.in_(part))):
                found[Hash32(bytes(row.hash))] = json.loads(row.document)["content"]
        return found

    def held(self, hashes: Iterable[Hash32]) -> set[Hash32]:
        """Those of these that this gateway holds."""
        found: set[Hash32] = set()
        for part in _parts(hashes):
            rows = self._journal.read(sa.select(CONTENT.c.hash).where(CONTENT.c.hash.in_(part)))
            found |= {Hash32(bytes(row.hash)) for row in rows}
        return found

    def keep(self, hashed: Hash32, document: bytes) -> None:
        """What another member gave. Raises NotTheContent."""
        require_content(hashed, document)
        with self._journal.transaction() as db:
            keep_content(db, hashed, document.decode())

    def erase(self, hashes: Iterable[Hash32]) -> None:
        """Text and salt, for good: what is deleted from the journal is overwritten."""
        with self._journal.transaction() as db:
            for part in _parts(hashes):
                db.execute(CONTENT.delete().where(CONTENT.c.hash.in_(part)))


def keep_content(db: sa.Connection, hashed: Hash32, document: str) -> None:
    """Within the transaction of what names it; once, however often it is handed in."""
    if db.execute(sa.select(CONTENT.c.hash).where(CONTENT.c.hash == hashed)).first() is None:
        db.execute(CONTENT.insert().values(hash=hashed, document=document))


def require_content(hashed: Hash32, document: bytes) -> None:
    """Raises NotTheContent where the document is not exactly what was hashed."""
    if len(document) > MAX_CONTENT:
        raise NotTheContent(f"a text has at most {MAX_CONTENT} bytes")
    try:
        parsed = json.loads(document)
        content, salt = parsed["content"], bytes.fromhex(str(parsed["salt"]).removeprefix("0x"))
        canonical = content_document(content, salt)
        named = content_hash(content, salt)
    except (ProtocolError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTheContent(f"it is no text with its salt: {type(error).__name__}") from None
    if canonical != document or named != hashed:
        raise NotTheContent("its hash is another")


def _parts(hashes: Iterable[Hash32]) -> Iterable[list[Hash32]]:
    listed = list(dict.fromkeys(hashes))
    for at in range(0, len(listed), AT_ONCE):
        yield listed[at : at + AT_ONCE]
