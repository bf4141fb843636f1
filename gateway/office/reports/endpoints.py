# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports: written by officers under /v1/back-office, read by everybody at /v1/initiatives/{i}/follow-up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.deps import Services, initiative_id, services, writable
from gateway.office.acts.schemas import ActView
from gateway.office.guards import Office, OrderKey, unstored
from gateway.office.reports.schemas import ErasureBody, FollowUpAnswer, ReportBody
from gateway.officers.guards import officer
from gateway.officers.roles import Officer, Role
from protocol.types import ExecutionStatus, InitiativeId

router = APIRouter(prefix="/v1", tags=["follow-up"])

Reporter = Annotated[Officer, Depends(officer(Role.REPORTER))]
Initiative = Annotated[InitiativeId, Depends(initiative_id)]
Option = Annotated[int, Path(ge=0, lt=1 << 16)]
Number = Annotated[int, Path(gt=0, lt=1 << 32)]


@router.get("/initiatives/{initiative}/follow-up")
def follow_up(initiative: Initiative, all_: Annotated[Services, Depends(services)]) -> FollowUpAnswer:
    """What the publisher reported of each winner's execution; open to everybody."""
    return all_.office.reports.follow_up(initiative)


@router.post(
    "/back-office/initiatives/{initiative}/options/{option}/reports",
    status_code=202,
    dependencies=[Depends(unstored), Depends(writable)],
)
def report(
    body: ReportBody, initiative: Initiative, option: Option, who: Reporter, office: Office, key: OrderKey
) -> ActView:
    """On a winner's execution. Reports are never changed: a later one corrects an earlier one."""
    status = ExecutionStatus.from_label(body.status)
    act = office.reports.report(
        who.pseudonym, key, initiative, option, status, body.share_done, body.spent, body.content
    )
    return ActView.of(act)


@router.post(
    "/back-office/initiatives/{initiative}/options/{option}/reports/{number}/erasure",
    status_code=202,
    dependencies=[Depends(unstored), Depends(writable)],
)
def erase(
    body: ErasureBody,
    initiative: Initiative,
    option: Option,
    number: Number,
    who: Reporter,
    office: Office,
    key: OrderKey,
) -> ActView:
    """The report's text; its figures and hash stay."""
    return ActView.of(office.reports.erase(who.pseudonym, key, initiative, option, number, body.reason))
