# SPDX-License-Identifier: AGPL-3.0-or-later
"""The initiatives that somebody asked for, and no others: any is folded again from its own events when it is missed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

from protocol.state import InitiativeState
from protocol.types import InitiativeId

CAPACITY = 1_000_000


class LazyInitiatives(MutableMapping[InitiativeId, InitiativeState]):
    """At most so much weight, the least used go first; those that are `pinned` stay until `settle`.

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
            self._held.move_to_end(initiative)
            return found

    def __setitem__(self, initiative: InitiativeId, state: InitiativeState) -> None:
        self._held[initiative] = state
        self._weigh(initiative)
        self._shrink(keep=initiative)

    def __delitem__(self, initiative: InitiativeId) -> None:
        del self._held[initiative]
        self._weight -= self._weights.pop(initiative)

    def __iter__(self) -> Iterator[InitiativeId]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def _weigh(self, initiative: InitiativeId) -> None:
        weight = _weight_of(self._held[initiative])
        self._weight += weight - self._weights.get(initiative, 0)
        self._weights[initiative] = weight

    def _shrink(self, keep: InitiativeId | None = None) -> None:
        while self._weight > self._capacity:
            free = (one for one in self._held if one not in self._pinned and one != keep)
            oldest = next(free, None)  # a copy of the whole for each that goes would take longer than folding it
            if oldest is None:
                return
            del self[oldest]


def _weight_of(state: InitiativeState) -> int:
    """In about a quarter of a kilobyte each."""
    people = 2 * state.electorate.size + 10 * len(state.electorate.batches)
    return 30 + people + 6 * len(state.ballots.cast) + 4 * len(state.count.opened) + 8 * len(state.proposals.proposals)
