# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the chain says, as of the last folded block; safe across threads. Only what the services ask."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.index.store import Checkpoint, RawEvent
from gateway.problems import ChainUnavailable, UnknownInitiative, WrongPhase
from gateway.wire import AsOf
from protocol.ballot import slot_of
from protocol.electorate import electorate_root
from protocol.events import decode
from protocol.rules import Rules
from protocol.scope import Scope, parse
from protocol.state import EventMeta, InitiativeState, ProposalState, State, apply, contract_at, phase_at
from protocol.types import (
    Address,
    Commitment,
    EntityId,
    Hash32,
    InitiativeId,
    Nullifier,
    Phase,
    ProposalId,
    Role,
    Suite,
    Tag,
    Windows,
)

BUCKET_LEVEL = 12
BUCKET = 1 << BUCKET_LEVEL


class ChainView:
    """The folded state behind a lock. Only the indexer calls `fold` and `reset`."""

    def __init__(self, chain_id: int, consortium: Address, suite: Suite) -> None:
        self._origin = (chain_id, consortium, suite)
        self._lock = threading.RLock()
        self._state = State(*self._origin)
        self._head: Checkpoint | None = None

    # Folding

    def reset(self) -> None:
        with self._lock:
            self._state = State(*self._origin)
            self._head = None

    def fold(self, block: Checkpoint, events: Sequence[RawEvent]) -> None:
        """Raises ProtocolError where the events are none that the contracts could have emitted: the state is then
        that of some event within the block, and must be reset."""
        with self._lock:
            for event in events:
                address = Address(event.address)
                contract = contract_at(self._state, address)
                if contract is None:
                    continue
                meta = EventMeta(block.number, block.timestamp, event.tx, event.log, address)
                apply(self._state, decode(contract, event.topics, event.data), meta)
            self._head = block

    # Chain

    def as_of(self) -> AsOf:
        """Raises ChainUnavailable before the first block was folded."""
        with self._lock:
            if self._head is None:
                raise ChainUnavailable("This gateway has not read the chain yet.")
            return AsOf(block=self._head.number, hash=self._head.hash, timestamp=self._head.timestamp)

    # Consortium

    def is_active(self, entity: EntityId) -> bool:
        with self._lock:
            return self._state.consortium.is_active(entity)

    def endpoint(self, entity: EntityId) -> str:
        with self._lock:
            return self._state.consortium.entities[entity].endpoint

    def registrar_account(self, entity: EntityId) -> Address:
        with self._lock:
            return self._state.consortium.account(entity, Role.REGISTRAR)

    def role_of(self, account: bytes) -> tuple[EntityId, Role] | None:
        """The active entity and role that an account serves now."""
        with self._lock:
            for role in Role:
                entity = self._state.consortium.entity_of(Address(account), role)
                if entity is not None:
                    return entity, role
        return None

    # Initiatives

    def initiatives(self) -> list[InitiativeId]:
        with self._lock:
            return list(self._state.initiatives)

    def require(self, initiative: InitiativeId) -> InitiativeState:
        """The live state; read it within `locked()` only. Raises UnknownInitiative."""
        found = self._state.initiatives.get(initiative)
        if found is None:
            raise UnknownInitiative(f"There is no initiative {initiative} as of the last block read.")
        return found

    def state(self) -> State:
        """The live state; read it within `locked()` only."""
        return self._state

    def locked(self) -> AbstractContextManager[bool]:
        """For several reads of one state: `with view.locked(): …`."""
        return self._lock

    def rules(self, initiative: InitiativeId) -> Rules:
        with self._lock:
            return self.require(initiative).rules

    def scope(self, initiative: InitiativeId) -> Scope:
        with self._lock:
            return parse(self.require(initiative).scope)

    def windows(self, initiative: InitiativeId) -> Windows:
        """With the close in force."""
        with self._lock:
            found = self.require(initiative)
            return replace(found.rules.windows, voting_closes=found.voting_closes)

    def phase(self, initiative: InitiativeId) -> Phase:
        with self._lock:
            return phase_at(self.require(initiative), self.as_of().timestamp)

    def require_phase(self, initiative: InitiativeId, *allowed: Phase) -> None:
        """Raises WrongPhase, saying what the phase is and when the first wanted one is."""
        phase = self.phase(initiative)
        if phase in allowed:
            return
        windows = self.windows(initiative)
        opens = {
            Phase.REGISTRATION: windows.registration_opens,
            Phase.REVIEW: windows.registration_closes,
            Phase.VOTING: windows.voting_opens,
        }.get(allowed[0])
        closes = {
            Phase.REGISTRATION: windows.registration_closes,
            Phase.REVIEW: windows.voting_opens,
            Phase.VOTING: windows.voting_closes,
        }.get(allowed[0])
        wanted = " or ".join(each.label for each in allowed)
        raise WrongPhase(
            f"The initiative is in {phase.label}; this needs {wanted}.", phase=phase.label, opens=opens, closes=closes
        )

    # Electorate

    def commitment_of(self, initiative: InitiativeId, tag: Tag) -> Commitment | None:
        with self._lock:
            electorate = self.require(initiative).electorate
            place = electorate.index.get(tag)
            return None if place is None else electorate.leaves[place]

    def is_used(self, initiative: InitiativeId, commitment: Commitment) -> bool:
        with self._lock:
            return commitment in self.require(initiative).electorate.used

    def pending_replacement(self, initiative: InitiativeId, tag: Tag) -> Commitment | None:
        with self._lock:
            return self.require(initiative).electorate.pending.get(tag)

    def replacements(self, initiative: InitiativeId, tag: Tag) -> int:
        with self._lock:
            return self.require(initiative).electorate.queued.get(tag, 0)

    def root(self, initiative: InitiativeId) -> int:
        with self._lock:
            return self.require(initiative).electorate.root

    def leaves(self, initiative: InitiativeId) -> list[Commitment]:
        with self._lock:
            return list(self.require(initiative).electorate.leaves)

    # Proposals

    def proposals_by(self, initiative: InitiativeId, tag: Tag) -> int:
        with self._lock:
            return self.require(initiative).proposals.submitted.get(tag, 0)

    def has_content(self, initiative: InitiativeId, content_hash: Hash32) -> bool:
        with self._lock:
            proposals = self.require(initiative).proposals.proposals.values()
            return any(proposal.content_hash == content_hash for proposal in proposals)

    def proposals(self, initiative: InitiativeId) -> list[tuple[ProposalId, ProposalState, int]]:
        """Number, proposal, and its cost where it was accepted (else 0)."""
        with self._lock:
            state = self.require(initiative).proposals
            return [
                (number, replace(proposal), 0 if proposal.option is None else state.costs[proposal.option])
                for number, proposal in sorted(state.proposals.items())
            ]

    # Ballots

    def ballot_scope(self, initiative: InitiativeId) -> bytes:
        with self._lock:
            return self.require(initiative).ballots.scope

    def words(self, initiative: InitiativeId) -> int:
        with self._lock:
            return self.require(initiative).paper().words

    def slot_sequence(self, initiative: InitiativeId, nullifier: Nullifier) -> int:
        with self._lock:
            latest = self.require(initiative).ballots.latest.get(nullifier)
            return 0 if latest is None else latest.entry.record.sequence

    def is_counted(self, initiative: InitiativeId, nullifier: Nullifier) -> bool:
        with self._lock:
            return nullifier in self.require(initiative).count.opened

    def slots(self, initiative: InitiativeId, prefix: str) -> list[tuple[Nullifier, int]]:
        """Slots of the nullifiers whose 64 hex digits begin with `prefix`, ascending; as the box stored them, also
        when the count has cleared them since."""
        with self._lock:
            found = [
                (nullifier, slot_of(cast.entry.record.sequence, cast.hash))
                for nullifier, cast in self.require(initiative).ballots.latest.items()
                if f"{nullifier:064x}".startswith(prefix)
            ]
        return sorted(found)


def bucket_nodes(leaves: Sequence[Commitment]) -> list[int]:
    """The tree's nodes at level 12: each bucket's own root."""
    return [electorate_root(leaves[at : at + BUCKET]) for at in range(0, len(leaves), BUCKET)]
