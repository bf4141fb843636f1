# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the chain's RPC answers, as frozen data. Hashes are 32 bytes, addresses 20, amounts in wei, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Log:
    """One event of one transaction. `index` counts within the block, `topics` are 32 bytes each, at most four."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    transaction_index: int
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction's receipt. `contract` is the address that it created, if it did."""

    type: int
    transaction_hash: bytes
    transaction_index: int
    block_number: int
    block_hash: bytes
    sender: bytes
    to: bytes | None
    contract: bytes | None
    ok: bool
    gas_used: int
    cumulative_gas_used: int
    logs_bloom: bytes
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """EIP-2930: an address and the storage slots announced for it."""

    address: bytes
    slots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in a block, with everything that its EIP-2718 encoding needs (types 0, 1 and 2).

    `v` is the signature's `v` for type 0 and the parity for the others. Fields that the type lacks are None.
    """

    type: int
    hash: bytes
    block_number: int
    block_hash: bytes
    index: int
    sender: bytes
    to: bytes | None
    nonce: int
    gas: int
    value: int
    data: bytes
    chain_id: int | None
    gas_price: int | None
    max_fee: int | None
    max_priority_fee: int | None
    access_list: tuple[AccessEntry, ...]
    v: int
    r: int
    s: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, and its transactions' hashes in order. Fields that came with a fork are None before it."""

    number: int
    hash: bytes
    parent_hash: bytes
    uncles_hash: bytes
    miner: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int | None
    withdrawals_root: bytes | None
    blob_gas_used: int | None
    excess_blob_gas: int | None
    parent_beacon_root: bytes | None
    requests_hash: bytes | None
    transaction_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FullBlock:
    """A block with its transactions; `transactions[i].hash == header.transaction_hashes[i]`."""

    header: Block
    transactions: tuple[Transaction, ...]
