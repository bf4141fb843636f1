# SPDX-License-Identifier: AGPL-3.0-or-later
"""The initiatives of some phases, in pages, with what decides whom they are open to; from the index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from gateway.index.reads import Reads
from gateway.index.tables import initiative, rules
from gateway.wire import AsOf
from protocol.rules import decode
from protocol.types import InitiativeId, Phase


@dataclass(frozen=True, slots=True)
class Candidate:
    """`scope` is the canonical JSON; times are Unix seconds of the chain."""

    initiative: InitiativeId
    title: str
    phase: Phase
    opens: int
    closes: int
    issuers: tuple[str, ...]
    scope: bytes


class Candidates:
    """Each page is of one state of the index."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def after(self, number: InitiativeId, phases: Collection[Phase], limit: int) -> tuple[AsOf, list[Candidate]]:
        """Up to `limit` initiatives with a higher number, ascending. Raises ChainUnavailable, DatabaseError."""
        found: list[Any] = []
        with self._reads.snapshot() as now:
            for phase in phases:  # one walk along the index each: together they would be sorted, or all looked at
                found += now.all(_page(phase, number, limit))
        return now.as_of, [_candidate(row) for row in sorted(found, key=lambda row: int(row.id))[:limit]]


def _page(phase: Phase, number: InitiativeId, limit: int) -> sa.Select[Any]:
    return (
        sa.select(
            initiative.c.id,
            initiative.c.title,
            initiative.c.phase,
            initiative.c.registration_opens,
            initiative.c.registration_closes,
            rules.c.encoded,
            rules.c.scope,
        )
        .join_from(initiative, rules, initiative.c.id == rules.c.initiative)
        .where(initiative.c.phase == int(phase), initiative.c.id > number)
        .order_by(initiative.c.id)
        .limit(limit)
    )


def _candidate(row: sa.Row[Any]) -> Candidate:
    return Candidate(
        InitiativeId(row.id),
        row.title,
        Phase(row.phase),
        row.registration_opens,
        row.registration_closes,
        _issuers(bytes(row.encoded)),
        bytes(row.scope),
    )


@lru_cache(maxsize=4096)
def _issuers(encoded: bytes) -> tuple[str, ...]:
    return decode(encoded).issuers
