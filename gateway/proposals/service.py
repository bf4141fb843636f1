# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accepts proposals into the journal, keeps their texts, and brings them to the chain with k registrars' signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.contents.repository import MAX_CONTENT, keep_content
from gateway.index.view import ChainView
from gateway.members.registrar import Claim, Registrar
from gateway.problems import MalformedRequest, TooLarge, TooManyProposals, UnknownRecord
from gateway.promises import Promises
from gateway.submissions import Submission, Submissions
from protocol.errors import ProtocolError
from protocol.evidence import content_document, content_hash
from protocol.hashing import keccak
from protocol.types import InitiativeId, Phase, PromiseKind


class ProposalService:
    """What is checked before a proposal is accepted."""

    def __init__(self, view: ChainView, registrar: Registrar, submissions: Submissions, promises: Promises) -> None:
        self._promises = promises
        self._view = view
        self._registrar = registrar
        self._submissions = submissions

    def submit(
        self, initiative: InitiativeId, token: str, salt: bytes, content: Mapping[str, Any], content_salt: bytes
    ) -> Submission:
        """Idempotent per author and content. Raises a Problem; then nothing is stored."""
        self._view.require_phase(initiative, Phase.REGISTRATION)
        try:
            document = content_document(content, content_salt)
            hashed = content_hash(content, content_salt)
        except (ProtocolError, RecursionError) as error:
            raise MalformedRequest(f"The content has no canonical form: {error}.") from error
        if len(document) > MAX_CONTENT:
            raise TooLarge(f"A proposal's content has at most {MAX_CONTENT} bytes.")
        tag = self._registrar.author(initiative, Claim(token, salt, content_hash=hashed))
        limit = self._view.rules(initiative).proposals_per_person
        if not self._view.has_content(initiative, hashed) and self._view.proposals_by(initiative, tag) >= limit:
            raise TooManyProposals(f"One person submits at most {limit} proposals here.", limit=limit)
        payload = {"id_token": token, "salt": salt.hex(), "tag": tag.hex()}
        return self._submissions.accept(
            "proposal",
            initiative,
            hashed,
            keccak(tag + hashed),
            payload,
            lambda db: keep_content(db, hashed, document.decode()),
            lambda given: self._promises.renewed(PromiseKind.PROPOSAL, initiative, hashed, given),
        )

    def status(self, id_: str) -> Submission:
        found = self._submissions.get(id_)
        if found is None or found.kind != "proposal":
            raise UnknownRecord("There is no submission of this id.")
        return found
