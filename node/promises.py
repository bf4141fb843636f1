# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holding gateways' promises against the chain: kept, broken, not due yet, released, or none at all.

A ballot is promised by its hash. Where no such ballot is in the box, one needs the ballot itself (`entry`) to judge:
nullifier and sequence follow from it, and its voter may have overtaken it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from node.chain_evidence import Evidence, Found, gather
from node.deployment import Deployment
from node.rpc import RpcClient
from protocol.ballot import BallotError, Record, ballot_hash, ballot_scope, entry_bytes, parse_entry
from protocol.eip712 import SignatureError
from protocol.events import (
    AccountChanged,
    BallotCast,
    EntityAdmitted,
    EntitySuspended,
    Event,
    InitiativeVoided,
    ProposalSubmitted,
    Registered,
    RegistrationSkipped,
    ReplacementQueued,
)
from protocol.hashing import WORD_BYTES
from protocol.promise import SignedPromise, contract_of
from protocol.types import Address, EntityId, InitiativeId, PromiseKind, Role, Suite

KINDS: tuple[type[Event], ...] = (
    EntityAdmitted,
    EntitySuspended,
    AccountChanged,
    InitiativeVoided,
    Registered,
    RegistrationSkipped,
    ReplacementQueued,
    ProposalSubmitted,
    BallotCast,
)


