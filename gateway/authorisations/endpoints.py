# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/authorisations, GET …/issuers and …/callback, POST …/{id}/token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.authorisations.repository import PENDING_LIFETIME
from gateway.authorisations.schemas import (
    AuthorisationAnswer,
    AuthorisationBody,
    AuthorisationDone,
    IssuerList,
    TokenAnswer,
)
from gateway.deps import Services, services
from gateway.problems import respond
from gateway.sessions.guards import same_site
from gateway.sessions.problems import LogInUnavailable

router = APIRouter(prefix="/v1/authorisations", tags=["log-in"])

All = Annotated[Services, Depends(services)]
#: Answers with secrets stay in no cache, and their address, which holds a code, is told to nobody.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def available(all_: All) -> None:
    """Raises LogInUnavailable where cookies would travel without TLS, or to a neighbour on the same host."""
    if not all_.log_in.origin.may_log_in:
        raise LogInUnavailable("This gateway's endpoint is no https://host: log in through another member's gateway.")


@router.get("/issuers")
def issuers(all_: All) -> IssuerList:
    """Who can be asked for an authorisation here."""
    return IssuerList(issuers=all_.log_in.authorisations.issuers)


@router.post("", status_code=201, dependencies=[Depends(same_site), Depends(available)])
def begin(body: AuthorisationBody, all_: All, response: Response) -> AuthorisationAnswer:
    """Begin an authorisation at an issuer: a log-in, or one for a single act, which the token's nonce will bind."""
    begun, address = all_.log_in.authorisations.begin(body)
    all_.log_in.cookies.set_authorisation(response, begun.id, begun.browser, PENDING_LIFETIME)
    response.headers.update(PRIVATE)
    return AuthorisationAnswer(authorisation=begun.id, url=address, expires_in=int(PENDING_LIFETIME))


@router.get("/callback", response_model=AuthorisationDone, responses={303: {"description": "Back to `return_to`"}})
def callback(
    request: Request,
    all_: All,
    state: Annotated[str, Query(min_length=1, max_length=128)],
    code: Annotated[str | None, Query(max_length=4096)] = None,
    iss: Annotated[str | None, Query(max_length=512)] = None,
    error: Annotated[str | None, Query(max_length=256)] = None,
) -> Response:
    """Where the issuer sends the browser back to."""
    log_in = all_.log_in
    given = {"state": state, "code": code, "iss": iss, "error": error}
    answer = {name: value for name, value in given.items() if value is not None}
    outcome = log_in.authorisations.finish(answer, lambda id_: log_in.cookies.authorisation(request, id_))
    begun, problem = outcome.authorisation, outcome.problem
    response: Response
    if begun.return_to is not None:
        ending = "" if problem is None else f"&error={problem.code}"
        address = f"{log_in.origin.url}{begun.return_to}#authorisation={begun.id}{ending}"
        response = RedirectResponse(address, status_code=303)
    elif problem is not None:
        response = respond(problem)
    else:
        response = JSONResponse(AuthorisationDone(authorisation=begun.id, purpose=begun.purpose.value).model_dump())
    if outcome.opened is not None:
        secret, session = outcome.opened
        log_in.cookies.set_session(response, secret, session.ends - session.began)
    if outcome.opened is not None or problem is not None:
        log_in.cookies.clear_authorisation(response, begun.id)
    response.headers.update(PRIVATE)
    return response


@router.post("/{id}/token", dependencies=[Depends(same_site)])
def token(
    id_: Annotated[str, Path(alias="id", pattern="^[0-9a-f]{32}$")], request: Request, all_: All, response: Response
) -> TokenAnswer:
    """The token of an authorisation for one act: once, for the browser that began it."""
    found = all_.log_in.authorisations.token(id_, all_.log_in.cookies.authorisation(request, id_))
    all_.log_in.cookies.clear_authorisation(response, id_)
    response.headers.update(PRIVATE)
    return TokenAnswer(id_token=found)
