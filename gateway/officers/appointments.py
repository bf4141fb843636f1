# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who gave whom which roles: appended in the transaction that does it, never changed.

Each digest covers the one before: whoever noted the last sees when an earlier appointment is missing or another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from gateway.journal import Journal
from gateway.journal.tables import APPOINTMENT
from gateway.officers.roles import Appointment, Officer, Role
from protocol import jcs
from protocol.hashing import keccak

_BEGINNING = bytes(32)
_PAGE = 1000


class Appointments:
    """Append-only."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock

    def record(
        self, db: sa.Connection, by: Officer | None, officer: str, change: str, roles: Collection[Role]
    ) -> Appointment:
        """In the transaction that makes the change; without `by` it is the operator's."""
        query = sa.select(APPOINTMENT.c.number, APPOINTMENT.c.digest).order_by(APPOINTMENT.c.number.desc()).limit(1)
        last = db.execute(query).one_or_none()
        made = Appointment(
            number=1 if last is None else last.number + 1,
            at=int(self._clock()),
            by=None if by is None else by.pseudonym,
            officer=officer,
            change=change,
            roles=tuple(sorted(set(roles))),
        )
        made = replace(made, digest=digest_of(made, _BEGINNING if last is None else bytes(last.digest)))
        db.execute(
            APPOINTMENT.insert().values(
                number=made.number,
                at=made.at,
                by=made.by,
                officer=officer,
                change=change,
                roles=" ".join(made.roles),
                digest=made.digest,
            )
        )
        return made

    def after(self, number: int, limit: int) -> list[Appointment]:
        """Up to `limit` with a higher number, ascending."""
        query = sa.select(APPOINTMENT).where(APPOINTMENT.c.number > number)
        return [_appointment(row) for row in self._journal.read(query.order_by(APPOINTMENT.c.number).limit(limit))]

    def first_fault(self) -> int | None:
        """The number of the first that is missing or not as it was written; None where all are in order."""
        expected, digest = 1, _BEGINNING
        while found := self.after(expected - 1, _PAGE):
            for each in found:
                digest = digest_of(each, digest)
                if each.number != expected or each.digest != digest:
                    return expected
                expected += 1
        return None


def digest_of(made: Appointment, previous: bytes) -> bytes:
    """keccak of the digest before and the appointment's canonical JSON."""
    document = {
        "number": made.number,
        "at": made.at,
        "by": made.by,
        "officer": made.officer,
        "change": made.change,
        "roles": [role.value for role in made.roles],
    }
    return keccak(previous + jcs.canonical(document))


def _appointment(row: sa.Row[Any]) -> Appointment:
    roles = tuple(Role(role) for role in row.roles.split())
    return Appointment(row.number, row.at, row.by, row.officer, row.change, roles, bytes(row.digest))
