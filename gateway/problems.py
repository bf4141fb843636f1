# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything the gateway refuses, as RFC 9457 problem documents with stable codes.

    Problem
    ├── MalformedRequest 400 · CredentialsRefused 400
    ├── TokenProblem 401 (TokenMalformed, TokenSignature, …) · MemberSignature 401
    ├── OutOfScope 403 · RefusedByRegistrars 403 · UnknownInitiative 404 · UnknownRecord 404
    ├── WrongPhase, StaleBallot, KnownPerson, KnownCommitment, TooManyProposals, UnknownPerson, NotRegistrar, … 409
    ├── PepperDestroyed, Erased 410
    ├── MalformedBallot, BallotOutOfRange, InvalidProof, SequenceTooHigh, InvalidCommitment, KeyReused, … 422
    ├── TooSlow 408 · TooLarge 413 · UriTooLong 414 · TooMany 429 · HeadersTooLarge 431
    └── RegistrarsUnavailable, ChainUnavailable, StoreUnavailable, Stopping 503

A problem's detail is one plain sentence and never holds a value of a person.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gateway.database import DatabaseError
from node.errors import KeystoreError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """RFC 9457; `code` is the stable part, further members depend on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ProblemDocument, "description": "Refused: `code` says why (docs/api.md)"},
    "5XX": {"model": ProblemDocument, "description": "Not now, or not here: another member's gateway may answer"},
}


class Problem(Exception):
    """Base of all refusals. `extra` are further members of the document, JSON values."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong here"
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:urna:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


class MalformedRequest(Problem):
    status, code, title = 400, "malformed-request", "The request is not of the documented form"


class CredentialsRefused(Problem):
    status, code, title = 400, "credentials-refused", "A ballot comes without credentials"


class TokenProblem(Problem):
    status, code, title = 401, "token-malformed", "The ID token is not acceptable"


class TokenMalformed(TokenProblem):
    code = "token-malformed"


class TokenSignature(TokenProblem):
    code, title = "token-signature", "The ID token is not signed by a key of its issuer"


class TokenAlgorithm(TokenProblem):
    code, title = "token-algorithm", "The ID token's algorithm is not allowed"


class TokenIssuer(TokenProblem):
    code, title = "token-issuer", "The ID token is from another issuer"


class TokenAudience(TokenProblem):
    code, title = "token-audience", "The ID token is for somebody else"


class TokenExpired(TokenProblem):
    code, title = "token-expired", "The ID token has expired"


class TokenNotYetValid(TokenProblem):
    code, title = "token-not-yet-valid", "The ID token is not valid yet"


class TokenNoExpiry(TokenProblem):
    code, title = "token-no-expiry", "The ID token never expires"


class TokenNonce(TokenProblem):
    code, title = "token-nonce", "The ID token was issued for something else"


class TokenAssurance(TokenProblem):
    code, title = "token-assurance", "The level of assurance is too low"


class MemberSignature(Problem):
    status, code, title = 401, "member-signature", "Not signed by a member of the consortium"


class OutOfScope(Problem):
    status, code, title = 403, "out-of-scope", "This initiative is not open to this person"


class RefusedByRegistrars(Problem):
    status, code, title = 403, "refused-by-registrars", "Too many registrars refuse this person"


class UnknownInitiative(Problem):
    status, code, title = 404, "unknown-initiative", "There is no such initiative"


class UnknownRecord(Problem):
    status, code, title = 404, "unknown-record", "Nothing is known under this id"


class Erased(Problem):
    status, code, title = 410, "erased", "This text was erased"


class WrongPhase(Problem):
    status, code, title = 409, "wrong-phase", "Not now"


class StaleBallot(Problem):
    status, code, title = 409, "stale-ballot", "The box holds this ballot or a later one"


class KnownPerson(Problem):
    status, code, title = 409, "known-person", "This person is registered already"


class UnknownPerson(Problem):
    status, code, title = 409, "unknown-person", "This person is not registered"


class KnownCommitment(Problem):
    status, code, title = 409, "known-commitment", "This commitment was used before"


class TooManyProposals(Problem):
    status, code, title = 409, "too-many-proposals", "The limit of proposals per person is reached"


class TooManyReplacements(Problem):
    status, code, title = 409, "too-many-replacements", "The limit of replacements per person is reached"


