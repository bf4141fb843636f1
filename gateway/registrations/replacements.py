# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings replacements of commitments to the chain."""

from __future__ import annotations

import secrets

from gateway.failures import Failure
from gateway.members.registrar import Claim
from gateway.members.single import VALIDITY, SingleCarrier
from gateway.problems import WrongPhase
from gateway.registrations.payload import claim_of, commitment_of, tag_of
from gateway.submissions import Submission
from protocol import eip712
from protocol.evidence import evidence_root
from protocol.types import Hash32, Phase


class ReplacementCarrier(SingleCarrier):
    """The old commitment is what the chain has when the replacement is signed."""

    KIND, CONTRACT, FUNCTION, GAS = "replacement", "Electorate", "queueReplacement", 1_500_000

    def is_done(self, submission: Submission) -> bool:
        pending = self._desk.view.pending_replacement(submission.initiative, tag_of(submission))
        return pending == commitment_of(submission)

    def stands(self, submission: Submission) -> bool:
        return self._desk.view.is_used(submission.initiative, commitment_of(submission))

    def untimely(self, submission: Submission) -> Failure | None:
        view = self._desk.view
        known = view.commitment_of(submission.initiative, tag_of(submission)) is not None
        if known and view.phase(submission.initiative) in (Phase.REGISTRATION, Phase.REVIEW):
            return None
        return Failure(WrongPhase.code, "Commitments are replaced before voting opens.")

    def prepare(self, submission: Submission) -> tuple[eip712.Replacement, Claim]:
        view, tag, claim = self._desk.view, tag_of(submission), claim_of(submission)
        old = view.commitment_of(submission.initiative, tag)
        assert old is not None  # `untimely` has seen it, and a person once registered stays so
        message = eip712.Replacement(
            initiative=submission.initiative,
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=view.as_of().timestamp + VALIDITY,
            tag=tag,
            old_commitment=old,
            new_commitment=commitment_of(submission),
            evidence_root=evidence_root([claim.token]),
        )
        return message, claim
