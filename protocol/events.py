# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every event of every interface: its fields as they stand in the interfaces, and the one way to read a log.

The fields' ABI types follow from their annotations (`protocol.abi`); the topics follow from those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, TypeVar

from protocol.abi import (
    AbiError,
    Codec,
    StringBytes,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uint256,
    codec_of,
    decode_items,
    encode_items,
    field_hints,
)
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import (
    Accounts,
    Address,
    CastSkipReason,
    Commitment,
    Dealing,
    EntityId,
    ExecutionStatus,
    G1Point,
    Hash32,
    InitiativeId,
    MotionId,
    Nullifier,
    Outcome,
    P256Point,
    ProposalId,
    Role,
    SkipReason,
    Suite,
    Tag,
    VoidReason,
)


class EventError(ProtocolError):
    """A log that is no event of its contract, or not in the one form that the compiler emits."""


class Contract(StrEnum):
    """Who emits; the values are the fields of `Suite`, and `consortium`."""

    CONSORTIUM = "consortium"
    INITIATIVES = "initiatives"
    ELECTORATE = "electorate"
    PROPOSALS = "proposals"
    CEREMONY = "ceremony"
    BALLOT_BOX = "ballot_box"
    TALLY = "tally"
    FOLLOW_UP = "follow_up"


class Event:
    """An event. CONTRACT emits it; the first INDEXED fields are topics; SIGNATURE is hashed to TOPIC."""

    __slots__ = ()
    CONTRACT: ClassVar[Contract]
    INDEXED: ClassVar[int]
    SIGNATURE: ClassVar[str]
    TOPIC: ClassVar[Hash32]


E = TypeVar("E", bound=type[Event])
_CODECS: dict[type[Event], tuple[list[Codec], list[Codec]]] = {}
TOPICS: dict[Contract, dict[Hash32, type[Event]]] = {contract: {} for contract in Contract}
"""First topic of every event, by contract."""


def _event(contract: Contract, indexed: int) -> Callable[[E], E]:
    def register(event: E) -> E:
        items = [codec_of(hint) for hint in field_hints(event)]
        event.CONTRACT, event.INDEXED = contract, indexed
        event.SIGNATURE = f"{event.__name__}({','.join(item.name for item in items)})"
        event.TOPIC = Hash32(keccak(event.SIGNATURE.encode()))
        TOPICS[contract][event.TOPIC] = event
        _CODECS[event] = items[:indexed], items[indexed:]
        return event

    return register


def decode(contract: Contract, topics: Sequence[bytes], data: bytes) -> Event:
    """The event of a log of this contract.

    Raises:
        EventError: an unknown event, another number of topics, or an encoding that is not canonical.
    """
    event = TOPICS[contract].get(Hash32(topics[0])) if topics else None
    if event is None:
        raise EventError(f"{contract} emits no event with topic {topics[0].hex() if topics else 'none'}")
    indexed, rest = _CODECS[event]
    if len(topics) != 1 + len(indexed):
        raise EventError(f"{event.__name__} has {1 + len(indexed)} topics, not {len(topics)}")
    try:
        values = [item.decode(topic, 0)[0] for item, topic in zip(indexed, topics[1:], strict=True)]
        body, end = decode_items(rest, data, 0)
    except AbiError as error:
        raise EventError(f"{event.__name__}: {error}") from None
    if end != len(data) or any(len(topic) != 32 for topic in topics):
        raise EventError(f"{event.__name__}: something follows the encoding")
    return event(*values, *body)