class PepperMismatch(Problem):
    status, code, title = 409, "pepper-mismatch", "Not the pepper that the rules name"


class PepperDestroyed(Problem):
    status, code, title = 410, "pepper-destroyed", "The pepper of this initiative was destroyed"


class NotRegistrar(Problem):
    status, code, title = 409, "not-registrar", "This entity is no registrar of the initiative"


class RefusedByContract(Problem):
    status, code, title = 409, "refused-by-contract", "The contract refused it"


class NotLanded(Problem):
    status, code, title = 409, "not-landed", "It did not get onto the chain"


class TooSlow(Problem):
    status, code, title = 408, "too-slow", "The request took too long to arrive"


class TooLarge(Problem):
    status, code, title = 413, "too-large", "The request is too large"


class UriTooLong(Problem):
    status, code, title = 414, "uri-too-long", "The address is too long"


class HeadersTooLarge(Problem):
    status, code, title = 431, "headers-too-large", "The request's headers are too large"


class MalformedBallot(Problem):
    status, code, title = 422, "malformed-ballot", "The ballot is not well formed"


class BallotOutOfRange(Problem):
    status, code, title = 422, "ballot-out-of-range", "A value of the ballot is out of range"


class InvalidProof(Problem):
    status, code, title = 422, "invalid-proof", "The proof does not verify"


class SequenceTooHigh(Problem):
    status, code, title = 422, "sequence-too-high", "The sequence is too far ahead"


class KeyReused(Problem):
    status, code, title = 422, "key-reused", "The same key came with another content before"


class PrefixTooLong(Problem):
    status, code, title = 422, "prefix-too-long", "Slots are only told in company"


class InvalidCommitment(Problem):
    status, code, title = 422, "invalid-commitment", "The commitment is out of range"


class TooMany(Problem):
    status, code, title, retry_after = 429, "too-many", "Too much is waiting", 2


class RegistrarsUnavailable(Problem):
    status, code, title, retry_after = 503, "registrars-unavailable", "Too few registrars answer", 2


class SignerUnavailable(Problem):
    status, code, title, retry_after = 503, "signer-unavailable", "This gateway's key is out of reach", 10


class ChainUnavailable(Problem):
    status, code, title, retry_after = 503, "chain-unavailable", "The chain does not answer", 2


class Stopping(Problem):
    status, code, title, retry_after = 503, "stopping", "The gateway is being stopped", 5


class StoreUnavailable(Problem):
    status, code, title, retry_after = 503, "store-unavailable", "The gateway's database does not answer", 2


def malformed(error: RequestValidationError) -> MalformedRequest:
    """The first fault, by its place; the value itself stays out: it may be a token."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return MalformedRequest(f"{place}: {first['msg'].rstrip('.')}.", field=place)


def respond(problem: Problem) -> JSONResponse:
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse(problem.document(), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


CODE = "urna.problem"


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send, *, close: bool = False) -> None:
    """Answer with the problem from outside the application. `close` ends the connection with it."""
    scope[CODE] = problem.code
    response = respond(problem)
    if close:
        response.headers["Connection"] = "close"
    await response(scope, receive, send)


def code_of(scope: Scope) -> str | None:
    """The code of the problem that this request was answered with."""
    code = scope.get(CODE)
    return None if code is None else str(code)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""

    def answer(request: Request, problem: Problem) -> JSONResponse:
        request.scope[CODE] = problem.code
        return respond(problem)

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return answer(request, error)

    async def on_database(request: Request, error: Exception) -> JSONResponse:
        log.error("database: %s", error)
        return answer(
            request, StoreUnavailable("This gateway's database does not answer; try again, or at another member's.")
        )

    async def on_lost_key(request: Request, error: Exception) -> JSONResponse:
        log.error("a key is out of reach: %s", error)
        away = SignerUnavailable("This gateway cannot reach its key now; another member's can be asked.")
        return answer(request, away)

    async def on_validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(request, malformed(error))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "malformed-request")
        request.scope[CODE] = code
        document = {
            "type": f"urn:urna:problem:{code}",
            "title": str(error.detail),
            "status": error.status_code,
            "detail": f"{error.detail}.",
            "code": code,
        }
        return JSONResponse(document, status_code=error.status_code, headers=error.headers, media_type=MEDIA_TYPE)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(DatabaseError, on_database)
    app.add_exception_handler(KeystoreError, on_lost_key)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
