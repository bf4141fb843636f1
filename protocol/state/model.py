# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the chain says, as one mutable value: the consortium and the initiatives of one suite.

Only `protocol.state.apply` changes it. No native object is in it, so that it can be copied and pickled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field

from protocol.events import Event, RegistrationSkipped
from protocol.plaintext import BallotPaper
from protocol.rules import Rules
from protocol.state.claims import (
    BatchClaim,
    CastBallot,
    ComplaintClaim,
    DealtClaim,
    EventMeta,
    ReplacementClaim,
    RootClaim,
    SubmissionClaim,
    TrusteeKeyClaim,
)
from protocol.tally import CountedBallot, Tally
from protocol.types import (
    Address,
    Commitment,
    Dealing,
    EntityId,
    ExecutionStatus,
    G1Point,
    Hash32,
    InitiativeId,
    MotionId,
    Nullifier,
    P256Point,
    ProposalId,
    ProposalStatus,
    Role,
    Suite,
    Tag,
    VoidReason,
    Windows,
)

# Consortium


@dataclass(frozen=True, slots=True)
class BrokerKey:
    """The key of an entity's broker, and the event since which it stands."""

    key: P256Point
    since: EventMeta


@dataclass(slots=True)
class EntityState:
    """An entity; `accounts` by `Role`, as they are now."""

    id: EntityId
    name: str
    endpoint: str
    accounts: list[Address]
    active: bool = True
    trustee_key: G1Point | None = None
    broker_key: BrokerKey | None = None


@dataclass(slots=True)
class MotionState:
    """A motion. `approvals` are all that were given; those of entities suspended since do not count."""

    id: MotionId
    proposer: EntityId
    target: Address
    data: bytes
    expires: int
    approvals: list[EntityId] = field(default_factory=list)
    executed: EventMeta | None = None


@dataclass(slots=True)
class ConsortiumState:
    """Entities and motions. `minimum_anonymity` is 0 until the constructor is over."""

    entities: dict[EntityId, EntityState] = field(default_factory=dict)
    seats: set[Address] = field(default_factory=set)
    motions: dict[MotionId, MotionState] = field(default_factory=dict)
    suites: list[Suite] = field(default_factory=list)
    trustee_keys: list[TrusteeKeyClaim] = field(default_factory=list)
    minimum_anonymity: int = 0

    def is_active(self, entity: EntityId) -> bool:
        """Whether the entity exists and is not suspended."""
        return entity in self.entities and self.entities[entity].active

    def has_trustee_key(self, entity: EntityId) -> bool:
        """Whether it registered a trustee's key."""
        return entity in self.entities and self.entities[entity].trustee_key is not None

    def trustee_key(self, entity: EntityId) -> G1Point | None:
        """Its trustee's key, where it registered one; KeyError where there is no such entity."""
        return self.entities[entity].trustee_key

    def account(self, entity: EntityId, role: Role) -> Address:
        """The account that has this role now; KeyError where there is no such entity."""
        return self.entities[entity].accounts[role]

    def entity_of(self, account: Address, role: Role) -> EntityId | None:
        """The active entity whose account of this role it is now."""
        for entity in self.entities.values():
            if entity.active and entity.accounts[role] == account:
                return entity.id
        return None

    def broker_key(self, entity: EntityId, before: EventMeta | None = None) -> P256Point | None:
        """The key of an active entity's broker; with `before`, only if it already stood at that event.

        Initiatives pass their creation: what is registered later counts for none that is under way, so that a stolen
        account cannot fill an electorate. What is removed, replaced or suspended counts at once for none.
        """
        held = self.entities[entity].broker_key if self.is_active(entity) else None
        return None if held is None or (before is not None and held.since > before) else held.key

    @property
    def active_count(self) -> int:
        """Number of active entities; more than half of them pass a motion."""
        return sum(entity.active for entity in self.entities.values())


# Electorate and proposals


