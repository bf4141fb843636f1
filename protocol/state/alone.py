# SPDX-License-Identifier: AGPL-3.0-or-later
"""One initiative folded from its own events, long after they were folded with all the others.

An initiative depends on others' events in three ways alone: on its number (the count of those before it), on what the
consortium's entities were at each event (`ConsortiumHistory`), and on motions that void or reopen it. Whoever keeps an
index of events that were folded once can thus have any initiative's state again without the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from protocol.events import Contract, Event, InitiativeVoided, VotingReopened
from protocol.state.claims import EventMeta
from protocol.state.guards import Change, Noun
from protocol.state.model import ConsortiumState, EntityState, InitiativeState, State
from protocol.state.reducer import apply, require_settled
from protocol.types import Address, EntityId, G1Point, InitiativeId, Role, VoidReason

T = TypeVar("T")
Place = tuple[int, int]
"""Block, and log within it."""


def _place(meta: EventMeta) -> Place:
    return meta.block, meta.log


@dataclass(slots=True)
class ConsortiumHistory:
    """What the entities and the minimum were at each time. Grows with the consortium, not with the initiatives."""

    _entities: dict[EntityId, list[tuple[Place, EntityState]]] = field(default_factory=dict)
    _minimums: list[tuple[Place, int]] = field(default_factory=list)

    def note(self, state: State, meta: EventMeta, changes: Sequence[Change]) -> None:
        """After every event that was folded into `state`."""
        for change in changes:
            if change.noun is Noun.ENTITY:
                number = EntityId(int(change.key or 0))
                entity = state.consortium.entities[number]
                kept = replace(entity, accounts=list(entity.accounts))
                self._entities.setdefault(number, []).append((_place(meta), kept))
            elif change.noun is Noun.CONSORTIUM:
                self._minimums.append((_place(meta), state.consortium.minimum_anonymity))

    def entity(self, number: EntityId, before: Place) -> EntityState | None:
        """The entity as it was before this place; None where it was none yet."""
        return _latest(self._entities.get(number, []), before)

    def minimum(self, before: Place) -> int:
        return _latest(self._minimums, before) or 0


def _latest(versions: Sequence[tuple[Place, T]], before: Place) -> T | None:
    at = bisect_left(versions, before, key=lambda version: version[0])
    return versions[at - 1][1] if at else None


@dataclass(slots=True)
class _PastConsortium(ConsortiumState):
    """Answers what initiatives' events ask, as of `before`."""

    history: ConsortiumHistory = field(default_factory=ConsortiumHistory)
    before: Place = (0, 0)

    def is_active(self, entity: EntityId) -> bool:
        found = self.history.entity(entity, self.before)
        return found is not None and found.active

    def has_trustee_key(self, entity: EntityId) -> bool:
        found = self.history.entity(entity, self.before)
        return found is not None and found.trustee_key is not None

    def trustee_key(self, entity: EntityId) -> G1Point | None:
        return self._known(entity).trustee_key

    def account(self, entity: EntityId, role: Role) -> Address:
        return self._known(entity).accounts[role]

    def _known(self, entity: EntityId) -> EntityState:
        found = self.history.entity(entity, self.before)
        if found is None:
            raise KeyError(entity)
        return found


def refold(
    like: State, number: InitiativeId, history: ConsortiumHistory, own: Iterable[tuple[Event, EventMeta]]
) -> InitiativeState | None:
    """The state of initiative `number` after its `own` events, in order; None where there are none.

    `like` says of which chain and suite. What a motion brought about is taken to have been entailed: the fold that took
    the event first has judged it.

    Raises:
        InvalidEvent: these are not the events that were folded.
    """
    consortium = _PastConsortium(history=history)
    state = State(like.chain_id, like.consortium_address, like.suite, consortium, created=number - 1)
    for event, meta in own:
        consortium.before = _place(meta)
        consortium.minimum_anonymity = history.minimum(consortium.before)
        if isinstance(event, VotingReopened) or (
            isinstance(event, InitiativeVoided) and event.reason is VoidReason.MOTION
        ):
            require_settled(state)
            state.expected.append(event)
            state.last = replace(meta, log=meta.log - 1)  # the motion's own event stood before, in this transaction
        apply(state, event, meta)
    require_settled(state)
    return state.initiatives.get(number)


def restore(state: State, history: ConsortiumHistory, own: Iterable[tuple[Event, EventMeta]]) -> None:
    """Fold the consortium's `own` events, in order, into a fresh `state`, and note them in a fresh `history`.

    What a motion brings about in an initiative is left to `refold`.

    Raises:
        InvalidEvent: these are not the events that were folded.
    """
    for event, meta in own:
        history.note(state, meta, apply(state, event, meta))
        if state.expected and state.expected[0].CONTRACT is not Contract.CONSORTIUM:
            state.expected.popleft()
    require_settled(state)
