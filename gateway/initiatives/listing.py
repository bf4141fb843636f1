# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of initiatives, newest first, filtered, in pages that stay put while new ones come in.

A page never looks at more than some thousand rows: the rarest filter is walked along its index, the others are held
against what it gives. Where that finds too little a page is short, and its cursor goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.cursors import decode_cursor, encode_cursor
from gateway.index.reads import Snapshot
from gateway.index.tables import area, initiative, word
from gateway.index.words import words_of
from gateway.problems import MalformedRequest
from protocol.types import Kind, Phase

MAX_PAGE = 100
MAX_TERMS = 6
WINDOWS = (512, 4_096)
_RARE = 1_000
_LAST = (1 << 63) - 1

Ids = Callable[[int], sa.Select[Any]]
"""Ids of initiatives below the cursor, newest first; one column, `id`."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Those that are given must all hold. Each word of `text` begins a word of the title."""

    phase: Phase | None = None
    kind: Kind | None = None
    entity: int | None = None
    area: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class _Filter:
    """`ids` walks along an index, `some` counts how many there are up to a bound, `holds` is asked of single rows; a
    `wide` one may not be walked if it is common."""

    ids: Ids
    some: sa.Select[Any]
    holds: sa.ColumnElement[bool]
    wide: bool = False


def page(
    now: Snapshot, columns: Sequence[sa.ColumnElement[Any]], filters: Filters, cursor: str | None, limit: int
) -> tuple[list[Any], str | None]:
    """Rows of `columns`, the first of which is the id, and the cursor of the next page where there may be one."""
    below = _LAST if cursor is None else decode_cursor("initiative", cursor)
    given = _filters(filters)
    own = sa.select(*columns).order_by(initiative.c.id.desc()).limit(limit + 1)
    if not given:
        found = now.all(own.where(initiative.c.id < below))
        return found[:limit], encode_cursor("initiative", found[limit - 1][0]) if len(found) > limit else None
    driver = _rarest(now, given)
    others = [one.holds for one in given if one is not driver]
    walk: Ids = _all if driver is None else driver.ids
    for window in WINDOWS:
        ids = walk(below).limit(window).subquery()
        found = now.all(own.join_from(ids, initiative, initiative.c.id == ids.c.id).where(*others))
        if len(found) > limit:
            return found[:limit], encode_cursor("initiative", found[limit - 1][0])
        last, seen = tuple(now.first(sa.select(sa.func.min(ids.c.id), sa.func.count()).select_from(ids)))
        if seen < window:
            return found, None
    return found, encode_cursor("initiative", last)


def _rarest(now: Snapshot, given: Sequence[_Filter]) -> _Filter | None:
    """None: the list itself is walked."""
    counts: list[tuple[int, int, _Filter]] = []
    for one in given:
        if len(given) == 1 and not one.wide:
            return one
        (count,) = tuple(now.first(sa.select(sa.func.count()).select_from(one.some.limit(_RARE).subquery())))
        if not (one.wide and count == _RARE):
            counts.append((count, len(counts), one))
    return min(counts)[2] if counts else None


def _all(below: int) -> sa.Select[Any]:
    return sa.select(initiative.c.id).where(initiative.c.id < below).order_by(initiative.c.id.desc())


def _filters(filters: Filters) -> list[_Filter]:
    given = []
    if filters.entity is not None:
        given.append(_column(initiative.c.publisher, filters.entity))
    if filters.area is not None:
        given.append(_area(filters.area))
    if filters.phase is not None:
        given.append(_column(initiative.c.phase, int(filters.phase)))
    if filters.kind is not None:
        given.append(_column(initiative.c.kind, int(filters.kind)))
    terms = words_of(filters.text or "")[:MAX_TERMS]
    if filters.text is not None and not terms:
        raise MalformedRequest("The text to look for has no letter and no digit.")
    return given + [_term(term) for term in terms]


def _column(column: sa.Column[Any], value: int) -> _Filter:
    def ids(below: int) -> sa.Select[Any]:
        return (
            sa.select(initiative.c.id).where(column == value, initiative.c.id < below).order_by(initiative.c.id.desc())
        )

    # No index for this one: it is held against rows that another filter found.
    some = sa.select(sa.literal(1)).select_from(initiative).where(column == value)
    return _Filter(ids, some, sa.func.coalesce(column, -1) == value)


def _area(code: str) -> _Filter:
    def ids(below: int) -> sa.Select[Any]:
        own = area.c.initiative
        return sa.select(own.label("id")).where(area.c.code == code, own < below).order_by(own.desc())

    some = sa.select(sa.literal(1)).select_from(area).where(area.c.code == code)
    return _Filter(ids, some, sa.exists().where(area.c.code == code, area.c.initiative == initiative.c.id))


def _term(term: str) -> _Filter:
    begins = sa.and_(word.c.word >= term, word.c.word < term + "\U0010ffff")

    def ids(below: int) -> sa.Select[Any]:
        # Walked only where it is rare, so that the bound takes nothing away; it keeps the search apart from the order.
        found = sa.select(word.c.initiative.label("id")).where(begins).limit(_RARE).subquery()
        return sa.select(found.c.id).where(found.c.id < below).group_by(found.c.id).order_by(found.c.id.desc())

    some = sa.select(sa.literal(1)).select_from(word).where(begins)
    return _Filter(ids, some, sa.exists().where(word.c.initiative == initiative.c.id, begins), wide=True)
