# SPDX-License-Identifier: AGPL-3.0-or-later
"""The embedded engine against real anvil processes: clock, kill -9, damaged state, standard roots."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_bytes, to_checksum_address
from trie import HexaryTrie

from node.engine import ClockError, EmbeddedEngine, EngineNotReady

ROOT = Path(__file__).resolve().parents[2]
CLIENT = httpx.Client(timeout=30, trust_env=False)
DAY = 86_400
# Stores the hash of its calldata under that hash, and logs the calldata with the topic 0x2a.
LOGGER = bytes.fromhex("366000600037366000208055602a366000a100")
LOSS = 5.0
"""Seconds of blocks that kill -9 may cost on a busy machine: two saves a second apart, one of them torn, and stalls."""


class Sender:
    """Signs with one account and counts its nonces."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self.engine = engine
        self.account: LocalAccount = Account.create()
        self.nonce = 0

    def send(self, to: str | None, data: bytes) -> str:
        transaction: dict[str, Any] = {"nonce": self.nonce, "gas": 1_000_000, "gasPrice": 0, "value": 0, "data": data}
        transaction["chainId"] = self.engine.chain_id
        if to is not None:
            transaction["to"] = to
        signed = self.account.sign_transaction(transaction)
        sent = str(rpc(self.engine, "eth_sendRawTransaction", signed.raw_transaction.to_0x_hex()))
        self.nonce += 1
        return sent

    def deploy(self, runtime: bytes) -> str:
        init = bytes.fromhex(f"60{len(runtime):02x}80600b6000396000f3") + runtime
        return to_checksum_address(receipt(self.engine, self.send(None, init))["contractAddress"])


def rpc(engine: EmbeddedEngine, method: str, *params: object) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = CLIENT.post(engine.url, json=body).json()
    assert "error" not in answer, answer
    return answer["result"]


def receipt(engine: EmbeddedEngine, transaction: str) -> dict[str, Any]:
    for _ in range(200):
        found = rpc(engine, "eth_getTransactionReceipt", transaction)
        if found is not None:
            return dict(found)
        time.sleep(0.02)
    raise AssertionError(f"{transaction} was not mined")


def height(engine: EmbeddedEngine) -> int:
    return int(rpc(engine, "eth_blockNumber"), 16)


def block(engine: EmbeddedEngine, number: int) -> dict[str, Any]:
    return dict(rpc(engine, "eth_getBlockByNumber", hex(number), True))


def times(engine: EmbeddedEngine) -> list[int]:
    return [int(block(engine, number)["timestamp"], 16) for number in range(height(engine) + 1)]


@pytest.fixture(scope="module", autouse=True)
def _close_client() -> Iterator[None]:
    yield
    CLIENT.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """An engine that a test may kill."""
    with EmbeddedEngine(tmp_path / "chain") as engine:
        yield engine


def test_starts_on_the_loopback_with_free_transactions(engine: EmbeddedEngine) -> None:
    assert engine.alive()
    assert engine.url.startswith("http://127.0.0.1:")
    assert int(rpc(engine, "eth_chainId"), 16) == engine.chain_id
    assert rpc(engine, "eth_accounts") == []
    assert receipt(engine, Sender(engine).send("0x" + "11" * 20, b""))["status"] == "0x1"
    latest = block(engine, height(engine))
    assert (latest["baseFeePerGas"], int(latest["gasLimit"], 16)) == ("0x0", 300_000_000)
    assert "requestsHash" not in latest, "cancun, not a later fork"


def test_blocks_follow_without_transactions(engine: EmbeddedEngine) -> None:
    before = height(engine)
    time.sleep(2.5)
    assert height(engine) > before
    assert abs(engine.latest_timestamp() - time.time()) < 4


