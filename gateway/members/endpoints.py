# SPDX-License-Identifier: AGPL-3.0-or-later
"""Member to member: every request is signed by an account of an active entity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from gateway.deps import Services, services, writable
from gateway.members.registrar import Claim
from gateway.members.schemas import (
    BatchBody,
    EncryptionKeyBody,
    PepperBody,
    PersonBody,
    ReplacementBody,
    SignatureBody,
    SubmissionBody,
)
from gateway.problems import MalformedRequest, MemberSignature
from node.errors import MemberAuthError
from node.member_auth import Member
from protocol.types import Commitment, Hash32, InitiativeId, Phase, Role

router = APIRouter(prefix="/members", tags=["members"])


def by(*roles: Role) -> Callable[[Request, Services], Awaitable[Member]]:
    """Who signed this request, which must be an account of one of these roles: a key serves for its own work alone."""
    labels = {role.label for role in roles}

    async def member(request: Request, all_: Annotated[Services, Depends(services)]) -> Member:
        """The body was bounded by the application before."""
        body = await request.body()
        try:
            found = await run_in_threadpool(
                all_.members.verify, method=request.method, path=_target(request), headers=request.headers, body=body
            )
        except MemberAuthError as error:
            raise MemberSignature(str(error), reason=error.code) from error
        if found.role not in labels:
            raise MemberSignature(f"The account of a {found.role} is not for this.", reason="wrong-role")
        return found

    return member


def _target(request: Request) -> str:
    """What was asked for, with its query, as it was routed. Not `request.url`, which the Host header has a part in."""
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")


def _claim(person: PersonBody, commitment: int | None = None, content_hash: bytes | None = None) -> Claim:
    return Claim(
        person.id_token,
        person.salt,
        None if commitment is None else Commitment(commitment),
        None if content_hash is None else Hash32(content_hash),
    )


def _answer(all_: Services, signature: bytes) -> SignatureBody:
    return SignatureBody(entity=all_.registrar.entity, signature=signature)


@router.get("/encryption-key")
def encryption_key(all_: Annotated[Services, Depends(services)]) -> EncryptionKeyBody:
    """The key to which peppers for this registrar are sealed. Whoever seals checks the signature by the consortium."""
    key, signature = all_.registrar.encryption_key()
    return EncryptionKeyBody(entity=all_.registrar.entity, key=key, signature=signature)


@router.post("/peppers", dependencies=[Depends(by(Role.PUBLISHER))])
def pepper(body: PepperBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    """Keep an initiative's pepper, where it is the one that the rules name; the receipt is signed."""
    return _answer(all_, all_.registrar.accept_pepper(InitiativeId(body.initiative), body.sealed))


@router.post("/cosign/registrations", dependencies=[Depends(by(Role.GATEWAY, Role.REGISTRAR)), Depends(writable)])
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


@router.post("/cosign/replacements", dependencies=[Depends(by(Role.GATEWAY, Role.REGISTRAR)), Depends(writable)])
def cosign_replacement(body: ReplacementBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    replacement = body.message()
    all_.view.require_phase(replacement.initiative, Phase.REGISTRATION, Phase.REVIEW)
    claim = _claim(body.person, commitment=body.new_commitment)
    return _answer(all_, all_.registrar.cosign_replacement(replacement, claim))


@router.post("/cosign/submissions", dependencies=[Depends(by(Role.GATEWAY, Role.REGISTRAR)), Depends(writable)])
def cosign_submission(body: SubmissionBody, all_: Annotated[Services, Depends(services)]) -> SignatureBody:
    submission = body.message()
    all_.view.require_phase(submission.initiative, Phase.REGISTRATION)
    return _answer(
        all_, all_.registrar.cosign_submission(submission, _claim(body.person, content_hash=body.content_hash))
    )
