# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fold over the events: the one way in which the state changes."""

from __future__ import annotations

from protocol.events import (
    CeremonyOpened,
    Contract,
    CountCompleted,
    Event,
    InitiativeVoided,
    KeyCombined,
    Registered,
    RegistrationSkipped,
    VotingReopened,
)
from protocol.state import ballots, ceremony, consortium, electorate, follow_up, initiatives, proposals
from protocol.state.claims import EventMeta
from protocol.state.guards import Change, Context, Handlers, InvalidEvent, require
from protocol.state.model import State
from protocol.types import Address

_HANDLERS: Handlers = {
    **consortium.HANDLERS,
    **initiatives.HANDLERS,
    **electorate.HANDLERS,
    **proposals.HANDLERS,
    **ceremony.HANDLERS,
    **ballots.HANDLERS,
    **follow_up.HANDLERS,
}


def contract_address(state: State, contract: Contract) -> Address:
    """Where the state's contract of this name lives."""
    if contract is Contract.CONSORTIUM:
        return state.consortium_address
    address: Address = getattr(state.suite, contract.value)
    return address


def contract_at(state: State, address: Address) -> Contract | None:
    """The contract that lives at an address; None where it is none of the consortium's or the suite's."""
    for contract in Contract:
        if contract_address(state, contract) == address:
            return contract
    return None


def apply(state: State, event: Event, meta: EventMeta) -> list[Change]:
    """Folds one event into the state, in the chain's order, and says what changed.

    Checked is everything that follows from earlier events; claims that need heavy arithmetic are kept for later
    (see `protocol.state.model`). An event that is refused leaves the state as it was.

    Raises:
        InvalidEvent: the contracts could not have emitted it here; names the check and the reason.
    """
    _require_order(state, meta)
    require(meta.address == contract_address(state, event.CONTRACT), "events", f"{type(event).__name__} from elsewhere")
    entailed = _is_entailed(state, event, meta)

    changes = _HANDLERS[type(event)](state, event, Context(meta, entailed))

    if entailed:
        state.expected.popleft()
    state.last = meta
    return changes


def require_settled(state: State) -> None:
    """At the end of a transaction, and of the chain: nothing that an event entails is missing.

    Raises:
        InvalidEvent: something is.
    """
    if state.expected:
        raise InvalidEvent("events", f"{type(state.expected[0]).__name__} is missing")
    if state.skips:
        raise InvalidEvent("events", "skipped registrations without their batch")
    if state.consortium.entities and not state.consortium.minimum_anonymity:
        raise InvalidEvent("events", "founders without a minimum anonymity set")


def _require_order(state: State, meta: EventMeta) -> None:
    last = state.last
    if last is None:
        return
    if meta.block == last.block:
        rising = meta.transaction >= last.transaction and meta.log > last.log and meta.timestamp == last.timestamp
    else:
        rising = meta.block > last.block and meta.timestamp >= last.timestamp
    if not rising:
        raise InvalidEvent("events", f"log {meta.log} of block {meta.block} does not follow the last event")
    if not meta.same_transaction(last):
        require_settled(state)


def _is_entailed(state: State, event: Event, meta: EventMeta) -> bool:
    if state.skips:
        batch = (state.skips[0].initiative, state.skips[0].batch_id)
        same = isinstance(event, Registered | RegistrationSkipped) and (event.initiative, event.batch_id) == batch
        require(same, "events", f"{type(event).__name__} amid a batch of registrations")
    if not state.expected:
        return False
    due = state.expected[0]
    if due != event:
        raise InvalidEvent(_CHECKS[type(due)], _difference(due, event))
    return True


_CHECKS: dict[type[Event], str] = dict.fromkeys(consortium.HANDLERS, "consortium.motions") | {
    CeremonyOpened: "ceremony.key",
    KeyCombined: "opening.key",
    CountCompleted: "tally.counts",
    InitiativeVoided: "initiative.rules",
    VotingReopened: "initiative.rules",
}


def _difference(expected: Event, event: Event) -> str:
    if type(expected) is not type(event):
        return f"{type(expected).__name__} had to come next, not {type(event).__name__}"
    return f"{type(event).__name__} is not as what came before it entails: {event}, not {expected}"
