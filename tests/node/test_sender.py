# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sender against a real chain: kept bytes, gaps, one process an account, kill -9 of the chain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from node.contracts import decode_error
from node.engine import EmbeddedEngine
from node.errors import AccountBusy, ContractError, NotFinal, RpcUnavailable, SendError
from node.keys import Call, Key, Secret, new_account_secret
from node.outbox import Outbox, Sent
from node.rpc import MemoryTransport, Receipt, RpcClient
from node.sender import Pace, Sender
from protocol.attribution import split
from protocol.hashing import keccak

TARGET = b"\x33" * 20
# Reverts with Error("no"): PUSH1 length, offset of the data behind the code, CODECOPY, REVERT.
REVERT_DATA = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
REVERTER = bytes.fromhex(f"60{len(REVERT_DATA):02x}600c60003960{len(REVERT_DATA):02x}6000fd") + REVERT_DATA


def nothing(gas: int | None = 30_000) -> Call:
    return Call(TARGET, b"", "a call of nothing", gas)


@pytest.fixture
def rpc(engine: EmbeddedEngine) -> Iterator[RpcClient]:
    with RpcClient.connect(engine.url) as client:
        yield client


@pytest.fixture
def key() -> Key:
    return Key(new_account_secret())


def open_sender(rpc: RpcClient, key: Key, folder: Path, finality: float = 0.0, patience: float = 20.0) -> Sender:
    return Sender(
        rpc,
        key,
        folder,
        decode=decode_error,
        finality=finality,
        pace=Pace(patience=patience, rebroadcast=0.3, settle=1.0),
    )


