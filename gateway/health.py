# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /health: whether what this gateway answers is current, and why not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.deps import Services, services
from gateway.problems import ChainUnavailable
from gateway.wire import AsOf

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str
    reasons: list[str]
    entity: int
    as_of: AsOf | None


@router.get("/health")
def health(all_: Annotated[Services, Depends(services)]) -> JSONResponse:
    """200 when current, 503 when degraded; reads go on either way."""
    fault = all_.indexer.fault()
    try:
        as_of = all_.view.as_of()
    except ChainUnavailable:
        as_of = None
    answer = Health(
        status="ok" if fault is None else "degraded",
        reasons=[] if fault is None else [fault],
        entity=all_.registrar.entity,
        as_of=as_of,
    )
    return JSONResponse(answer.model_dump(mode="json"), status_code=200 if fault is None else 503)
