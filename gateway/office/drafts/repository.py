# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of drafts and their versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.journal import Journal
from gateway.journal.tables import OFFICE_DRAFT as DRAFT
from gateway.journal.tables import OFFICE_DRAFT_VERSION as DRAFT_VERSION
from protocol.types import InitiativeId


@dataclass(frozen=True, slots=True)
class Version:
    """One saved text of a draft. `at` is Unix seconds."""

    version: int
    document: Any
    author: str
    at: int


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft with its newest version; officers by pseudonym."""

    id: str
    state: str
    newest: Version
    authors: frozenset[str]
    submitted_by: str | None
    approved_by: str | None
    remark: str | None
    act: str | None
    initiative: int | None


class Drafts:
    """Repository of both tables. What takes a connection is part of the caller's transaction."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def insert(self, db: sa.Connection, id_: str, version: Version) -> None:
        db.execute(DRAFT.insert().values(id=id_, state="draft", version=0))
        self.add_version(db, id_, version)

    def add_version(self, db: sa.Connection, id_: str, version: Version) -> None:
        """The newest from now on; submission and approval are void, for they were of another text."""
        db.execute(
            DRAFT_VERSION.insert().values(
                draft=id_,
                version=version.version,
                document=json.dumps(version.document),  # escapes what a database does not take
                author=version.author,
                at=version.at,
            )
        )
        self.change(db, id_, state="draft", version=version.version, submitted_by=None, approved_by=None, act=None)

    def change(self, db: sa.Connection, id_: str, **values: object) -> None:
        db.execute(DRAFT.update().where(DRAFT.c.id == id_).values(**values))

    def count(self, db: sa.Connection) -> int:
        return int(db.execute(sa.select(sa.func.count()).select_from(DRAFT)).scalar_one())

    def get(self, db: sa.Connection, id_: str) -> DraftRow | None:
        row = db.execute(sa.select(DRAFT).where(DRAFT.c.id == id_)).one_or_none()
        return None if row is None else self._draft(db, row)

    def find(self, id_: str) -> DraftRow | None:
        with self._journal.transaction() as db:
            return self.get(db, id_)

    def all(self) -> list[DraftRow]:
        with self._journal.transaction() as db:
            return [self._draft(db, row) for row in db.execute(sa.select(DRAFT).order_by(DRAFT.c.id)).all()]

    def published(self) -> list[InitiativeId]:
        """Initiatives that drafts became."""
        query = sa.select(DRAFT.c.initiative).where(DRAFT.c.initiative.is_not(None)).order_by(DRAFT.c.initiative)
        return [InitiativeId(row.initiative) for row in self._journal.read(query)]

    def versions(self, id_: str) -> list[Version]:
        """From the first."""
        query = sa.select(DRAFT_VERSION).where(DRAFT_VERSION.c.draft == id_).order_by(DRAFT_VERSION.c.version)
        return [_version(row) for row in self._journal.read(query)]

    def _draft(self, db: sa.Connection, row: sa.Row[Any]) -> DraftRow:
        own = DRAFT_VERSION.c.draft == row.id
        newest = db.execute(sa.select(DRAFT_VERSION).where(own, DRAFT_VERSION.c.version == row.version)).one()
        authors = db.execute(sa.select(DRAFT_VERSION.c.author).distinct().where(own)).scalars()
        return DraftRow(
            id=row.id,
            state=row.state,
            newest=_version(newest),
            authors=frozenset(authors),
            submitted_by=row.submitted_by,
            approved_by=row.approved_by,
            remark=row.remark,
            act=row.act,
            initiative=row.initiative,
        )


def _version(row: sa.Row[Any]) -> Version:
    return Version(row.version, json.loads(row.document), row.author, row.at)
