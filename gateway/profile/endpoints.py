# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET and DELETE /v1/profile, GET /v1/profile/initiatives. Nothing here is cached or stored anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gateway.deps import Services, services
from gateway.profile.schemas import OpenInitiative, OpenInitiatives, ProfileView
from gateway.sessions.guards import same_site, session
from gateway.sessions.repository import Session
from protocol.types import InitiativeId, Phase

router = APIRouter(prefix="/v1/profile", tags=["log-in"])

All = Annotated[Services, Depends(services)]
PhaseName = Literal["announced", "registration", "review", "voting", "challenge", "opening", "counted", "void"]
LoggedIn = Annotated[Session, Depends(session)]


@router.get("")
def profile(found: LoggedIn, response: Response) -> ProfileView:
    """What the log-in told this gateway: all that it knows of the person."""
    response.headers["Cache-Control"] = "no-store"
    return ProfileView(
        issuer=found.person.issuer,
        level=None if found.level is None else found.level.name.lower(),
        attributes=_attributes(found.person.claims),
        began=int(found.began),
        expires=int(found.expires),
        ends=int(found.ends),
    )


@router.get("/initiatives")
def initiatives(
    found: LoggedIn,
    all_: All,
    response: Response,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    phase: Annotated[list[PhaseName] | None, Query(max_length=8)] = None,
    eligible: bool = False,
) -> OpenInitiatives:
    """What is open to who asks, and why the rest is not: of the phases announced and registration, if none is named.
    With `eligible` the others are left out, so that a page may be shorter than `limit`, or empty before the last."""
    response.headers["Cache-Control"] = "no-store"
    phases = [Phase.from_label(name) for name in phase] if phase else [Phase.ANNOUNCED, Phase.REGISTRATION]
    as_of, page = all_.log_in.profiles.initiatives(found.person, phases, InitiativeId(after), limit)
    shown = [OpenInitiative.of(each) for each in page]
    following = page[-1].candidate.initiative if len(page) == limit else None
    return OpenInitiatives(
        as_of=as_of, initiatives=[each for each in shown if each.eligible or not eligible], next=following
    )


@router.delete("", status_code=204, dependencies=[Depends(same_site)])
def log_out(request: Request, all_: All, everywhere: bool = False) -> Response:
    """End the session, whether or not there is one; with `everywhere` all of the person's here, on whatever device.
    The issuer's own session is the issuer's to end."""
    secret = all_.log_in.cookies.session(request)
    if secret is not None:
        found = all_.log_in.sessions.use(secret) if everywhere else None
        if found is not None:
            all_.log_in.sessions.end_all(found.person.namespace, found.person.subject)
        all_.log_in.sessions.end(secret)
    response = Response(status_code=204)
    all_.log_in.cookies.clear_session(response)
    return response


def _attributes(claims: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """As strings; what has another form means nothing here, and meets no criterion."""
    return {
        name: value if isinstance(value, str) else [str(each) for each in value]
        for name, value in claims.items()
        if isinstance(value, str | list)
    }