def test_every_call_names_the_officers_record_that_was_kept_before(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    kept: dict[bytes, bytes] = {}

    def attribute(call: Call) -> bytes:
        kept[call.data] = keccak(b"a record of" + call.data)
        return kept[call.data]

    gas = {1: 30_000, 2: 30_000, 3: None}
    calls = [Call(TARGET, bytes((number,)) * 36, "an act", gas[number]) for number in gas]
    with Sender(rpc, key, tmp_path, decode=decode_error, finality=0.0, attribute=attribute) as sender:
        receipts = [*sender.wait(sender.submit(calls[:2])), sender.call(calls[2])]
        sender.await_final()

    assert [receipt.ok for receipt in receipts] == [True] * 3
    blocks = {receipt.block_number for receipt in receipts}
    sent = {one.data for number in blocks for one in rpc.full_block(number).transactions}
    assert {split(data) for data in sent} == set(kept.items())
    assert set(kept) == {call.data for call in calls}


def test_many_calls_are_in_flight_at_once_and_forgotten_when_final(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    with open_sender(rpc, key, tmp_path) as sender:
        sent = sender.submit([nothing()] * 160)
        kept = next(tmp_path.glob("*.json")).read_text()
        receipts = sender.wait(sent)
        sender.await_final()

    assert [one.nonce for one in sent] == list(range(160))
    assert all(one.raw.hex() in kept for one in sent)
    assert all(receipt.ok for receipt in receipts)
    assert next(tmp_path.glob("*.json")).read_text() == "[]"
    assert rpc.nonce(key.address) == 160


def test_G1_bytes_kept_but_never_sent_are_sent_by_the_next_process(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    raw, hash_ = key.sign_transaction(nothing(), chain_id=rpc.chain_id(), nonce=0, gas=30_000)
    box = Outbox(tmp_path, chain_id=rpc.chain_id(), genesis=rpc.block(0).hash, account=key.address)
    box.add([Sent(0, hash_, raw, "a call of nothing")])
    box.close()

    with open_sender(rpc, key, tmp_path) as sender:
        receipt = rpc.receipt(hash_)
        assert [one.nonce for one in sender.submit([nothing()])] == [1]

    assert receipt is not None
    assert receipt.ok


def test_G2_a_gap_is_filled_and_later_bytes_stay_the_same(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    """Nonces 1 and 2 are kept, 0 is free: the next call takes 0, and all three land."""
    box = Outbox(tmp_path, chain_id=rpc.chain_id(), genesis=rpc.block(0).hash, account=key.address)
    later = []
    for nonce in (1, 2):
        raw, hash_ = key.sign_transaction(nothing(), chain_id=rpc.chain_id(), nonce=nonce, gas=30_000)
        later.append(Sent(nonce, hash_, raw, "a later call"))
    box.add(later)

    assert box.next_nonces(3, 0) == [0, 3, 4]

    box.close()
    with pytest.raises(NotFinal, match="a later call"):
        open_sender(rpc, key, tmp_path, patience=1.0)
    raw, hash_ = key.sign_transaction(nothing(), chain_id=rpc.chain_id(), nonce=0, gas=30_000)
    rpc.send_raw(raw)
    with open_sender(rpc, key, tmp_path):
        assert all(receipt is not None for receipt in rpc.receipts([one.hash for one in later]))


def test_a_nonce_used_elsewhere_is_said_and_leaves_nothing_behind(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    with open_sender(rpc, key, tmp_path) as sender:
        raw, _ = key.sign_transaction(nothing(), chain_id=rpc.chain_id(), nonce=0, gas=40_000)
        rpc.send_raw(raw)
        box = sender._outbox
        other, hash_ = key.sign_transaction(nothing(), chain_id=rpc.chain_id(), nonce=0, gas=50_000)
        box.add([displaced := Sent(0, hash_, other, "the displaced call")])
        with pytest.raises(SendError, match="the displaced call"):
            sender.wait([displaced])
        sender.await_final()
        assert box.pending == ()


def test_a_receipt_that_comes_after_its_nonce_was_counted_is_waited_for(
    rpc: RpcClient, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy node counts the nonce a moment before it knows the receipt."""
    looks = []
    truly = rpc.receipts

    def late(hashes: Sequence[bytes]) -> list[Receipt | None]:
        looks.append(hashes)
        return [None] * len(hashes) if len(looks) < 4 else truly(hashes)

    monkeypatch.setattr(rpc, "receipts", late)
    with open_sender(rpc, key, tmp_path) as sender:
        receipt = sender.call(nothing())

    assert receipt.ok
    assert len(looks) == 4


def test_G3_an_account_has_one_sender_at_a_time(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from node.outbox import Outbox\n"
        "Outbox(Path(sys.argv[1]), chain_id=int(sys.argv[2]), genesis=bytes.fromhex(sys.argv[3]),"
        " account=bytes.fromhex(sys.argv[4]), patience=0.2)\n"
    )
    arguments = [str(tmp_path), str(rpc.chain_id()), rpc.block(0).hash.hex(), key.address.hex()]
    command = [sys.executable, "-c", script, *arguments]
    with open_sender(rpc, key, tmp_path):
        busy = subprocess.run(command, capture_output=True, text=True, check=False)
    free = subprocess.run(command, capture_output=True, text=True, check=False)

    assert AccountBusy.__name__ in busy.stderr
    assert free.returncode == 0


def test_a_revert_is_a_typed_error_before_and_after_sending(rpc: RpcClient, key: Key, tmp_path: Path) -> None:
    with open_sender(rpc, key, tmp_path) as sender:
        code = bytes.fromhex(f"60{len(REVERTER):02x}600c60003960{len(REVERTER):02x}6000f3") + REVERTER
        contract = sender.call(Call(None, code, "the creation of a reverter")).contract
        assert contract is not None
        with pytest.raises(ContractError, match=r"refused the try: Error\(reason=no\)"):
            sender.call(Call(contract, b"", "the try"))
        nonce = rpc.nonce(key.address)
        with pytest.raises(ContractError, match=r"refused the second try: Error\(reason=no\)"):
            sender.call(Call(contract, b"", "the second try", 100_000))
        with pytest.raises(ContractError, match="OutOfGas"):
            sender.call(Call(None, b"\x5b\x60\x00\x56", "an endless loop", 100_000))

    assert rpc.nonce(key.address) == nonce + 2  # the first was never sent


def test_kill_9_of_the_chain_loses_nothing_that_was_sent(engine: EmbeddedEngine, key: Key, tmp_path: Path) -> None:
    with RpcClient.connect(engine.url) as rpc, open_sender(rpc, key, tmp_path, finality=4.0, patience=60) as sender:
        sent = sender.submit([nothing()] * 30)
        sender.wait(sent)
        engine.kill()
        with pytest.raises(RpcUnavailable):
            rpc.chain_id()
        engine.start()
        sender.await_final()

        receipts = rpc.receipts([one.hash for one in sent])

    assert all(receipt is not None and receipt.ok for receipt in receipts)


def test_an_rpc_that_is_away_is_waited_for_and_then_named(tmp_path: Path) -> None:
    now = [0.0]

    def away(_params: list[object]) -> object:
        raise RpcUnavailable("The node is away.")

    def wait(seconds: float) -> None:
        now[0] += seconds

    block = dict.fromkeys(
        ["parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash"], "0x" + "0" * 64
    )
    block |= {
        "hash": "0x" + "1" * 64,
        "miner": "0x" + "0" * 40,
        "logsBloom": "0x" + "0" * 512,
        "nonce": "0x" + "0" * 16,
    }
    block |= dict.fromkeys(["number", "difficulty", "gasLimit", "gasUsed", "timestamp"], "0x0") | {"extraData": "0x"}
    key = Key(Secret(b"\x05" * 32))
    raw, hash_ = key.sign_transaction(nothing(), chain_id=1, nonce=0, gas=30_000)
    box = Outbox(tmp_path, chain_id=1, genesis=b"\x11" * 32, account=key.address)
    box.add([Sent(0, hash_, raw, "a call")])
    box.close()
    transport = MemoryTransport(
        {"eth_chainId": lambda _: "0x1", "eth_getBlockByNumber": lambda _: {**block, "transactions": []}}
    )
    transport.handlers["eth_getTransactionReceipt"] = away

    pace = Pace(poll=1.0, patience=30.0, clock=lambda: now[0], sleep=wait)
    with pytest.raises(RpcUnavailable, match="away"):
        Sender(RpcClient(transport), key, tmp_path, decode=decode_error, pace=pace)

    assert now[0] > 30
    assert keccak(raw) == hash_
