# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fold that keeps a part of the state gives what the fold of everything gives, wherever it is interrupted (G7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from gateway.database import INDEX, locate
from gateway.index import tables
from gateway.index.export import digest, lines
from gateway.index.folding import Folding
from gateway.index.model import Checkpoint, RawEvent
from gateway.index.store import IndexStore
from protocol.events import AccountChanged, EntitySuspended, Event, encode
from protocol.hashing import keccak
from protocol.state import EventMeta, State, apply, next_turn, status_at
from protocol.state.alone import ConsortiumHistory, refold
from protocol.types import EntityId, InitiativeId, Role
from tests.protocol.chronicle import CHAIN_ID, CONSORTIUM, ONE, SUITE, Chronicle, address, whole_life

Blocks = list[tuple[Checkpoint, list[RawEvent]]]


@pytest.fixture(scope="module")
def log() -> list[tuple[Event, EventMeta]]:
    return whole_life().log


@pytest.fixture(scope="module")
def blocks(log: Sequence[tuple[Event, EventMeta]]) -> Blocks:
    return blocks_of(log)


def blocks_of(log: Sequence[tuple[Event, EventMeta]]) -> Blocks:
    """A checkpoint for each block that has events."""
    found: Blocks = []
    for number, group in groupby(log, key=lambda one: one[1].block):
        events = list(group)
        raw = [RawEvent(meta.transaction, meta.log, meta.address, *encode(event)) for event, meta in events]
        own, parent = keccak(b"block%d" % number), keccak(b"block%d" % (number - 1))
        found.append((Checkpoint(number, own, parent, events[0][1].timestamp), raw))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[IndexStore]:
    made = IndexStore(locate(tmp_path, None, INDEX), b"origin")
    yield made
    made.close()


def folding(store: IndexStore, capacity: int) -> Folding:
    made = Folding(CHAIN_ID, CONSORTIUM, SUITE, store, capacity)
    made.load()
    return made


