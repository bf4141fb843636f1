# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST and GET /v1/initiatives/{i}/proposals, GET /v1/submissions/{id}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.deps import Services, initiative_id, services, writable
from gateway.initiatives import repository
from gateway.promises import Promises
from gateway.proposals.schemas import ProposalBody, ProposalList, ProposalView, SubmissionAnswer
from gateway.submissions import Submission
from protocol.types import Hash32, InitiativeId, PromiseKind, ProposalStatus

router = APIRouter(prefix="/v1", tags=["proposals"])


def _answer(submission: Submission, promises: Promises) -> SubmissionAnswer:
    return SubmissionAnswer(
        submission=submission.id,
        content_hash=submission.key,
        status=submission.status,
        problem=submission.problem,
        waiting=submission.waiting,
        promise=promises.show(PromiseKind.PROPOSAL, submission.initiative, submission.key, submission.promise),
    )


@router.post("/initiatives/{initiative}/proposals", status_code=202, dependencies=[Depends(writable)])
def submit(
    body: ProposalBody,
    initiative: Annotated[InitiativeId, Depends(initiative_id)],
    all_: Annotated[Services, Depends(services)],
) -> SubmissionAnswer:
    """Hand in a proposal; the token must have been issued for its content."""
    submission = all_.proposals.submit(initiative, body.id_token, body.salt, body.content, body.content_salt)
    all_.wake_registrations()
    return _answer(submission, all_.promises)


@router.get("/submissions/{id}")
def status(
    id_: Annotated[str, Path(alias="id", pattern="^[0-9a-f]{32}$")], all_: Annotated[Services, Depends(services)]
) -> SubmissionAnswer:
    """What became of a proposal handed in here."""
    return _answer(all_.proposals.status(id_), all_.promises)


@router.get("/initiatives/{initiative}/proposals")
def proposals(
    initiative: Annotated[InitiativeId, Depends(initiative_id)], all_: Annotated[Services, Depends(services)]
) -> ProposalList:
    """All proposals in the order of submission, with the texts that this gateway holds."""
    with all_.reads.snapshot() as now:
        repository.own(now, initiative)
        known = repository.proposals(now, initiative)
    texts = all_.contents.texts(Hash32(bytes(row.content_hash)) for row in known if row.erasure is None)
    listed = [
        ProposalView(
            proposal=row.id,
            content_hash=bytes(row.content_hash),
            content=texts.get(Hash32(bytes(row.content_hash))),
            erased=row.erasure,
            status=ProposalStatus(row.status).label,
            option=row.option,
            cost=int(row.cost),
        )
        for row in known
    ]
    return ProposalList(as_of=now.as_of, proposals=listed)
