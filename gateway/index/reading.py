# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks as a source tells them, recomputed from their bytes; only what the headers commit to is read any further.

A header must hash to what the source says, the transactions and receipts to the header's roots, the logs' bloom to the
header's. `eth_getLogs` is not asked: it cannot show that nothing is missing. A source that makes up whole blocks which
hold together is not found here, but by the next block that it cannot continue, by other sources, and by the seals
that an observer checks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import rlp

from gateway.index.model import Checkpoint, RawEvent
from node.blocks import CodecError, FetchedBlock, SignedTransaction, VerifiedBlock, fetch, fetch_header, verify_block
from node.blocks.trie import list_root
from node.errors import NodeError
from node.rpc import RpcClient
from protocol.checks import CheckFailed
from protocol.hashing import keccak


class Discrepancy(NodeError):
    """A source's answer is not what it commits to: it is faulty, or lies."""

    def __init__(self, block: int, field: str, claimed: str, computed: str) -> None:
        super().__init__(f"block {block}: the source says {field} {claimed}, and it is {computed}")
        self.block, self.field, self.claimed, self.computed = block, field, claimed, computed


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A verified block: the events of the addresses that were asked for, in the chain's order."""

    checkpoint: Checkpoint
    header: bytes
    events: tuple[RawEvent, ...]


def read_blocks(rpc: RpcClient, numbers: Sequence[int], addresses: Collection[bytes]) -> list[ReadBlock]:
    """These blocks, each verified by itself and as the child of the one before. Raises RpcError, Discrepancy."""
    blocks: list[ReadBlock] = []
    for number, fetched in zip(numbers, fetch(rpc, numbers), strict=True):
        block = _read(number, fetched, addresses)
        if blocks:
            _same(number, "parentHash", block.checkpoint.parent, blocks[-1].checkpoint.hash)
        blocks.append(block)
    return blocks


def read_checkpoint(rpc: RpcClient, number: int) -> tuple[Checkpoint, bytes]:
    """A block's header, verified, and its bytes. Raises RpcError, Discrepancy."""
    try:
        header, raw, claimed = fetch_header(rpc, number)
    except CodecError as error:
        raise Discrepancy(number, "header", "malformed", str(error)) from None
    _same(number, "hash", claimed, header.hash)
    return Checkpoint(number, header.hash, header.parent, header.timestamp), raw


def _read(number: int, fetched: FetchedBlock, addresses: Collection[bytes]) -> ReadBlock:
    try:
        block = verify_block(fetched.raw, number)
    except CheckFailed as failed:
        _compare_header(number, fetched)
        header = fetched.claimed.header
        _same(number, "transactionsRoot", header.transactions_root, list_root(fetched.raw.transactions))
        _same(number, "receiptsRoot", header.receipts_root, list_root(fetched.raw.receipts))
        raise Discrepancy(number, failed.check, "otherwise", failed.reason) from None
    _compare_header(number, fetched)
    _compare_transactions(number, fetched, block)
    _compare_receipts(number, fetched, block)
    own = block.header
    checkpoint = Checkpoint(number, own.hash, own.parent, own.timestamp)
    return ReadBlock(checkpoint, fetched.raw.header, tuple(_events(block, addresses)))


def _compare_header(number: int, fetched: FetchedBlock) -> None:
    _same(number, "hash", fetched.claimed.header.hash, keccak(fetched.raw.header))
    _same(number, "number", fetched.claimed.header.number, number)


def _compare_transactions(number: int, fetched: FetchedBlock, block: VerifiedBlock) -> None:
    for index, (said, is_) in enumerate(zip(fetched.claimed.transactions, block.transactions, strict=True)):
        at = f"transactions[{index}]"
        _same(number, f"{at}.hash", said.hash, is_.hash)
        _same(number, f"{at}.from", said.sender, is_.sender)
        if said.chain_id is not None:
            _same(number, f"{at}.chainId", said.chain_id, is_.chain_id)


def _compare_receipts(number: int, fetched: FetchedBlock, block: VerifiedBlock) -> None:
    gas = log_index = 0
    for index, (said, is_) in enumerate(zip(fetched.receipts, block.receipts, strict=True)):
        at, sent = f"receipts[{index}]", block.transactions[index]
        _same(number, f"{at}.blockNumber", said.block_number, number)
        _same(number, f"{at}.blockHash", said.block_hash, block.header.hash)
        _same(number, f"{at}.transactionIndex", said.transaction_index, index)
        _same(number, f"{at}.transactionHash", said.transaction_hash, sent.hash)
        _same(number, f"{at}.from", said.sender, sent.sender)
        _same(number, f"{at}.to", said.to, sent.to)
        _same(number, f"{at}.contractAddress", said.contract, _created(sent) if is_.ok else said.contract)
        _same(number, f"{at}.gasUsed", said.gas_used, is_.cumulative_gas - gas)
        if said.logs:
            _same(number, f"{at}.logs[0].logIndex", said.logs[0].index, log_index)
        gas, log_index = is_.cumulative_gas, log_index + len(is_.logs)


def _created(sent: SignedTransaction) -> bytes | None:
    return None if sent.to is not None else keccak(rlp.encode([sent.sender, sent.nonce]))[12:]


def _events(block: VerifiedBlock, addresses: Collection[bytes]) -> Iterator[RawEvent]:
    index = 0
    for transaction, receipt in enumerate(block.receipts):
        for entry in receipt.logs:
            if entry.address in addresses:
                yield RawEvent(transaction, index, entry.address, entry.topics, entry.data)
            index += 1


def _same(number: int, field: str, claimed: object, computed: object) -> None:
    if claimed != computed:
        raise Discrepancy(number, field, _written(claimed), _written(computed))


def _written(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
