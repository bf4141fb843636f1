# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings proposals to the chain."""

from __future__ import annotations

from gateway.failures import Failure
from gateway.members.registrar import Claim, submission_id
from gateway.members.single import VALIDITY, SingleCarrier
from gateway.problems import WrongPhase
from gateway.submissions import Submission
from protocol import eip712
from protocol.evidence import evidence_root
from protocol.types import Hash32, Phase, Tag


class ProposalCarrier(SingleCarrier):
    """The id under which a proposal is signed is the same for every member: what is handed in twice stands once."""

    KIND, CONTRACT, FUNCTION, GAS = "proposal", "Proposals", "submit", 1_000_000

    def is_done(self, submission: Submission) -> bool:
        return self._desk.view.has_content(submission.initiative, Hash32(submission.key))

    def untimely(self, submission: Submission) -> Failure | None:
        if self._desk.view.phase(submission.initiative) is Phase.REGISTRATION:
            return None
        return Failure(WrongPhase.code, "Proposals are submitted while registration is open.")

    def prepare(self, submission: Submission) -> tuple[eip712.Submission, Claim]:
        tag, content_hash = Tag(bytes.fromhex(submission.payload["tag"])), Hash32(submission.key)
        salt = bytes.fromhex(submission.payload["salt"])
        claim = Claim(submission.payload["id_token"], salt, content_hash=content_hash)
        message = eip712.Submission(
            initiative=submission.initiative,
            batch_id=submission_id(tag, content_hash),
            valid_until=self._desk.view.as_of().timestamp + VALIDITY,
            author_tag=tag,
            content_hash=content_hash,
            evidence_root=evidence_root([claim.token]),
        )
        return message, claim
