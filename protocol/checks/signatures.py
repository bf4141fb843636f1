# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks `electorate.signatures` and (its signatures) `proposals`: k registrars signed exactly what the event says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.checks.calls import Sent, Signature, find, is_direct
from protocol.checks.model import CheckFailed, NotVerifiable, place, refuse
from protocol.eip712 import RegistrationBatch, Replacement, Signable, SignatureError, Submission, digest, recover
from protocol.state import BatchClaim, InitiativeState, ReplacementClaim, Signer, State, SubmissionClaim
from protocol.types import Address

MAX_VALIDITY = 86400
_SIGNATURES = "(uint32,bytes)[]"
REGISTER = Signature("register", ("(uint64,bytes32,uint64,bytes32[],uint256[],bytes32)", _SIGNATURES))
REPLACE = Signature("queueReplacement", ("(uint64,bytes32,uint64,bytes32,uint256,uint256,bytes32)", _SIGNATURES))
SUBMIT = Signature("submit", ("(uint64,bytes32,uint64,bytes32,bytes32,bytes32)", _SIGNATURES))

_Claim = BatchClaim | ReplacementClaim | SubmissionClaim


def electorate(state: State, initiative: InitiativeState, sent: Sent) -> str:
    """Every registration batch and replacement. Raises CheckFailed, NotVerifiable."""
    for batch in initiative.electorate.batches:
        _verify(state, initiative, batch, REGISTER, state.suite.electorate, sent)
    for replacement in initiative.electorate.replacements:
        _verify(state, initiative, replacement, REPLACE, state.suite.electorate, sent)
    batches, replaced = len(initiative.electorate.batches), len(initiative.electorate.replacements)
    return f"initiative {initiative.id}: {batches} batches, {replaced} replacements"


def proposals(state: State, initiative: InitiativeState, sent: Sent) -> str:
    """Every submission. Raises CheckFailed, NotVerifiable."""
    for submission in initiative.proposals.submissions:
        _verify(state, initiative, submission, SUBMIT, state.suite.proposals, sent)
    return f"initiative {initiative.id}: {len(initiative.proposals.submissions)} proposals"


def _expected(initiative: InitiativeState, claim: _Claim, valid_until: int) -> Signable:
    match claim:
        case BatchClaim():
            entries = claim.signed()
            tags, commitments = tuple(tag for tag, _ in entries), tuple(leaf for _, leaf in entries)
            return RegistrationBatch(initiative.id, claim.batch_id, valid_until, tags, commitments, claim.evidence_root)
        case ReplacementClaim():
            old, new = claim.old_commitment, claim.new_commitment
            return Replacement(initiative.id, claim.batch_id, valid_until, claim.tag, old, new, claim.evidence_root)
        case SubmissionClaim():
            author, content = claim.author_tag, claim.content_hash
            return Submission(initiative.id, claim.batch_id, valid_until, author, content, claim.evidence_root)


def _verify(
    state: State, initiative: InitiativeState, claim: _Claim, function: Signature, contract: Address, sent: Sent
) -> None:
    check = "proposals" if isinstance(claim, SubmissionClaim) else "electorate.signatures"
    direct = is_direct(sent, claim.meta, function)
    for message, signatures in find(sent, claim.meta, function, check):
        if (message[0], message[1]) == (initiative.id, claim.batch_id):
            try:
                _require_signed(state, initiative, claim, message[2], signatures, contract, check)
            except CheckFailed:
                if direct:
                    raise
                continue  # a decoy beside the call that was made: look on
            return
        if direct:
            break
    if direct:
        refuse(check, claim.meta, "the call is of another batch than the event")
    raise NotVerifiable(check, f"{place(claim.meta)}: the batch is not in the transaction")


def _require_signed(
    state: State,
    initiative: InitiativeState,
    claim: _Claim,
    valid_until: int,
    signatures: Sequence[tuple[int, Any]],
    contract: Address,
    check: str,
) -> None:
    now = claim.meta.timestamp
    if not now < valid_until <= now + MAX_VALIDITY:
        refuse(check, claim.meta, f"the batch was valid until {valid_until}, and used at {now}")
    if [entity for entity, _ in signatures] != [signer.entity for signer in claim.signers]:
        refuse(check, claim.meta, "the signatures are of other entities than the event says")
    try:
        hashed = digest(_expected(initiative, claim, valid_until), state.chain_id, contract)
        signers = [recover(hashed, bytes(signature)) for _, signature in signatures]
    except SignatureError as error:
        refuse(check, claim.meta, str(error))
    for signer, account in zip(claim.signers, signers, strict=True):
        _require_account(signer, account, claim, check)


def _require_account(signer: Signer, account: Address, claim: _Claim, check: str) -> None:
    if signer.account != account:
        refuse(check, claim.meta, f"entity {signer.entity} did not sign what the event says")