def encode(event: Event) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of an event, as the contract emits them.

    Raises:
        protocol.abi.AbiError: a field is out of its type's range.
    """
    indexed, rest = _CODECS[type(event)]
    values = [getattr(event, field.name) for field in fields(event)]  # type: ignore[arg-type]  # every event is a dataclass
    topics = [item.encode(value) for item, value in zip(indexed, values, strict=False)]
    return (event.TOPIC, *topics), encode_items(rest, values[len(indexed) :])


# Consortium


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class EntityAdmitted(Event):
    entity: EntityId
    name: str
    endpoint: str
    accounts: Accounts


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class EntitySuspended(Event):
    entity: EntityId


@_event(Contract.CONSORTIUM, 2)
@dataclass(frozen=True, slots=True)
class AccountChanged(Event):
    entity: EntityId
    role: Role
    account: Address


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class EndpointChanged(Event):
    entity: EntityId
    endpoint: str


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class TrusteeKeyRegistered(Event):
    entity: EntityId
    key: G1Point


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class BrokerKeyRegistered(Event):
    """(0, 0) removes the key."""

    entity: EntityId
    key: P256Point


@_event(Contract.CONSORTIUM, 0)
@dataclass(frozen=True, slots=True)
class MinimumAnonymityChanged(Event):
    minimum: Uint32


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class SuiteAdded(Event):
    index: Uint256
    suite: Suite


@_event(Contract.CONSORTIUM, 2)
@dataclass(frozen=True, slots=True)
class MotionProposed(Event):
    motion: MotionId
    proposer: EntityId
    target: Address
    data: bytes
    expires: Uint64


@_event(Contract.CONSORTIUM, 2)
@dataclass(frozen=True, slots=True)
class MotionApproved(Event):
    motion: MotionId
    entity: EntityId


@_event(Contract.CONSORTIUM, 1)
@dataclass(frozen=True, slots=True)
class MotionExecuted(Event):
    motion: MotionId


# Initiatives


@_event(Contract.INITIATIVES, 2)
@dataclass(frozen=True, slots=True)
class InitiativeCreated(Event):
    """`rules` is abi.encode(Rules); `scope` is kept as bytes, for it is hashed."""

    initiative: InitiativeId
    publisher: EntityId
    rules_hash: Hash32
    rules: bytes
    scope: StringBytes
    title: str


@_event(Contract.INITIATIVES, 2)
@dataclass(frozen=True, slots=True)
class ExtensionProposed(Event):
    initiative: InitiativeId
    publisher: EntityId
    voting_closes: Uint64


@_event(Contract.INITIATIVES, 2)
@dataclass(frozen=True, slots=True)
class VotingExtended(Event):
    initiative: InitiativeId
    approver: EntityId
    voting_closes: Uint64


@_event(Contract.INITIATIVES, 1)
@dataclass(frozen=True, slots=True)
class VotingReopened(Event):
    initiative: InitiativeId
    voting_closes: Uint64


@_event(Contract.INITIATIVES, 1)
@dataclass(frozen=True, slots=True)
class InitiativeVoided(Event):
    initiative: InitiativeId
    reason: VoidReason
    explanation: str


# Electorate


@_event(Contract.ELECTORATE, 2)
@dataclass(frozen=True, slots=True)
class Registered(Event):
    """The accepted persons in order of their leaves, the first at `first_index`; `registrars` signed."""

    initiative: InitiativeId
    batch_id: Hash32
    first_index: Uint32
    tags: tuple[Tag, ...]
    commitments: tuple[Commitment, ...]
    evidence_root: Hash32
    registrars: tuple[EntityId, ...]
    root: Uint256


@_event(Contract.ELECTORATE, 2)
@dataclass(frozen=True, slots=True)
class RegistrationSkipped(Event):
    """`position` is the entry's place in the batch as signed, from 0."""

    initiative: InitiativeId
    batch_id: Hash32
    position: Uint32
    tag: Tag
    commitment: Commitment
    reason: SkipReason


@_event(Contract.ELECTORATE, 3)
@dataclass(frozen=True, slots=True)
class ReplacementQueued(Event):
    initiative: InitiativeId
    batch_id: Hash32
    tag: Tag
    old_commitment: Commitment
    new_commitment: Commitment
    evidence_root: Hash32
    registrars: tuple[EntityId, ...]


@_event(Contract.ELECTORATE, 2)
@dataclass(frozen=True, slots=True)
class ReplacementApplied(Event):
    initiative: InitiativeId
    tag: Tag
    index: Uint32
    old_commitment: Commitment
    new_commitment: Commitment
    root: Uint256


# Proposals


@_event(Contract.PROPOSALS, 3)
@dataclass(frozen=True, slots=True)
class ProposalSubmitted(Event):
    initiative: InitiativeId
    proposal: ProposalId
    author_tag: Tag
    content_hash: Hash32
    batch_id: Hash32
    evidence_root: Hash32
    registrars: tuple[EntityId, ...]


@_event(Contract.PROPOSALS, 2)
@dataclass(frozen=True, slots=True)
class ProposalAccepted(Event):
    initiative: InitiativeId
    proposal: ProposalId
    option: Uint16
    cost: Uint256
    reason: str


