# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/initiatives/{i}/ballots, GET /v1/initiatives/{i}/slots/{prefix}. Nothing here looks at who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from gateway.ballots import door
from gateway.ballots.schemas import BallotAnswer, BallotBody, SlotBucket, SlotView
from gateway.deps import Services, initiative_id, services
from gateway.initiatives import repository
from protocol.types import InitiativeId

router = APIRouter(prefix="/v1/initiatives/{initiative}", tags=["ballots"])


_BODY = {"required": True, "content": {"application/json": {"schema": BallotBody.model_json_schema()}}}


@router.post("/ballots", status_code=202, response_model=BallotAnswer, openapi_extra={"requestBody": _BODY})
async def cast(
    request: Request,
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> Response:
    """Cast a sealed ballot; 202 means that it is in this gateway's journal. The slot tells when it is in the box.

    Described here, and answered by `gateway.ballots.door` before it comes to the router (ADR 16).
    """
    return await door.cast(all_, initiative, request.headers, await request.body())


@router.get("/slots/{prefix}")
def slots(
    prefix: Annotated[str, Path(pattern="^[0-9a-f]{1,4}$")],
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> SlotBucket:
    """All slots whose nullifier begins so. One digit serves; more only where fewer would give more than 4,096."""
    with all_.reads.snapshot() as now:
        found = repository.slots(now, initiative, prefix)
    return SlotBucket(
        as_of=now.as_of,
        prefix=prefix,
        slots=[SlotView(nullifier=nullifier, slot=slot) for nullifier, slot in found],
    )
