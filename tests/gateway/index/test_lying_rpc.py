# SPDX-License-Identifier: AGPL-3.0-or-later
"""G5: a source changes each field of a block, its transactions, receipts and logs, or leaves some out. It is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.index.evidence import Evidence
from gateway.index.indexer import Indexer, SourceLied
from gateway.index.sources import NoSource, Source, Sources
from node.rpc import RpcClient
from tests.gateway.chain import MemoryChain, Tamper
from tests.gateway.history import ADDRESSES, chain_of, opened
from tests.protocol.chronicle import Chronicle

LIES = 12  # the block that is lied about
STRANGER = b"\x55" * 20
FieldPath = tuple[str | int, ...]


def _fill(chain: MemoryChain) -> None:
    """A block with two transactions of several events."""
    log = (STRANGER, [b"\x01" * 32, b"\x02" * 32], b"something else")
    chain.emit([log, log], [log])


@pytest.fixture(scope="module")
def chain() -> MemoryChain:
    """Eleven blocks with a consortium's beginnings, one that is lied about, one more."""
    c = Chronicle()
    c.found()
    chain = chain_of(c.log)
    while len(chain.blocks) < LIES:
        chain.emit()
    _fill(chain)
    chain.emit()
    return chain


class Reader:
    """An indexer over such sources; what is not a contract's is read too, for the fold passes it over."""

    def __init__(self, folder: Path, *rpcs: RpcClient) -> None:
        self.folder = folder
        made = [Source(f"source {number}", rpc) for number, rpc in enumerate(rpcs)]
        self.sources = Sources(made, Evidence(folder / "evidence"))
        self.store, self.view = opened(folder)
        addresses = (*ADDRESSES, STRANGER)
        self.indexer = Indexer(self.sources, self.store, self.view, addresses, 0, 0.0, 0.01, lambda _: None)
        self.indexer.load()

    def read(self) -> None:
        more = True
        while more:
            try:
                more = self.indexer.round()
            except SourceLied:
                continue

    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted((self.folder / "evidence").glob("*.json"))]


