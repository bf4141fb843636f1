# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index: lost, damaged, of another chain; lost blocks and forks (G5 to G7); readers during a refold; slots (P3)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.database import INDEX, DatabaseConflict, DatabaseInUse, locate
from gateway.index import indexer as indexer_module
from gateway.index import store as store_module
from gateway.index.evidence import Evidence
from gateway.index.indexer import ChainFork, Indexer
from gateway.index.model import Checkpoint, RawEvent
from gateway.index.sources import Source, Sources
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from gateway.problems import ChainUnavailable
from node.errors import NodeError
from node.rpc import RpcClient
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import Address, InitiativeId, Suite
from tests.gateway.chain import MemoryChain
from tests.gateway.consortium import Consortium, until

ORIGIN = b"chain and deployment"
SUITE = Suite(*(Address(bytes([number]) * 20) for number in range(1, 8)))


def sources(folder: Path, *rpcs: RpcClient) -> Sources:
    return Sources([Source(f"source {number}", rpc) for number, rpc in enumerate(rpcs)], Evidence(folder / "evidence"))


class Follower:
    """An indexer over a chain in memory, and what was told of lost blocks."""

    def __init__(self, folder: Path, chain: MemoryChain, finality: float) -> None:
        self.store = IndexStore(locate(folder, None, INDEX), ORIGIN)
        self.view = ChainView(7, Address(b"\x09" * 20), SUITE, self.store)
        self.rewound: list[int] = []
        self.indexer = Indexer(
            sources(folder, chain.rpc()),
            self.store,
            self.view,
            (b"\x09" * 20,),
            0,
            finality,
            0.01,
            self.rewound.append,
        )
        self.indexer.load()

    def read(self) -> None:
        while self.indexer.round():
            pass


@pytest.fixture
def chain() -> MemoryChain:
    chain = MemoryChain()
    for _ in range(9):
        chain.mine()
    return chain


@pytest.fixture
def embedded(tmp_path: Path, chain: MemoryChain) -> Iterator[Follower]:
    follower = Follower(tmp_path, chain, 3.0)
    follower.read()
    yield follower
    follower.store.close()


@pytest.fixture
def final(tmp_path: Path, chain: MemoryChain) -> Iterator[Follower]:
    follower = Follower(tmp_path, chain, 0.0)
    follower.read()
    yield follower
    follower.store.close()


def test_G6_an_embedded_chain_that_lost_blocks_is_read_again(embedded: Follower, chain: MemoryChain) -> None:
    chain.lose(3)
    embedded.read()
    assert embedded.rewound == [6]
    assert embedded.view.as_of().block == 6
    chain.refork(5)
    chain.mine()
    embedded.read()
    assert embedded.rewound == [6, 4]
    assert embedded.view.as_of().hash == chain.hash(7)


def test_G6_a_fork_of_a_final_chain_stops_the_indexer(final: Follower, chain: MemoryChain, tmp_path: Path) -> None:
    chain.refork(5)
    with pytest.raises(ChainFork, match="block 9"):
        final.indexer.round()
    final.indexer.start()
    until(lambda: not final.indexer._thread.is_alive())

    [file] = (tmp_path / "evidence").glob("fork-*.json")
    kept = json.loads(file.read_text())
    assert kept["read"] != kept["now"]
    for which in ("read", "now"):  # two headers of one block: who sealed both is convicted
        assert keccak(bytes.fromhex(kept[f"{which}_header"][2:])).hex() == kept[which][2:]
    assert "block 9 of a final chain" in str(final.indexer.fault())
    assert final.indexer.refuses_writes()
    assert final.view.as_of().block == 9  # reads stay up
    assert final.rewound == []


def test_G6_a_node_that_is_behind_is_waited_for(final: Follower, chain: MemoryChain) -> None:
    chain.lose(2)
    with pytest.raises(NodeError, match="behind"):
        final.indexer.round()
    assert final.view.as_of().block == 9


