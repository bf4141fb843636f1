# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may act for the entity. An officer is a person with an eID, by a session of a substantial level at least; a code,
handed over in person and used once, says which person. An issuer's subject is opaque: nobody could name it beforehand.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from gateway.database import DatabaseConflict
from gateway.journal import Journal
from gateway.officers.appointments import Appointments
from gateway.officers.repository import Officers
from gateway.officers.roles import Appointment, Officer, Role
from gateway.problems import UnknownRecord
from gateway.sessions.problems import InvitationRefused, LastAdministrator, LevelTooLow, RoleMissing
from gateway.sessions.repository import Session, Sessions
from protocol.scope import Assurance

LEVEL = Assurance.SUBSTANTIAL
INVITATION_LIFETIME = 7 * 86_400
CODE_BYTES = 15  # 24 characters of base32


class OfficerService:
    """`by` is the administrator who acts; None is the entity's operator, with the entity's own key."""

    def __init__(
        self,
        journal: Journal,
        officers: Officers,
        appointments: Appointments,
        sessions: Sessions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._officers = officers
        self._appointments = appointments
        self._sessions = sessions
        self._clock = clock

    def authorise(self, session: Session, roles: Collection[Role] = ()) -> Officer:
        """The officer whose session it is, who has one of the roles (none given: any at all). Looked up anew each time.

        Raises LevelTooLow, RoleMissing.
        """
        self._require_level(session)
        found = self._officers.of_person(session.person.namespace, session.person.subject)
        if found is None or not found.roles:
            raise RoleMissing("The entity gave this person no role in its back office.")
        if roles and found.roles.isdisjoint(roles):
            names = " or ".join(roles)
            raise RoleMissing(f"This is for the role {names}; an administrator of the entity gives it.", role=names)
        return found

    def has_role(self, pseudonym: str, role: Role) -> bool:
        """Whether an officer has the role now."""
        found = self._officers.get(pseudonym)
        return found is not None and role in found.roles

    def invite(self, by: Officer | None, name: str, roles: Collection[Role]) -> tuple[str, str, int]:
        """A new officer's pseudonym, the code that somebody becomes it with, and until when (Unix seconds)."""
        pseudonym, code = f"o-{secrets.token_hex(8)}", new_code()
        expires = int(self._clock()) + INVITATION_LIFETIME
        with self._journal.transaction() as db:
            self._officers.add(db, pseudonym, name, roles)
            self._officers.invite(db, code_hash(code), pseudonym, expires)
            self._appointments.record(db, by, pseudonym, "invited", roles)
        return pseudonym, code, expires

    def accept(self, session: Session, code: str) -> Officer:
        """The person of this session is the officer whom the code is for. Raises LevelTooLow, InvitationRefused."""
        self._require_level(session)
        person = session.person
        try:
            with self._journal.transaction() as db:
                invited = self._officers.take_invitation(db, code_hash(code), int(self._clock()))
                if invited is None:
                    raise InvitationRefused("The code is unknown, used or too old: ask an administrator for a new one.")
                self._officers.bind(db, invited.pseudonym, person.namespace, person.subject)
                self._appointments.record(db, invited, invited.pseudonym, "accepted", invited.roles)
        except DatabaseConflict as error:
            sentence = "This person is an officer already: an administrator can give further roles."
            raise InvitationRefused(sentence) from error
        return self.authorise(session)

    def change(self, by: Officer | None, pseudonym: str, roles: Collection[Role]) -> Officer:
        """Other roles in the place of the earlier ones; without any, the officer's sessions end as well.

        Raises UnknownRecord; LastAdministrator, but not for the operator, who can invite another.
        """
        with self._journal.transaction() as db:
            known = self._officers.within(db, pseudonym)
            if known is None:
                raise UnknownRecord("There is no officer of this pseudonym.")
            self._officers.set_roles(db, pseudonym, roles)
            if by is not None and self._officers.count_bound(db, Role.ADMINISTRATOR) == 0:
                raise LastAdministrator("Make somebody else an administrator first, who takes the invitation.")
            self._appointments.record(db, by, pseudonym, "changed", roles)
        person = self._officers.person_of(pseudonym)
        if person is not None and not roles:
            self._sessions.end_all(*person)
        return replace(known, roles=frozenset(roles))

    def all(self) -> list[Officer]:
        return self._officers.all()

    def appointments(self, after: int, limit: int) -> list[Appointment]:
        return self._appointments.after(after, limit)

    def first_fault(self) -> int | None:
        """As `Appointments.first_fault`."""
        return self._appointments.first_fault()

    @staticmethod
    def _require_level(session: Session) -> None:
        if session.level is None or session.level < LEVEL:
            raise LevelTooLow("Officers log in at the level substantial or high.", level=LEVEL.name.lower())


def new_code() -> str:
    """24 characters in groups of four: 120 random bits that can be read out."""
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def code_hash(code: str) -> bytes:
    """Of a code as somebody typed it."""
    return hashlib.sha256("".join(code.split()).replace("-", "").upper().encode()).digest()
