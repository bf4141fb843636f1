# SPDX-License-Identifier: AGPL-3.0-or-later
"""A chain in memory, behind the RPC's in-memory transport: it mines when told, and may lose blocks or lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_account import Account

from node.errors import RpcRefused
from node.rpc import MemoryTransport, RpcClient
from protocol.hashing import keccak

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
    logs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    drop: bool = False
    down: bool = False

    def rpc(self) -> RpcClient:
        handlers = {
            "eth_blockNumber": lambda params: hex(len(self.blocks) - 1),
            "eth_getBlockByNumber": lambda params: self._block(params[0]),
            "eth_getLogs": lambda params: self._logs(params[0]),
            "eth_getTransactionCount": lambda params: hex(len(self._of(params[0]))),
            "eth_sendRawTransaction": lambda params: self._take(bytes.fromhex(params[0][2:])),
            "eth_getTransactionReceipt": lambda params: self._receipt(bytes.fromhex(params[0][2:])),
        }
        return RpcClient(MemoryTransport(handlers))

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
        digest = bytes(32)
        for salt, block in zip(self.salts[: number + 1], self.blocks, strict=False):
            digest = keccak(digest + salt.to_bytes(8, "big") + b"".join(block))
        return digest

    def mined(self) -> list[bytes]:
        return [raw for block in self.blocks for raw in block]

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
        for number, block in enumerate(self.blocks):
            for index, raw in enumerate(block):
                if keccak(raw) == hash_:
                    return {
                        "transactionHash": "0x" + hash_.hex(),
                        "transactionIndex": hex(index),
                        "blockNumber": hex(number),
                        "blockHash": "0x" + self.hash(number).hex(),
                        "from": Account.recover_transaction(raw),
                        "to": "0x" + rlp.decode(raw)[3].hex(),
                        "contractAddress": None,
                        "status": "0x0" if hash_ in self.reverting else "0x1",
                        "gasUsed": "0x1",
                        "cumulativeGasUsed": hex(index + 1),
                        "logsBloom": "0x" + "00" * 256,
                        "logs": [],
                        "type": "0x0",
                    }
        return None

    def _block(self, tag: str) -> dict[str, Any] | None:
        number = len(self.blocks) - 1 if tag == "latest" else int(tag, 16)
        if number >= len(self.blocks):
            return None
        return {
            "number": hex(number),
            "hash": "0x" + self.hash(number).hex(),
            "parentHash": "0x" + (self.hash(number - 1) if number else bytes(32)).hex(),
            "sha3Uncles": ZERO,
            "miner": "0x" + "00" * 20,
            "stateRoot": ZERO,
            "transactionsRoot": ZERO,
            "receiptsRoot": ZERO,
            "logsBloom": "0x" + "00" * 256,
            "difficulty": "0x0",
            "gasLimit": "0x100",
            "gasUsed": "0x0",
            "timestamp": hex(1_000_000 + number),
            "extraData": "0x",
            "mixHash": ZERO,
            "nonce": "0x" + "00" * 8,
            "transactions": ["0x" + keccak(raw).hex() for raw in self.blocks[number]],
        }

    def _logs(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        numbers: Iterable[int] = range(int(question["fromBlock"], 16), int(question["toBlock"], 16) + 1)
        return [
            {**entry, "blockNumber": hex(number), "blockHash": "0x" + self.hash(number).hex()}
            for number in numbers
            for entry in self.logs.get(number, [])
            if number < len(self.blocks)
        ]