@pytest.fixture(scope="module")
def expected(blocks: Blocks, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All at once, with nothing forgotten on the way."""
    store = IndexStore(locate(tmp_path_factory.mktemp("full"), None, INDEX), b"origin")
    folding(store, 10**9).append(blocks)
    found = list(lines(store.database))
    store.close()
    return found


def test_G7_an_initiative_alone_is_what_it_is_among_all(log: Sequence[tuple[Event, EventMeta]]) -> None:
    """After every event of a whole life: the initiative from its own events equals the one that was folded with all."""
    state, history = State(CHAIN_ID, CONSORTIUM, SUITE), ConsortiumHistory()
    own: dict[int, list[tuple[Event, EventMeta]]] = {}
    for event, meta in log:
        changes = apply(state, event, meta)
        number = getattr(event, "initiative", None)
        if number is None:
            history.note(state, meta, changes)
            continue
        own.setdefault(number, []).append((event, meta))
        if not state.expected and not state.skips:
            assert refold(state, InitiativeId(number), history, own[number]) == state.initiatives[number]
    assert set(own) == {1, 2}


def test_G7_what_entities_become_later_changes_nothing_that_they_signed() -> None:
    """A registrar gets another account, and is suspended, after it signed: the initiative alone is still the same."""
    c = Chronicle()
    c.until_voting()
    c.emit(AccountChanged(EntityId(2), Role.REGISTRAR, address("another")))
    c.motion(CONSORTIUM, "suspend(uint32)", [2], EntitySuspended(EntityId(2)))
    state, history = State(CHAIN_ID, CONSORTIUM, SUITE), ConsortiumHistory()
    for event, meta in c.log:
        history.note(state, meta, apply(state, event, meta))
    own = [(event, meta) for event, meta in c.log if getattr(event, "initiative", None) == ONE]
    assert refold(state, ONE, history, own) == c.initiative


def test_G7_whatever_is_forgotten_comes_back(store: IndexStore, blocks: Blocks, expected: list[str]) -> None:
    """A memory for nothing: every initiative is folded again for every block."""
    fold = folding(store, 0)
    for block in blocks:
        fold.append([block])
        assert len(fold.lazy) <= 1
    assert list(lines(store.database)) == expected


def test_G7_a_restart_after_any_block_changes_nothing(store: IndexStore, blocks: Blocks, expected: list[str]) -> None:
    for block in blocks:
        folding(store, 10**9).append([block])
    assert list(lines(store.database)) == expected


def test_G7_projections_of_another_version_are_folded_anew(
    store: IndexStore, blocks: Blocks, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small steps, each after a restart: killed in the middle, it goes on."""
    folding(store, 10**9).append(blocks)
    store.forget_projections()
    assert store.folded() is None
    monkeypatch.setattr("gateway.index.store.PAGE", 3)
    steps = 1
    while folding(store, 0).catch_up():
        steps += 1
    assert steps > 10
    assert list(lines(store.database)) == expected


def test_G7_the_same_on_postgresql(
    make_postgresql: Callable[[], URL], blocks: Blocks, expected: list[str], tmp_path: Path
) -> None:
    """Block by block, with restarts and a rewind, on the other database: equal lines, equal hash."""
    store = IndexStore(make_postgresql(), b"origin")
    half = len(blocks) // 2
    fold = folding(store, 0)
    for block in blocks[: half + 5]:
        fold.append([block])
    fold.rewind(blocks[half - 1][0].number)
    folding(store, 0).append(blocks[half:])
    assert list(lines(store.database)) == expected
    store.forget_projections()
    fold = folding(store, 0)
    while fold.catch_up():
        pass
    other = IndexStore(locate(tmp_path, None, INDEX), b"origin")
    folding(other, 10**9).append(blocks)
    assert digest(store.database) == digest(other.database)
    other.close()
    store.close()


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_G7_blocks_that_were_lost_leave_nothing(
    data: st.DataObject, blocks: Blocks, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Read to the end, go back to any block: as if it had been read to there alone."""
    at = data.draw(st.integers(0, len(blocks) - 1))
    upto = data.draw(st.integers(at, len(blocks) - 1))
    stores = [IndexStore(locate(tmp_path_factory.mktemp("lost"), None, INDEX), b"origin") for _ in range(2)]
    longer, shorter = (folding(store, 5) for store in stores)
    longer.append(blocks[: upto + 1])
    longer.rewind(blocks[at][0].number)
    shorter.append(blocks[: at + 1])
    assert list(lines(stores[0].database)) == list(lines(stores[1].database))
    if upto > at:
        longer.append(blocks[at + 1 :])
        shorter.append(blocks[at + 1 :])
        assert digest(stores[0].database) == digest(stores[1].database)
    for store in stores:
        store.close()


def test_phases_in_the_database_are_those_of_the_state(
    store: IndexStore, blocks: Blocks, log: Sequence[tuple[Event, EventMeta]]
) -> None:
    """At every block, and at every turn between blocks."""
    fold, state = folding(store, 10**9), State(CHAIN_ID, CONSORTIUM, SUITE)
    events = iter(log)
    checkpoint = blocks[0][0]
    for checkpoint, raw in blocks:
        fold.append([(checkpoint, raw)])
        for _ in raw:
            apply(state, *next(events))
        assert _phases(store) == _true(state, checkpoint.timestamp)
    for _ in range(8):
        turns = [next_turn(one, checkpoint.timestamp) for one in state.initiatives.values()]
        later = min((turn for turn in turns if turn is not None), default=None)
        if later is None:
            break
        checkpoint = Checkpoint(checkpoint.number + 1, keccak(checkpoint.hash), checkpoint.hash, later)
        fold.append([(checkpoint, [])])
        assert _phases(store) == _true(state, later)


def _phases(store: IndexStore) -> dict[int, tuple[int, int]]:
    own = tables.initiative.c
    rows = store.database.all(sa.select(own.id, own.phase, own.void_reason))
    return {number: (phase, reason) for number, phase, reason in map(tuple, rows)}


def _true(state: State, now: int) -> dict[int, tuple[int, int]]:
    found = {number: status_at(one, now) for number, one in state.initiatives.items()}
    return {int(number): (int(phase), int(reason)) for number, (phase, reason) in found.items()}
