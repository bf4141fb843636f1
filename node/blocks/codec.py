# SPDX-License-Identifier: AGPL-3.0-or-later
"""Headers, transactions and receipts from their bytes (Yellow Paper; EIP-155, 1559, 2718, 2930), and back from the RPC.

Every function that reads raises `CodecError` for what is not the one encoding of such a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import rlp
from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from rlp.exceptions import RLPException

from node.rpc import Block, Receipt, Transaction
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import Address, Hash32

HEADER_FIELDS = range(15, 22)
BLOOM_BYTES = 256
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class CodecError(ProtocolError):
    """Bytes that encode no header, transaction or receipt."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is read of a header; `hash` is that of its bytes."""

    hash: Hash32
    parent: bytes
    uncles: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction and who signed it."""

    hash: Hash32
    type: int
    chain_id: int | None
    nonce: int
    gas: int
    to: Address | None
    data: bytes
    sender: Address


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log as a receipt has it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class RawReceipt:
    """A receipt as a block commits to it."""

    type: int
    ok: bool
    cumulative_gas: int
    bloom: bytes
    logs: tuple[RawLog, ...]


# Reading


def _decode(data: bytes, what: str) -> list[object]:
    try:
        fields = rlp.decode(data, strict=True)
    except (RLPException, IndexError, RecursionError) as error:
        raise CodecError(f"{what} is not RLP: {error}") from None
    if not isinstance(fields, list):
        raise CodecError(f"{what} is no list")
    return fields


def _octets(value: object, what: str, length: int | None = None) -> bytes:
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise CodecError(f"{what} is malformed")
    return value


def _number(value: object, what: str, size: int = 32) -> int:
    raw = _octets(value, what)
    if raw[:1] == b"\0" or len(raw) > size:
        raise CodecError(f"{what} is no canonical integer")
    return int.from_bytes(raw, "big")


def _address(value: object, what: str) -> Address | None:
    return Address(_octets(value, what, 20)) if value != b"" else None


def read_header(data: bytes) -> Header:
    """The header, of any fork from Homestead to Prague."""
    fields = _decode(data, "the header")
    if len(fields) not in HEADER_FIELDS:
        raise CodecError(f"a header of {len(fields)} fields")
    return Header(
        hash=Hash32(keccak(data)),
        parent=_octets(fields[0], "the parent", 32),
        uncles=_octets(fields[1], "the uncles' hash", 32),
        transactions_root=_octets(fields[4], "the transactions' root", 32),
        receipts_root=_octets(fields[5], "the receipts' root", 32),
        bloom=_octets(fields[6], "the bloom", BLOOM_BYTES),
        number=_number(fields[8], "the number"),
        gas_limit=_number(fields[9], "the gas limit"),
        gas_used=_number(fields[10], "the gas used"),
        timestamp=_number(fields[11], "the timestamp"),
    )


# Positions of (nonce, gas, to, data) by type; the signature stands last.
_PLACES = {0: (0, 2, 3, 5), 1: (1, 3, 4, 6), 2: (1, 4, 5, 7)}
_LENGTHS = {0: 9, 1: 11, 2: 12}


def _typed(data: bytes, what: str) -> tuple[int, bytes]:
    if not data:
        raise CodecError(f"{what} is empty")
    kind = 0 if data[0] >= 0xC0 else data[0]
    if kind not in _PLACES or (kind == 0 and data[0] < 0xC0):
        raise CodecError(f"{what} has the unknown type {data[0]}")
    return kind, data if kind == 0 else data[1:]


def read_transaction(data: bytes) -> SignedTransaction:
    """The transaction with its sender, recovered from the signature."""
    kind, body = _typed(data, "the transaction")
    fields = _decode(body, "the transaction")
    if len(fields) != _LENGTHS[kind]:
        raise CodecError(f"a transaction of type {kind} with {len(fields)} fields")
    nonce, gas, to, payload = _PLACES[kind]
    v, r, s = (_number(field, "the signature") for field in fields[-3:])
    if kind == 0:
        chain_id, parity = ((v - 35) // 2, (v - 35) % 2) if v >= 35 else (None, v - 27)
        tail = [] if chain_id is None else [chain_id, 0, 0]
        signed = keccak(rlp.encode([*fields[:-3], *tail]))
    else:
        chain_id, parity = _number(fields[0], "the chain id"), v
        signed = keccak(bytes((kind,)) + rlp.encode(fields[:-3]))
    return SignedTransaction(
        hash=Hash32(keccak(data)),
        type=kind,
        chain_id=chain_id,
        nonce=_number(fields[nonce], "the nonce", 8),
        gas=_number(fields[gas], "the gas", 8),
        to=_address(fields[to], "the recipient"),
        data=_octets(fields[payload], "the data"),
        sender=_recover(signed, parity, r, s),
    )


def _recover(signed: bytes, parity: int, r: int, s: int) -> Address:
    if parity not in (0, 1) or s > _HALF_ORDER:
        raise CodecError("the signature is not one that a chain accepts (EIP-2)")
    try:
        made = keys.Signature(vrs=(parity, r, s))
        return Address(made.recover_public_key_from_msg_hash(signed).to_canonical_address())
    except (BadSignature, ValidationError, ValueError) as error:
        raise CodecError(f"no account made the signature: {error}") from None


def read_receipt(data: bytes) -> RawReceipt:
    """The receipt."""
    kind, body = _typed(data, "the receipt")
    fields = _decode(body, "the receipt")
    if len(fields) != 4 or fields[0] not in (b"", b"\x01") or not isinstance(fields[3], list):
        raise CodecError("the receipt is malformed")
    logs = tuple(_log(log) for log in fields[3])
    if logs and fields[0] == b"":
        raise CodecError("a failed transaction has logs")
    bloom = _octets(fields[2], "the bloom", BLOOM_BYTES)
    return RawReceipt(kind, fields[0] == b"\x01", _number(fields[1], "the cumulative gas", 8), bloom, logs)


def _log(fields: object) -> RawLog:
    if not isinstance(fields, list) or len(fields) != 3 or not isinstance(fields[1], list) or len(fields[1]) > 4:
        raise CodecError("a log is malformed")
    topics = tuple(_octets(topic, "a topic", 32) for topic in fields[1])
    return RawLog(Address(_octets(fields[0], "a log's address", 20)), topics, _octets(fields[2], "a log's data"))


@lru_cache(maxsize=1 << 16)
def _bits(item: bytes) -> int:
    """The three bits of an address or topic in a bloom (Yellow Paper, 4.3.1)."""
    digest = keccak(item)
    return sum({1 << (int.from_bytes(digest[at : at + 2], "big") & 2047) for at in (0, 2, 4)})


def bloom_of(logs: Sequence[RawLog]) -> int:
    """The bloom of the logs, as an integer."""
    bloom = 0
    for log in logs:
        bloom |= _bits(log.address)
        for topic in log.topics:
            bloom |= _bits(topic)
    return bloom


# From the RPC's form


def header_bytes(block: Block) -> bytes:
    """RLP of the header that the node describes; only the right one hashes to what its child names."""
    fields: list[object] = [
        block.parent_hash, block.uncles_hash, block.miner, block.state_root, block.transactions_root,
        block.receipts_root, block.logs_bloom, block.difficulty, block.number, block.gas_limit, block.gas_used,
        block.timestamp, block.extra_data, block.mix_hash, block.nonce,
    ]  # fmt: skip
    later: tuple[object, ...] = (
        block.base_fee, block.withdrawals_root, block.blob_gas_used, block.excess_blob_gas, block.parent_beacon_root,
        block.requests_hash,
    )  # fmt: skip
    for field in later:
        if field is None:
            break
        fields.append(field)
    return bytes(rlp.encode(fields))


def transaction_bytes(one: Transaction) -> bytes:
    """EIP-2718 form of a transaction."""
    to = b"" if one.to is None else one.to
    signature = [one.v, one.r, one.s]
    if one.type == 0:
        return bytes(rlp.encode([one.nonce, one.gas_price, one.gas, to, one.value, one.data, *signature]))
    access = [[entry.address, list(entry.slots)] for entry in one.access_list]
    fees = [one.gas_price] if one.type == 1 else [one.max_priority_fee, one.max_fee]
    fields = [one.chain_id, one.nonce, *fees, one.gas, to, one.value, one.data, access, *signature]
    return bytes((one.type,)) + bytes(rlp.encode(fields))


def receipt_bytes(one: Receipt) -> bytes:
    """EIP-2718 form of a receipt."""
    logs = [[log.address, list(log.topics), log.data] for log in one.logs]
    body = bytes(rlp.encode([int(one.ok), one.cumulative_gas_used, one.logs_bloom, logs]))
    return body if one.type == 0 else bytes((one.type,)) + body