def test_G6_a_chain_that_is_not_heard_of_refuses_writes_after_a_while(
    embedded: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not embedded.indexer.refuses_writes()
    monkeypatch.setattr(indexer_module, "STALE_AFTER", -1.0)
    assert embedded.indexer.refuses_writes()


def test_G5_an_event_that_no_contract_emits_is_not_read(final: Follower, chain: MemoryChain) -> None:
    """The block holds together, but its event is none."""
    chain.emit([(b"\x09" * 20, [b"\x22" * 32], b"")])
    with pytest.raises(ProtocolError):
        final.indexer.round()
    assert final.view.as_of().block == 9


# The file


def filled(folder: Path) -> Path:
    """An index of 49 blocks, closed; its file."""
    store = IndexStore(locate(folder, None, INDEX), ORIGIN)
    view = ChainView(7, Address(b"\x09" * 20), SUITE, store)
    view.load()
    event = RawEvent(0, 0, b"\x66" * 20, (b"\x02" * 32,), b"data" * 2000)
    view.append([(checkpoint(number), [event]) for number in range(1, 50)])
    store.close()
    return folder / "index.sqlite"


def checkpoint(number: int) -> Checkpoint:
    return Checkpoint(number, bytes([number]) * 32, bytes(32), number)


def test_the_file_keeps_what_was_read(tmp_path: Path) -> None:
    filled(tmp_path)
    store = IndexStore(locate(tmp_path, None, INDEX), ORIGIN)
    assert store.head() == checkpoint(49)
    assert store.count() == (49, 49)
    store.close()


def test_G7_a_file_of_another_chain_is_begun_anew(tmp_path: Path) -> None:
    filled(tmp_path)
    store = IndexStore(locate(tmp_path, None, INDEX), b"another chain")
    assert store.head() is None
    store.close()


@pytest.mark.parametrize("version", ["RAW_VERSION", "PROJECTIONS_VERSION"])
def test_G7_another_version_of_the_schema_rebuilds_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    filled(tmp_path)
    monkeypatch.setattr(store_module, version, 77)
    store = IndexStore(locate(tmp_path, None, INDEX), ORIGIN)
    assert store.folded() is None
    assert store.count() == ((0, 0) if version == "RAW_VERSION" else (49, 49))
    store.close()


@pytest.mark.parametrize("length", [0, 50, 5_000, 50_000])
def test_G7_a_truncated_file_is_begun_anew(tmp_path: Path, length: int, caplog: pytest.LogCaptureFixture) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    store = IndexStore(locate(tmp_path, None, INDEX), ORIGIN)
    assert store.head() is None
    view = ChainView(7, Address(b"\x09" * 20), SUITE, store)
    view.load()
    view.append([(checkpoint(1), [])])
    assert store.head() == checkpoint(1)
    store.close()
    assert length == 0 or "read anew" in caplog.text


def test_G7_no_database_at_all_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(secrets.token_bytes(9000))
    store = IndexStore(locate(tmp_path, None, INDEX), ORIGIN)
    assert store.head() is None
    store.close()


def test_blocks_are_kept_whole_or_not_at_all(final: Follower) -> None:
    event = RawEvent(0, 0, b"\x66" * 20, (), b"")
    with pytest.raises(DatabaseConflict):
        final.view.append([(checkpoint(10), [event]), (checkpoint(11), [event, event])])
    assert final.view.as_of().block == 9
    head = final.store.head()
    assert head is not None
    assert head.number == 9


def test_a_second_process_does_not_fold_the_same_index(final: Follower, tmp_path: Path) -> None:
    with pytest.raises(DatabaseInUse):
        IndexStore(locate(tmp_path, None, INDEX), ORIGIN)


# The view


def test_a_view_that_read_nothing_says_so_and_not_that_nothing_exists(tmp_path: Path) -> None:
    store = IndexStore(locate(tmp_path, None, INDEX), ORIGIN)
    view = ChainView(7, Address(b"\x09" * 20), SUITE, store)
    view.load()
    with pytest.raises(ChainUnavailable):
        view.as_of()
    with pytest.raises(ChainUnavailable):
        view.rules(InitiativeId(1))
    store.close()


def test_G7_an_index_that_was_deleted_gives_the_same_answers(consortium: Consortium) -> None:
    initiative, voters = consortium.voting(3)
    entry = consortium.ballot(initiative, voters[0])
    path = f"/v1/initiatives/{initiative}"
    client = consortium.clients["C"]
    assert client.post(f"{path}/ballots", json={"entry": "0x" + entry.hex()}).status_code == 202
    until(lambda: client.get(path).json()["distinct"] == 1)
    reads = [path, f"{path}/leaves/0", f"{path}/nodes", f"{path}/counts", f"{path}/proposals"]
    reads += [f"{path}/slots/{digit}" for digit in "0123456789abcdef"]

    def answers() -> list[Any]:
        found = [client.get(read).json() for read in reads]
        return [{key: value for key, value in answer.items() if key != "as_of"} for answer in found]

    before = answers()
    for damage in ("deleted", "truncated"):
        consortium.stop("C")
        file = consortium.folder / "C" / "index.sqlite"
        if damage == "deleted":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:20_000])
        consortium.start("C")
        assert answers() == before
    # The journal was not the index's: the ballot is still known.
    assert client.post(f"{path}/ballots", json={"entry": "0x" + entry.hex()}).json()["status"] == "final"