class Outcome(StrEnum):
    """What a promise came to."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_DUE = "not-due"
    #: It need not be kept: the initiative became void, or the contract skipped a person who is registered already.
    RELEASED = "released"
    #: No promise of this entity: another's signature, or that of an account which was not its gateway's.
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Given:
    """A promise, and of a ballot's the ballot: proof and record as it was cast."""

    signed: SignedPromise
    entry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is one sentence. `block`: where it stands, or what released it. `evidence_block` and its hash: up to
    where the chain was read; who holds the same block has the same verdict."""

    outcome: Outcome
    reason: str
    promise: SignedPromise
    block: int | None
    transaction: bytes | None
    evidence_block: int
    evidence_hash: bytes

    def to_json(self) -> dict[str, object]:
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "block": self.block,
            "transaction": None if self.transaction is None else "0x" + self.transaction.hex(),
            "read_to": {"block": self.evidence_block, "hash": "0x" + self.evidence_hash.hex()},
            "promise": self.promise.to_json(),
        }


def check(
    rpc: RpcClient,
    deployment: Deployment,
    given: Sequence[Given],
    progress: Callable[[int, int], object] = lambda done, all_: None,
) -> list[Verdict]:
    """One verdict each, in their order, from one reading of the chain.

    Raises RpcError, and RpcInvalidAnswer where the node contradicts itself.
    """
    last = min(rpc.block_number(), max((one.signed.promise.latest_block for one in given), default=0))
    evidence = gather(rpc, deployment, KINDS, max(last, deployment.block), progress)
    return Judge(deployment, evidence).judge_all(given)


@dataclass(slots=True)
class _Standing:
    """Where something stands on the chain."""

    block: int
    transaction: bytes


@dataclass(slots=True)
class _Cast:
    sequence: int
    hash: bytes
    at: _Standing


@dataclass(slots=True)
class _Facts:
    """The events by what promises are about."""

    accounts: list[tuple[int, EntityId, Address | None]] = field(default_factory=list)
    voided: dict[InitiativeId, _Standing] = field(default_factory=dict)
    standing: dict[tuple[PromiseKind, InitiativeId, bytes], _Standing] = field(default_factory=dict)
    skipped: dict[tuple[InitiativeId, bytes], tuple[str, _Standing]] = field(default_factory=dict)
    casts: dict[tuple[InitiativeId, int], list[_Cast]] = field(default_factory=dict)


class Judge:
    """Verdicts from evidence; reads nothing."""

    def __init__(self, deployment: Deployment, evidence: Evidence) -> None:
        self._deployment = deployment
        self._suite = Suite(*(Address(address) for address in deployment.suite))
        self._evidence = evidence
        self._facts = _Facts()
        for found in evidence.found:
            self._note(found)

    def judge_all(self, given: Sequence[Given]) -> list[Verdict]:
        return [self.judge(one) for one in given]

    def judge(self, given: Given) -> Verdict:
        """Raises nothing that a promise could bring about."""
        signed, promise = given.signed, given.signed.promise
        if (fault := self._fault(signed)) is not None:
            return self._verdict(Outcome.INVALID, fault, signed)
        key = promise.kind, promise.initiative, promise.content
        if promise.kind is PromiseKind.BALLOT and (given.entry is not None or key not in self._facts.standing):
            record = self._record(given)
            if record is None:
                says = "The ballot itself is needed, and must be the one whose hash is promised."
                return self._verdict(Outcome.INVALID, says, signed)
            standing, how = self._ballot(promise.initiative, promise.content, record, promise.latest_block)
        else:
            standing, how = self._facts.standing.get(key), "It stands on the chain"
        if standing is not None and standing.block <= promise.latest_block:
            return self._verdict(Outcome.KEPT, f"{how} since block {standing.block}.", signed, standing)
        if (released := self._released(given)) is not None:
            why, at = released
            return self._verdict(Outcome.RELEASED, why, signed, at)
        if self._evidence.last < promise.latest_block:
            left = promise.latest_block - self._evidence.last
            return self._verdict(Outcome.NOT_DUE, f"It is not there yet; {left} blocks are left.", signed)
        late = "" if standing is None else f", and came in block {standing.block}"
        says = f"It was to stand on the chain by block {promise.latest_block}, and did not{late}."
        return self._verdict(Outcome.BROKEN, says, signed, standing)

    def _fault(self, signed: SignedPromise) -> str | None:
        """Why it is no promise of this entity."""
        promise = signed.promise
        if (signed.chain_id, signed.contract) != (self._deployment.chain_id, contract_of(promise.kind, self._suite)):
            return "It is for another chain or contract."
        try:
            signer = signed.signer()
        except SignatureError as error:
            return f"Its signature is none: {error}."
        at = min(promise.latest_block, self._evidence.last)
        account = self._account(promise.entity, at)
        if signer != account:
            of = "has no gateway" if account is None else f"has the gateway account 0x{account.hex()}"
            return f"It is signed by 0x{signer.hex()}, but entity {promise.entity} {of} as of block {at}."
        return None

    def _account(self, entity: EntityId, block: int) -> Address | None:
        """The entity's gateway account as of the end of a block; None where it is no member."""
        account = None
        for since, whose, is_ in self._facts.accounts:
            if since <= block and whose == entity:
                account = is_
        return account

    def _record(self, given: Given) -> Record | None:
        promise = given.signed.promise
        scope = ballot_scope(self._deployment.chain_id, self._suite.ballot_box, promise.initiative)
        try:
            record = _record(given.entry or b"")
        except BallotError:
            return None
        return record if ballot_hash(scope, record) == promise.content else None

    def _ballot(
        self, initiative: InitiativeId, hash_: bytes, record: Record, latest: int
    ) -> tuple[_Standing | None, str]:
        """Where it, or by its voter's doing another of the same sequence or a later one, came into the box."""
        casts = self._facts.casts.get((initiative, record.nullifier), [])
        own = next((cast for cast in casts if cast.hash == hash_), None)
        if own is not None and own.at.block <= latest:
            return own.at, "It is in the box"
        other = next((cast for cast in casts if cast.sequence >= record.sequence and cast.hash != hash_), None)
        if other is not None and other.at.block <= latest:
            return other.at, f"The voter's ballot of sequence {other.sequence} took its place in the box"
        return None if own is None else own.at, "It is in the box"

    def _released(self, given: Given) -> tuple[str, _Standing] | None:
        promise = given.signed.promise
        voided = self._facts.voided.get(promise.initiative)
        if voided is not None and voided.block <= promise.latest_block:
            return f"The initiative became void in block {voided.block}, before it was due.", voided
        if promise.kind is PromiseKind.REGISTRATION:
            skipped = self._facts.skipped.get((promise.initiative, promise.content))
            if skipped is not None and skipped[1].block <= promise.latest_block:
                return f"The contract skipped it in block {skipped[1].block} ({skipped[0]}).", skipped[1]
        return None

    def _verdict(self, outcome: Outcome, reason: str, signed: SignedPromise, at: _Standing | None = None) -> Verdict:
        block, transaction = (None, None) if at is None else (at.block, at.transaction)
        read_to = self._evidence.last, self._evidence.last_hash
        return Verdict(outcome, reason, signed, block, transaction, *read_to)

    def _note(self, found: Found) -> None:
        facts, at = self._facts, _Standing(found.block, found.transaction)
        match found.event:
            case EntityAdmitted() as event:
                facts.accounts.append((found.block, event.entity, event.accounts[Role.GATEWAY]))
            case EntitySuspended() as event:
                facts.accounts.append((found.block, event.entity, None))
            case AccountChanged() as event if event.role is Role.GATEWAY:
                facts.accounts.append((found.block, event.entity, event.account))
            case InitiativeVoided() as event:
                facts.voided.setdefault(event.initiative, at)
            case Registered() as event:
                for commitment in event.commitments:
                    key = PromiseKind.REGISTRATION, event.initiative, commitment.to_bytes(32, "big")
                    facts.standing.setdefault(key, at)
            case RegistrationSkipped() as event:
                skipped = event.initiative, event.commitment.to_bytes(32, "big")
                facts.skipped.setdefault(skipped, (event.reason.label, at))
            case ReplacementQueued() as event:
                key = PromiseKind.REPLACEMENT, event.initiative, event.new_commitment.to_bytes(32, "big")
                facts.standing.setdefault(key, at)
            case ProposalSubmitted() as event:
                facts.standing.setdefault((PromiseKind.PROPOSAL, event.initiative, event.content_hash), at)
            case BallotCast() as event:
                scope = ballot_scope(self._deployment.chain_id, self._suite.ballot_box, event.initiative)
                record = _record(event.entry)
                cast = _Cast(record.sequence, ballot_hash(scope, record), at)
                facts.standing.setdefault((PromiseKind.BALLOT, event.initiative, cast.hash), at)
                facts.casts.setdefault((event.initiative, event.nullifier), []).append(cast)


def _record(entry: bytes) -> Record:
    """Of an entry of whatever length its initiative has. Raises BallotError."""
    return parse_entry(entry, max(0, len(entry) - entry_bytes(0)) // WORD_BYTES).record
