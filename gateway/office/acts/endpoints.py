# SPDX-License-Identifier: AGPL-3.0-or-later
"""/v1/back-office/acts, and the acts on a whole initiative: withdraw, extend, void."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from gateway.deps import Services, initiative_id, services, writable
from gateway.office.acts import orders
from gateway.office.acts.motions import require_about_initiative
from gateway.office.acts.schemas import ActList, ActView, ExplanationBody, ExtensionBody
from gateway.office.guards import Id, Office, OrderKey, unstored
from gateway.officers.guards import officer
from gateway.officers.roles import Officer, Role
from protocol.types import InitiativeId

router = APIRouter(prefix="/v1/back-office", tags=["back office"], dependencies=[Depends(unstored)])

Anyone = Annotated[Officer, Depends(officer())]
Publisher = Annotated[Officer, Depends(officer(Role.PUBLISHER))]
Initiative = Annotated[InitiativeId, Depends(initiative_id)]
Motion = Annotated[int, Path(gt=0, lt=1 << 63)]
PAGE = 100


@router.get("/acts")
def list_acts(
    _: Anyone,
    office: Office,
    initiative: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    before: Annotated[int | None, Query(gt=0, lt=1 << 31)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> ActList:
    """Every act of this entity's officers, the latest first: who, what, with which transaction, in which state."""
    found = office.acts.listed(limit + 1, before, initiative)
    shown = found[:limit]
    return ActList(acts=[ActView.of(act) for act in shown], next=shown[-1].place if len(found) > limit else None)


@router.get("/acts/{id_}")
def read(id_: Id, _: Anyone, office: Office) -> ActView:
    return ActView.of(office.acts.get(id_))


@router.get("/initiatives/{initiative}/costs")
def costs(initiative: Initiative, _: Anyone, office: Office) -> dict[str, Any]:
    """What the initiative took so far: transactions, gas, bytes, batches, acts, signatures, hours."""
    return office.costs.of(initiative)


@router.post("/initiatives/{initiative}/withdrawal", status_code=202, dependencies=[Depends(writable)])
def withdraw(body: ExplanationBody, initiative: Initiative, who: Publisher, office: Office, key: OrderKey) -> ActView:
    """Before registration opens; for ever."""
    return ActView.of(office.acts.order(who.pseudonym, key, orders.withdraw(initiative, body.explanation)))


@router.post("/initiatives/{initiative}/extension", status_code=202, dependencies=[Depends(writable)])
def propose_extension(
    body: ExtensionBody, initiative: Initiative, who: Publisher, office: Office, key: OrderKey
) -> ActView:
    """By the publisher, at least 24 hours before the close; a second entity must approve it as long before."""
    order = orders.propose_extension(initiative, body.voting_closes)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/initiatives/{initiative}/extension/approval", status_code=202, dependencies=[Depends(writable)])
def approve_extension(
    body: ExtensionBody, initiative: Initiative, who: Publisher, office: Office, key: OrderKey
) -> ActView:
    """By the second entity, at its own gateway: a registrar or trustee of the initiative."""
    order = orders.approve_extension(initiative, body.voting_closes)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/initiatives/{initiative}/void-motion", status_code=202, dependencies=[Depends(writable)])
def propose_void(
    body: ExplanationBody, initiative: Initiative, who: Publisher, office: Office, key: OrderKey
) -> ActView:
    """Propose to the consortium that the initiative is void; it is when more than half of the entities approve."""
    order = orders.propose_void(initiative, body.explanation, office.deployment)
    return ActView.of(office.acts.order(who.pseudonym, key, order))


@router.post("/motions/{motion}/approval", status_code=202, dependencies=[Depends(writable)])
def approve_motion(
    motion: Motion, who: Publisher, office: Office, key: OrderKey, all_: Annotated[Services, Depends(services)]
) -> ActView:
    """Of a motion about an initiative, in the entity's name. The approval that makes more than half carries it out."""
    require_about_initiative(all_.view, office.deployment, motion)
    return ActView.of(office.acts.order(who.pseudonym, key, orders.approve_motion(motion)))
