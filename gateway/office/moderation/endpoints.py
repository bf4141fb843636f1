# SPDX-License-Identifier: AGPL-3.0-or-later
"""/v1/back-office/initiatives/{i}/proposals/{p}: accept, reject, cost, erase."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.deps import initiative_id, writable
from gateway.office.acts import orders
from gateway.office.acts.schemas import ActView
from gateway.office.guards import Office, OrderKey, unstored
from gateway.office.moderation.schemas import AcceptanceBody, CostBody, RejectionBody
from gateway.office.reports.schemas import ErasureBody
from gateway.officers.guards import officer
from gateway.officers.roles import Officer, Role
from gateway.sessions.problems import RoleMissing
from protocol.types import InitiativeId

router = APIRouter(
    prefix="/v1/back-office/initiatives/{initiative}/proposals/{proposal}",
    tags=["back office"],
    dependencies=[Depends(unstored), Depends(writable)],
)

Moderator = Annotated[Officer, Depends(officer(Role.MODERATOR))]
Coster = Annotated[Officer, Depends(officer(Role.COSTER))]
Initiative = Annotated[InitiativeId, Depends(initiative_id)]
Proposal = Annotated[int, Path(gt=0, lt=1 << 32)]


@router.post("/acceptance", status_code=202)
def accept(
    body: AcceptanceBody, initiative: Initiative, proposal: Proposal, who: Moderator, office: Office, key: OrderKey
) -> ActView:
    """For ever; options are numbered in the order in which acceptances were ordered."""
    if body.cost and Role.COSTER not in who.roles:
        raise RoleMissing("Only an officer with the role of a coster gives a cost: accept without, and have it costed.")
    order = orders.accept(initiative, proposal, body.cost, body.reason)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/rejection", status_code=202)
def reject(
    body: RejectionBody, initiative: Initiative, proposal: Proposal, who: Moderator, office: Office, key: OrderKey
) -> ActView:
    """With a reason that everybody reads; an acceptance may follow, on appeal."""
    order = orders.reject(initiative, proposal, body.feasible, body.reason)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/cost", status_code=202)
def cost(
    body: CostBody, initiative: Initiative, proposal: Proposal, who: Coster, office: Office, key: OrderKey
) -> ActView:
    """Of an accepted proposal, with a reason, until voting opens."""
    order = orders.cost(initiative, proposal, body.cost, body.reason)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/erasure", status_code=202)
def erase(
    body: ErasureBody, initiative: Initiative, proposal: Proposal, who: Moderator, office: Office, key: OrderKey
) -> ActView:
    """The text of a proposal that was not accepted, everywhere; it can never be accepted afterwards."""
    order = orders.erase_proposal(initiative, proposal, body.reason)
    return ActView.of(office.acts.order(who.pseudonym, key, order))
