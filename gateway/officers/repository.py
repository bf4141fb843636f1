# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers, their roles and invitations in the journal. Roles are read at every request: what is revoked is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.journal import Journal
from gateway.journal.tables import INVITATION, OFFICER, OFFICER_ROLE
from gateway.officers.roles import Officer, Role


class Officers:
    """Changes take the connection of the caller's transaction, so that the act of changing is recorded in the same."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of_person(self, namespace: str, subject: str) -> Officer | None:
        """The officer who is this person."""
        where = (OFFICER.c.namespace == namespace, OFFICER.c.subject == subject)
        return _one(self._journal.read(_select(*where)))

    def get(self, officer: str) -> Officer | None:
        return _one(self._journal.read(_select(OFFICER.c.id == officer)))

    def within(self, db: sa.Connection, officer: str) -> Officer | None:
        """As `get`, in the caller's transaction."""
        return _one(db.execute(_select(OFFICER.c.id == officer)).all())

    def all(self) -> list[Officer]:
        """By id, which is random."""
        return _officers(self._journal.read(_select()))

    def person_of(self, officer: str) -> tuple[str, str] | None:
        """Namespace and subject, where the invitation was taken."""
        query = sa.select(OFFICER.c.namespace, OFFICER.c.subject).where(OFFICER.c.id == officer)
        rows = self._journal.read(query)
        return (rows[0].namespace, rows[0].subject) if rows and rows[0].subject is not None else None

    def add(self, db: sa.Connection, officer: str, name: str, roles: Iterable[Role]) -> None:
        """Somebody who is invited."""
        db.execute(OFFICER.insert().values(id=officer, name=name))
        self._insert_roles(db, officer, roles)

    def invite(self, db: sa.Connection, code_hash: bytes, officer: str, expires: int) -> None:
        """The one code that makes a person this officer; an earlier one is void."""
        db.execute(sa.delete(INVITATION).where(INVITATION.c.officer == officer))
        db.execute(INVITATION.insert().values(code_hash=code_hash, officer=officer, expires=expires))

    def take_invitation(self, db: sa.Connection, code_hash: bytes, now: int) -> Officer | None:
        """The officer that a code is for; the code is used up. None for a code that is unknown or too old."""
        query = sa.select(INVITATION.c.officer, INVITATION.c.expires).where(INVITATION.c.code_hash == code_hash)
        row = db.execute(query).one_or_none()
        if row is None or now >= row.expires:
            return None
        db.execute(sa.delete(INVITATION).where(INVITATION.c.code_hash == code_hash))
        return self.within(db, row.officer)

    def bind(self, db: sa.Connection, officer: str, namespace: str, subject: str) -> None:
        """Whoever brought the code is the officer from now on."""
        db.execute(sa.update(OFFICER).where(OFFICER.c.id == officer).values(namespace=namespace, subject=subject))

    def set_roles(self, db: sa.Connection, officer: str, roles: Iterable[Role]) -> None:
        """In the place of all earlier ones. Without any, an invitation that was not taken is void as well."""
        given = set(roles)
        db.execute(sa.delete(OFFICER_ROLE).where(OFFICER_ROLE.c.officer == officer))
        self._insert_roles(db, officer, given)
        if not given:
            db.execute(sa.delete(INVITATION).where(INVITATION.c.officer == officer))

    def count_bound(self, db: sa.Connection, role: Role) -> int:
        """How many persons with an eID have this role."""
        query = (
            sa.select(sa.func.count())
            .select_from(OFFICER.join(OFFICER_ROLE, OFFICER.c.id == OFFICER_ROLE.c.officer))
            .where(OFFICER_ROLE.c.role == role.value, OFFICER.c.subject.is_not(None))
        )
        return int(db.execute(query).scalar_one())

    @staticmethod
    def _insert_roles(db: sa.Connection, officer: str, roles: Iterable[Role]) -> None:
        values = [{"officer": officer, "role": role.value} for role in set(roles)]
        if values:
            db.execute(OFFICER_ROLE.insert(), values)


def _select(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    bound = OFFICER.c.subject.is_not(None).label("bound")
    return (
        sa.select(OFFICER.c.id, OFFICER.c.name, bound, OFFICER_ROLE.c.role)
        .select_from(OFFICER.outerjoin(OFFICER_ROLE, OFFICER.c.id == OFFICER_ROLE.c.officer))
        .where(*where)
        .order_by(OFFICER.c.id, OFFICER_ROLE.c.role)
    )


def _officers(rows: Sequence[sa.Row[Any]]) -> list[Officer]:
    """One row a role, and one for who has none."""
    found: dict[str, Officer] = {}
    for row in rows:
        roles = frozenset() if row.role is None else frozenset({Role(row.role)})
        before = found.get(row.id)
        found[row.id] = Officer(row.id, row.name, roles if before is None else before.roles | roles, bool(row.bound))
    return list(found.values())


def _one(rows: Sequence[sa.Row[Any]]) -> Officer | None:
    found = _officers(rows)
    return found[0] if found else None
