# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of initiatives against a plain filter in Python; pages; slots in buckets (P3). On both databases."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cursors import decode_cursor, encode_cursor
from gateway.database import INDEX, locate
from gateway.index import tables
from gateway.index.model import Checkpoint, Folded
from gateway.index.reads import Reads
from gateway.index.rows import Rows
from gateway.index.store import IndexStore
from gateway.index.words import words_of
from gateway.initiatives import listing, repository
from gateway.initiatives.listing import Filters
from gateway.initiatives.repository import BUCKET
from gateway.problems import MalformedRequest, PrefixTooLong, UnknownInitiative
from protocol.bn254 import SCALAR_FIELD
from protocol.types import InitiativeId, Kind, Phase

COUNT = 3_000
WORDS = ["Orçamento", "participativo", "escola", "Évora", "ciclovia", "jardim", "2026", "rua", "São", "parque"]
AREAS = ["PT-1106", "PT-1106-01", "PT-0302", "PT-1312"]


def _row(number: int, dice: random.Random) -> dict[str, Any]:
    """Rare and common values of everything that is filtered by."""
    phase = dice.choices(list(Phase), [1, 3, 3, 10, 2, 2, 300, 60])[0]
    return {
        "id": number,
        "publisher": dice.choices([1, 2, 3, 40], [1000, 100, 10, 1])[0],
        "kind": int(dice.choices(list(Kind), [100, 50, 10, 5, 1])[0]),
        "title": " ".join(dice.choices(WORDS, range(1, len(WORDS) + 1), k=4)),
        "phase": int(phase),
    }


class Filled:
    """An index with rows that no fold made."""

    def __init__(self, store: IndexStore) -> None:
        dice = random.Random(5)
        self.store, self.reads = store, Reads(store, lambda: False)
        self.rows = [_row(number, dice) for number in range(1, COUNT + 1)]
        self.areas = {row["id"]: dice.sample(AREAS, dice.choices([0, 1, 2], [5, 3, 1])[0]) for row in self.rows}
        store.project(self._all(), Folded(Checkpoint(9, b"\x09" * 32, b"\x08" * 32, 1_000), 2, COUNT))

    def _all(self) -> Rows:
        rows = Rows()
        for row in self.rows:
            rows.put(tables.initiative, whole(row))
            for word in words_of(row["title"]):
                rows.put(tables.word, {"word": word, "initiative": row["id"]})
            for code in self.areas[row["id"]]:
                rows.put(tables.area, {"code": code, "initiative": row["id"]})
        return rows

    def expected(self, filters: Filters) -> list[int]:
        terms = words_of(filters.text or "")
        return [
            row["id"]
            for row in reversed(self.rows)
            if (filters.phase is None or row["phase"] == filters.phase)
            and (filters.kind is None or row["kind"] == filters.kind)
            and (filters.entity is None or row["publisher"] == filters.entity)
            and (filters.area is None or filters.area in self.areas[row["id"]])
            and all(any(word.startswith(term) for word in words_of(row["title"])) for term in terms)
        ]

    def listed(self, filters: Filters, limit: int) -> list[int]:
        found: list[int] = []
        cursor: str | None = None
        while True:
            with self.reads.snapshot() as now:
                page, cursor = listing.page(now, [tables.initiative.c.id], filters, cursor, limit)
            assert len(page) <= limit
            found += [row[0] for row in page]
            if cursor is None:
                return found


