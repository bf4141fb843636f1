# SPDX-License-Identifier: AGPL-3.0-or-later
"""Walks over the chain, folds each verified block's events into the state, and notes what fails with its check."""

from __future__ import annotations

from dataclasses import dataclass, field

import rlp

from node.blocks import RawBlock, RawReceipt, SignedTransaction, VerifiedBlock
from node.observer.acts import Acts
from node.observer.chain import Chain
from node.observer.deployment import DeploymentFacts
from node.observer.source import Head
from protocol import events
from protocol.checks import CheckFailed, SentCall, place
from protocol.events import (
    ComplaintJudged,
    Event,
    EventError,
    ProposalSubmitted,
    Registered,
    ReplacementQueued,
    TrusteeKeyRegistered,
)
from protocol.hashing import keccak
from protocol.state import EventMeta, InvalidEvent, State, apply, contract_at, require_settled
from protocol.types import Address

_TOLD_BY_CALLS = (ComplaintJudged, ProposalSubmitted, Registered, ReplacementQueued, TrusteeKeyRegistered)


@dataclass(frozen=True, slots=True)
class Creation:
    """A transaction that created a contract."""

    block: int
    transaction: bytes
    ok: bool
    data: bytes


@dataclass(slots=True)
class Replay:
    """Takes the blocks in order. Of transactions only those are kept that a check reads."""

    facts: DeploymentFacts
    chain: Chain
    state: State
    acts: Acts = field(default_factory=Acts)
    chain_fault: CheckFailed | None = None
    fold_fault: CheckFailed | None = None
    creations: dict[Address, Creation] = field(default_factory=dict)
    founding: list[Event] = field(default_factory=list)
    sent: dict[tuple[int, int], SentCall] = field(default_factory=dict)
    events: int = 0

    @classmethod
    def begin(cls, facts: DeploymentFacts, head: Head) -> Replay:
        """Before the first block."""
        state = State(facts.chain_id, facts.consortium, facts.suite)
        return cls(facts, Chain(facts.chain_id, facts.genesis_hash, head), state)

    def step(self, raw: RawBlock) -> None:
        """The next block. After a fault of the chain nothing more is read; after one of the fold, the chain alone."""
        if self.chain_fault is not None:
            return
        try:
            block = self.chain.step(raw)
        except CheckFailed as failed:
            self.chain_fault = failed
            return
        log = 0
        for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
            if transaction.to is None:
                self._note_creation(block, transaction, receipt)
            if self.fold_fault is None:
                self._fold(block, index, log)
            log += len(receipt.logs)

    def finish(self) -> None:
        """After the last block."""
        if self.chain_fault is not None:
            return
        try:
            self.chain.finish()
        except CheckFailed as failed:
            self.chain_fault = failed
            return
        if self.fold_fault is None:
            try:
                require_settled(self.state)
            except InvalidEvent as invalid:
                self.fold_fault = CheckFailed(invalid.check, f"at the head: {invalid.reason}")

    def _note_creation(self, block: VerifiedBlock, transaction: SignedTransaction, receipt: RawReceipt) -> None:
        created = _creates(transaction)
        if created is not None and any(one.address == created for one in self.facts.contracts.values()):
            number = block.header.number
            self.creations[created] = Creation(number, transaction.hash, receipt.ok, transaction.data)

    def _fold(self, block: VerifiedBlock, index: int, first_log: int) -> None:
        transaction, receipt = block.transactions[index], block.receipts[index]
        emitted: list[tuple[Event, EventMeta]] = []
        for number, log in enumerate(receipt.logs, start=first_log):
            contract = contract_at(self.state, log.address)
            if contract is None:
                continue
            meta = EventMeta(block.header.number, block.header.timestamp, index, number, log.address)
            try:
                emitted.append((events.decode(contract, log.topics, log.data), meta))
            except EventError as error:
                self.fold_fault = CheckFailed("events", f"{place(meta)}: {error}")
                return
        where = f"block {block.header.number}, transaction {index}"
        self.acts.judge(self.state, where, transaction, receipt.ok, emitted)
        for event, meta in emitted:
            try:
                apply(self.state, event, meta)
            except InvalidEvent as invalid:
                self.fold_fault = CheckFailed(invalid.check, f"{place(meta)}: {invalid.reason}")
                return
            self._note(event, meta, transaction)

    def _note(self, event: Event, meta: EventMeta, transaction: SignedTransaction) -> None:
        self.events += 1
        if isinstance(event, _TOLD_BY_CALLS):
            call = SentCall(transaction.sender, transaction.to, transaction.data)
            self.sent[meta.block, meta.transaction] = call
        if meta.address == self.facts.consortium and _creates(transaction) == self.facts.consortium:
            self.founding.append(event)


def _creates(transaction: SignedTransaction) -> Address | None:
    """The contract that the transaction creates, None where it calls one."""
    if transaction.to is not None:
        return None
    return Address(keccak(rlp.encode([transaction.sender, transaction.nonce]))[12:])
