# SPDX-License-Identifier: AGPL-3.0-or-later
"""The initiatives that somebody asked for, and no others: any is folded again from its own events when it is missed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

from protocol.state import InitiativeState
from protocol.types import InitiativeId, VoidReason

CAPACITY = 1_000_000


class LazyInitiatives(MutableMapping[InitiativeId, InitiativeState]):
    """At most so much weight, the least used go first; those that are `pinned` stay until `settle`.

    Initiatives that have ended go before all others: who asks for an old one never costs a live one its place.
    Iterating gives those that are held. `load` gives None for one that does not exist.
    """

    def __init__(
        self,
        load: Callable[[InitiativeId], InitiativeState | None],
        lock: AbstractContextManager[bool],
        capacity: int = CAPACITY,
    ) -> None:
        self._load = load
        self._lock = lock  # a state loaded beside a fold would take the place of the folded one
        self._capacity = capacity
        self._held: OrderedDict[InitiativeId, InitiativeState] = OrderedDict()
        self._ended: OrderedDict[InitiativeId, None] = OrderedDict()
        self._weights: dict[InitiativeId, int] = {}
        self._pinned: set[InitiativeId] = set()
        self._weight = 0

    def pin(self, initiative: InitiativeId) -> None:
        """It is about to change in a way that is stored nowhere yet."""
        self._pinned.add(initiative)

    def settle(self) -> None:
        """What was pinned is stored now."""
        for initiative in self._pinned & self._held.keys():
            self._weigh(initiative)
        self._pinned.clear()
        self._shrink()

    def held(self, initiative: InitiativeId) -> InitiativeState | None:
        """What memory has of it, without loading anything."""
        with self._lock:
            found = self._held.get(initiative)
            if found is not None:
                self._use(initiative)
            return found

    def get(self, initiative: InitiativeId, default: Any = None) -> Any:
        """As any mapping's; what is being folded is found at once."""
        if initiative in self._pinned:
            found = self._held.get(initiative)
            if found is not None:
                return found
        try:
            return self[initiative]
        except KeyError:
            return default

    def __getitem__(self, initiative: InitiativeId) -> InitiativeState:
        with self._lock:
            found = self._held.get(initiative)
            if found is None:
                found = self._load(initiative)
                if found is None:
                    raise KeyError(initiative)
                self[initiative] = found
            self._use(initiative)
            return found

    def __setitem__(self, initiative: InitiativeId, state: InitiativeState) -> None:
        self._held[initiative] = state
        self._weigh(initiative)
        self._shrink(keep=initiative)

    def __delitem__(self, initiative: InitiativeId) -> None:
        del self._held[initiative]
        self._ended.pop(initiative, None)
        self._weight -= self._weights.pop(initiative)

    def __iter__(self) -> Iterator[InitiativeId]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def _use(self, initiative: InitiativeId) -> None:
        """It was used last; one that found no place was only lent."""
        for order in (self._held, self._ended):
            if initiative in order:
                order.move_to_end(initiative)

    def _weigh(self, initiative: InitiativeId) -> None:
        state = self._held[initiative]
        weight = _weight_of(state)
        if state.count.is_complete or state.voided is not VoidReason.NONE:
            self._ended[initiative] = None
        else:  # a motion may have reopened it
            self._ended.pop(initiative, None)
        self._weight += weight - self._weights.get(initiative, 0)
        self._weights[initiative] = weight

    def _shrink(self, keep: InitiativeId | None = None) -> None:
        while self._weight > self._capacity:
            # A copy of the whole for each that goes would take longer than folding it.
            ended = (one for one in self._ended if one not in self._pinned and one != keep)
            live = (one for one in self._held if one not in self._pinned and one != keep)
            goes = next(ended, None)
            if goes is None and keep in self._ended and keep not in self._pinned and next(live, None) is not None:
                goes = keep
            goes = next(live, None) if goes is None else goes
            if goes is None:
                return
            del self[goes]


def _weight_of(state: InitiativeState) -> int:
    """In about a quarter of a kilobyte each."""
    people = 2 * state.electorate.size + 10 * len(state.electorate.batches)
    return 30 + people + 6 * len(state.ballots.cast) + 4 * len(state.count.opened) + 8 * len(state.proposals.proposals)
