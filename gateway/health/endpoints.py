# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /health/live, /health/ready, /health: is it up, does it take writes, are its answers current."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict

from gateway.deps import Services, services
from gateway.health.reasons import Reason, Stops
from gateway.problems import ChainUnavailable
from gateway.wire import AsOf

router = APIRouter(prefix="/health", tags=["health"])


class ReasonView(BaseModel):
    """`stops`: all writes (`everything`), what needs a registrar (`registration`), or `nothing` yet."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    detail: str
    stops: Stops


class Liveness(BaseModel):
    status: Literal["ok"]


class Readiness(BaseModel):
    """`status` is `ready` while writes are taken; `reasons` may be there all the same."""

    status: Literal["ready", "not-ready"]
    reasons: list[ReasonView]


class Health(BaseModel):
    """`status` is `ok` while answers are current."""

    status: Literal["ok", "degraded"]
    reasons: list[ReasonView]
    entity: int
    as_of: AsOf | None


def _described(model: type[BaseModel], what: str) -> dict[int | str, dict[str, Any]]:
    return {503: {"model": model, "description": what}}


@router.get("/live")
async def live() -> Liveness:
    """The process answers. Start it anew where this does not."""
    return Liveness(status="ok")


@router.get("/ready", responses=_described(Readiness, "Writes are refused: send them to another member"))
def ready(all_: Annotated[Services, Depends(services)], response: Response) -> Readiness:
    """Whether writes are taken; 503 where not. What stops registration alone is told, and is no 503."""
    reasons = all_.health.reasons()
    stopped = any(one.stops == "everything" for one in reasons)
    response.status_code = 503 if stopped else 200
    return Readiness(status="not-ready" if stopped else "ready", reasons=_views(reasons))


@router.get("", responses=_described(Health, "Reads may be stale"))
def health(all_: Annotated[Services, Depends(services)], response: Response) -> Health:
    """Whether what this gateway answers is current; 503 where not. Reads go on either way."""
    try:
        as_of = all_.view.as_of()
    except ChainUnavailable:
        as_of = None
    degraded = as_of is None or all_.indexer.fault() is not None
    response.status_code = 503 if degraded else 200
    return Health(
        status="degraded" if degraded else "ok",
        reasons=_views(all_.health.reasons()),
        entity=all_.registrar.entity,
        as_of=as_of,
    )


def _views(reasons: list[Reason]) -> list[ReasonView]:
    return [ReasonView.model_validate(one) for one in reasons]
