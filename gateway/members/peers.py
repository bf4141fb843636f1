# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asking the other registrars for their signatures, until k entities have signed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from gateway import metrics
from gateway.eid.issuers import read_bounded
from gateway.index.view import ChainView
from gateway.members.registrar import Claim, Registrar
from gateway.members.schemas import (
    BatchBody,
    PersonBody,
    ReplacementBody,
    SignatureBody,
    SubmissionBody,
)
from gateway.problems import RegistrarsUnavailable
from node import member_auth
from node.keys import Signer
from protocol import eip712
from protocol.types import Address, EntityId

log = logging.getLogger(__name__)

MAX_ANSWER = 64 * 1024
SILENT = 30.0  # seconds for which a registrar that gave no usable answer is asked last

PATHS: dict[type, str] = {
    eip712.RegistrationBatch: "/members/cosign/registrations",
    eip712.Replacement: "/members/cosign/replacements",
    eip712.Submission: "/members/cosign/submissions",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A registrar that answered and would not sign: its problem's code and sentence."""

    entity: EntityId
    code: str
    detail: str


class NotSigned(RegistrarsUnavailable):
    """Fewer than k signatures; `refusals` of those that answered no."""

    def __init__(self, detail: str, refusals: Sequence[Refusal]) -> None:
        super().__init__(detail)
        self.refusals = tuple(refusals)


class Peers:
    """The other registrars, over HTTP, found through the consortium's endpoints. Requests are signed with `key`."""

    def __init__(self, registrar: Registrar, view: ChainView, key: Signer, timeout: float) -> None:
        self._registrar = registrar
        self._view = view
        self._key = key
        self._timeout = timeout
        self._http = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)
        self._silent_until: dict[EntityId, float] = {}

    def close(self) -> None:
        self._http.close()

    def gather(self, message: eip712.Signable, claims: Sequence[Claim]) -> list[tuple[EntityId, bytes]]:
        """k signatures in ascending order of entity, this one's first asked. The caller has verified the persons.

        Raises NotSigned.
        """
        rules = self._view.rules(message.initiative)
        signatures = {self._registrar.entity: self._registrar.sign(message)}
        refusals: list[Refusal] = []
        body = body_of(message, claims)
        now = time.monotonic()
        for entity in sorted(rules.registrars, key=lambda each: self._silent_until.get(each, 0.0) > now):
            if len(signatures) >= rules.registrar_threshold:
                break
            if entity in signatures or not self._view.is_active(entity):
                continue
            answer = self._ask(entity, message, body)
            metrics.registrar_asked(
                "refused" if isinstance(answer, Refusal) else "silent" if answer is None else "signed"
            )
            if isinstance(answer, Refusal):
                refusals.append(answer)
            elif answer is not None:
                signatures[entity] = answer
                self._silent_until.pop(entity, None)
            else:
                self._silent_until[entity] = time.monotonic() + SILENT
        if len(signatures) < rules.registrar_threshold:
            said = "; ".join(f"entity {refusal.entity}: {refusal.detail}" for refusal in refusals)
            raise NotSigned(
                f"{len(signatures)} of {rules.registrar_threshold} registrars signed. {said}".strip(), refusals
            )
        return sorted(signatures.items())

    def _ask(self, entity: EntityId, message: eip712.Signable, body: bytes) -> bytes | Refusal | None:
        """A verified signature, a refusal, or None where no usable answer came."""
        path = PATHS[type(message)]
        headers = member_auth.sign(
            self._key, entity=self._registrar.entity, audience=entity, method="POST", path=path, body=body
        )
        try:
            with self._http.stream(
                "POST",
                self._view.endpoint(entity) + path,
                content=body,
                headers={**headers, "Content-Type": "application/json"},
            ) as response:
                content = read_bounded(response, MAX_ANSWER, self._timeout)
            if 400 <= response.status_code < 500 and response.status_code not in (408, 429):
                problem = json.loads(content)
                return Refusal(entity, str(problem.get("code"))[:64], str(problem.get("detail"))[:300])
            response.raise_for_status()
            answer = SignatureBody.model_validate_json(content)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError, RecursionError) as error:
            log.warning("registrar %s does not answer usably: %s", entity, type(error).__name__)
            return None
        if answer.entity != entity or not self._is_by(entity, message, answer.signature):
            log.warning("registrar %s gave a signature that is not its own", entity)
            return None
        return answer.signature

    def _is_by(self, entity: EntityId, message: eip712.Signable, signature: bytes) -> bool:
        try:
            signer: Address = eip712.recover(self._registrar.digest(message), signature)
        except eip712.SignatureError:
            return False
        return signer == self._view.registrar_account(entity)


def body_of(message: eip712.Signable, claims: Sequence[Claim]) -> bytes:
    """The request's body, as the receiver's schemas read it."""
    persons = [PersonBody(id_token=claim.token, salt=claim.salt) for claim in claims]
    if isinstance(message, eip712.RegistrationBatch):
        batch = BatchBody(
            initiative=message.initiative,
            batch_id=message.batch_id,
            valid_until=message.valid_until,
            tags=list(message.tags),
            commitments=list(message.commitments),
            evidence_root=message.evidence_root,
            persons=persons,
        )
        return batch.model_dump_json().encode()
    if isinstance(message, eip712.Replacement):
        replacement = ReplacementBody(
            initiative=message.initiative,
            batch_id=message.batch_id,
            valid_until=message.valid_until,
            tag=message.tag,
            old_commitment=message.old_commitment,
            new_commitment=message.new_commitment,
            evidence_root=message.evidence_root,
            person=persons[0],
        )
        return replacement.model_dump_json().encode()
    submission = SubmissionBody(
        initiative=message.initiative,
        batch_id=message.batch_id,
        valid_until=message.valid_until,
        author_tag=message.author_tag,
        content_hash=message.content_hash,
        evidence_root=message.evidence_root,
        person=persons[0],
    )
    return submission.model_dump_json().encode()
