# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fold of a gateway: the consortium in memory, initiatives as they are needed, rows for what changed.

Not safe across threads: whoever uses it holds its lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from gateway.index.facts import Facts, Option, Reported, stored_facts, stored_options, stored_reports
from gateway.index.lazy import CAPACITY, LazyInitiatives
from gateway.index.model import Block, Checkpoint, Folded, RawEvent
from gateway.index.projector import Projector
from gateway.index.store import IndexStore
from protocol.events import Contract, Event, InitiativeCreated, decode
from protocol.state import EventMeta, InitiativeState, State, apply, contract_address, require_settled
from protocol.state.alone import ConsortiumHistory, refold, restore
from protocol.types import Address, InitiativeId, Phase, Suite


class Folding:
    """Everything folded up to `head`, of which memory holds a part and the store the rest."""

    def __init__(
        self, chain_id: int, consortium: Address, suite: Suite, store: IndexStore, capacity: int = CAPACITY
    ) -> None:
        self._origin = (chain_id, consortium, suite)
        self._store = store
        self._capacity = capacity
        #: Held by whoever asks or changes anything here.
        self.lock = threading.RLock()
        self._projector = Projector()
        self.head: Checkpoint | None = None
        self.state = State(*self._origin)
        self._contracts = {bytes(contract_address(self.state, one)): one for one in Contract}
        self._history = ConsortiumHistory()
        self._known = 0

    @property
    def lazy(self) -> LazyInitiatives:
        initiatives = self.state.initiatives
        assert isinstance(initiatives, LazyInitiatives)
        return initiatives

    def load(self) -> None:
        """The state as of the store's folded block: the consortium at once, initiatives when they are asked for.

        Raises DatabaseError, ProtocolError.
        """
        folded = self._store.folded()
        self._begin(None if folded is None else folded.checkpoint, 0 if folded is None else folded.initiatives)

    def begin_anew(self) -> None:
        """With nothing read."""
        self._store.recreate()
        self._begin(None, 0)

    def _begin(self, head: Checkpoint | None, initiatives: int) -> None:
        state, history = State(*self._origin), ConsortiumHistory()
        if head is not None:
            restore(state, history, self._decoded(self._store.events_of(None, head.number)))
            state.last = self._last(head)
        state.created = initiatives
        state.initiatives = LazyInitiatives(self._load, self.lock, self._capacity)
        self.state, self._history, self.head, self._known = state, history, head, initiatives
        self._projector.clear()

    def _last(self, head: Checkpoint) -> EventMeta | None:
        found = self._store.last_event(head.number)
        return None if found is None else _meta(*found)

    def _load(self, initiative: InitiativeId) -> InitiativeState | None:
        if self.head is None or not 0 < initiative <= self._known:
            return None
        own = self._store.events_of(initiative, self.head.number)
        return refold(self.state, initiative, self._history, self._decoded(own))

    def _decoded(self, events: Iterator[tuple[Checkpoint, RawEvent]]) -> Iterator[tuple[Event, EventMeta]]:
        for checkpoint, raw in events:
            contract = self._contracts.get(raw.address)
            if contract is not None:
                yield decode(contract, raw.topics, raw.data), _meta(checkpoint, raw)

    def in_phase(self, phases: Sequence[Phase]) -> list[InitiativeId]:
        """As of the stored head."""
        return self._store.in_phase(phases)

    def facts(self, initiative: InitiativeId) -> Facts | None:
        """From its rows. Raises DatabaseError."""
        return stored_facts(self._store.database, initiative)

    def followed(self, initiative: InitiativeId) -> tuple[list[Option], list[Reported]]:
        """From its rows. Raises DatabaseError."""
        database = self._store.database
        return stored_options(database, initiative), stored_reports(database, initiative)

    # Going on

    def append(self, blocks: Sequence[tuple[Checkpoint, Sequence[RawEvent]]]) -> None:
        """Fold new blocks and keep them. Raises ProtocolError, DatabaseError: then `load` has to follow."""
        folded: list[Block] = [(checkpoint, self._fold(checkpoint, events)) for checkpoint, events in blocks]
        head = blocks[-1][0]
        self._store.append(folded, self._projector.rows(self.state, head.timestamp, self._known), self._mark(head))
        self._settle(head)

    def catch_up(self) -> bool:
        """Fold the next blocks that are kept already; True where there are more. Raises as `append`."""
        blocks, more = self._store.after(-1 if self.head is None else self.head.number)
        if not blocks:
            return False
        for checkpoint, events in blocks:
            self._fold(checkpoint, events)
        head = blocks[-1][0]
        self._store.project(self._projector.rows(self.state, head.timestamp, self._known), self._mark(head))
        self._settle(head)
        if not more:
            self._store.end_rebuild()
        return more

    def rewind(self, number: int) -> None:
        """Forget the blocks after `number`. Raises as `append`."""
        head = self._store.block(number)
        if head is None:
            self.begin_anew()
            return
        lost = self._store.touched_after(number)
        created = self._store.created_upto(number)
        self._begin(head, created)
        stay = [one for one in lost if one is not None and one <= created]
        self._projector.note_all(self.state, stay, None in lost)
        gone = [one for one in lost if one is not None]
        rows = self._projector.rows(self.state, head.timestamp, 0)
        self._store.rewind(self._mark(head), rows, gone, None in lost)
        self._settle(head)

    def _fold(self, checkpoint: Checkpoint, events: Sequence[RawEvent]) -> list[tuple[RawEvent, InitiativeId | None]]:
        state, lazy = self.state, self.lazy
        owned: list[tuple[RawEvent, InitiativeId | None]] = []
        for raw in events:
            contract = self._contracts.get(raw.address)
            if contract is None:
                owned.append((raw, None))
                continue
            event, meta = decode(contract, raw.topics, raw.data), _meta(checkpoint, raw)
            initiative: InitiativeId | None = getattr(event, "initiative", None)
            owned.append((raw, initiative))
            if initiative is not None:
                lazy.pin(initiative)
            changes = apply(state, event, meta)
            if initiative is None:
                self._history.note(state, meta, changes)
            else:
                self._projector.touch(initiative)
                if isinstance(event, InitiativeCreated):
                    self._projector.note_rules(initiative, event.rules)
            self._projector.note(changes)
        require_settled(state)
        return owned

    def _mark(self, head: Checkpoint) -> Folded:
        return Folded(head, self.state.consortium.minimum_anonymity, self.state.created)

    def _settle(self, head: Checkpoint) -> None:
        self.head, self._known = head, self.state.created
        self._projector.clear()
        self.lazy.settle()


def _meta(checkpoint: Checkpoint, raw: RawEvent) -> EventMeta:
    return EventMeta(checkpoint.number, checkpoint.timestamp, raw.tx, raw.log, Address(raw.address))
