# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET and DELETE /v1/profile. Nothing here is cached or stored anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.deps import Services, services
from gateway.profile.schemas import ProfileView
from gateway.sessions.guards import same_site, session
from gateway.sessions.repository import Session

router = APIRouter(prefix="/v1/profile", tags=["log-in"])

All = Annotated[Services, Depends(services)]
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


@router.delete("", status_code=204, dependencies=[Depends(same_site)])
def log_out(request: Request, all_: All) -> Response:
    """End the session, whether or not there is one. The issuer's own session is the issuer's to end."""
    secret = all_.log_in.cookies.session(request)
    if secret is not None:
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
