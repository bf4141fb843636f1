# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check `consortium.accounts`: an entity's acts come from its account, and the events say what was sent.

Transactions are signed. On a chain without seals this is what keeps a forger from writing acts into a history or out of
it: it has no key. Calls through another contract are told apart and counted; their sender is not the contracts'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from node.blocks import SignedTransaction
from protocol.abi import codec_of
from protocol.attribution import split
from protocol.checks import CheckFailed, NotVerifiable, place
from protocol.checks.calls import Signature
from protocol.checks.ceremony import COMPLAIN, REGISTER_KEY
from protocol.checks.signatures import REGISTER, REPLACE, SUBMIT
from protocol.events import (
    AccountChanged,
    BallotCast,
    BallotCounted,
    BallotSkipped,
    BrokerKeyRegistered,
    ComplaintJudged,
    CostChanged,
    Dealt,
    EndpointChanged,
    EpochStarted,
    Event,
    ExecutionReported,
    ExtensionProposed,
    InitiativeCreated,
    InitiativeVoided,
    KeyFinalised,
    MotionApproved,
    MotionProposed,
    ProposalAccepted,
    ProposalErased,
    ProposalRejected,
    ProposalSubmitted,
    Registered,
    ReplacementApplied,
    ReplacementQueued,
    ReportErased,
    ResultAttested,
    ShareReleased,
    TrusteeKeyRegistered,
    VotingExtended,
)
from protocol.rules import Rules
from protocol.state import EventMeta, State, contract_at
from protocol.types import Dealing, EntityId, InitiativeId, Role, VoidReason

_CHECK = "consortium.accounts"
_RULES, _DEALING = codec_of(Rules).name, codec_of(Dealing).name

Located = tuple[Event, EventMeta]


@dataclass(frozen=True, slots=True)
class _Act:
    """A function, the event that it emits, and what of the call that event repeats.

    `values` are the arguments as the event has them; None where the arguments are another check's.
    """

    function: Signature
    event: type[Event]
    values: Callable[[Any], tuple[object, ...]] | None = None


def _rules(event: InitiativeCreated) -> tuple[object, ...]:
    (rules,) = decode([_binary(_RULES)], event.rules)
    return rules, event.scope, event.title.encode()


def _decision(event: ProposalAccepted | CostChanged) -> tuple[object, ...]:
    return event.initiative, event.proposal, event.cost, event.reason.encode()


_TABLE = (
    _Act(Signature("setEndpoint", ("string",)), EndpointChanged, lambda e: (e.endpoint.encode(),)),
    _Act(Signature("setAccount", ("uint8", "address")), AccountChanged, lambda e: (int(e.role), e.account)),
    _Act(Signature("propose", ("address", "bytes")), MotionProposed, lambda e: (e.target, e.data)),
    _Act(Signature("approve", ("uint256",)), MotionApproved, lambda e: (e.motion,)),
    _Act(REGISTER_KEY, TrusteeKeyRegistered),
    _Act(Signature("registerBrokerKey", ("(uint256,uint256)",)), BrokerKeyRegistered, lambda e: (astuple(e.key),)),
    _Act(Signature("create", (_RULES, "string", "string")), InitiativeCreated, _rules),
    _Act(
        Signature("withdraw", ("uint64", "string")), InitiativeVoided, lambda e: (e.initiative, e.explanation.encode())
    ),
    _Act(
        Signature("proposeExtension", ("uint64", "uint64")),
        ExtensionProposed,
        lambda e: (e.initiative, e.voting_closes),
    ),
    _Act(
        Signature("approveExtension", ("uint64", "uint64")), VotingExtended, lambda e: (e.initiative, e.voting_closes)
    ),
    _Act(Signature("accept", ("uint64", "uint32", "uint256", "string")), ProposalAccepted, _decision),
    _Act(Signature("setCost", ("uint64", "uint32", "uint256", "string")), CostChanged, _decision),
    _Act(
        Signature("reject", ("uint64", "uint32", "bool", "string")),
        ProposalRejected,
        lambda e: (e.initiative, e.proposal, e.feasible, e.reason.encode()),
    ),
    _Act(
        Signature("erase", ("uint64", "uint32", "string")),
        ProposalErased,
        lambda e: (e.initiative, e.proposal, e.reason.encode()),
    ),
    _Act(
        Signature("report", ("uint64", "uint16", "uint8", "uint16", "uint256", "bytes32")),
        ExecutionReported,
        lambda e: (e.initiative, e.option, int(e.status), e.share_done, e.spent, e.content_hash),
    ),
    _Act(
        Signature("erase", ("uint64", "uint16", "uint32", "string")),
        ReportErased,
        lambda e: (e.initiative, e.option, e.report, e.reason.encode()),
    ),
    _Act(Signature("deal", ("uint64", _DEALING)), Dealt, lambda e: (e.initiative, astuple(e.dealing))),
    _Act(Signature("release", ("uint64", "uint256")), ShareReleased, lambda e: (e.initiative, e.share)),
    _Act(Signature("attest", ("uint64", "bytes32")), ResultAttested, lambda e: (e.initiative, e.result_hash)),
)
_ACTS = {act.function.selector: act for act in _TABLE}