@dataclass(slots=True)
class ElectorateState:
    """Who may vote. `index` is the leaf of a tag; `used` every commitment ever, queued and replaced ones too."""

    leaves: list[Commitment] = field(default_factory=list)
    index: dict[Tag, int] = field(default_factory=dict)
    used: set[Commitment] = field(default_factory=set)
    pending: dict[Tag, Commitment] = field(default_factory=dict)
    queued: dict[Tag, int] = field(default_factory=dict)
    batch_ids: set[Hash32] = field(default_factory=set)
    root: int = 0
    batches: list[BatchClaim] = field(default_factory=list)
    replacements: list[ReplacementClaim] = field(default_factory=list)
    roots: list[RootClaim] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of registered persons."""
        return len(self.leaves)

    def registered_by(self) -> dict[EntityId, int]:
        """Persons per registrar that signed for them: a public counter."""
        counts: dict[EntityId, int] = {}
        for batch in self.batches:
            for signer in batch.signers:
                counts[signer.entity] = counts.get(signer.entity, 0) + len(batch.tags)
        return counts


@dataclass(slots=True)
class ProposalState:
    """A proposal. `option` where accepted; `feasible` as the last rejection said; `erasure` why its text was erased."""

    id: ProposalId
    author_tag: Tag
    content_hash: Hash32
    status: ProposalStatus = ProposalStatus.SUBMITTED
    option: int | None = None
    feasible: bool | None = None
    reason: str = ""
    erasure: str | None = None


@dataclass(slots=True)
class ProposalsState:
    """Proposals, and the options that the accepted became: `options` and `costs` by option number."""

    proposals: dict[ProposalId, ProposalState] = field(default_factory=dict)
    options: list[ProposalId] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    submitted: dict[Tag, int] = field(default_factory=dict)
    batch_ids: set[Hash32] = field(default_factory=set)
    submissions: list[SubmissionClaim] = field(default_factory=list)


# Ceremony


@dataclass(slots=True)
class CeremonyState:
    """The joint key. `dealings`, `disqualified` are of the present epoch; `commitments` is empty until finalised."""

    keys: tuple[G1Point, ...] = ()
    epoch: int = 0
    starts_at: int = 0
    dealings: dict[int, Dealing] = field(default_factory=dict)
    disqualified: set[int] = field(default_factory=set)
    dealt: list[DealtClaim] = field(default_factory=list)
    complaints: list[ComplaintClaim] = field(default_factory=list)
    dealers: tuple[int, ...] = ()
    commitments: tuple[G1Point, ...] = ()
    shares: dict[int, int] = field(default_factory=dict)
    secret_key: int | None = None

    @property
    def is_finalised(self) -> bool:
        """Whether there is a joint key."""
        return bool(self.commitments)

    @property
    def joint_key(self) -> G1Point | None:
        """PK."""
        return self.commitments[0] if self.commitments else None

    def qualified(self) -> list[int]:
        """Dealers of the present epoch that dealt and are not disqualified, ascending."""
        return sorted(self.dealings.keys() - self.disqualified)


# Ballots and count


@dataclass(slots=True)
class BallotsState:
    """The ballot box. `latest` has one ballot per nullifier, `cast` every one that ever counted, in order."""

    scope: bytes
    cast: list[CastBallot] = field(default_factory=list)
    latest: dict[Nullifier, CastBallot] = field(default_factory=dict)
    skipped: int = 0


@dataclass(slots=True)
class CountState:
    """The count. Plaintexts are claims: each must be what its ballot opens to."""

    opened: dict[Nullifier, CountedBallot] = field(default_factory=dict)
    totals: list[int] = field(default_factory=list)
    support: list[int] = field(default_factory=list)
    valid: int = 0
    blank: int = 0
    nulls: int = 0
    own_device: int = 0
    assisted: int = 0
    accumulator: int = 0
    is_complete: bool = False
    attestations: dict[EntityId, Hash32] = field(default_factory=dict)
    result_hash: Hash32 | None = None

    @property
    def counted(self) -> int:
        """Ballots counted so far."""
        return len(self.opened)

    def tally(self) -> Tally:
        """The counters, as `protocol.tally` adds them up."""
        return Tally(
            tuple(self.totals),
            tuple(self.support),
            self.valid,
            self.blank,
            self.nulls,
            self.own_device,
            self.assisted,
            self.accumulator,
        )


# Follow-up


@dataclass(slots=True)
class ReportState:
    """A report on an option's execution. `share_done` in basis points; `erasure` says why its text was erased."""

    meta: EventMeta
    status: ExecutionStatus
    share_done: int
    spent: int
    content_hash: Hash32
    erasure: str | None = None


