# SPDX-License-Identifier: AGPL-3.0-or-later
"""The JSON-RPC client: asks, and believes nothing that does not fit the question."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from node.errors import RpcInvalidAnswer, RpcRefused
from node.rpc import parse
from node.rpc.model import Block, FullBlock, Log, Receipt
from node.rpc.transport import DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT, HttpTransport, Transport
from protocol.hashing import keccak

BlockTag = int | str  # a number, or one of "earliest", "latest", "safe", "finalized"; never "pending"
_TAGS = frozenset({"earliest", "latest", "safe", "finalized"})
_BATCH = 500


class RpcClient:
    """A node's RPC. Methods raise RpcUnavailable, RpcInvalidAnswer or RpcRefused; none retries. Safe across threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids = itertools.count(1)

    @classmethod
    def connect(cls, url: str, *, timeout: float = DEFAULT_TIMEOUT, max_bytes: int = DEFAULT_MAX_BYTES) -> Self:
        """A client over HTTP. Nothing is sent yet."""
        return cls(HttpTransport(url, timeout=timeout, max_bytes=max_bytes))

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # Asking

    def call(self, method: str, params: Sequence[object] = ()) -> object:
        """The raw result of one method."""
        request = self._request(method, params)
        answer = self._decode(self._transport.send(json.dumps(request).encode()))
        return _result(method, request["id"], answer)

    def batch(self, method: str, many: Iterable[Sequence[object]]) -> list[object]:
        """The raw results of one method for many parameter lists, in their order, some hundreds a request."""
        results: list[object] = []
        for group in _batched(many):
            requests = [self._request(method, params) for params in group]
            answers = parse.items(self._decode(self._transport.send(json.dumps(requests).encode())), "batch")
            by_id = {
                id_: answer for answer in answers if isinstance(id_ := parse.fields(answer, "answer").get("id"), int)
            }
            if len(answers) != len(requests) or any(request["id"] not in by_id for request in requests):
                raise RpcInvalidAnswer(f"The node did not answer every request of a batch of {method}.")
            for request in requests:
                id_ = request["id"]
                assert isinstance(id_, int)
                results.append(_result(method, id_, by_id[id_]))
        return results

    def _request(self, method: str, params: Sequence[object]) -> dict[str, object]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    @staticmethod
    def _decode(raw: bytes) -> object:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise RpcInvalidAnswer("The node's answer is not JSON.") from error

    # The chain

    def chain_id(self) -> int:
        return parse.quantity(self.call("eth_chainId"), "chain id", 256)

    def block_number(self) -> int:
        return parse.quantity(self.call("eth_blockNumber"), "block number")

    def client_version(self) -> str:
        """Name and version as the node gives it; for display and to know the embedded engine."""
        version = self.call("web3_clientVersion")
        if not isinstance(version, str):
            raise RpcInvalidAnswer("The node's version is not a string.")
        return version

    def block(self, tag: BlockTag = "latest") -> Block:
        """The header. A number beyond the head raises RpcInvalidAnswer: ask for the head first."""
        block = parse.header(self.call("eth_getBlockByNumber", [_tag(tag), False]))
        _expect_number(tag, block.number)
        return block

    def blocks(self, numbers: Sequence[int]) -> list[Block]:
        """Headers of several blocks, in the order asked for."""
        answers = self.batch("eth_getBlockByNumber", ([hex(number), False] for number in numbers))
        blocks = [parse.header(answer) for answer in answers]
        for number, block in zip(numbers, blocks, strict=True):
            _expect_number(number, block.number)
        return blocks

    def full_block(self, tag: BlockTag) -> FullBlock:
        """The block with its transactions."""
        block = parse.full_block(self.call("eth_getBlockByNumber", [_tag(tag), True]))
        _expect_number(tag, block.header.number)
        return block

    def block_receipts(self, number: int) -> tuple[Receipt, ...]:
        """All receipts of a block, in order: contiguous in transactions, logs and cumulative gas."""
        listed = parse.items(self.call("eth_getBlockReceipts", [hex(number)]), "receipts")
        receipts = tuple(parse.receipt(entry) for entry in listed)
        gas, log_index = 0, 0
        for position, receipt in enumerate(receipts):
            gas += receipt.gas_used
            placed = receipt.transaction_index == position and receipt.block_number == number
            if not placed or receipt.block_hash != receipts[0].block_hash or receipt.cumulative_gas_used != gas:
                raise RpcInvalidAnswer(f"The receipts of block {number} do not follow each other.")
            if receipt.logs and receipt.logs[0].index != log_index:
                raise RpcInvalidAnswer(f"The logs of block {number} do not follow each other.")
            log_index += len(receipt.logs)
        return receipts

    def receipt(self, transaction: bytes) -> Receipt | None:
        """A transaction's receipt, None while it is not in a block."""
        answer = self.call("eth_getTransactionReceipt", ["0x" + transaction.hex()])
        return None if answer is None else _receipt_of(transaction, answer)

    def receipts(self, transactions: Sequence[bytes], *, logs: bool = True) -> list[Receipt | None]:
        """Receipts of several transactions, in their order; without their logs for who does not look at them."""
        answers = self.batch("eth_getTransactionReceipt", (["0x" + one.hex()] for one in transactions))
        pairs = zip(transactions, answers, strict=True)
        return [None if answer is None else _receipt_of(one, answer, logs=logs) for one, answer in pairs]

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes] = (), topics: Sequence[bytes | None] = ()
    ) -> list[Log]:
        """Logs of blocks `first` to `last` inclusive, in the chain's order. Completeness is not proven by this: see
        receipts roots. An answer outside the question raises RpcInvalidAnswer."""
        if not 0 <= first <= last:
            raise ValueError(f"blocks {first} to {last} are no range")
        question: dict[str, object] = {"fromBlock": hex(first), "toBlock": hex(last)}
        if addresses:
            question["address"] = ["0x" + address.hex() for address in addresses]
        if topics:
            question["topics"] = [None if topic is None else "0x" + topic.hex() for topic in topics]
        found = [parse.log(entry) for entry in parse.items(self.call("eth_getLogs", [question]), "logs")]
        asked = frozenset(addresses)
        for entry in found:
            matches = len(entry.topics) >= len(topics) and all(
                topic is None or topic == entry.topics[place] for place, topic in enumerate(topics)
            )
            if not first <= entry.block_number <= last or (asked and entry.address not in asked) or not matches:
                raise RpcInvalidAnswer("The node answered with a log that was not asked for.")
        found.sort(key=lambda entry: (entry.block_number, entry.index))
        places = [(entry.block_number, entry.index) for entry in found]
        if len(set(places)) != len(places):
            raise RpcInvalidAnswer("The node answered with the same log twice.")
        return found

    # State

    def nonce(self, address: bytes, tag: BlockTag = "latest") -> int:
        """How many transactions of the account are in blocks; "pending" is refused, it jumps gaps."""
        return parse.quantity(self.call("eth_getTransactionCount", ["0x" + address.hex(), _tag(tag)]), "nonce")

    def code(self, address: bytes, tag: BlockTag = "latest") -> bytes:
        return parse.data(self.call("eth_getCode", ["0x" + address.hex(), _tag(tag)]), "code")

    def eth_call(
        self,
        to: bytes | None,
        data: bytes,
        sender: bytes | None = None,
        tag: BlockTag = "latest",
        gas: int | None = None,
    ) -> bytes:
        """What the call returns. A revert raises RpcRefused with its data."""
        return parse.data(self.call("eth_call", [_message(to, data, sender, gas), _tag(tag)]), "call's result")

    def estimate_gas(self, to: bytes | None, data: bytes, sender: bytes) -> int:
        """Gas that the transaction would take now. A revert raises RpcRefused with its data."""
        return parse.quantity(self.call("eth_estimateGas", [_message(to, data, sender, None)]), "gas estimate")

    def send_raw(self, raw: bytes) -> bytes:
        """Hands over signed bytes; returns their hash, which the node must name as well."""
        answer = parse.data(self.call("eth_sendRawTransaction", ["0x" + raw.hex()]), "transaction hash", 32)
        if answer != keccak(raw):
            raise RpcInvalidAnswer("The node names another hash than the transaction's own.")
        return answer


