# SPDX-License-Identifier: AGPL-3.0-or-later
"""A block against its own header: the transactions and receipts that its roots commit to, and no others."""

from __future__ import annotations

from dataclasses import dataclass

import rlp

from node.blocks.codec import (
    CodecError,
    Header,
    RawReceipt,
    SignedTransaction,
    bloom_of,
    read_header,
    read_receipt,
    read_transaction,
)
from node.blocks.trie import list_root
from protocol.checks import CheckFailed
from protocol.hashing import keccak

_HEADERS, _TRANSACTIONS, _RECEIPTS = "chain.headers", "chain.transactions", "chain.receipts"
NO_UNCLES = keccak(rlp.encode([]))


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as bytes: the header's RLP, transactions and receipts in their EIP-2718 form."""

    header: bytes
    transactions: tuple[bytes, ...]
    receipts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VerifiedBlock:
    """A block that holds together; receipts and transactions in step."""

    header: Header
    transactions: tuple[SignedTransaction, ...]
    receipts: tuple[RawReceipt, ...]


def verify_block(raw: RawBlock, number: int) -> VerifiedBlock:
    """What of a block can be judged by itself. Raises CheckFailed."""
    where = f"block {number}"
    try:
        header = read_header(raw.header)
    except CodecError as error:
        raise CheckFailed(_HEADERS, f"{where}: {error}") from None
    if header.uncles != NO_UNCLES or header.gas_used > header.gas_limit:
        raise CheckFailed(_HEADERS, f"{where}: it has uncles, or more gas than its limit")
    if list_root(raw.transactions) != header.transactions_root:
        raise CheckFailed(_TRANSACTIONS, f"{where}: the transactions are not those that the header commits to")
    transactions = []
    for index, data in enumerate(raw.transactions):
        try:
            transactions.append(read_transaction(data))
        except CodecError as error:
            raise CheckFailed(_TRANSACTIONS, f"{where}, transaction {index}: {error}") from None
    return VerifiedBlock(header, tuple(transactions), _receipts(raw, header, transactions, where))


def _receipts(
    raw: RawBlock, header: Header, transactions: list[SignedTransaction], where: str
) -> tuple[RawReceipt, ...]:
    if list_root(raw.receipts) != header.receipts_root:
        raise CheckFailed(_RECEIPTS, f"{where}: the receipts are not those that the header commits to")
    if len(raw.receipts) != len(transactions):
        raise CheckFailed(_RECEIPTS, f"{where}: {len(raw.receipts)} receipts of {len(transactions)} transactions")
    receipts, bloom, gas = [], 0, 0
    for index, data in enumerate(raw.receipts):
        place = f"{where}, transaction {index}"
        try:
            receipt = read_receipt(data)
        except CodecError as error:
            raise CheckFailed(_RECEIPTS, f"{place}: {error}") from None
        own = bloom_of(receipt.logs)
        if receipt.type != transactions[index].type or int.from_bytes(receipt.bloom, "big") != own:
            raise CheckFailed(_RECEIPTS, f"{place}: type or bloom of the receipt is wrong")
        if not gas < receipt.cumulative_gas <= gas + transactions[index].gas:
            raise CheckFailed(_RECEIPTS, f"{place}: the cumulative gas does not follow")
        bloom, gas = bloom | own, receipt.cumulative_gas
        receipts.append(receipt)
    if int.from_bytes(header.bloom, "big") != bloom or header.gas_used != gas:
        raise CheckFailed(_RECEIPTS, f"{where}: bloom or gas of the header are not those of its receipts")
    return tuple(receipts)
