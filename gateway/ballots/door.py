# SPDX-License-Identifier: AGPL-3.0-or-later
"""The way in for ballots: past the router and its dependencies, which cost more than all that is done with a ballot.

Answers what `endpoints.cast` describes, by the same function; every other request, and an initiative's number that is
none, goes on to the application.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.ballots.schemas import BallotAnswer, BallotBody
from gateway.deps import Services, writable
from gateway.problems import CredentialsRefused, Problem, malformed, refuse
from protocol.types import InitiativeId

_PATH = re.compile(r"/v1/initiatives/([1-9][0-9]{0,17})/ballots\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Route:
    path: str = "/v1/initiatives/{initiative}/ballots"


class BallotDoor:
    """The innermost middleware: bounds and headers are those of every request."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.match(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route()
        try:
            body = await Request(scope, receive).body()
            answer = await cast(self._services, InitiativeId(int(found[1])), Headers(scope=scope), body)
        except RequestValidationError as error:
            await refuse(malformed(error), scope, receive, send)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
        else:
            await answer(scope, receive, send)


async def cast(all_: Services, initiative: InitiativeId, headers: Headers, body: bytes) -> Response:
    """202 with a BallotAnswer. Raises a Problem, RequestValidationError."""
    if "authorization" in headers or "cookie" in headers:
        # A ballot that came with a session would be linked to a person by its sender.
        raise CredentialsRefused("Send the ballot without Authorization header and without cookies.")
    writable(all_)
    try:
        entry = BallotBody.model_validate_json(body).entry
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error
    accepted = await all_.intake.cast((initiative, entry))
    answer = BallotAnswer(
        ballot_hash=accepted.hash, status=accepted.status, problem=accepted.problem, promise=accepted.promise
    )
    return Response(answer.model_dump_json(), status_code=202, media_type="application/json")
