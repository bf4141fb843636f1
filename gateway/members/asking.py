# SPDX-License-Identifier: AGPL-3.0-or-later
"""One question to one registrar: will you sign this? Whatever it answers is held against what it may say."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from gateway.index.view import ChainView
from gateway.members.registrar import Claim, Registrar
from gateway.members.schemas import BatchBody, PersonBody, ReplacementBody, SignatureBody, SubmissionBody
from node import member_auth
from node.addresses import may_be_asked
from node.errors import KeystoreError
from node.keys import Signer
from node.oidc.fetch import read_bounded
from node.plain import AS_IT_IS
from protocol import eip712
from protocol.types import EntityId

log = logging.getLogger(__name__)

MAX_ANSWER = 64 * 1024
MAX_DETAIL = 300
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,7}\Z", re.ASCII)

#: Refusals that name a person, not the moment: the same registrar would give them again.
FINAL_CODES = frozenset({"out-of-scope", "known-person", "known-commitment", "invalid-commitment"})
FINAL_TOKEN_CODES = frozenset(
    {"token-issuer", "token-audience", "token-expired", "token-no-expiry", "token-nonce", "token-assurance"}
)

PATHS: dict[type, str] = {
    eip712.RegistrationBatch: "/members/cosign/registrations",
    eip712.Replacement: "/members/cosign/replacements",
    eip712.Submission: "/members/cosign/submissions",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """The registrar's own signature."""

    signature: bytes

    @property
    def outcome(self) -> str:
        return "signed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A registrar that answered and would not sign: its problem's code and sentence, and whom it names (a place in
    the batch). The sentence is another member's text: for the log, never for citizens."""

    entity: EntityId
    code: str
    detail: str
    index: int | None = None

    @property
    def outcome(self) -> str:
        return "refused"

    @property
    def is_final(self) -> bool:
        return self.code in FINAL_CODES or self.code in FINAL_TOKEN_CODES


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing usable: away, too slow, out of order, or (lying) signed by another or in another form."""

    reason: str
    lying: bool = False

    @property
    def outcome(self) -> str:
        return "lying" if self.lying else "silent"


Answer = Signed | Refusal | NoAnswer


class Asker:
    """Asks over HTTP, signed with `key`, this entity's gateway account. Every question ends within some `timeout`s."""

    def __init__(self, registrar: Registrar, view: ChainView, key: Signer, timeout: float) -> None:
        self._registrar = registrar
        self._view = view
        self._key = key
        self._timeout = timeout
        self._http = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False, headers=AS_IT_IS)

    def close(self) -> None:
        self._http.close()

    def ask(self, entity: EntityId, message: eip712.Signable, body: bytes, persons: int) -> Answer:
        """`body` as of `body_of`, of this many persons. Raises nothing that an answer could bring about."""
        path, endpoint = PATHS[type(message)], self._view.endpoint(entity)
        if not may_be_asked(endpoint, self._view.endpoint(self._registrar.entity)):
            return NoAnswer("its endpoint is no https address")
        try:
            headers = member_auth.sign(
                self._key, entity=self._registrar.entity, audience=entity, method="POST", path=path, body=body
            )
            with self._http.stream(
                "POST",
                endpoint + path,
                content=body,
                headers={**headers, "Content-Type": "application/json"},
            ) as response:
                content = read_bounded(response, MAX_ANSWER, self._timeout)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeystoreError) as error:
            return NoAnswer(type(error).__name__)
        try:
            if 400 <= response.status_code < 500 and response.status_code not in (408, 429):
                return _refusal(entity, json.loads(content), persons)
            if response.status_code != 200:
                return NoAnswer(f"HTTP status {response.status_code}")
            answer = SignatureBody.model_validate_json(content)
        except (ValueError, AttributeError, RecursionError) as error:
            return NoAnswer(type(error).__name__, lying=True)
        if answer.entity != entity or not self._is_by(entity, message, answer.signature):
            return NoAnswer("a signature that is not its own", lying=True)
        return Signed(answer.signature)

    def _is_by(self, entity: EntityId, message: eip712.Signable, signature: bytes) -> bool:
        try:
            signer = eip712.recover(self._registrar.digest(message), signature)
        except eip712.SignatureError:
            return False
        return signer == self._view.registrar_account(entity)


def _refusal(entity: EntityId, problem: dict[str, object], persons: int) -> Refusal:
    code, index = str(problem.get("code")), problem.get("index")
    named = index if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < persons else None
    return Refusal(entity, code if _CODE.match(code) else "other", str(problem.get("detail"))[:MAX_DETAIL], named)


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
