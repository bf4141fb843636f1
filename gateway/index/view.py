# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the chain says, as of the last folded block; safe across threads. Only what the services ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from gateway.index.facts import Facts, Option, Reported
from gateway.index.folding import Folding
from gateway.index.lazy import CAPACITY, LazyInitiatives
from gateway.index.model import Checkpoint, RawEvent
from gateway.index.store import IndexStore
from gateway.problems import ChainUnavailable, UnknownInitiative, WrongPhase
from gateway.wire import AsOf
from node.addresses import may_be_asked
from protocol.rules import Rules
from protocol.scope import Scope, parse
from protocol.state import (
    InitiativeState,
    ProposalState,
    State,
    phase_at,
)
from protocol.types import (
    Address,
    Commitment,
    EntityId,
    Hash32,
    InitiativeId,
    Nullifier,
    P256Point,
    Phase,
    ProposalId,
    Role,
    Suite,
    Tag,
    Windows,
)

T = TypeVar("T")


class ChainView:
    """The folded state behind a lock: the consortium, and the initiatives that are asked for. Only the indexer changes
    it."""

    def __init__(
        self, chain_id: int, consortium: Address, suite: Suite, store: IndexStore, capacity: int = CAPACITY
    ) -> None:
        self._folding = Folding(chain_id, consortium, suite, store, capacity)
        self._lock = self._folding.lock
        #: Whether what is read may be too old, or not to be trusted; the indexer knows.
        self.is_stale: Callable[[], bool] = lambda: False

    # Folding

    def load(self) -> None:
        """The state as the store has it. Raises ProtocolError, DatabaseError: then the store has to be begun anew."""
        with self._lock:
            self._folding.load()

    def begin_anew(self) -> None:
        """Forget everything. Raises DatabaseError."""
        with self._lock:
            self._folding.begin_anew()

    def append(self, blocks: Sequence[tuple[Checkpoint, Sequence[RawEvent]]]) -> None:
        """Fold and store the next blocks. Raises ProtocolError, DatabaseError: then nothing has changed."""
        with self._lock:
            self._do(lambda: self._folding.append(blocks))

    def catch_up(self) -> bool:
        """Fold some of what is stored and not folded; True where there is more. Raises as `append`."""
        with self._lock:
            return self._do(self._folding.catch_up)

    def rewind(self, number: int) -> None:
        """Forget the blocks after `number`. Raises as `append`."""
        with self._lock:
            self._do(lambda: self._folding.rewind(number))

    def _do(self, change: Callable[[], T]) -> T:
        try:
            return change()
        except BaseException:
            self._folding.load()  # before anybody reads what is half folded
            raise

    # Chain

    def as_of(self) -> AsOf:
        """Raises ChainUnavailable before the first block was folded."""
        with self._lock:
            if self._folding.head is None:
                raise ChainUnavailable("This gateway has not read the chain yet.")
            head = self._folding.head
        return AsOf(block=head.number, hash=head.hash, timestamp=head.timestamp, stale=self.is_stale())

    def peek(self) -> AsOf | None:
        """As `as_of`, without waiting for who folds; None before the first block."""
        head = self._folding.head
        if head is None:
            return None
        return AsOf(block=head.number, hash=head.hash, timestamp=head.timestamp, stale=self.is_stale())

    # Consortium

    def is_active(self, entity: EntityId) -> bool:
        with self._lock:
            return self._folding.state.consortium.is_active(entity)

    def endpoint(self, entity: EntityId) -> str:
        with self._lock:
            return self._folding.state.consortium.entities[entity].endpoint

    def other_endpoints(self, own: EntityId) -> list[str]:
        """Where the gateways of the other active entities answer, but those whose address is not to be asked."""
        with self._lock:
            entities = self._folding.state.consortium.entities
            others = [entity.endpoint for entity in entities.values() if entity.active and entity.id != own]
            home = entities[own].endpoint if own in entities else ""
            return [endpoint for endpoint in others if may_be_asked(endpoint, home)]

    def registrar_account(self, entity: EntityId) -> Address:
        with self._lock:
            return self._folding.state.consortium.account(entity, Role.REGISTRAR)

    def broker_key(self, entity: EntityId, initiative: InitiativeId | None) -> P256Point | None:
        """Of an active entity's broker; for an initiative, only the key that stood when it was created."""
        with self._lock:
            consortium = self._folding.state.consortium
            if entity not in consortium.entities:
                return None
            return consortium.broker_key(entity, None if initiative is None else self.require(initiative).created)

    def role_of(self, account: bytes) -> tuple[EntityId, Role] | None:
        """The active entity and role that an account serves now."""
        with self._lock:
            for role in Role:
                entity = self._folding.state.consortium.entity_of(Address(account), role)
                if entity is not None:
                    return entity, role
        return None

    # Initiatives

    def initiatives(self) -> list[InitiativeId]:
        with self._lock:
            return [InitiativeId(number) for number in range(1, self._folding.state.created + 1)]

    def in_phase(self, *phases: Phase) -> list[InitiativeId]:
        """Those in one of these phases as of the last block. Raises ChainUnavailable, DatabaseError."""
        self.as_of()
        return self._folding.in_phase(phases)

    def require(self, initiative: InitiativeId) -> InitiativeState:
        """The live state; read it within `locked()` only. Raises UnknownInitiative."""
        with self._lock:
            found = self._folding.state.initiatives.get(initiative)
            if self._folding.head is None:
                self.as_of()
        if found is None:
            raise UnknownInitiative(f"There is no initiative {initiative} as of the last block read.")
        return found

    def state(self) -> State:
        """The live state; read it within `locked()` only."""
        return self._folding.state

    def locked(self) -> AbstractContextManager[bool]:
        """For several reads of one state: `with view.locked(): …`."""
        return self._lock

    def _live(self, initiative: InitiativeId) -> InitiativeState | None:
        """What memory has of it. What rows tell as well is never a reason to fold an initiative again."""
        initiatives = self._folding.state.initiatives
        return initiatives.held(initiative) if isinstance(initiatives, LazyInitiatives) else None

    def _stored(self, initiative: InitiativeId) -> Facts:
        self.as_of()
        found = self._folding.facts(initiative)
        if found is None:
            raise UnknownInitiative(f"There is no initiative {initiative} as of the last block read.")
        return found

    def rules(self, initiative: InitiativeId) -> Rules:
        with self._lock:
            live = self._live(initiative)
            return self._stored(initiative).rules if live is None else live.rules

    def scope(self, initiative: InitiativeId) -> Scope:
        with self._lock:
            live = self._live(initiative)
            return parse(self._stored(initiative).scope if live is None else live.scope)

    def windows(self, initiative: InitiativeId) -> Windows:
        """With the close in force."""
        with self._lock:
            live = self._live(initiative)
            if live is None:
                return self._stored(initiative).windows
            return replace(live.rules.windows, voting_closes=live.voting_closes)

    def phase(self, initiative: InitiativeId) -> Phase:
        with self._lock:
            live = self._live(initiative)
            return self._stored(initiative).phase if live is None else phase_at(live, self.as_of().timestamp)

    def counted(self, initiative: InitiativeId) -> tuple[int | None, Hash32 | None]:
        """The complete count's accumulator (None before), and the result's hash that was attested."""
        with self._lock:
            live = self._live(initiative)
            if live is None:
                facts = self._stored(initiative)
                return facts.accumulator, facts.result_hash
            return (live.count.accumulator if live.count.is_complete else None), live.count.result_hash

    def followed(self, initiative: InitiativeId) -> tuple[list[Option], list[Reported]]:
        """Its options, and the reports on their execution, as of the last block."""
        with self._lock:
            if self._live(initiative) is None:
                self._stored(initiative)
            return self._folding.followed(initiative)

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
            live = self._live(initiative)
            return self._stored(initiative).ballot_scope if live is None else live.ballots.scope

    def words(self, initiative: InitiativeId) -> int:
        with self._lock:
            live = self._live(initiative)
            return self._stored(initiative).words if live is None else live.paper().words

    def slot_sequence(self, initiative: InitiativeId, nullifier: Nullifier) -> int:
        with self._lock:
            latest = self.require(initiative).ballots.latest.get(nullifier)
            return 0 if latest is None else latest.entry.record.sequence

    def standing(self, initiative: InitiativeId, nullifier: Nullifier) -> tuple[int, bytes]:
        """Sequence and hash of the ballot that stands for this nullifier, also when it was counted; 0 where none."""
        with self._lock:
            cast = self.require(initiative).ballots.latest.get(nullifier)
        return (0, b"") if cast is None else (cast.entry.record.sequence, cast.hash)

    def is_counted(self, initiative: InitiativeId, nullifier: Nullifier) -> bool:
        with self._lock:
            return nullifier in self.require(initiative).count.opened
