# SPDX-License-Identifier: AGPL-3.0-or-later
"""The RPC client against a node that answers wrongly (fault G5, as far as one answer can show it)."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from node import events
from node.deployment import SUITE, Deployed, Deployment
from node.errors import RpcTooLong
from node.rpc import MemoryTransport, RpcClient, RpcInvalidAnswer, RpcRefused, RpcUnavailable
from node.rpc.transport import Handler
from protocol.events import ReplacementApplied, encode
from protocol.hashing import keccak
from protocol.types import Commitment, InitiativeId, Tag

HASH = "0x" + "ab" * 32
OTHER = "0x" + "cd" * 32
ADDRESS = "0x" + "11" * 20
BLOOM = "0x" + "00" * 256

LOG: dict[str, Any] = {
    "address": ADDRESS,
    "topics": [HASH],
    "data": "0x01",
    "blockNumber": "0x5",
    "blockHash": HASH,
    "transactionHash": OTHER,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
    "removed": False,
}
RECEIPT: dict[str, Any] = {
    "type": "0x0",
    "transactionHash": OTHER,
    "transactionIndex": "0x0",
    "blockNumber": "0x5",
    "blockHash": HASH,
    "from": ADDRESS,
    "to": ADDRESS,
    "contractAddress": None,
    "status": "0x1",
    "gasUsed": "0x5208",
    "cumulativeGasUsed": "0x5208",
    "logsBloom": BLOOM,
    "logs": [LOG],
}
BLOCK: dict[str, Any] = {
    "number": "0x5",
    "hash": HASH,
    "parentHash": OTHER,
    "sha3Uncles": HASH,
    "miner": ADDRESS,
    "stateRoot": HASH,
    "transactionsRoot": HASH,
    "receiptsRoot": HASH,
    "logsBloom": BLOOM,
    "difficulty": "0x0",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0x0",
    "timestamp": "0x65",
    "extraData": "0x",
    "mixHash": HASH,
    "nonce": "0x0000000000000000",
    "transactions": [OTHER],
}


def client(**handlers: Any) -> RpcClient:
    def constant(value: Any) -> Handler:
        return lambda params: value

    return RpcClient(MemoryTransport({name: constant(value) for name, value in handlers.items()}))


def changed(value: dict[str, Any], key: str, to: Any) -> dict[str, Any]:
    result = copy.deepcopy(value)
    if to is ...:
        del result[key]
    else:
        result[key] = to
    return result


def test_a_block_a_receipt_and_logs_are_read() -> None:
    rpc = client(eth_getBlockByNumber=BLOCK, eth_getTransactionReceipt=RECEIPT, eth_getLogs=[LOG])

    block, receipt, logs = rpc.block(5), rpc.receipt(bytes.fromhex(OTHER[2:])), rpc.logs(5, 5)

    assert (block.number, block.timestamp, block.base_fee) == (5, 101, None)
    assert receipt is not None
    assert receipt.ok
    assert receipt.logs == tuple(logs)


@pytest.mark.parametrize(
    ("key", "to"),
    [
        ("number", "0x6"),
        ("number", "0x05"),
        ("number", 5),
        ("hash", "0xab"),
        ("hash", ...),
        ("miner", HASH),
        ("logsBloom", "0x00"),
        ("timestamp", "0x1" + "0" * 16),
        ("timestamp", "-0x1"),
        ("extraData", "0x123"),
        ("gasUsed", "0x1c9c381"),
        ("transactions", [OTHER, OTHER]),
        ("transactions", None),
        ("nonce", "0x0"),
    ],
)
def test_G5_a_malformed_block_is_refused(key: str, to: Any) -> None:
    with pytest.raises(RpcInvalidAnswer):
        client(eth_getBlockByNumber=changed(BLOCK, key, to)).block(5)


@pytest.mark.parametrize(
    ("key", "to"),
    [
        ("transactionHash", HASH),
        ("blockHash", OTHER),
        ("blockNumber", "0x6"),
        ("status", "0x2"),
        ("status", "0x0"),
        ("gasUsed", "0x5209"),
        ("from", None),
        ("logs", {}),
        ("logs", [LOG, LOG]),
        ("logs", [changed(LOG, "removed", True)]),
        ("logs", [changed(LOG, "topics", [HASH] * 5)]),
    ],
)
def test_G5_a_receipt_that_contradicts_itself_or_the_question_is_refused(key: str, to: Any) -> None:
    with pytest.raises(RpcInvalidAnswer):
        client(eth_getTransactionReceipt=changed(RECEIPT, key, to)).receipt(bytes.fromhex(OTHER[2:]))


@pytest.mark.parametrize(
    "logs",
    [
        [changed(LOG, "address", "0x" + "22" * 20)],
        [changed(LOG, "blockNumber", "0x8")],
        [changed(LOG, "topics", [OTHER])],
        [changed(LOG, "topics", [])],
        [LOG, LOG],
    ],
)
def test_G5_logs_that_were_not_asked_for_are_refused(logs: list[Any]) -> None:
    with pytest.raises(RpcInvalidAnswer):
        client(eth_getLogs=logs).logs(5, 7, [bytes.fromhex(ADDRESS[2:])], [bytes.fromhex(HASH[2:])])


def test_logs_come_in_the_order_of_the_chain() -> None:
    later = changed(changed(LOG, "logIndex", "0x2"), "blockNumber", "0x6")

    logs = client(eth_getLogs=[later, LOG]).logs(5, 6)

    assert [log.block_number for log in logs] == [5, 6]


def test_G5_receipts_of_a_block_follow_each_other() -> None:
    second = changed(changed(RECEIPT, "transactionIndex", "0x1"), "cumulativeGasUsed", "0xa410")
    second["logs"] = [changed(changed(LOG, "logIndex", "0x1"), "transactionIndex", "0x1")]

    assert len(client(eth_getBlockReceipts=[RECEIPT, second]).block_receipts(5)) == 2
    for answer in ([second, RECEIPT], [RECEIPT, RECEIPT], [second]):
        with pytest.raises(RpcInvalidAnswer):
            client(eth_getBlockReceipts=answer).block_receipts(5)


def test_another_hash_for_sent_bytes_is_refused() -> None:
    assert client(eth_sendRawTransaction="0x" + keccak(b"raw").hex()).send_raw(b"raw") == keccak(b"raw")
    with pytest.raises(RpcInvalidAnswer):
        client(eth_sendRawTransaction=HASH).send_raw(b"raw")


def test_a_refusal_carries_code_and_revert_data() -> None:
    def refuse(params: list[object]) -> object:
        raise RpcRefused("eth_call", 3, "execution reverted", b"\x01\x02")

    with pytest.raises(RpcRefused, match="execution reverted") as caught:
        RpcClient(MemoryTransport({"eth_call": refuse})).eth_call(b"\x11" * 20, b"")

    assert (caught.value.code, caught.value.data) == (3, b"\x01\x02")


def test_pending_is_never_asked_for() -> None:
    with pytest.raises(ValueError, match="pending"):
        client(eth_getTransactionCount="0x0").nonce(b"\x11" * 20, "pending")


class _Answer(BaseHTTPRequestHandler):
    body = b""
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Answer]]]:
    handler = type("Handler", (_Answer,), {})
    listening = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", handler
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.mark.parametrize("answer", [[], {"jsonrpc": "2.0", "id": 99, "result": "0x1"}, {"jsonrpc": "2.0", "id": 1}, 7])
def test_an_answer_to_something_else_is_refused(server: tuple[str, type[_Answer]], answer: object) -> None:
    url, handler = server
    handler.body = json.dumps(answer).encode()

    with RpcClient.connect(url) as rpc, pytest.raises(RpcInvalidAnswer):
        rpc.chain_id()


def test_too_long_an_answer_an_error_status_and_no_json_are_typed_errors(server: tuple[str, type[_Answer]]) -> None:
    url, handler = server
    handler.body = b" " * 2000

    with RpcClient.connect(url, max_bytes=1000) as rpc, pytest.raises(RpcUnavailable, match="1000 bytes"):
        rpc.chain_id()
    with RpcClient.connect(url) as rpc, pytest.raises(RpcInvalidAnswer, match="JSON"):
        rpc.chain_id()
    handler.status = 502
    with RpcClient.connect(url) as rpc, pytest.raises(RpcUnavailable, match="502"):
        rpc.chain_id()


def test_nobody_listening_and_no_address_are_typed_errors() -> None:
    with RpcClient.connect("http://127.0.0.1:1") as rpc, pytest.raises(RpcUnavailable, match="running"):
        rpc.chain_id()
    with pytest.raises(RpcUnavailable, match="not an http address"):
        RpcClient.connect("file:///etc/passwd")


def test_too_many_logs_are_asked_for_in_smaller_parts() -> None:
    """A node of which no answer may span more than three blocks: the same events, in order, none twice."""
    emitted = ReplacementApplied(InitiativeId(1), Tag(b"\x01" * 32), 0, Commitment(1), Commitment(2), 3)
    topics, data = encode(emitted)
    electorate = bytes(19) + b"\x03"

    def logs(params: list[object]) -> object:
        (question,) = params
        assert isinstance(question, dict)
        first, last = int(question["fromBlock"], 16), int(question["toBlock"], 16)
        if last - first > 2:
            raise RpcTooLong("too long")
        place = {"address": "0x" + electorate.hex(), "topics": ["0x" + topic.hex() for topic in topics]}
        return [{**LOG, **place, "data": "0x" + data.hex(), "blockNumber": hex(n)} for n in range(first, last + 1)]

    names = ("Consortium", *SUITE)
    one = Deployed(b"", bytes(32), 0, bytes(32), bytes(32), bytes(32), "")
    contracts = {name: replace(one, address=bytes(19) + bytes([place + 1])) for place, name in enumerate(names)}
    deployment = Deployment("x", 1, bytes(32), 10, 0, bytes(32), 2, {}, contracts)

    found = list(events.read(RpcClient(MemoryTransport({"eth_getLogs": logs})), deployment, last=31))

    assert [at.block for at in found] == list(range(10, 32))
    assert {at.event for at in found} == {emitted}
