# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks `chain.*`: block after block, from the genesis to the head. Only what passed here is read any further."""

from __future__ import annotations

from dataclasses import dataclass, field

from node.blocks import Header, RawBlock, SignedTransaction, VerifiedBlock, verify_block
from node.observer.source import Head
from protocol.checks import CheckFailed
from protocol.types import Address

_GENESIS, _HEADERS = "chain.genesis", "chain.headers"
_TRANSACTIONS = "chain.transactions"


@dataclass(slots=True)
class ChainFigures:
    """How much was verified."""

    blocks: int = 0
    transactions: int = 0
    logs: int = 0
    foreign: int = 0  # transactions that are not signed for this chain
    first_time: int = 0
    last_time: int = 0


@dataclass(slots=True)
class Chain:
    """Follows a chain that must begin with `genesis` and end with `head`."""

    chain_id: int
    genesis: bytes
    head: Head
    figures: ChainFigures = field(default_factory=ChainFigures)
    _last: Header | None = None
    _nonces: dict[Address, int] = field(default_factory=dict)

    def step(self, raw: RawBlock) -> VerifiedBlock:
        """The next block, verified. Raises CheckFailed; nothing may follow then."""
        number = 0 if self._last is None else self._last.number + 1
        block = verify_block(raw, number)
        self._follow(block.header, number)
        for index, transaction in enumerate(block.transactions):
            self._require_sent(transaction, f"block {number}, transaction {index}")
        self._count(block)
        return block

    def finish(self) -> None:
        """After the last block: whether it is the head. Raises CheckFailed."""
        last = self._last
        if last is None:
            raise CheckFailed(_HEADERS, "there is no block")
        if self.figures.foreign and self.figures.foreign == self.figures.transactions:
            raise CheckFailed(_GENESIS, f"no transaction is signed for chain {self.chain_id}")
        if (last.number, last.hash) != (self.head.number, self.head.hash):
            named = f"block {self.head.number}, 0x{self.head.hash.hex()}"
            raise CheckFailed(_HEADERS, f"the chain ends with block {last.number}, 0x{last.hash.hex()}, not {named}")

    def _follow(self, header: Header, number: int) -> None:
        if header.number != number:
            raise CheckFailed(_HEADERS, f"block {number} calls itself {header.number}")
        if self._last is None:
            if header.hash != self.genesis:
                raise CheckFailed(_GENESIS, f"block 0 hashes to 0x{header.hash.hex()}, not 0x{self.genesis.hex()}")
        elif header.parent != self._last.hash:
            raise CheckFailed(_HEADERS, f"block {number} does not name block {number - 1} as its parent")
        elif header.timestamp < self._last.timestamp:
            raise CheckFailed(_HEADERS, f"block {number} is of an earlier time than its parent")
        self._last = header

    def _require_sent(self, transaction: SignedTransaction, where: str) -> None:
        # An engine may take a stranger's transaction that is signed for no chain; that must not stop an observer.
        self.figures.foreign += transaction.chain_id != self.chain_id
        expected = self._nonces.get(transaction.sender, 0)
        if transaction.nonce != expected:
            raise CheckFailed(_TRANSACTIONS, f"{where}: its sender's nonce is {expected}, not {transaction.nonce}")
        self._nonces[transaction.sender] = expected + 1

    def _count(self, block: VerifiedBlock) -> None:
        figures = self.figures
        if not figures.blocks:
            figures.first_time = block.header.timestamp
        figures.blocks += 1
        figures.last_time = block.header.timestamp
        figures.transactions += len(block.transactions)
        figures.logs += sum(len(receipt.logs) for receipt in block.receipts)