def _tag(tag: BlockTag) -> str:
    if isinstance(tag, int):
        return hex(tag)
    if tag not in _TAGS:
        raise ValueError(f"{tag!r} is no block")
    return tag


def _expect_number(tag: BlockTag, number: int) -> None:
    if isinstance(tag, int) and tag != number:
        raise RpcInvalidAnswer(f"The node answered with block {number} when asked for {tag}.")


def _receipt_of(transaction: bytes, answer: object, *, logs: bool = True) -> Receipt:
    receipt = parse.receipt(answer, logs=logs)
    if receipt.transaction_hash != transaction:
        raise RpcInvalidAnswer("The node answered with another transaction's receipt.")
    return receipt


def _message(to: bytes | None, data: bytes, sender: bytes | None, gas: int | None) -> dict[str, object]:
    message: dict[str, object] = {"data": "0x" + data.hex(), "gasPrice": "0x0"}
    if to is not None:
        message["to"] = "0x" + to.hex()
    if sender is not None:
        message["from"] = "0x" + sender.hex()
    if gas is not None:
        message["gas"] = hex(gas)
    return message


def _result(method: str, id_: object, answer: object) -> object:
    of = parse.fields(answer, "answer")
    if of.get("id") != id_ or of.get("jsonrpc") != "2.0":
        raise RpcInvalidAnswer(f"The node's answer to {method} belongs to another request.")
    if of.get("error") is None:
        if "result" not in of:
            raise RpcInvalidAnswer(f"The node's answer to {method} has neither result nor error.")
        return of["result"]
    error = parse.fields(of["error"], "error")
    code, message, extra = error.get("code"), error.get("message"), error.get("data")
    if not isinstance(code, int) or not isinstance(message, str):
        raise RpcInvalidAnswer(f"The node's error for {method} has no code or message.")
    if isinstance(extra, dict):  # Besu and some proxies wrap the revert data
        extra = extra.get("data")
    try:
        revert = parse.data(extra, "error.data")
    except RpcInvalidAnswer:
        revert = b""
    raise RpcRefused(method, code, message, revert)


def _batched(many: Iterable[Sequence[object]]) -> Iterable[tuple[Sequence[object], ...]]:
    """itertools.batched, which Python 3.11 lacks."""
    rest = iter(many)
    while group := tuple(itertools.islice(rest, _BATCH)):
        yield group
