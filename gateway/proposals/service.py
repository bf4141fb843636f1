# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accepts proposals into the journal, keeps their texts, and brings them to the chain with k registrars' signatures."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.index.view import ChainView
from gateway.journal import Journal
from gateway.members.peers import NotSigned, Peers
from gateway.members.registrar import Claim, Registrar, submission_id
from gateway.problems import MalformedRequest, TooLarge, TooManyProposals, UnknownRecord
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from gateway.submissions import Submission, Submissions
from node.deployment import Deployment
from node.errors import ContractError
from protocol import eip712
from protocol.errors import ProtocolError
from protocol.evidence import content_document, content_hash, evidence_root
from protocol.hashing import keccak
from protocol.types import Hash32, InitiativeId, Phase, Tag

MAX_CONTENT = 64 * 1024
VALIDITY = 3600
GAS = 1_000_000
PAUSE = 2.0
AT_ONCE = 20


class ProposalService:
    """What is checked before a proposal is accepted."""

    def __init__(self, view: ChainView, registrar: Registrar, submissions: Submissions, journal: Journal) -> None:
        self._view = view
        self._registrar = registrar
        self._submissions = submissions
        self._journal = journal

    def submit(
        self, initiative: InitiativeId, token: str, salt: bytes, content: Mapping[str, Any], content_salt: bytes
    ) -> tuple[Submission, Hash32]:
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
        accepted = self._submissions.accept(
            "proposal",
            initiative,
            hashed,
            keccak(tag + hashed),
            payload,
            lambda db: db.execute("INSERT OR IGNORE INTO content VALUES (?, ?)", (hashed, document.decode())),
        )
        return accepted, hashed

    def status(self, id_: str) -> Submission:
        found = self._submissions.get(id_)
        if found is None or found.kind != "proposal":
            raise UnknownRecord("There is no submission of this id.")
        return found

    def content(self, hashed: bytes) -> dict[str, Any] | None:
        rows = self._journal.read("SELECT document FROM content WHERE hash = ?", hashed)
        if not rows:
            return None
        content: dict[str, Any] = json.loads(rows[0]["document"])["content"]
        return content


class ProposalCarrier:
    """One proposal a transaction."""

    def __init__(
        self,
        submissions: Submissions,
        view: ChainView,
        peers: Peers,
        deployment: Deployment,
        simulator: Simulator,
        evidence: Callable[[sqlite3.Connection, Hash32, int, Sequence[str]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._submissions = submissions
        self._view = view
        self._peers = peers
        self._proposals = deployment.contract("Proposals")
        self._simulator = simulator
        self._evidence = evidence
        self._clock = clock
        self._not_before = 0.0

    def next_parcel(self) -> Parcel | None:
        if self._clock() < self._not_before:
            return None
        for initiative in self._submissions.waiting_initiatives("proposal"):
            for submission in self._submissions.waiting("proposal", initiative, AT_ONCE):
                parcel = self._parcel(submission)
                if parcel is not None:
                    return parcel
        return None

    def _parcel(self, submission: Submission) -> Parcel | None:
        if self._view.has_content(submission.initiative, Hash32(submission.key)):
            self._submissions.finish_now([submission])  # handed in at another member as well
            return None
        if self._view.phase(submission.initiative) is not Phase.REGISTRATION:
            self._submissions.fail_now([submission], "wrong-phase: proposals are submitted while registration is open")
            return None
        payload = submission.payload
        claim = Claim(payload["id_token"], bytes.fromhex(payload["salt"]), content_hash=Hash32(submission.key))
        message = eip712.Submission(
            initiative=submission.initiative,
            # The same for every member: what is handed in twice stands once.
            batch_id=submission_id(Tag(bytes.fromhex(payload["tag"])), Hash32(submission.key)),
            valid_until=self._view.as_of().timestamp + VALIDITY,
            author_tag=Tag(bytes.fromhex(payload["tag"])),
            content_hash=Hash32(submission.key),
            evidence_root=evidence_root([claim.token]),
        )
        try:
            data = self._proposals.call("submit", message, self._peers.gather(message, [claim])).data
            self._simulator.check(self._proposals.address, data, GAS)
        except NotSigned as error:
            self._not_before = self._clock() + PAUSE
            if error.refusals:
                self._submissions.retry_now([submission], error.detail)
            return None
        except ContractError as error:
            self._not_before = self._clock() + PAUSE
            self._submissions.retry_now([submission], error.name)
            return None

        def link(db: sqlite3.Connection, tx: int) -> None:
            self._submissions.link(db, [submission], tx)
            self._evidence(db, message.batch_id, message.initiative, [claim.token])

        return Parcel(self._proposals.address, data, GAS, link)

    def outcome(self, settled: Settled) -> Callable[[sqlite3.Connection], None]:
        carried = self._submissions.carried_by("proposal", settled.tx)

        def write(db: sqlite3.Connection) -> None:
            for submission in carried:
                if settled.receipt.ok:
                    self._submissions.finish(db, submission)
                else:
                    self._submissions.retry(db, submission, "the submission was refused by the contract")

        return write
