# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check `claims`: what the contracts answer at the head is what follows from the events up to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from node.observer.source import InitiativeClaims
from protocol.checks import CheckFailed
from protocol.state import InitiativeState, State, status_at
from protocol.types import BallotType

_CHECK = "claims"


def expected(initiative: InitiativeState, now: int) -> InitiativeClaims:
    """The answers at a block of this time."""
    phase, reason = status_at(initiative, now)
    key, count = initiative.ceremony.joint_key, initiative.count
    sides = 2 if initiative.rules.ballot.ballot_type is BallotType.YES_NO_ABSTAIN else 1
    return InitiativeClaims(
        phase=phase.label,
        void_reason=reason.label,
        size=initiative.electorate.size,
        root=initiative.electorate.root,
        ballot_count=len(initiative.ballots.latest),
        joint_key=None if key is None else (key.x, key.y),
        secret_key=initiative.ceremony.secret_key or 0,
        counts={
            "counted": count.counted,
            "valid": count.valid,
            "blank": count.blank,
            "nulls": count.nulls,
            "ownDevice": count.own_device,
            "assisted": count.assisted,
            "accumulator": count.accumulator,
        },
        totals=tuple(count.totals) or (0,) * (sides * len(initiative.proposals.options)),
        result_hash=count.result_hash or bytes(32),
    )


def verify(state: State, claims: Mapping[int, InitiativeClaims], now: int) -> str:
    """All initiatives. Raises CheckFailed, naming initiative and answer."""
    if set(claims) != set(state.initiatives):
        raise CheckFailed(_CHECK, f"answers for the initiatives {sorted(claims)}, not {sorted(state.initiatives)}")
    for number, initiative in state.initiatives.items():
        right, given = expected(initiative, now), claims[number]
        for field in fields(InitiativeClaims):
            follows, answered = getattr(right, field.name), getattr(given, field.name)
            if follows != answered:
                raise CheckFailed(_CHECK, f"initiative {number}: {field.name} is {answered}, and follows as {follows}")
    return f"{len(claims)} initiatives"