def test_the_clock_advances_and_goes_on_in_step(own: EmbeddedEngine) -> None:
    target = math.floor(time.time()) + 30 * DAY
    began = time.time()
    reached = own.advance_clock(target)
    assert target <= reached <= target + 5
    time.sleep(2)
    receipt(own, Sender(own).send("0x" + "11" * 20, b""))
    assert own.latest_timestamp() - target == pytest.approx(time.time() - began, abs=3)


def test_the_clock_is_never_set_back(own: EmbeddedEngine) -> None:
    with pytest.raises(ClockError, match="cannot be set back"):
        own.advance_clock(own.latest_timestamp())
    with pytest.raises(ClockError):
        own.advance_clock(own.latest_timestamp() - DAY)


@pytest.mark.slow
def test_kill_9_neither_moves_time_back_nor_loses_more_than_a_few_seconds(own: EmbeddedEngine) -> None:
    sender = Sender(own)
    logger = sender.deploy(LOGGER)
    ahead = 0
    for round_ in range(3):
        ahead = (round_ + 1) * DAY
        own.advance_clock(math.floor(time.time()) + ahead)
        sent: list[tuple[float, str]] = []
        until = time.monotonic() + 5 + round_ * 0.7
        while time.monotonic() < until:
            sent.append((time.monotonic(), sender.send(logger, os.urandom(4_000))))
        receipt(own, sent[-1][1])
        reached, url, killed = times(own), own.url, time.monotonic()
        assert own.pid is not None
        os.kill(own.pid, signal.SIGKILL)
        time.sleep(0.5)
        assert not own.alive()
        own.start()
        assert own.url == url
        after = times(own)
        common = min(len(reached), len(after)) - 2  # the last ones may differ: they were mined anew
        assert after[:2] == reached[:2]
        assert after == sorted(after), "a block lies in its parent's past"
        assert own.latest_timestamp() == pytest.approx(time.time() + ahead, abs=5)
        lost = [at for at, transaction in sent if rpc(own, "eth_getTransactionReceipt", transaction) is None]
        assert all(killed - at < LOSS for at in lost), f"lost {killed - min(lost):.1f} s"
        assert common > 0
        sender.nonce = int(rpc(own, "eth_getTransactionCount", sender.account.address, "latest"), 16)