def whole(row: dict[str, Any]) -> dict[str, Any]:
    """Every column; those that no test asks about are zero."""
    empty: dict[type, Any] = {int: 0, str: "", bytes: b"", bool: False}
    columns = tables.initiative.columns
    return {
        column.name: row.get(column.name, None if column.nullable else empty[column.type.python_type])
        for column in columns
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if request.param == "sqlite":
        store = IndexStore(locate(tmp_path_factory.mktemp("entity"), None, INDEX), b"origin")
        yield Filled(store)
        store.close()
    else:
        store = IndexStore(request.getfixturevalue("make_postgresql")(), b"origin")
        yield Filled(store)
        store.close()


FILTERS = st.builds(
    Filters,
    phase=st.none() | st.sampled_from(Phase),
    kind=st.none() | st.sampled_from(Kind),
    entity=st.none() | st.sampled_from([1, 2, 3, 40, 99]),
    area=st.none() | st.sampled_from([*AREAS, "PT-1106-0"]),
    text=st.none()
    | st.sampled_from(["orcamento", "ORÇ", "p", "escola évora", "2026 ru", "nada", "sao", "par jar cicl"]),
)


@settings(max_examples=40, deadline=None)
@given(filters=FILTERS, limit=st.sampled_from([7, 50, 100]))
def test_the_list_is_the_filtered_one_newest_first_each_once(filled: Filled, filters: Filters, limit: int) -> None:
    assert filled.listed(filters, limit) == filled.expected(filters)


def test_pages_stay_put_while_new_ones_come_in(filled: Filled) -> None:
    with filled.reads.snapshot() as now:
        first, cursor = listing.page(now, [tables.initiative.c.id], Filters(kind=Kind.CONSULTATION), None, 10)
    rows = Rows()
    newest = {"id": COUNT + 1, "publisher": 1, "kind": int(Kind.CONSULTATION), "title": "new", "phase": 0}
    rows.put(tables.initiative, whole(newest))
    filled.store.project(rows, Folded(Checkpoint(10, b"\x0a" * 32, b"\x09" * 32, 1_000), 2, COUNT + 1))
    try:
        with filled.reads.snapshot() as now:
            second, _ = listing.page(now, [tables.initiative.c.id], Filters(kind=Kind.CONSULTATION), cursor, 10)
        assert [row[0] for row in first + second] == filled.expected(Filters(kind=Kind.CONSULTATION))[:20]
    finally:
        with filled.store.database.transaction() as db:
            db.execute(sa.delete(tables.initiative).where(tables.initiative.c.id == COUNT + 1))


def test_what_matches_seldom_ends_with_short_pages(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page looks at more rows than the window: it is short, even empty, and goes on."""
    monkeypatch.setattr(listing, "WINDOWS", (16, 64))
    monkeypatch.setattr(listing, "_RARE", 50)
    filters = Filters(kind=Kind.PARTICIPATORY_BUDGET, phase=Phase.COUNTED, text="r")
    with filled.reads.snapshot() as now:
        page, cursor = listing.page(now, [tables.initiative.c.id], filters, None, 100)
    assert cursor is not None
    assert len(page) < 64
    assert filled.listed(filters, 100) == filled.expected(filters)


@pytest.mark.parametrize(
    "cursor", ["", "x", "aTE", encode_cursor("entity", 5), encode_cursor("initiative", 5) + "=", "é"]
)
def test_a_cursor_of_nobody_is_refused(filled: Filled, cursor: str) -> None:
    with pytest.raises(MalformedRequest), filled.reads.snapshot() as now:
        listing.page(now, [tables.initiative.c.id], Filters(), cursor, 10)
    assert decode_cursor("initiative", encode_cursor("initiative", 5)) == 5


def test_a_text_without_letters_is_refused(filled: Filled) -> None:
    with pytest.raises(MalformedRequest), filled.reads.snapshot() as now:
        listing.page(now, [tables.initiative.c.id], Filters(text="!? _"), None, 10)


def test_words_are_found_without_case_and_accents() -> None:
    assert words_of("Orçamento PARTICIPATIVO, São João! №5 STRASSE_straße") == [
        "joao", "no5", "orcamento", "participativo", "sao", "strasse",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(phase=Phase.VOTING),
        Filters(kind=Kind.CONTEST, phase=Phase.VOID),
        Filters(entity=3),
        Filters(area="PT-0302", phase=Phase.COUNTED),
        Filters(text="escola évora"),
        Filters(text="p", kind=Kind.CONSULTATION, entity=1, area="PT-1106", phase=Phase.COUNTED),
    ],
)
def test_no_page_scans_a_table(filled: Filled, filters: Filters) -> None:
    """SQLite's own plan for every statement of a page: each table is searched, or walked along an index."""
    if not filled.store.database.is_sqlite:
        pytest.skip("the planner of PostgreSQL goes by statistics")
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    engine = filled.store.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        with filled.reads.snapshot() as now:
            listing.page(now, [tables.initiative.c.id, tables.initiative.c.title], filters, None, 50)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert asked
    with filled.store.database.read() as db:
        for statement, parameters in asked:
            for row in db.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters):
                step = row[3]
                table = step.split()[1] if step.startswith("SCAN") else ""
                walked = "USING" in step or table not in ("initiative", "area", "word", "rules")
                if table == "initiative" and not walked:  # along the primary key, newest first, as far as a page goes
                    walked = "ORDER BY initiative.id DESC" in statement and "LIMIT" in statement
                assert walked, (step, statement)


# Slots


def cast(store: IndexStore, initiative: int, nullifiers: list[int]) -> None:
    rows = Rows()
    rows.put(tables.initiative, whole({"id": initiative, "title": "box"}))
    for nullifier in nullifiers:
        key = nullifier.to_bytes(32, "big")
        rows.put(tables.slot, {"initiative": initiative, "nullifier": key, "slot": (1 << 224).to_bytes(32, "big")})
    with store.database.transaction() as db:
        rows.write(db)


def test_P3_prefixes_partition_the_slots_and_grow_only_where_one_holds_too_many(filled: Filled) -> None:
    one = InitiativeId(COUNT + 100)
    drawn = [secrets.randbelow(SCALAR_FIELD) for _ in range(9_000)]
    cast(filled.store, one, drawn)
    with filled.reads.snapshot() as now:
        by_digit = {digit: repository.slots(now, one, digit) for digit in "0123456789abcdef"}
        assert [nullifier for found in by_digit.values() for nullifier, _ in found] == sorted(drawn)
        for digit, found in by_digit.items():
            assert all(f"{nullifier:064x}".startswith(digit) for nullifier, _ in found)
        with pytest.raises(PrefixTooLong):
            repository.slots(now, one, "00")  # some 3,000 begin with 0: nullifiers are below the field's order, 0x3064…
    cast(filled.store, one, [(7 << 248) + number for number in range(BUCKET + 1)])
    with filled.reads.snapshot() as now:
        assert len(repository.slots(now, one, "07")) >= BUCKET + 1
        assert len(repository.slots(now, one, "070")) >= BUCKET + 1
        with pytest.raises(PrefixTooLong) as refused:
            repository.slots(now, one, "08f")
        assert refused.value.extra["limit"] == 2
        with pytest.raises(UnknownInitiative):
            repository.slots(now, InitiativeId(COUNT + 101), "0")


def test_a_prefix_ends_where_the_next_begins(filled: Filled) -> None:
    one = InitiativeId(COUNT + 102)
    cast(filled.store, one, [0, 1 << 252, (2 << 252) - 1, 2 << 252])
    with filled.reads.snapshot() as now:
        counts = [len(repository.slots(now, one, digit)) for digit in "012f"]
    assert counts == [1, 2, 1, 0]
