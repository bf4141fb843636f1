# SPDX-License-Identifier: AGPL-3.0-or-later
"""The interface's own description, with the refusals of each operation by code: what a client has to be ready for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

from gateway import problems
from gateway.conditional import is_of_the_chain
from gateway.problems import MEDIA_TYPE, Problem

TOKEN: tuple[type[Problem], ...] = tuple(problems.TokenProblem.__subclasses__())
#: Every operation may answer these: they come before it.
COMMON: tuple[type[Problem], ...] = (
    problems.MalformedRequest,
    problems.TooSlow,
    problems.TooLarge,
    problems.UriTooLong,
    problems.TooMany,
    problems.HeadersTooLarge,
    problems.ChainUnavailable,
    problems.StoreUnavailable,
    Problem,
)
_KNOWN: tuple[type[Problem], ...] = (problems.UnknownInitiative,)
_PERSON: tuple[type[Problem], ...] = (
    *_KNOWN,
    *TOKEN,
    problems.OutOfScope,
    problems.WrongPhase,
    problems.NotRegistrar,
    problems.PepperDestroyed,
)
_COSIGN = (*_PERSON, problems.MemberSignature, problems.InvalidCommitment)
_OF = "/v1/initiatives/{initiative}"

#: By method and path, what an operation refuses besides COMMON. One that is not here is described by classes of
#: statuses alone.
REFUSALS: dict[tuple[str, str], tuple[type[Problem], ...]] = {
    ("get", "/health/live"): (),
    ("get", "/health/ready"): (),
    ("get", "/health"): (),
    ("get", "/v1/initiatives"): (),
    ("get", "/v1/events"): (),
    ("get", _OF): _KNOWN,
    ("get", f"{_OF}/leaves/{{bucket}}"): (*_KNOWN, problems.UnknownRecord),
    ("get", f"{_OF}/nodes"): _KNOWN,
    ("get", f"{_OF}/counts"): _KNOWN,
    ("get", f"{_OF}/result"): (*_KNOWN, problems.WrongPhase),
    ("get", f"{_OF}/proposals"): _KNOWN,
    ("get", f"{_OF}/follow-up"): _KNOWN,
    ("get", f"{_OF}/slots/{{prefix}}"): (*_KNOWN, problems.PrefixTooLong),
    ("post", f"{_OF}/registrations"): (
        *_PERSON,
        problems.InvalidCommitment,
        problems.KnownPerson,
        problems.KnownCommitment,
        problems.KeyReused,
    ),
    ("post", f"{_OF}/replacements"): (
        *_PERSON,
        problems.InvalidCommitment,
        problems.UnknownPerson,
        problems.KnownCommitment,
        problems.TooManyReplacements,
        problems.KeyReused,
    ),
    ("post", f"{_OF}/proposals"): (*_PERSON, problems.TooManyProposals, problems.KeyReused),
    ("get", "/v1/registrations/{id}"): (problems.UnknownRecord,),
    ("get", "/v1/submissions/{id}"): (problems.UnknownRecord,),
    ("post", f"{_OF}/ballots"): (
        *_KNOWN,
        problems.CredentialsRefused,
        problems.MalformedBallot,
        problems.BallotOutOfRange,
        problems.WrongPhase,
        problems.StaleBallot,
        problems.SequenceTooHigh,
        problems.InvalidProof,
        problems.KeyReused,
    ),
    ("get", "/members/encryption-key"): (problems.MemberSignature,),
    ("post", "/members/peppers"): (
        *_KNOWN,
        problems.MemberSignature,
        problems.PepperMismatch,
        problems.PepperDestroyed,
        problems.NotRegistrar,
    ),
    ("post", "/members/cosign/registrations"): _COSIGN,
    ("post", "/members/cosign/replacements"): _COSIGN,
    ("post", "/members/cosign/submissions"): _COSIGN,
}


def describe(app: FastAPI) -> None:
    """Make `app` describe its refusals as problem documents."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    if method == "get" and is_of_the_chain(path):
                        _conditional(operation)
                    refusals = REFUSALS.get((method, path))
                    if refusals is None:
                        _as_problems(operation["responses"])
                    else:
                        for status in problems.RESPONSES:
                            del operation["responses"][status]
                        operation["responses"] |= _by_status([*refusals, *COMMON], operation["responses"])
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema


def _conditional(operation: dict[str, Any]) -> None:
    """Reads of the chain alone may be asked for with If-None-Match (gateway/conditional.py)."""
    operation["responses"]["200"].setdefault("headers", {})["ETag"] = {
        "description": "of the block that the answer is as of",
        "schema": {"type": "string"},
    }
    operation["responses"]["304"] = {"description": "What the caller has is still as of the last block"}


def _as_problems(responses: dict[str, Any]) -> None:
    for status in problems.RESPONSES:
        content = responses[str(status)]["content"]
        if "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def _by_status(kinds: Iterable[type[Problem]], answered: dict[str, Any]) -> dict[str, Any]:
    """Responses for these problems; one of a status that the operation answers by itself as well is joined to it."""
    by_status: dict[int, list[type[Problem]]] = {}
    for kind in kinds:
        if kind not in by_status.setdefault(kind.status, []):
            by_status[kind.status].append(kind)
    described = {}
    for status, of_status in sorted(by_status.items()):
        own = answered.get(str(status), {})
        described[str(status)] = {
            "description": " · ".join(
                [*([own["description"]] if own else []), *(f"`{each.code}`" for each in of_status)]
            ),
            "content": {**own.get("content", {}), MEDIA_TYPE: _content(status, of_status)},
            **_headers(of_status),
        }
    return described


def _content(status: int, kinds: list[type[Problem]]) -> dict[str, Any]:
    return {
        "schema": {
            "allOf": [{"$ref": "#/components/schemas/ProblemDocument"}],
            "properties": {"code": {"enum": [kind.code for kind in kinds]}, "status": {"const": status}},
        },
        "examples": {
            kind.code: {"summary": kind.title, "value": Problem.document(kind(f"{kind.title}."))} for kind in kinds
        },
    }


def _headers(kinds: list[type[Problem]]) -> dict[str, Any]:
    if all(kind.retry_after is None for kind in kinds):
        return {}
    return {"headers": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}}
