# SPDX-License-Identifier: AGPL-3.0-or-later
"""From JSON to the model: hex forms, lengths and ranges are checked here, once (execution-apis' schemas).

Every function raises RpcInvalidAnswer, naming the field. What one answer says must fit itself; what it must fit
besides (the question that was asked) is checked in `client`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from node.errors import RpcInvalidAnswer
from node.rpc.model import AccessEntry, Block, FullBlock, Log, Receipt, Transaction

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)\Z", re.ASCII)
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z", re.ASCII)
_U64 = 64
_U256 = 256


def quantity(value: object, field: str, bits: int = _U64) -> int:
    """An integer in canonical hex (no leading zeros), below 2^bits."""
    if not isinstance(value, str) or not _QUANTITY.match(value):
        raise RpcInvalidAnswer(f"The node's {field} is not a hexadecimal quantity.")
    number = int(value, 16)
    if number >> bits:
        raise RpcInvalidAnswer(f"The node's {field} does not fit into {bits} bits.")
    return number


def data(value: object, field: str, length: int | None = None) -> bytes:
    """Bytes in hex, of exactly `length` where that is given."""
    if not isinstance(value, str) or not _DATA.match(value):
        raise RpcInvalidAnswer(f"The node's {field} is not hexadecimal data.")
    raw = bytes.fromhex(value[2:])
    if length is not None and len(raw) != length:
        raise RpcInvalidAnswer(f"The node's {field} has {len(raw)} bytes instead of {length}.")
    return raw


def fields(value: object, what: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise RpcInvalidAnswer(f"The node's {what} is not an object.")
    return value


def items(value: object, what: str) -> list[object]:
    """A JSON list."""
    if not isinstance(value, list):
        raise RpcInvalidAnswer(f"The node's {what} is not a list.")
    return value


class _Reader:
    """Reads the fields of one object, so that an error can name them."""

    def __init__(self, value: object, what: str) -> None:
        self._of = fields(value, what)
        self._what = what

    def raw(self, name: str) -> object:
        return self._of.get(name)

    def number(self, name: str, bits: int = _U64) -> int:
        return quantity(self._of.get(name), f"{self._what}.{name}", bits)

    def maybe_number(self, name: str, bits: int = _U64) -> int | None:
        return None if self._of.get(name) is None else self.number(name, bits)

    def octets(self, name: str, length: int | None = None) -> bytes:
        return data(self._of.get(name), f"{self._what}.{name}", length)

    def maybe_octets(self, name: str, length: int) -> bytes | None:
        return None if self._of.get(name) is None else self.octets(name, length)


def log(value: object) -> Log:
    """An entry of `eth_getLogs` or of a receipt; removed and pending logs are refused."""
    read = _Reader(value, "log")
    if read.raw("removed") not in (None, False):
        raise RpcInvalidAnswer("The node answered with a removed log.")
    topics = tuple(data(topic, "log.topics", 32) for topic in items(read.raw("topics"), "log.topics"))
    if len(topics) > 4:
        raise RpcInvalidAnswer("The node's log has more than four topics.")
    return Log(
        address=read.octets("address", 20),
        topics=topics,
        data=read.octets("data"),
        block_number=read.number("blockNumber"),
        block_hash=read.octets("blockHash", 32),
        transaction_hash=read.octets("transactionHash", 32),
        transaction_index=read.number("transactionIndex"),
        index=read.number("logIndex"),
    )


def receipt(value: object, *, logs: bool = True) -> Receipt:
    """A receipt whose logs belong to it and are in ascending order; `logs` false leaves them out, unread."""
    read = _Reader(value, "receipt")
    status = read.number("status")
    if status > 1:
        raise RpcInvalidAnswer("The node's receipt.status is neither 0 nor 1.")
    result = Receipt(
        type=read.maybe_number("type") or 0,
        transaction_hash=read.octets("transactionHash", 32),
        transaction_index=read.number("transactionIndex"),
        block_number=read.number("blockNumber"),
        block_hash=read.octets("blockHash", 32),
        sender=read.octets("from", 20),
        to=read.maybe_octets("to", 20),
        contract=read.maybe_octets("contractAddress", 20),
        ok=status == 1,
        gas_used=read.number("gasUsed"),
        cumulative_gas_used=read.number("cumulativeGasUsed"),
        logs_bloom=read.octets("logsBloom", 256),
        logs=tuple(log(entry) for entry in items(read.raw("logs"), "receipt.logs")) if logs else (),
    )
    for position, entry in enumerate(result.logs):
        place = (entry.block_number, entry.block_hash, entry.transaction_hash, entry.transaction_index)
        own = (result.block_number, result.block_hash, result.transaction_hash, result.transaction_index)
        if place != own or entry.index != result.logs[0].index + position:
            raise RpcInvalidAnswer("The node's receipt holds a log of another place.")
    if result.gas_used > result.cumulative_gas_used or (result.logs and not result.ok):
        raise RpcInvalidAnswer("The node's receipt contradicts itself.")
    return result


def _access_entry(value: object) -> AccessEntry:
    read = _Reader(value, "accessList")
    slots = items(read.raw("storageKeys"), "accessList.storageKeys")
    return AccessEntry(read.octets("address", 20), tuple(data(slot, "accessList.storageKeys", 32) for slot in slots))


def transaction(value: object) -> Transaction:
    """A mined transaction of type 0, 1 or 2; others (blobs, set-code) have no place on this chain and are refused."""
    read = _Reader(value, "transaction")
    kind = read.maybe_number("type") or 0
    if kind > 2:
        raise RpcInvalidAnswer(f"The node's transaction has type {kind}; only 0, 1 and 2 are known.")
    access = read.raw("accessList")
    return Transaction(
        type=kind,
        hash=read.octets("hash", 32),
        block_number=read.number("blockNumber"),
        block_hash=read.octets("blockHash", 32),
        index=read.number("transactionIndex"),
        sender=read.octets("from", 20),
        to=read.maybe_octets("to", 20),
        nonce=read.number("nonce"),
        gas=read.number("gas"),
        value=read.number("value", _U256),
        data=read.octets("input"),
        chain_id=read.maybe_number("chainId", _U256),
        gas_price=read.maybe_number("gasPrice", _U256) if kind < 2 else None,
        max_fee=read.number("maxFeePerGas", _U256) if kind == 2 else None,
        max_priority_fee=read.number("maxPriorityFeePerGas", _U256) if kind == 2 else None,
        access_list=tuple(_access_entry(entry) for entry in items(access, "accessList")) if access else (),
        v=read.number("v" if kind == 0 or read.raw("yParity") is None else "yParity", _U256),
        r=read.number("r", _U256),
        s=read.number("s", _U256),
    )


def header(value: object) -> Block:
    """A block's header with its transactions' hashes, whether it was asked for with or without full transactions."""
    read = _Reader(value, "block")
    listed = items(read.raw("transactions"), "block.transactions")
    hashes = [_Reader(entry, "transaction").raw("hash") if isinstance(entry, dict) else entry for entry in listed]
    result = Block(
        number=read.number("number"),
        hash=read.octets("hash", 32),
        parent_hash=read.octets("parentHash", 32),
        uncles_hash=read.octets("sha3Uncles", 32),
        miner=read.octets("miner", 20),
        state_root=read.octets("stateRoot", 32),
        transactions_root=read.octets("transactionsRoot", 32),
        receipts_root=read.octets("receiptsRoot", 32),
        logs_bloom=read.octets("logsBloom", 256),
        difficulty=read.number("difficulty", _U256),
        gas_limit=read.number("gasLimit"),
        gas_used=read.number("gasUsed"),
        timestamp=read.number("timestamp"),
        extra_data=read.octets("extraData"),
        mix_hash=read.octets("mixHash", 32),
        nonce=read.octets("nonce", 8),
        base_fee=read.maybe_number("baseFeePerGas", _U256),
        withdrawals_root=read.maybe_octets("withdrawalsRoot", 32),
        blob_gas_used=read.maybe_number("blobGasUsed"),
        excess_blob_gas=read.maybe_number("excessBlobGas"),
        parent_beacon_root=read.maybe_octets("parentBeaconBlockRoot", 32),
        requests_hash=read.maybe_octets("requestsHash", 32),
        transaction_hashes=tuple(data(entry, "block.transactions", 32) for entry in hashes),
    )
    if result.gas_used > result.gas_limit or len(set(result.transaction_hashes)) != len(result.transaction_hashes):
        raise RpcInvalidAnswer(f"The node's block {result.number} contradicts itself.")
    return result


def full_block(value: object) -> FullBlock:
    """A block with its transactions, each at its place."""
    block = header(value)
    listed = items(fields(value, "block")["transactions"], "block.transactions")
    transactions = tuple(transaction(entry) for entry in listed)
    for position, entry in enumerate(transactions):
        if (entry.index, entry.block_number, entry.block_hash) != (position, block.number, block.hash):
            raise RpcInvalidAnswer(f"The node's block {block.number} holds a transaction of another place.")
    return FullBlock(block, transactions)