@dataclass(slots=True)
class FollowUpState:
    """The publisher's reports by option number, in their order; the first is number 1. Whether it won is not asked."""

    reports: dict[int, list[ReportState]] = field(default_factory=dict)

    def latest(self) -> dict[int, ReportState]:
        """The last report on each option."""
        return {option: given[-1] for option, given in self.reports.items()}


@dataclass(slots=True)
class InitiativeState:
    """One initiative. `voting_closes` is the close in force; `scope` its JSON, unparsed, for no contract checked it."""

    id: InitiativeId
    publisher: EntityId
    rules: Rules
    rules_hash: Hash32
    scope: bytes
    title: str
    created: EventMeta
    voting_closes: int
    ballots: BallotsState
    proposed_close: int | None = None
    extended: bool = False
    reopened: bool = False
    voided: VoidReason = VoidReason.NONE
    explanation: str = ""
    electorate: ElectorateState = field(default_factory=ElectorateState)
    proposals: ProposalsState = field(default_factory=ProposalsState)
    ceremony: CeremonyState = field(default_factory=CeremonyState)
    count: CountState = field(default_factory=CountState)
    follow_up: FollowUpState = field(default_factory=FollowUpState)
    _paper: BallotPaper | None = None

    def paper(self) -> BallotPaper:
        """The ballot paper with the options and costs as they are now; final once voting has opened."""
        if self._paper is None:
            self._paper = BallotPaper(self.rules.ballot, tuple(self.proposals.costs))
        return self._paper

    def forget_paper(self) -> None:
        """After options or costs have changed."""
        self._paper = None

    def contents(self) -> Iterator[tuple[Hash32, bool]]:
        """The hash of every proposal's and report's text, and whether it was erased."""
        for proposal in self.proposals.proposals.values():
            yield proposal.content_hash, proposal.erasure is not None
        for given in self.follow_up.reports.values():
            for report in given:
                yield report.content_hash, report.erasure is not None

    # What the phase depends on besides the time (protocol.state.phase)

    @property
    def windows(self) -> Windows:
        return self.rules.windows

    @property
    def min_anonymity(self) -> int:
        return self.rules.min_anonymity

    @property
    def registered(self) -> int:
        return self.electorate.size

    @property
    def has_key(self) -> bool:
        return self.ceremony.is_finalised

    @property
    def has_options(self) -> bool:
        return bool(self.proposals.options)

    @property
    def distinct(self) -> int:
        return len(self.ballots.latest)

    @property
    def is_counted(self) -> bool:
        return self.count.is_complete

    def trustee_index(self, entity: EntityId) -> int | None:
        """Place among the trustees, from 1."""
        return self.rules.trustees.index(entity) + 1 if entity in self.rules.trustees else None


@dataclass(slots=True)
class State:
    """Everything that follows from the events of the consortium and one suite.

    `expected` are the events that must come next, in the same transaction: what the last one entails. `created` is the
    number of initiatives: `initiatives` may hold those alone that somebody asked for.
    """

    chain_id: int
    consortium_address: Address
    suite: Suite
    consortium: ConsortiumState = field(default_factory=ConsortiumState)
    initiatives: MutableMapping[InitiativeId, InitiativeState] = field(default_factory=dict)
    created: int = 0
    last: EventMeta | None = None
    expected: deque[Event] = field(default_factory=deque)
    skips: list[RegistrationSkipped] = field(default_factory=list)

    def is_erased(self, content_hash: Hash32) -> bool:
        """Whether a text is to be erased: some holder of the hash was, and none is left.

        Hashes are public and can be copied, so that who erases a copy must not erase what others still stand by. Looks
        at every initiative.
        """
        found = [erased for one in self.initiatives.values() for text, erased in one.contents() if text == content_hash]
        return bool(found) and all(found)
