# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where an initiative stands at a time: the same function of its rules and facts as contracts/Initiatives.sol."""

from protocol.state.model import InitiativeState
from protocol.types import Phase, VoidReason


def status_at(initiative: InitiativeState, now: int) -> tuple[Phase, VoidReason]:
    """Phase and reason of a void at a block's timestamp (seconds). Windows are [opens, closes)."""
    if initiative.voided is not VoidReason.NONE:
        return Phase.VOID, initiative.voided
    windows = initiative.rules.windows
    if now < windows.registration_opens:
        return Phase.ANNOUNCED, VoidReason.NONE
    if now < windows.registration_closes:
        return Phase.REGISTRATION, VoidReason.NONE
    if now < windows.voting_opens:
        return Phase.REVIEW, VoidReason.NONE
    return _after_review(initiative, now)


def _after_review(initiative: InitiativeState, now: int) -> tuple[Phase, VoidReason]:
    if initiative.electorate.size < initiative.rules.min_anonymity:
        return Phase.VOID, VoidReason.TOO_FEW_REGISTERED
    if not initiative.ceremony.is_finalised:
        return Phase.VOID, VoidReason.NO_JOINT_KEY
    if not initiative.proposals.options:
        return Phase.VOID, VoidReason.NO_OPTIONS
    if now < initiative.voting_closes:
        return Phase.VOTING, VoidReason.NONE
    if now < initiative.voting_closes + initiative.rules.windows.challenge_period:
        return Phase.CHALLENGE, VoidReason.NONE
    if len(initiative.ballots.latest) < initiative.rules.min_anonymity:
        return Phase.VOID, VoidReason.TOO_FEW_BALLOTS
    return (Phase.COUNTED if initiative.count.is_complete else Phase.OPENING), VoidReason.NONE


def phase_at(initiative: InitiativeState, now: int) -> Phase:
    """The phase at a block's timestamp."""
    return status_at(initiative, now)[0]