@pytest.fixture
def reader(tmp_path: Path, chain: MemoryChain, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """The first source tells the lie that the test names, the second none."""
    made = Reader(tmp_path, chain.rpc(request.param), chain.rpc())
    yield made
    made.store.close()


def paths(value: Any, at: FieldPath = ()) -> Iterator[FieldPath]:
    if not isinstance(value, dict | list):
        yield at
        return
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield from paths(inner, (*at, key))


def changed(value: Any) -> Any:
    """Another value of the same form."""
    if value is None:
        return "0x" + "12" * 20
    if value == "0x":
        return "0x00"
    digit = int(value[-1], 16)
    return value[:-1] + f"{digit ^ 1:x}"


def put(value: Any, path: FieldPath) -> Any:
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = changed(inner[path[-1]])
    return value


def lie(method: str, path: FieldPath) -> Tamper:
    def tamper(asked: str, params: list[Any], answer: Any) -> Any:
        return put(answer, path) if asked == method and params in ([hex(LIES)], [hex(LIES), True]) else answer

    return tamper


def _cases() -> list[Any]:
    chain = MemoryChain()
    _fill(chain)
    answers = {"eth_getBlockByNumber": chain._block("0x1", True), "eth_getBlockReceipts": chain._receipts(1)}
    return [
        pytest.param(lie(method, path), id=f"{method[7:]}-{'.'.join(map(str, path))}")
        for method, answer in answers.items()
        for path in paths(answer)
    ]


@pytest.mark.parametrize("reader", _cases(), indirect=True)
def test_G5_a_changed_field_is_found(reader: Reader, chain: MemoryChain) -> None:
    reader.read()
    assert reader.sources.sources[0].is_quarantined
    assert not reader.sources.sources[1].is_quarantined
    assert reader.view.as_of().hash == chain.hash(LIES + 1)
    assert not reader.view.as_of().stale
    [kept] = reader.kept()
    assert kept["source"] == "source 0"


def leave_out(what: str) -> Tamper:
    def tamper(asked: str, params: list[Any], answer: Any) -> Any:
        if asked == "eth_getBlockReceipts" and params == [hex(LIES)]:
            match what:
                case "a transaction's logs":
                    answer[1]["logs"] = []
                case "the last log":
                    answer[0]["logs"].pop()
                case "a receipt":
                    answer.pop()
                case "all receipts":
                    answer.clear()
                case "a topic":
                    answer[0]["logs"][0]["topics"].pop()
                case "order":
                    answer.reverse()
        if asked == "eth_getBlockByNumber" and params == [hex(LIES), True]:
            match what:
                case "a transaction":
                    answer["transactions"].pop()
                case "all transactions":
                    answer["transactions"].clear()
        return answer

    return tamper


OMITTED = ["a transaction's logs", "the last log", "a receipt", "all receipts", "a topic", "order"]
OMITTED += ["a transaction", "all transactions"]


@pytest.mark.parametrize("reader", [pytest.param(leave_out(what), id=what) for what in OMITTED], indirect=True)
def test_G5_what_is_left_out_is_missed(reader: Reader, chain: MemoryChain) -> None:
    reader.read()
    assert reader.sources.sources[0].is_quarantined
    assert reader.view.as_of().hash == chain.hash(LIES + 1)
    [(_, events)] = [found for found in reader.store.after(LIES - 1)[0] if found[0].number == LIES]
    assert len(events) == 3


def another_child(asked: str, params: list[Any], answer: Any) -> Any:
    """A last block that holds together, under another parent than the one that was read."""
    if asked == "eth_blockNumber":
        return hex(LIES)
    if asked == "eth_getBlockByNumber" and params[0] == hex(LIES):
        return strange_chain()._block(*params)
    return answer


def strange_chain() -> MemoryChain:
    return MemoryChain(blocks=[[] for _ in range(LIES + 2)], salts=[900 + n for n in range(LIES + 2)])


@pytest.mark.parametrize("reader", [another_child], indirect=True)
def test_G5_a_block_of_another_chain_does_not_follow(reader: Reader, chain: MemoryChain) -> None:
    reader.indexer._chunk = LIES  # so that the strange one comes first in its turn
    reader.read()
    assert reader.sources.sources[0].is_quarantined
    assert reader.view.as_of().hash == chain.hash(LIES + 1)
    [kept] = reader.kept()
    assert kept["field"] == "parentHash"
    assert kept["claimed"] != kept["computed"]


def test_G5_without_an_honest_source_reads_are_stale_and_writes_refused(tmp_path: Path, chain: MemoryChain) -> None:
    reader = Reader(tmp_path, chain.rpc(lie("eth_getBlockReceipts", (0, "logs", 0, "data"))))
    reader.indexer._chunk = LIES
    with pytest.raises(NoSource, match="receiptsRoot"):
        reader.read()
    assert reader.view.as_of().block == LIES - 1  # what was read before the lie stays
    assert reader.view.as_of().stale
    assert reader.indexer.refuses_writes()
    [kept] = reader.kept()
    assert (kept["block"], kept["field"]) == (LIES, "receiptsRoot")
    assert kept["claimed"] != kept["computed"]
    reader.store.close()


def test_G5_a_source_comes_back_after_its_quarantine(tmp_path: Path, chain: MemoryChain) -> None:
    lies = [True]
    false = lie("eth_getBlockByNumber", ("stateRoot",))
    reader = Reader(tmp_path, chain.rpc(lambda *asked: false(*asked) if lies[0] else asked[2]))
    with pytest.raises(NoSource):
        reader.read()
    lies[0] = False
    with pytest.raises(NoSource):
        reader.read()
    reader.sources.sources[0].until = 0.0  # the time is over
    reader.read()
    assert not reader.view.as_of().stale
    assert reader.view.as_of().hash == chain.hash(LIES + 1)
    reader.store.close()


def test_G6_a_source_that_is_behind_is_no_liar(tmp_path: Path, chain: MemoryChain) -> None:
    """The one that has more is asked instead."""
    behind = [False]

    def lags(asked: str, params: list[Any], answer: Any) -> Any:
        return "0x5" if asked == "eth_blockNumber" and behind[0] else answer

    reader = Reader(tmp_path, chain.rpc(lags), chain.rpc())
    reader.read()
    behind[0] = True
    with pytest.raises(SourceLied, match="behind"):
        reader.indexer.round()
    assert not reader.indexer.round()
    assert not any(source.is_quarantined for source in reader.sources.sources)
    assert reader.kept() == []
    reader.store.close()


def test_G6_a_fork_that_one_source_alone_shows_is_its_lie(tmp_path: Path, chain: MemoryChain) -> None:
    forked = [False]

    def forks(asked: str, params: list[Any], answer: Any) -> Any:
        return strange_chain()._block(*params) if asked == "eth_getBlockByNumber" and forked[0] else answer

    reader = Reader(tmp_path, chain.rpc(forks), chain.rpc())
    reader.read()
    forked[0] = True
    reader.read()
    assert reader.sources.sources[0].is_quarantined
    assert not reader.indexer.refuses_writes()
    [kept] = reader.kept()
    assert kept["field"] == "hash"
    reader.store.close()
