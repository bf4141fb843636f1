# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers, invitations and acts as the interface writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from gateway.officers.roles import Appointment, Officer, Role
from gateway.wire import Body, HexBytes


def _role(value: object) -> object:
    return Role(value) if isinstance(value, str) and value in {role.value for role in Role} else value


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("a name is printable text without blanks around it")
    return value


Roles = Annotated[list[Annotated[Role, BeforeValidator(_role)]], Field(max_length=len(Role))]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]


class InvitationBody(Body):
    """`name` is how the entity calls the officer among its own: a person's, or a desk's."""

    name: Name
    roles: Annotated[Roles, Field(min_length=1)]


class RolesBody(Body):
    """All roles from now on; an empty list revokes."""

    roles: Roles


class AcceptBody(Body):
    code: Annotated[str, Field(min_length=24, max_length=64)]


class InvitationAnswer(BaseModel):
    """The code is shown this once. Hand it over in person: whoever logs in with it is the officer."""

    officer: str
    code: str
    expires: int


class OfficerView(BaseModel):
    """`bound`: somebody took the invitation."""

    officer: str
    name: str
    roles: list[str]
    bound: bool

    @classmethod
    def of(cls, found: Officer) -> OfficerView:
        return cls(officer=found.pseudonym, name=found.name, roles=sorted(found.roles), bound=found.is_bound)


class OfficerList(BaseModel):
    officers: list[OfficerView]


class AppointmentView(BaseModel):
    """`by` is null where the entity's operator did it; `digest` covers this appointment and all before."""

    number: int
    at: int
    by: str | None
    officer: str
    change: str
    roles: list[str]
    digest: HexBytes

    @classmethod
    def of(cls, made: Appointment) -> AppointmentView:
        return cls(
            number=made.number,
            at=made.at,
            by=made.by,
            officer=made.officer,
            change=made.change,
            roles=list(made.roles),
            digest=made.digest,
        )


class AppointmentList(BaseModel):
    """`next` is the `after` of the next page; null at the end."""

    appointments: list[AppointmentView]
    next: int | None


class RecordCheck(BaseModel):
    """`first_fault` is the number of the first appointment that is missing or was changed; null where none is."""

    first_fault: int | None
