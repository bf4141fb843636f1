# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every field of every event is either recomputed or new: changed, it is refused, or stands in the list below (B10)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import IntEnum
from typing import Any

import pytest

from protocol.errors import ProtocolError
from protocol.events import Dealt, Event, ReplacementQueued, ShareReleased
from protocol.state import State, apply, require_settled
from tests.protocol.chronicle import CHAIN_ID, CONSORTIUM, SUITE, Chronicle, commitment, whole_life

# What an event brings that no earlier one knows, and no arithmetic of the fold can judge. Signatures, roots, proofs and
# ciphertexts are claims, for the observer; the rest is text, or chosen freely within bounds by who may.
NEW = {
    "EntityAdmitted": {"name", "endpoint", "accounts"},  # the founders', in the constructor
    "AccountChanged": {"entity", "role", "account"},
    "EndpointChanged": {"entity", "endpoint"},
    "TrusteeKeyRegistered": {"entity", "key"},
    "BrokerKeyRegistered": {"entity"},
    "MinimumAnonymityChanged": {"minimum"},  # the constructor's
    "MotionProposed": {"data"},
    "MotionApproved": {"entity"},
    "InitiativeCreated": {"publisher", "title"},
    "InitiativeVoided": {"explanation"},
    "ExtensionProposed": set(),
    "VotingExtended": {"approver"},
    "Registered": {"batch_id", "tags", "commitments", "evidence_root", "registrars", "root"},
    "RegistrationSkipped": {"position", "tag", "commitment"},
    "ReplacementQueued": {"batch_id", "new_commitment", "evidence_root", "registrars"},
    "ReplacementApplied": {"root"},
    "ProposalSubmitted": {"author_tag", "content_hash", "batch_id", "evidence_root", "registrars"},
    "ProposalAccepted": {"cost", "reason"},
    "ProposalRejected": {"proposal", "feasible", "reason"},
    "CostChanged": {"proposal", "cost", "reason"},
    "Dealt": {"dealing.shares"},
    "ComplaintJudged": {"dealer", "complainant", "upheld"},
    "BallotCast": {"entry"},
    "BallotSkipped": {"nullifier", "sequence"},
    "ResultAttested": {"trustee", "result_hash"},
    "ProposalErased": {"reason"},
    "ExecutionReported": {"status", "share_done", "spent", "content_hash"},
    "ReportErased": {"reason"},
}


def other(value: Any) -> Iterator[Any]:
    """Values near to this one, of its type."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, IntEnum):
        yield from (member for member in type(value) if member is not value)
    elif isinstance(value, int):
        yield value + 1
        if value:
            yield from (value - 1, 0)
    elif isinstance(value, bytes):
        if value:
            yield bytes((value[0] ^ 1,)) + value[1:]
            yield value[:-1] + bytes((value[-1] ^ 1,))
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, tuple):
        if value:
            yield value[:-1]
            yield (next(other(value[0])), *value[1:])
            yield (*value, value[-1])
    elif is_dataclass(value):
        for field in fields(value):
            yield from (replace(value, **{field.name: x}) for x in other(getattr(value, field.name)))  # type: ignore[type-var]
    else:
        raise TypeError(value)


def mutants(event: Event) -> Iterator[tuple[str, Event]]:
    for field in fields(event):  # type: ignore[arg-type]
        value = getattr(event, field.name)
        nested = fields(value) if is_dataclass(value) else ()
        for changed in other(value):
            differing = [part.name for part in nested if getattr(value, part.name) != getattr(changed, part.name)]
            yield ".".join([field.name, *differing]), replace(event, **{field.name: changed})  # type: ignore[type-var]


@pytest.fixture(scope="module")
def life() -> Chronicle:
    return whole_life()


def survives(state: State, changed: Event, life: Chronicle, place: int) -> bool:
    """Whether the fold takes the changed event, and all that followed the true one."""
    try:
        apply(state, changed, life.log[place][1])
        for event, meta in life.log[place + 1 :]:
            apply(state, event, meta)
        require_settled(state)
    except ProtocolError:
        return False
    return True


def test_B10_every_field_is_checked_or_new(life: Chronicle) -> None:
    state, taken, tried = State(CHAIN_ID, CONSORTIUM, SUITE), set(), 0
    for place, (event, meta) in enumerate(life.log):
        name = type(event).__name__
        for field, changed in mutants(event):
            tried += 1
            if survives(copy.deepcopy(state), changed, life, place):
                taken.add((name, field))
        apply(state, event, meta)
    allowed = {(name, field) for name, names in NEW.items() for field in names}
    assert tried > 500
    assert taken - allowed == set()


# What nothing later refers to can be missing unnoticed; completeness comes from the receipts' roots, not from here.
OMITTABLE = {
    "AccountChanged",
    "BallotSkipped",
    "BrokerKeyRegistered",
    "ComplaintJudged",
    "CostChanged",
    "EndpointChanged",
    "ExecutionReported",  # an option's last
    "InitiativeVoided",
    "ProposalErased",
    "ProposalRejected",
    "RegistrationSkipped",
    "ReplacementApplied",  # the proofs would tell
    "ResultAttested",
}
REPEATABLE = {
    "BallotSkipped",
    "BrokerKeyRegistered",
    "ComplaintJudged",
    "CostChanged",
    "EndpointChanged",
    "ExtensionProposed",
    "MinimumAnonymityChanged",
    "ProposalRejected",
    "RegistrationSkipped",
    "TrusteeKeyRegistered",
}


def folded(life: Chronicle, places: int) -> State:
    state = State(CHAIN_ID, CONSORTIUM, SUITE)
    for event, meta in life.log[:places]:
        apply(state, event, meta)
    return state


def test_an_event_told_twice_is_found(life: Chronicle) -> None:
    for place, (event, meta) in enumerate(life.log):
        state = folded(life, place + 1)
        later = replace(meta, log=meta.log + 1)
        after = [(e, replace(m, log=m.log + 1) if m.same_transaction(meta) else m) for e, m in life.log[place + 1 :]]
        twice = Chronicle(log=[*life.log[:place], (event, later), *after])
        assert type(event).__name__ in REPEATABLE or not survives(state, event, twice, place), event


def is_superseded(event: Event) -> bool:
    """A dealing of the epoch that came to nothing, a replacement that another replaced, the share after the t-th."""
    if isinstance(event, ShareReleased):
        return event.trustee == 1
    if isinstance(event, ReplacementQueued):
        return event.new_commitment == commitment(2, 1)
    return isinstance(event, Dealt) and event.epoch == 0


def test_an_event_left_out_is_found(life: Chronicle) -> None:
    for place, (event, _) in enumerate(life.log[:-1]):
        without = Chronicle(log=life.log[:place] + life.log[place + 1 :])
        following = without.log[place][0]
        missed = survives(folded(life, place), following, without, place)
        assert is_superseded(event) or type(event).__name__ in OMITTABLE or not missed, event
