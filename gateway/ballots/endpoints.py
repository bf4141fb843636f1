# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/initiatives/{i}/ballots, GET /v1/initiatives/{i}/slots/{prefix}. Nothing here looks at who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.ballots.schemas import BallotAnswer, BallotBody, SlotBucket, SlotView
from gateway.deps import Services, initiative_id, services, writable
from gateway.initiatives import repository
from gateway.problems import CredentialsRefused
from protocol.types import InitiativeId

router = APIRouter(prefix="/v1/initiatives/{initiative}", tags=["ballots"])


def without_credentials(request: Request) -> None:
    """A ballot that came with a session would be linked to a person by its sender."""
    if "authorization" in request.headers or "cookie" in request.headers:
        raise CredentialsRefused("Send the ballot without Authorization header and without cookies.")


_BODY = {"required": True, "content": {"application/json": {"schema": BallotBody.model_json_schema()}}}


@router.post("/ballots", status_code=202, response_model=BallotAnswer, openapi_extra={"requestBody": _BODY})
async def cast(
    request: Request,
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> Response:
    """Cast a sealed ballot; 202 means that it is in this gateway's journal. The slot tells when it is in the box.

    The one endpoint that thousands call within a minute: it reads the body itself and takes no thread (ADR 16).
    """
    without_credentials(request)
    writable(all_)
    try:
        body = BallotBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error
    accepted = await all_.intake.cast((initiative, body.entry))
    answer = BallotAnswer(
        ballot_hash=accepted.hash, status=accepted.status, problem=accepted.problem, promise=accepted.promise
    )
    return Response(answer.model_dump_json(), status_code=202, media_type="application/json")


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
