# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers: for administrators below /v1/back-office, for the operator's command below /members."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.deps import Services, services
from gateway.members.endpoints import by
from gateway.officers.guards import officer
from gateway.officers.roles import Officer, Role
from gateway.officers.schemas import (
    AcceptBody,
    AppointmentList,
    AppointmentView,
    InvitationAnswer,
    InvitationBody,
    OfficerList,
    OfficerView,
    RecordCheck,
    RolesBody,
)
from gateway.problems import MemberSignature
from gateway.sessions.guards import session
from gateway.sessions.repository import Session
from node.member_auth import Member
from protocol.types import Role as AccountRole

router = APIRouter(tags=["back office"])

All = Annotated[Services, Depends(services)]
Administrator = Annotated[Officer, Depends(officer(Role.ADMINISTRATOR))]
AnyOfficer = Annotated[Officer, Depends(officer())]
OfficerId = Annotated[str, Path(alias="officer", pattern="^o-[0-9a-f]{16}$")]


def operator(found: Annotated[Member, Depends(by(AccountRole.MEMBER))], all_: All) -> Member:
    """The entity itself, by the account that speaks for it in the consortium. Raises MemberSignature."""
    if found.entity != all_.registrar.entity:
        raise MemberSignature("Officers are the matter of their own entity.", reason="wrong-entity")
    return found


@router.get("/v1/back-office/me")
def me(found: AnyOfficer) -> OfficerView:
    """Who asks, as an officer."""
    return OfficerView.of(found)


@router.post("/v1/back-office/invitations/accept")
def accept(body: AcceptBody, found: Annotated[Session, Depends(session)], all_: All) -> OfficerView:
    """Become the officer whom the code is for: whoever is logged in."""
    return OfficerView.of(all_.log_in.officers.accept(found, body.code))


@router.get("/v1/back-office/officers")
def officers(_: Administrator, all_: All) -> OfficerList:
    """All of the entity's, also those who have no role any more."""
    return OfficerList(officers=[OfficerView.of(known) for known in all_.log_in.officers.all()])


@router.post("/v1/back-office/officers", status_code=201)
def invite(body: InvitationBody, by_: Administrator, all_: All) -> InvitationAnswer:
    """Invite somebody: the code goes to the person, and to nobody else."""
    id_, code, expires = all_.log_in.officers.invite(by_, body.name, body.roles)
    return InvitationAnswer(officer=id_, code=code, expires=expires)


@router.put("/v1/back-office/officers/{officer}/roles")
def change(body: RolesBody, id_: OfficerId, by_: Administrator, all_: All) -> OfficerView:
    """Give other roles, or none: it holds from the officer's next request on."""
    return OfficerView.of(all_.log_in.officers.change(by_, id_, body.roles))


@router.get("/v1/back-office/appointments")
def appointments(
    _: AnyOfficer,
    all_: All,
    after: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AppointmentList:
    """Who gave whom which roles, oldest first."""
    found = all_.log_in.officers.appointments(after, limit)
    following = found[-1].number if len(found) == limit else None
    return AppointmentList(appointments=[AppointmentView.of(made) for made in found], next=following)


@router.get("/members/officers", dependencies=[Depends(operator)])
def operators_officers(all_: All) -> OfficerList:
    """As administrators see them, for `urna officer list`."""
    return OfficerList(officers=[OfficerView.of(known) for known in all_.log_in.officers.all()])


@router.post("/members/officers", status_code=201, dependencies=[Depends(operator)])
def operator_invites(body: InvitationBody, all_: All) -> InvitationAnswer:
    """The first administrator, or another one after all were lost."""
    id_, code, expires = all_.log_in.officers.invite(None, body.name, body.roles)
    return InvitationAnswer(officer=id_, code=code, expires=expires)


@router.put("/members/officers/{officer}/roles", dependencies=[Depends(operator)])
def operator_changes(body: RolesBody, id_: OfficerId, all_: All) -> OfficerView:
    """Also of the last administrator, who may be the one to be stopped."""
    return OfficerView.of(all_.log_in.officers.change(None, id_, body.roles))


@router.get("/members/officers/record", dependencies=[Depends(operator)])
def check_record(all_: All) -> RecordCheck:
    """Whether any appointment is missing or was changed, by the digests."""
    return RecordCheck(first_fault=all_.log_in.officers.first_fault())
