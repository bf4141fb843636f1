# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings one account's calls to the chain: signs, keeps the bytes, sends, and sends the same bytes until final.

The nonce comes from `latest` and the account's own outbox, never from `pending`, which jumps gaps. A receipt on the
embedded engine counts as final some seconds after it was seen, because a killed anvil may lose its latest blocks;
on a BFT chain it is final at once (`finality` 0).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import rlp

from node.errors import ContractError, NotFinal, RpcRefused, RpcUnavailable, SendError
from node.keys import Call, Signer
from node.outbox import Outbox, Sent
from node.rpc import Receipt, RpcClient

EMBEDDED_FINALITY = 3.0
MAX_GAS = 30_000_000

ErrorDecoder = Callable[[bytes, str], ContractError]
"""From revert data and what was called, in words, to the typed error."""

Attribute = Callable[[Call], bytes]
"""Keeps, durably, the record of which officer does this act, and returns its attribution (32 bytes)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between looks at the chain, between rebroadcasts, until a used nonce without receipt is another's, and
    how long to wait for a receipt at most."""

    poll: float = 0.1
    rebroadcast: float = 2.0
    settle: float = 5.0
    patience: float = 60.0
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)


class Sender:
    """The one sender of an account; a context manager that holds the account's lock."""

    def __init__(
        self,
        rpc: RpcClient,
        key: Signer,
        outbox: Path,
        *,
        decode: ErrorDecoder,
        finality: float = EMBEDDED_FINALITY,
        pace: Pace | None = None,
        attribute: Attribute | None = None,
    ) -> None:
        """Takes the lock and hands over again whatever an earlier process left unfinished.

        Raises AccountBusy, RpcError.
        """
        self._rpc = rpc
        self._key = key
        self._decode = decode
        self._finality = finality
        self._pace = pace or Pace()
        self._attribute = attribute
        self._chain_id = rpc.chain_id()
        self._seen: dict[bytes, tuple[Receipt, float]] = {}
        self._unexplained: dict[bytes, float] = {}
        self._outbox = Outbox(outbox, chain_id=self._chain_id, genesis=rpc.block(0).hash, account=key.address)
        try:
            self.recover()
        except BaseException:
            self._outbox.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._outbox.close()

    @property
    def address(self) -> bytes:
        return self._key.address

    def recover(self) -> None:
        """Sends again what is pending, waits until it is in blocks, and forgets what another transaction displaced."""
        left = self._outbox.pending
        if left:
            self._receipts(left, displaced_is_error=False)

    def call(self, call: Call) -> Receipt:
        """Simulates, sends and waits for the receipt. Raises ContractError, NotFinal, RpcError."""
        return self.wait(self._submit([self._with_gas(self._attributed(call))]))[0]

    def submit(self, calls: Sequence[Call]) -> list[Sent]:
        """Signs all calls with consecutive nonces, keeps them on disk, then hands them over, without waiting.

        Each call needs its gas, since it may depend on the ones before it and cannot be simulated yet.
        """
        return self._submit([self._attributed(call) for call in calls])

    def _attributed(self, call: Call) -> Call:
        return call if self._attribute is None else call.attributed(self._attribute(call))

    def _submit(self, calls: Sequence[Call]) -> list[Sent]:
        nonces = self._outbox.next_nonces(len(calls), self._rpc.nonce(self.address))
        sent = []
        for nonce, call in zip(nonces, calls, strict=True):
            if call.gas is None:
                raise SendError(f"The gas limit of {call.what} is missing.")
            raw, hash_ = self._key.sign_transaction(call, chain_id=self._chain_id, nonce=nonce, gas=call.gas)
            sent.append(Sent(nonce, hash_, raw, call.what))
        self._outbox.add(sent)
        for one in sent:
            self._hand_over(one)
        return sent

    def wait(self, sent: Sequence[Sent]) -> list[Receipt]:
        """The receipts, in order. Raises ContractError for the first that reverted, NotFinal when patience ends."""
        receipts = self._receipts(sent, displaced_is_error=True)
        for one in sent:
            if not receipts[one.hash].ok:
                raise self._failure(one, receipts[one.hash])
        return [receipts[one.hash] for one in sent]

    def await_final(self) -> None:
        """Waits until everything that this account sent is final, sending again what a restarted engine lost."""
        while pending := self._outbox.pending:
            self._receipts(pending, displaced_is_error=False)
            now = self._pace.clock()
            final = [
                one
                for one in self._outbox.pending
                if one.hash in self._seen and now - self._seen[one.hash][1] >= self._finality
            ]
            self._outbox.drop(final)
            if self._outbox.pending:
                self._pace.sleep(self._pace.poll)

    def _with_gas(self, call: Call) -> Call:
        if call.gas is not None:
            return call
        try:
            estimate = self._rpc.estimate_gas(call.to, call.data, self.address)
        except RpcRefused as refusal:
            if refusal.data or "revert" in refusal.reason:
                raise self._decode(refusal.data, call.what) from refusal
            raise
        return Call(call.to, call.data, call.what, min(estimate + estimate // 4 + 20_000, MAX_GAS))

    def _receipts(self, sent: Sequence[Sent], *, displaced_is_error: bool) -> dict[bytes, Receipt]:
        """Looks until every transaction is in a block. An RPC that is away is waited for, within the same patience."""
        begun = self._pace.clock()
        handed_over = begun
        while True:
            now = self._pace.clock()
            missing: list[Sent] = []
            try:
                missing = self._look(sent, now)
                if not missing:
                    return {one.hash: self._seen[one.hash][0] for one in sent if one.hash in self._seen}
                displaced = self._displaced(missing, now)
                if displaced and displaced_is_error:
                    raise SendError(f"The nonce of {displaced[0].what} was used by another transaction of the account.")
                if displaced:
                    self._outbox.drop(displaced)
                    sent = [one for one in sent if one not in displaced]
                if now - handed_over >= self._pace.rebroadcast:
                    handed_over = now
                    for one in missing:
                        self._hand_over(one)
            except RpcUnavailable:
                if now - begun > self._pace.patience:
                    raise
            if missing and now - begun > self._pace.patience:
                raise NotFinal(
                    f"The chain did not take {missing[0].what} within {self._pace.patience:.0f} s; "
                    "the signed bytes are kept: repeat the command when the chain makes blocks again."
                )
            self._pace.sleep(self._pace.poll)

    def _look(self, sent: Sequence[Sent], now: float) -> list[Sent]:
        """Notes receipts, each with the time at which this block was first seen; returns those without."""
        missing = []
        for one, receipt in zip(sent, self._rpc.receipts([one.hash for one in sent]), strict=True):
            if receipt is None:
                self._seen.pop(one.hash, None)
                missing.append(one)
            elif one.hash not in self._seen or self._seen[one.hash][0].block_hash != receipt.block_hash:
                self._seen[one.hash] = (receipt, now)
        return missing

    def _displaced(self, missing: Sequence[Sent], now: float) -> list[Sent]:
        """Those whose nonce is used although no receipt came for a while: a busy node counts the nonce first."""
        latest = self._rpc.nonce(self.address)
        used = [one for one in missing if one.nonce < latest]
        self._unexplained = {one.hash: self._unexplained.get(one.hash, now) for one in used}
        return [one for one in used if now - self._unexplained[one.hash] >= self._pace.settle]

    def _hand_over(self, one: Sent) -> None:
        """Whatever the node says against bytes that it may know already is settled by the receipt."""
        try:
            self._rpc.send_raw(one.raw)
        except (RpcRefused, RpcUnavailable):
            return

    def _failure(self, one: Sent, receipt: Receipt) -> ContractError:
        return why_reverted(self._rpc, one.raw, self.address, receipt, self._decode, one.what)


def why_reverted(
    rpc: RpcClient, raw: bytes, sender: bytes, receipt: Receipt, decode: ErrorDecoder, what: str
) -> ContractError:
    """The revert's reason, from repeating the call on the state before, then after its block. Raises RpcUnavailable."""
    fields = rlp.decode(raw)
    gas, to, data = int.from_bytes(fields[2], "big"), bytes(fields[3]) or None, bytes(fields[5])
    for block in (receipt.block_number - 1, receipt.block_number):
        try:
            rpc.eth_call(to, data, sender, block, gas)
        except RpcRefused as refusal:
            if refusal.data:  # without: the node no longer has the state of that block
                return decode(refusal.data, what)
    if receipt.gas_used == gas:
        return ContractError("OutOfGas", {"gas": gas}, what=what)
    return ContractError("Unexplained", {"block": receipt.block_number}, what=what)