# By anyone: what they must emit, so that it cannot be left out; what they say is proved otherwise.
_EMITTING: dict[bytes, type[Event]] = {
    REGISTER.selector: Registered,
    REPLACE.selector: ReplacementQueued,
    SUBMIT.selector: ProposalSubmitted,
    COMPLAIN.selector: ComplaintJudged,
    Signature("applyReplacement", ("uint64", "bytes32", "uint256[]")).selector: ReplacementApplied,
    Signature("startEpoch", ("uint64",)).selector: EpochStarted,
    Signature("finalise", ("uint64", f"{_DEALING}[]")).selector: KeyFinalised,
}
_CAST = Signature("castBatch", ("uint64", "bytes"))
_COUNT = Signature("count", ("uint64", "bytes"))


def _binary(kind: str) -> str:
    """Texts are read as bytes: on chain they need not be UTF-8."""
    return kind.replace("string", "bytes")


@dataclass(slots=True)
class Acts:
    """Counts the acts; the first that does not fit its transaction is the fault."""

    sent: int = 0
    attributed: int = 0
    through_others: int = 0
    fault: CheckFailed | None = None

    def judge(
        self, state: State, where: str, transaction: SignedTransaction, ok: bool, emitted: Sequence[Located]
    ) -> None:
        """One transaction with its events, before they are folded, for accounts are as they were when it was sent."""
        if self.fault is not None:
            return
        try:
            self._judge(state, where, transaction, ok, emitted)
        except CheckFailed as failed:
            self.fault = failed

    def _judge(
        self, state: State, where: str, transaction: SignedTransaction, ok: bool, emitted: Sequence[Located]
    ) -> None:
        direct = [one for one in emitted if one[1].address == transaction.to]
        for event, meta in emitted:
            actor = _actor(state, event)
            if actor is None or actor[0] not in state.consortium.entities:
                continue  # of nobody's doing, or the fold says so
            if meta.address != transaction.to:
                self.through_others += 1
                continue
            self.sent += 1
            self._require_account(state, actor, event, meta, transaction)
        contract = None if transaction.to is None else contract_at(state, transaction.to)
        if ok and contract is not None:
            _require_told(where, transaction, direct)
            self.attributed += split(transaction.data)[1] is not None

    def _require_account(
        self, state: State, actor: tuple[EntityId, Role], event: Event, meta: EventMeta, transaction: SignedTransaction
    ) -> None:
        entity, role = actor
        if transaction.sender != state.consortium.account(entity, role):
            kind, sender = type(event).__name__, transaction.sender.hex()
            raise CheckFailed(_CHECK, f"{place(meta)}: {kind} was sent by 0x{sender}, not by entity {entity}")

    def verdict(self) -> str:
        """Raises CheckFailed, NotVerifiable."""
        if self.fault is not None:
            raise self.fault
        if self.through_others:
            raise NotVerifiable(_CHECK, f"{self.through_others} acts came through other contracts, {self.sent} did not")
        return f"{self.sent} acts; {self.attributed} calls name an officer's record"


def _require_told(where: str, transaction: SignedTransaction, direct: Sequence[Located]) -> None:
    """That what was called was told."""
    selector = transaction.data[:4]
    act = _ACTS.get(selector)
    if act is not None:
        event, meta = _only(act.event, direct, where)
        if act.values is not None and not _fits(act, event, split(transaction.data)[0][4:]):
            raise CheckFailed(_CHECK, f"{place(meta)}: {act.event.__name__} does not say what was sent")
    elif selector in _EMITTING:
        _only(_EMITTING[selector], direct, where)
    elif selector == _CAST.selector:
        _require_entries(where, transaction, direct)
    elif selector == _COUNT.selector:
        _require_records(where, transaction, direct)


