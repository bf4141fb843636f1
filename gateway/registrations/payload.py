# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a registration's or replacement's row in the journal says."""

from __future__ import annotations

from gateway.members.registrar import Claim
from gateway.submissions import Submission
from protocol.types import Commitment, Tag


def claim_of(submission: Submission) -> Claim:
    """The person's token, with what its nonce binds."""
    payload = submission.payload
    return Claim(payload["id_token"], bytes.fromhex(payload["salt"]), commitment=commitment_of(submission))


def commitment_of(submission: Submission) -> Commitment:
    """The commitment to be registered, or the new one; it is the row's key."""
    return Commitment(int.from_bytes(submission.key, "big"))


def tag_of(submission: Submission) -> Tag:
    """The person's tag."""
    return Tag(bytes.fromhex(submission.payload["tag"]))
