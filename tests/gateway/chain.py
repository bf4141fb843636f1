# SPDX-License-Identifier: AGPL-3.0-or-later
"""A chain in memory, behind the RPC's in-memory transport: it mines when told, and may lose blocks or lie."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_account import Account

from node.blocks import NO_UNCLES, RawLog
from node.blocks.codec import bloom_of, header_bytes, receipt_bytes
from node.blocks.trie import list_root
from node.errors import RpcRefused
from node.rpc import MemoryTransport, RpcClient, parse
from protocol.hashing import keccak
from protocol.types import Address

#: What a liar does with an answer: method, parameters, honest result.
Tamper = Callable[[str, list[Any], Any], Any]

ZERO = "0x" + "00" * 32


@dataclass
class MemoryChain:
    """`received` are the raw transactions that were handed over, again and again; `blocks` hold those that were mined.

    A transaction is mined when its nonce is its sender's next; one whose hash is in `reverting` reverts.
    """

    blocks: list[list[bytes]] = field(default_factory=lambda: [[]])
    salts: list[int] = field(default_factory=lambda: [0])
    received: list[bytes] = field(default_factory=list)
    pool: list[bytes] = field(default_factory=list)
    reverting: set[bytes] = field(default_factory=set)
    emitted: dict[bytes, list[tuple[bytes, Sequence[bytes], bytes]]] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    revert_data: bytes = b""
    drop: bool = False
    mute: bool = False
    down: bool = False
    _known: dict[Any, dict[str, Any]] = field(default_factory=dict)
    _stranger: Any = field(default_factory=lambda: Account.from_key(b"\x07" * 32))
    _sent: int = 0

    def rpc(self, tamper: Tamper | None = None) -> RpcClient:
        """A client of the chain; `tamper` may change what a method (its parameters, its result) answers."""
        handlers: dict[str, Any] = {
            "eth_blockNumber": lambda params: hex(len(self.blocks) - 1),
            "eth_getBlockByNumber": lambda params: self._block(*params),
            "eth_getBlockReceipts": lambda params: self._receipts(int(params[0], 16)),
            "eth_getTransactionCount": lambda params: hex(self._nonce(*params)),
            "eth_sendRawTransaction": lambda params: self._take(bytes.fromhex(params[0][2:])),
            "eth_call": lambda params: self._revert(),
            "eth_getTransactionReceipt": lambda params: self._receipt(bytes.fromhex(params[0][2:])),
        }
        if tamper is not None:
            handlers = {name: self._tampered(tamper, name, honest) for name, honest in handlers.items()}
        return RpcClient(MemoryTransport(handlers))

    @staticmethod
    def _tampered(tamper: Tamper, name: str, honest: Any) -> Any:
        return lambda params: tamper(name, params, copy.deepcopy(honest(params)))

    def mine(self) -> None:
        block: list[bytes] = []
        self.blocks.append(block)
        self.salts.append(len(self.salts))
        moved = True
        while moved:
            moved = False
            for raw in list(self.pool):
                sender = Account.recover_transaction(raw)
                if int.from_bytes(rlp.decode(raw)[0], "big") == len(self._of(sender)):
                    block.append(raw)
                    self.pool.remove(raw)
                    moved = True

    def lose(self, count: int) -> None:
        """The last blocks, as anvil does when it is killed; what was in them is gone from the pool as well."""
        del self.blocks[-count:]
        del self.salts[-count:]
        self.pool.clear()

    def refork(self, at: int) -> None:
        """Block `at` and those after it become others."""
        for number in range(at, len(self.salts)):
            self.salts[number] += 1000

    def hash(self, number: int) -> bytes:
        """Depends on every block before it."""
        parent = bytes(32)
        for one in range(number + 1):
            parent = bytes.fromhex(self._header(one, parent)["hash"][2:])
        return parent

    def emit(self, *transactions: list[tuple[bytes, Sequence[bytes], bytes]], timestamp: int | None = None) -> None:
        """A block of transactions with these logs (address, topics, data)."""
        block: list[bytes] = []
        for logs in transactions:
            raw = self._stranger.sign_transaction(
                {"nonce": self._sent, "gas": 21000, "gasPrice": 0, "to": "0x" + "77" * 20, "value": 0, "chainId": 7}
            ).raw_transaction
            self._sent += 1
            block.append(bytes(raw))
            self.emitted[keccak(bytes(raw))] = logs
        self.blocks.append(block)
        self.salts.append(len(self.salts))
        if timestamp is not None:
            self.times[len(self.blocks) - 1] = timestamp

    def mined(self) -> list[bytes]:
        return [raw for block in self.blocks for raw in block]

    def _nonce(self, sender: str, tag: str) -> int:
        assert tag != "pending", "a nonce from `pending` jumps gaps"
        return len(self._of(sender))

    def _revert(self) -> str:
        raise RpcRefused("eth_call", 3, "execution reverted", self.revert_data)

    def _of(self, sender: str) -> list[bytes]:
        return [raw for raw in self.mined() if Account.recover_transaction(raw).lower() == sender.lower()]

    def _take(self, raw: bytes) -> str:
        self.received.append(raw)
        if self.down:
            raise RpcRefused("eth_sendRawTransaction", -32000, "not now", b"")
        if raw in self.mined() or raw in self.pool:
            raise RpcRefused("eth_sendRawTransaction", -32000, "already known", b"")
        if not self.drop:
            self.pool.append(raw)
        return "0x" + keccak(raw).hex()

    def _receipt(self, hash_: bytes) -> dict[str, Any] | None:
        if self.mute:
            return None
        for number, block in enumerate(self.blocks):
            if any(keccak(raw) == hash_ for raw in block):
                listed = self._receipts(number)
                return next(one for one in listed if one["transactionHash"] == _hex(hash_))
        return None

    def _receipts(self, number: int, block_hash: bytes | None = None) -> list[dict[str, Any]]:
        block_hash = self.hash(number) if block_hash is None else block_hash
        receipts: list[dict[str, Any]] = []
        first = 0
        for index, raw in enumerate(self.blocks[number]):
            hash_, fields = keccak(raw), rlp.decode(raw)
            place = {
                "transactionHash": _hex(hash_),
                "transactionIndex": hex(index),
                "blockNumber": hex(number),
                "blockHash": _hex(block_hash),
            }
            logs = self.emitted.get(hash_, [])
            bloom = bloom_of([RawLog(Address(address), tuple(topics), data) for address, topics, data in logs])
            listed = [
                {
                    "address": _hex(address),
                    "topics": [_hex(topic) for topic in topics],
                    "data": _hex(data),
                    "logIndex": hex(first + at),
                    **place,
                }
                for at, (address, topics, data) in enumerate(logs)
            ]
            first += len(logs)
            receipts.append(
                {
                    **place,
                    "from": Account.recover_transaction(raw),
                    "to": _hex(fields[3]),
                    "contractAddress": None,
                    "status": "0x0" if hash_ in self.reverting else "0x1",
                    "gasUsed": "0x1",
                    "cumulativeGasUsed": hex(index + 1),
                    "logsBloom": _hex(bloom.to_bytes(256, "big")),
                    "logs": listed,
                    "type": "0x0",
                }
            )
        return receipts

    def _block(self, tag: str, full: bool = False) -> dict[str, Any] | None:
        number = len(self.blocks) - 1 if tag == "latest" else int(tag, 16)
        if number >= len(self.blocks):
            return None
        header = self._header(number, self.hash(number - 1) if number else bytes(32))
        if not full:
            return header
        return {**header, "transactions": [self._transaction(header, at) for at in range(len(self.blocks[number]))]}

    def _transaction(self, header: dict[str, Any], index: int) -> dict[str, Any]:
        raw = self.blocks[int(header["number"], 16)][index]
        nonce, gas_price, gas, to, value, data, v, r, s = rlp.decode(raw)
        numbers = {"nonce": nonce, "gasPrice": gas_price, "gas": gas, "value": value, "v": v, "r": r, "s": s}
        return {
            "type": "0x0",
            "hash": _hex(keccak(raw)),
            "blockNumber": header["number"],
            "blockHash": header["hash"],
            "transactionIndex": hex(index),
            "from": Account.recover_transaction(raw),
            "to": _hex(to),
            "input": _hex(data),
            "chainId": hex((int.from_bytes(v, "big") - 35) // 2),
            **{name: hex(int.from_bytes(number, "big")) for name, number in numbers.items()},
        }

    def _header(self, number: int, parent: bytes) -> dict[str, Any]:
        block = self.blocks[number]
        reverted = tuple(keccak(raw) in self.reverting for raw in block)
        key = (number, parent, self.salts[number], tuple(block), reverted, self.times.get(number))
        if key not in self._known:
            self._known[key] = self._seal(number, parent)
        return self._known[key]

    def _seal(self, number: int, parent: bytes) -> dict[str, Any]:
        block = self.blocks[number]
        receipts = [parse.receipt(one) for one in self._receipts(number, bytes(32))]
        bloom = 0
        for receipt in receipts:
            bloom |= int.from_bytes(receipt.logs_bloom, "big")
        header = {
            "number": hex(number),
            "hash": ZERO,
            "parentHash": _hex(parent),
            "sha3Uncles": _hex(NO_UNCLES),
            "miner": "0x" + "00" * 20,
            "stateRoot": ZERO,
            "transactionsRoot": _hex(list_root(block)),
            "receiptsRoot": _hex(list_root([receipt_bytes(receipt) for receipt in receipts])),
            "logsBloom": _hex(bloom.to_bytes(256, "big")),
            "difficulty": "0x0",
            "gasLimit": "0x1000",
            "gasUsed": hex(len(block)),
            "timestamp": hex(self.times.get(number, 1_000_000 + number)),
            "extraData": _hex(self.salts[number].to_bytes(8, "big")),
            "mixHash": ZERO,
            "nonce": "0x" + "00" * 8,
            "transactions": [_hex(keccak(raw)) for raw in block],
        }
        return {**header, "hash": _hex(keccak(header_bytes(parse.header(header))))}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