def _only(kind: type[Event], direct: Sequence[Located], where: str) -> Located:
    found = [one for one in direct if isinstance(one[0], kind)]
    if len(found) != 1:
        raise CheckFailed(_CHECK, f"{where}: {len(found)} events {kind.__name__} of one call")
    return found[0]


def _fits(act: _Act, event: Event, data: bytes) -> bool:
    """Whether the call's arguments are those that the event repeats."""
    assert act.values is not None
    types = [_binary(kind) for kind in act.function.types]
    try:
        told = encode(types, act.values(event))
        if data == told:
            return True
        # Calldata need not be canonical, and its texts need not be UTF-8.
        given = zip(decode(types, data + bytes(32), strict=False), act.function.types, strict=True)
        return encode(types, [_replaced(value, kind) for value, kind in given]) == told
    except (DecodingError, EncodingError, OverflowError, ValueError):
        return False


def _replaced(value: Any, kind: str) -> Any:
    return value.decode(errors="replace").encode() if kind == "string" else value


def _arguments(transaction: SignedTransaction) -> bytes:
    try:
        _, blob = decode(["uint64", "bytes"], transaction.data[4:], strict=False)
    except (DecodingError, OverflowError):
        return b""
    return bytes(blob)


def _require_entries(where: str, transaction: SignedTransaction, direct: Sequence[Located]) -> None:
    """Each entry was cast or skipped, in order."""
    sent = _arguments(transaction)
    told = [event for event, _ in direct]
    size = len(sent) // len(told) if told else 0
    for number, event in enumerate(told):
        entry = sent[number * size : (number + 1) * size]
        if isinstance(event, BallotCast):
            same = event.entry == entry
        else:
            skipped = (event.nullifier, event.sequence) if isinstance(event, BallotSkipped) else None
            same = skipped == (int.from_bytes(entry[256:288], "big"), int.from_bytes(entry[288:292], "big"))
        if not same:
            raise CheckFailed("events", f"{where}: ballot {number} is not the one that was sent")
    if not told:
        raise CheckFailed("events", f"{where}: ballots were sent, and none cast or skipped")


def _require_records(where: str, transaction: SignedTransaction, direct: Sequence[Located]) -> None:
    """Each record was counted, in order."""
    sent = _arguments(transaction)
    counted = [event.nullifier for event, _ in direct if isinstance(event, BallotCounted)]
    size = len(sent) // len(counted) if counted else 0
    if not counted or counted != [int.from_bytes(sent[at : at + 32], "big") for at in range(0, len(sent), size)]:
        raise CheckFailed("events", f"{where}: the ballots counted are not those that were sent")


def _actor(state: State, event: Event) -> tuple[EntityId, Role] | None:
    match event:
        case AccountChanged(entity=entity) | EndpointChanged(entity=entity) | MotionApproved(entity=entity):
            return entity, Role.MEMBER
        case BrokerKeyRegistered(entity=entity):
            return entity, Role.MEMBER
        case MotionProposed(proposer=entity) | VotingExtended(approver=entity):
            return entity, Role.MEMBER
        case InitiativeCreated(publisher=entity) | ExtensionProposed(publisher=entity):
            return entity, Role.PUBLISHER
        case ProposalAccepted() | ProposalRejected() | CostChanged() | ProposalErased():
            return _publisher(state, event.initiative)
        case ExecutionReported() | ReportErased():
            return _publisher(state, event.initiative)
        case InitiativeVoided(reason=VoidReason.WITHDRAWN):
            return _publisher(state, event.initiative)
        case TrusteeKeyRegistered(entity=entity) | ResultAttested(trustee=entity):
            return entity, Role.TRUSTEE
        case Dealt(dealer=index) | ComplaintJudged(complainant=index) | ShareReleased(trustee=index):
            return _trustee(state, event.initiative, index)
    return None


def _publisher(state: State, number: InitiativeId) -> tuple[EntityId, Role] | None:
    initiative = state.initiatives.get(number)
    return None if initiative is None else (initiative.publisher, Role.PUBLISHER)


def _trustee(state: State, number: InitiativeId, index: int) -> tuple[EntityId, Role] | None:
    initiative = state.initiatives.get(number)
    if initiative is None or not 1 <= index <= len(initiative.rules.trustees):
        return None
    return initiative.rules.trustees[index - 1], Role.TRUSTEE
