# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where an initiative stands at a time: the same function of its rules and facts as contracts/Initiatives.sol."""

from __future__ import annotations

from typing import Protocol

from protocol.types import Phase, VoidReason, Windows


class Standing(Protocol):
    """What the phase depends on besides the time. `voting_closes` is the close in force."""

    @property
    def windows(self) -> Windows: ...
    @property
    def voting_closes(self) -> int: ...
    @property
    def voided(self) -> VoidReason: ...
    @property
    def min_anonymity(self) -> int: ...
    @property
    def registered(self) -> int: ...
    @property
    def has_key(self) -> bool: ...
    @property
    def has_options(self) -> bool: ...
    @property
    def distinct(self) -> int: ...
    @property
    def is_counted(self) -> bool: ...


def status_at(initiative: Standing, now: int) -> tuple[Phase, VoidReason]:
    """Phase and reason of a void at a block's timestamp (seconds). Windows are [opens, closes)."""
    if initiative.voided is not VoidReason.NONE:
        return Phase.VOID, initiative.voided
    windows = initiative.windows
    if now < windows.registration_opens:
        return Phase.ANNOUNCED, VoidReason.NONE
    if now < windows.registration_closes:
        return Phase.REGISTRATION, VoidReason.NONE
    if now < windows.voting_opens:
        return Phase.REVIEW, VoidReason.NONE
    return _after_review(initiative, now)


def _after_review(initiative: Standing, now: int) -> tuple[Phase, VoidReason]:
    if initiative.registered < initiative.min_anonymity:
        return Phase.VOID, VoidReason.TOO_FEW_REGISTERED
    if not initiative.has_key:
        return Phase.VOID, VoidReason.NO_JOINT_KEY
    if not initiative.has_options:
        return Phase.VOID, VoidReason.NO_OPTIONS
    if now < initiative.voting_closes:
        return Phase.VOTING, VoidReason.NONE
    if now < initiative.voting_closes + initiative.windows.challenge_period:
        return Phase.CHALLENGE, VoidReason.NONE
    if initiative.distinct < initiative.min_anonymity:
        return Phase.VOID, VoidReason.TOO_FEW_BALLOTS
    return (Phase.COUNTED if initiative.is_counted else Phase.OPENING), VoidReason.NONE


def phase_at(initiative: Standing, now: int) -> Phase:
    """The phase at a block's timestamp."""
    return status_at(initiative, now)[0]


def next_turn(initiative: Standing, now: int) -> int | None:
    """The next time at which the phase may be another without any event; None where none is left."""
    if initiative.voided is not VoidReason.NONE:
        return None
    windows, close = initiative.windows, initiative.voting_closes
    turns = (
        windows.registration_opens,
        windows.registration_closes,
        windows.voting_opens,
        close,
        close + windows.challenge_period,
    )
    return next((turn for turn in turns if turn > now), None)
