# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/initiatives/{i}/registrations and /replacements, GET /v1/registrations/{id}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.deps import Services, initiative_id, services, writable
from gateway.members.registrar import Claim
from gateway.promises import Promises
from gateway.registrations.schemas import RegistrationAnswer, RegistrationBody
from gateway.submissions import Submission
from protocol.types import Commitment, InitiativeId, PromiseKind

router = APIRouter(prefix="/v1", tags=["registrations"])


def _claim(body: RegistrationBody) -> Claim:
    return Claim(body.id_token, body.salt, commitment=Commitment(body.commitment))


def _answer(submission: Submission, promises: Promises) -> RegistrationAnswer:
    kind = PromiseKind.from_label(submission.kind)
    return RegistrationAnswer(
        registration=submission.id,
        status=submission.status,
        problem=submission.problem,
        waiting=submission.waiting,
        promise=promises.show(kind, submission.initiative, submission.key, submission.promise),
    )


@router.post("/initiatives/{initiative}/registrations", status_code=202, dependencies=[Depends(writable)])
def register(
    body: RegistrationBody,
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> RegistrationAnswer:
    """Ask for a leaf in the electorate; the token must have been issued for this commitment."""
    submission = all_.registrations.register(initiative, _claim(body))
    all_.wake_registrations()
    return _answer(submission, all_.promises)


@router.post("/initiatives/{initiative}/replacements", status_code=202, dependencies=[Depends(writable)])
def replace(
    body: RegistrationBody,
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> RegistrationAnswer:
    """Ask for a new commitment in place of a lost one."""
    submission = all_.registrations.replace(initiative, _claim(body))
    all_.wake_registrations()
    return _answer(submission, all_.promises)


@router.get("/registrations/{id}")
def status(
    id_: Annotated[str, Path(alias="id", pattern="^[0-9a-f]{32}$")], all_: Annotated[Services, Depends(services)]
) -> RegistrationAnswer:
    """What became of a registration or replacement."""
    return _answer(all_.registrations.status(id_), all_.promises)
