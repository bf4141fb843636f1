# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is asked of any initiative first comes from its rows: nobody makes a gateway fold old cities again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.database import INDEX, locate
from gateway.index.facts import Reported
from gateway.index.lazy import LazyInitiatives
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from gateway.problems import UnknownInitiative
from protocol.state import InitiativeState
from protocol.types import InitiativeId
from tests.gateway.index.test_folding import Blocks, blocks_of
from tests.protocol.chronicle import CHAIN_ID, CONSORTIUM, ONE, SUITE, Chronicle, whole_life

MANY = 10**9
WEIGHT = 100  # room for the live one, and not for the other as well
ASKED: tuple[Callable[[ChainView, InitiativeId], Any], ...] = (
    ChainView.phase,
    ChainView.windows,
    ChainView.rules,
    ChainView.scope,
    ChainView.ballot_scope,
    ChainView.words,
    ChainView.counted,
    ChainView.followed,
)


@pytest.fixture
def open_view(tmp_path: Path) -> Iterator[Callable[[str, int], ChainView]]:
    with ExitStack() as stack:

        def made(name: str, capacity: int) -> ChainView:
            (tmp_path / name).mkdir()
            store = IndexStore(locate(tmp_path / name, None, INDEX), b"origin")
            stack.callback(store.close)
            view = ChainView(CHAIN_ID, CONSORTIUM, SUITE, store, capacity)
            view.load()
            return view

        yield made


@pytest.fixture(scope="module")
def blocks() -> Blocks:
    return blocks_of(whole_life().log)


def test_rows_say_what_the_folded_state_says_after_every_block(
    open_view: Callable[[str, int], ChainView], blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm, cold = open_view("warm", MANY), open_view("cold", 0)
    for block in blocks:
        warm.append([block])
        cold.append([block])
        assert not list(lazy(cold))
        with monkeypatch.context() as watched:
            watched.setattr(lazy(cold), "_load", never)
            for initiative in warm.initiatives():
                for ask in ASKED:
                    assert ask(cold, initiative) == ask(warm, initiative), (block[0].number, ask)
            with pytest.raises(UnknownInitiative):
                cold.words(InitiativeId(99))
    accumulator, attested = cold.counted(ONE)
    assert accumulator is not None
    assert attested is not None


def test_reports_are_those_of_the_state(open_view: Callable[[str, int], ChainView], blocks: Blocks) -> None:
    view = open_view("one", MANY)
    view.append(blocks)
    options, reports = view.followed(ONE)
    state = view.require(ONE)
    assert [(one.proposal, one.cost) for one in options] == list(
        zip(state.proposals.options, state.proposals.costs, strict=True)
    )
    expected = [
        Reported(
            option,
            number,
            one.meta.block,
            one.meta.timestamp,
            one.status,
            one.share_done,
            one.spent,
            one.content_hash,
            one.erasure,
        )
        for option, given in sorted(state.follow_up.reports.items())
        for number, one in enumerate(given, 1)
    ]
    assert reports == expected
    assert reports


def test_an_ended_initiative_never_takes_a_live_ones_place(
    open_view: Callable[[str, int], ChainView], blocks: Blocks
) -> None:
    view = open_view("one", MANY)
    view.append(blocks)
    chronicle = Chronicle()
    chronicle.until_voting()
    ended, live = view.require(ONE), chronicle.initiative
    assert ended.count.is_complete
    loaded: list[int] = []

    def load(initiative: InitiativeId) -> InitiativeState:
        loaded.append(initiative)
        return {1: ended, 2: live}[initiative]

    held = LazyInitiatives(load, view.locked(), capacity=WEIGHT)
    assert held[InitiativeId(2)] is live
    for _ in range(3):
        assert held[ONE] is ended
        assert held[InitiativeId(2)] is live
    assert loaded == [2, 1, 1, 1]


def lazy(view: ChainView) -> LazyInitiatives:
    initiatives = view.state().initiatives
    assert isinstance(initiatives, LazyInitiatives)
    return initiatives


def never(initiative: InitiativeId) -> None:
    raise AssertionError(f"initiative {initiative} was folded again")
