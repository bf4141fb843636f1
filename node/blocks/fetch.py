# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks from a node's RPC: as it describes them, and as the bytes that this description encodes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from node.blocks.block import RawBlock
from node.blocks.codec import Header, header_bytes, read_header, receipt_bytes, transaction_bytes
from node.blocks.trie import EMPTY_ROOT
from node.rpc import FullBlock, Receipt, RpcClient, parse


@dataclass(frozen=True, slots=True)
class FetchedBlock:
    """`claimed` and `receipts` as the node tells them, nothing believed; `raw` is what they encode to."""

    claimed: FullBlock
    receipts: tuple[Receipt, ...]
    raw: RawBlock


def fetch(rpc: RpcClient, numbers: Sequence[int]) -> Iterator[FetchedBlock]:
    """These blocks with all transactions and receipts, in two requests. Raises RpcError.

    A block that commits to no receipts and has no transactions needs none.
    """
    answers = rpc.batch("eth_getBlockByNumber", ([hex(number), True] for number in numbers))
    blocks = [parse.full_block(answer) for answer in answers]
    filled = [
        number
        for number, block in zip(numbers, blocks, strict=True)
        if block.transactions or block.header.receipts_root != EMPTY_ROOT
    ]
    lists = rpc.batch("eth_getBlockReceipts", ([hex(number)] for number in filled))
    listed = dict(zip(filled, lists, strict=True))
    for number, block in zip(numbers, blocks, strict=True):
        receipts = tuple(parse.receipt(one) for one in parse.items(listed.get(number, []), "receipts"))
        raw = RawBlock(
            header_bytes(block.header),
            tuple(transaction_bytes(one) for one in block.transactions),
            tuple(receipt_bytes(one) for one in receipts),
        )
        yield FetchedBlock(block, receipts, raw)


def fetch_header(rpc: RpcClient, number: int) -> tuple[Header, bytes, bytes]:
    """The header that the node describes with the hash that it really has, its bytes, and the hash that the node says.

    Raises RpcError, CodecError.
    """
    block = rpc.block(number)
    raw = header_bytes(block)
    return read_header(raw), raw, block.hash
