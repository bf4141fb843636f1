# SPDX-License-Identifier: AGPL-3.0-or-later
"""Member to member: every request is signed by an account of an active entity."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.deps import Services, services, writable
from gateway.members.registrar import Claim
from gateway.members.schemas import BatchBody, PepperBody, PersonBody, ReplacementBody, SignatureBody, SubmissionBody
from gateway.problems import MalformedRequest, MemberSignature
from node.errors import MemberAuthError
from node.member_auth import Member
from protocol.types import Commitment, Hash32, InitiativeId, Phase

router = APIRouter(prefix="/members", tags=["members"])


async def member(request: Request, all_: Annotated[Services, Depends(services)]) -> Member:
    """Who signed this request. The body was bounded by the application before."""
    body = await request.body()
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    try:
        return await run_in_threadpool(
            all_.members.verify, method=request.method, path=path, headers=request.headers, body=body
        )
    except MemberAuthError as error:
        raise MemberSignature(str(error), reason=error.code) from error


def _claim(person: PersonBody, commitment: int | None = None, content_hash: bytes | None = None) -> Claim:
    return Claim(
        person.id_token,
        person.salt,
        None if commitment is None else Commitment(commitment),
        None if content_hash is None else Hash32(content_hash),
    )


def _answer(all_: Services, signature: bytes) -> SignatureBody:
    return SignatureBody(entity=all_.registrar.entity, signature=signature)


@router.post("/peppers", status_code=204, dependencies=[Depends(member)])
def pepper(body: PepperBody, all_: Annotated[Services, Depends(services)]) -> Response:
    """Keep an initiative's pepper, where it is the one that the rules name."""
    all_.registrar.accept_pepper(InitiativeId(body.initiative), body.pepper)
    return Response(status_code=204)


@router.post("/cosign/registrations", dependencies=[Depends(member), Depends(writable)])
def cosign_batch(body: BatchBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    """Verify every person of the batch; sign exactly it."""
    batch = body.message()
    all_.view.require_phase(batch.initiative, Phase.REGISTRATION)
    if not len(body.persons) == len(body.commitments) == len(body.tags):
        raise MalformedRequest("The batch and its persons differ in number.")
    claims = [
        _claim(person, commitment=commitment) for person, commitment in zip(body.persons, body.commitments, strict=True)
    ]
    return _answer(all_, all_.registrar.cosign_batch(batch, claims))


@router.post("/cosign/replacements", dependencies=[Depends(member), Depends(writable)])
def cosign_replacement(body: ReplacementBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    replacement = body.message()
    all_.view.require_phase(replacement.initiative, Phase.REGISTRATION, Phase.REVIEW)
    claim = _claim(body.person, commitment=body.new_commitment)
    return _answer(all_, all_.registrar.cosign_replacement(replacement, claim))


@router.post("/cosign/submissions", dependencies=[Depends(member), Depends(writable)])
def cosign_submission(body: SubmissionBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    submission = body.message()
    all_.view.require_phase(submission.initiative, Phase.REGISTRATION)
    return _answer(
        all_, all_.registrar.cosign_submission(submission, _claim(body.person, content_hash=body.content_hash))
    )