@pytest.mark.slow
def test_a_state_torn_by_kill_9_falls_back_to_the_copy_before(own: EmbeddedEngine) -> None:
    sender = Sender(own)
    sent = sender.send("0x" + "11" * 20, b"")
    receipt(own, sent)
    genesis = block(own, 0)["hash"]
    time.sleep(5)
    own.kill()
    live = own.folder / "state.json"
    live.write_bytes(live.read_bytes()[: live.stat().st_size // 2])
    own.start()
    assert block(own, 0)["hash"] == genesis
    assert rpc(own, "eth_getTransactionReceipt", sent) is not None


def test_killed_before_the_first_save_begins_again_from_the_same_genesis(own: EmbeddedEngine) -> None:
    genesis = block(own, 0)
    own.kill()
    (own.folder / "state.json").write_text('{"block', encoding="utf-8")
    own.start()
    assert block(own, 0) == genesis
    assert own.latest_timestamp() == pytest.approx(time.time(), abs=3)


def test_a_chain_without_any_readable_state_is_refused(own: EmbeddedEngine) -> None:
    own.kill()
    (own.folder / "state.json").write_text("{", encoding="utf-8")
    (own.folder / "state-1.json").write_text("{", encoding="utf-8")
    with pytest.raises(EngineNotReady, match="No readable state"):
        own.start()


def test_a_graceful_stop_loses_nothing(own: EmbeddedEngine) -> None:
    sent = Sender(own).send("0x" + "11" * 20, b"")
    mined = receipt(own, sent)
    own.restart()
    assert receipt(own, sent) == mined


def test_an_engine_left_behind_is_taken_over(tmp_path: Path) -> None:
    """The driver was killed, anvil was not."""
    driver = "import os, pathlib, sys; from node.engine import EmbeddedEngine\n"
    driver += "e = EmbeddedEngine(pathlib.Path(sys.argv[1])); e.start(); print(e.pid, e.url, flush=True); os._exit(9)"
    command = [sys.executable, "-c", driver, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 9, done.stderr
    with EmbeddedEngine(tmp_path) as second:
        assert f"{second.pid} {second.url}" == done.stdout.strip()
        assert receipt(second, Sender(second).send("0x" + "11" * 20, b""))["status"] == "0x1"
    assert not psutil.pid_exists(int(done.stdout.split()[0]))


def test_a_port_in_use_is_an_error_with_anvils_words(own: EmbeddedEngine, tmp_path: Path) -> None:
    other = EmbeddedEngine(tmp_path / "other", port=int(own.url.rpartition(":")[2]), chain_id=7)
    with pytest.raises(EngineNotReady, match=r"Address already in use|not 7\."):
        other.start(timeout=10)


@pytest.mark.slow
def test_headers_and_roots_are_standard_before_and_after_a_reload(own: EmbeddedEngine) -> None:
    sender = Sender(own)
    logger = sender.deploy(LOGGER)
    for number in range(12):
        sender.send(logger, bytes([number]) * 40)
    last = receipt(own, sender.send(None, bytes.fromhex("60006000fd")))
    assert last["status"] == "0x0", "a reverted transaction is in the block too"
    until = int(last["blockNumber"], 16)
    before = [checked(own, number) for number in range(until + 1)]
    own.restart()
    assert [checked(own, number) for number in range(until + 1)] == before
    assert sum(len(receipts) for _, receipts in before) == 14


def checked(engine: EmbeddedEngine, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block and its receipts, after recomputing its hash and its two tries (Yellow Paper 4.3; EIP-4844, EIP-4788)."""
    found = block(engine, number)
    receipts = rpc(engine, "eth_getBlockReceipts", hex(number))
    raw = [to_bytes(hexstr=rpc(engine, "eth_getRawTransactionByHash", t["hash"])) for t in found["transactions"]]
    assert keccak(rlp.encode(header(found))).hex() == found["hash"][2:]
    assert root(raw).hex() == found["transactionsRoot"][2:]
    assert root([encoded(one) for one in receipts]).hex() == found["receiptsRoot"][2:]
    return found, receipts


def header(found: dict[str, Any]) -> list[bytes]:
    fixed = ("parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom", "extraData mixHash nonce")
    numbers = ("difficulty number gasLimit gasUsed timestamp", "blobGasUsed excessBlobGas")
    return [
        *(to_bytes(hexstr=found[key]) for key in fixed[0].split()),
        *(quantity(found[key]) for key in numbers[0].split()),
        *(to_bytes(hexstr=found[key]) for key in fixed[1].split()),
        quantity(found["baseFeePerGas"]),
        to_bytes(hexstr=found["withdrawalsRoot"]),
        *(quantity(found[key]) for key in numbers[1].split()),
        to_bytes(hexstr=found["parentBeaconBlockRoot"]),
    ]


def encoded(one: dict[str, Any]) -> bytes:
    logs = [
        [
            to_bytes(hexstr=log["address"]),
            [to_bytes(hexstr=topic) for topic in log["topics"]],
            to_bytes(hexstr=log["data"]),
        ]
        for log in one["logs"]
    ]
    body = [quantity(one["status"]), quantity(one["cumulativeGasUsed"]), to_bytes(hexstr=one["logsBloom"]), logs]
    kind = int(one["type"], 16)
    return (bytes([kind]) if kind else b"") + bytes(rlp.encode(body))


def quantity(text: str) -> bytes:
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def root(values: list[bytes]) -> bytes:
    tree = HexaryTrie({})
    for index, value in enumerate(values):
        tree[rlp.encode(index)] = value
    return bytes(tree.root_hash)