@_event(Contract.PROPOSALS, 2)
@dataclass(frozen=True, slots=True)
class ProposalRejected(Event):
    initiative: InitiativeId
    proposal: ProposalId
    feasible: bool
    reason: str


@_event(Contract.PROPOSALS, 2)
@dataclass(frozen=True, slots=True)
class CostChanged(Event):
    initiative: InitiativeId
    proposal: ProposalId
    cost: Uint256
    reason: str


@_event(Contract.PROPOSALS, 2)
@dataclass(frozen=True, slots=True)
class ProposalErased(Event):
    """The proposal's text and salt are to be erased; `content_hash` is what they had."""

    initiative: InitiativeId
    proposal: ProposalId
    content_hash: Hash32
    reason: str


# Ceremony


@_event(Contract.CEREMONY, 1)
@dataclass(frozen=True, slots=True)
class CeremonyOpened(Event):
    initiative: InitiativeId
    keys: tuple[G1Point, ...]
    starts_at: Uint64


@_event(Contract.CEREMONY, 3)
@dataclass(frozen=True, slots=True)
class Dealt(Event):
    initiative: InitiativeId
    epoch: Uint32
    dealer: Uint8
    dealing: Dealing


@_event(Contract.CEREMONY, 3)
@dataclass(frozen=True, slots=True)
class ComplaintJudged(Event):
    initiative: InitiativeId
    epoch: Uint32
    dealer: Uint8
    complainant: Uint8
    upheld: bool


@_event(Contract.CEREMONY, 2)
@dataclass(frozen=True, slots=True)
class EpochStarted(Event):
    initiative: InitiativeId
    epoch: Uint32
    starts_at: Uint64


@_event(Contract.CEREMONY, 2)
@dataclass(frozen=True, slots=True)
class KeyFinalised(Event):
    """`commitments` are the sum of the qualified dealers'; the first is the joint key."""

    initiative: InitiativeId
    epoch: Uint32
    dealers: tuple[Uint8, ...]
    commitments: tuple[G1Point, ...]


@_event(Contract.CEREMONY, 2)
@dataclass(frozen=True, slots=True)
class ShareReleased(Event):
    initiative: InitiativeId
    trustee: Uint8
    share: Uint256


@_event(Contract.CEREMONY, 1)
@dataclass(frozen=True, slots=True)
class KeyCombined(Event):
    initiative: InitiativeId
    secret_key: Uint256


# Ballot box


@_event(Contract.BALLOT_BOX, 2)
@dataclass(frozen=True, slots=True)
class BallotCast(Event):
    """`entry` is the whole entry, proof included."""

    initiative: InitiativeId
    nullifier: Nullifier
    entry: bytes


@_event(Contract.BALLOT_BOX, 2)
@dataclass(frozen=True, slots=True)
class BallotSkipped(Event):
    initiative: InitiativeId
    nullifier: Nullifier
    sequence: Uint32
    reason: CastSkipReason


# Tally


@_event(Contract.TALLY, 2)
@dataclass(frozen=True, slots=True)
class BallotCounted(Event):
    initiative: InitiativeId
    nullifier: Nullifier
    outcome: Outcome
    plaintext: bytes


@_event(Contract.TALLY, 1)
@dataclass(frozen=True, slots=True)
class CountCompleted(Event):
    initiative: InitiativeId
    accumulator: Uint256
    valid: Uint256
    blank: Uint256
    nulls: Uint256


@_event(Contract.TALLY, 2)
@dataclass(frozen=True, slots=True)
class ResultAttested(Event):
    initiative: InitiativeId
    trustee: EntityId
    result_hash: Hash32


# Follow-up


@_event(Contract.FOLLOW_UP, 2)
@dataclass(frozen=True, slots=True)
class ExecutionReported(Event):
    """`report` numbers an option's reports from 1; `share_done` is in basis points, `spent` in the budget's unit."""

    initiative: InitiativeId
    option: Uint16
    report: Uint32
    status: ExecutionStatus
    share_done: Uint16
    spent: Uint256
    content_hash: Hash32


@_event(Contract.FOLLOW_UP, 2)
@dataclass(frozen=True, slots=True)
class ReportErased(Event):
    """The report's text and salt are to be erased; its figures stay."""

    initiative: InitiativeId
    option: Uint16
    report: Uint32
    content_hash: Hash32
    reason: str
