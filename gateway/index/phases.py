# SPDX-License-Identifier: AGPL-3.0-or-later
"""Phases in the database: a column, true at the time of the folded block, by the same function as everywhere else.

A row names the time at which time alone may change its phase next, so that a block touches those few that are due, and
a list of the initiatives in a phase is a walk along an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.index.tables import initiative
from protocol.state import Standing, next_turn, status_at
from protocol.types import VoidReason, Windows

_COLUMNS = (
    initiative.c.id,
    initiative.c.registration_opens,
    initiative.c.registration_closes,
    initiative.c.voting_opens,
    initiative.c.voting_closes,
    initiative.c.challenge_period,
    initiative.c.voided,
    initiative.c.min_anonymity,
    initiative.c.registered,
    initiative.c.joint_key.is_not(None),
    initiative.c.options,
    initiative.c.distinct_ballots,
    initiative.c.is_counted,
)

_UPDATE = (
    sa.update(initiative)
    .where(initiative.c.id == sa.bindparam("of"))
    .values(phase=sa.bindparam("to_phase"), void_reason=sa.bindparam("to_reason"), turns=sa.bindparam("to_turns"))
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as what a phase depends on (`protocol.state.Standing`)."""

    windows: Windows
    voting_closes: int
    voided: VoidReason
    min_anonymity: int
    registered: int
    has_key: bool
    has_options: bool
    distinct: int
    is_counted: bool


def phase_columns(standing: Standing, now: int) -> dict[str, int | None]:
    """The columns that follow from facts and time."""
    phase, reason = status_at(standing, now)
    return {"phase": int(phase), "void_reason": int(reason), "turns": next_turn(standing, now)}


def turn_phases(db: sa.Connection, now: int) -> None:
    """Bring the rows that are due to the time of a block."""
    _update(db, initiative.c.turns <= now, now)


def return_phases(db: sa.Connection, now: int) -> None:
    """Bring all rows to the time of a block, where time went back with blocks that were lost."""
    _update(db, sa.true(), now)


def _update(db: sa.Connection, condition: sa.ColumnElement[bool], now: int) -> None:
    due = db.execute(sa.select(*_COLUMNS).where(condition)).all()
    changes = []
    for row in due:
        columns = phase_columns(_standing(row), now)
        changes.append({"of": row[0], **{f"to_{'reason' if k == 'void_reason' else k}": v for k, v in columns.items()}})
    if changes:
        db.execute(_UPDATE, changes)


def _standing(row: sa.Row[Any]) -> _Row:
    (_, opens, closes, voting, close, challenge), facts = tuple(row)[:6], tuple(row)[6:]
    voided, minimum, registered, key, options, distinct, counted = facts
    windows = Windows(opens, closes, voting, close, challenge, 0, 0)
    return _Row(
        windows, close, VoidReason(voided), minimum, registered, bool(key), options > 0, distinct, bool(counted)
    )
