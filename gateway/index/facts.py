# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is asked of any initiative before anything else: from its rows, without folding it.

A garbage ballot for an old city's vote, or a look at its reports, must not make this gateway fold that city again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from gateway.database import Database
from gateway.index.tables import initiative as initiatives
from gateway.index.tables import proposal, report, tally
from gateway.index.tables import rules as rules_table
from protocol import rules as encoding
from protocol.rules import Rules
from protocol.types import ExecutionStatus, Hash32, InitiativeId, Phase, ProposalId, Windows


@dataclass(frozen=True, slots=True)
class Facts:
    """As of the folded block; `windows` with the close in force, `accumulator` None until the count is complete."""

    rules: Rules
    windows: Windows
    scope: bytes
    ballot_scope: bytes
    phase: Phase
    words: int
    accumulator: int | None
    result_hash: Hash32 | None


@dataclass(frozen=True, slots=True)
class Option:
    """An accepted proposal."""

    number: int
    proposal: ProposalId
    cost: int


@dataclass(frozen=True, slots=True)
class Reported:
    """A report on an option's execution; `erasure` says why its text was erased."""

    option: int
    number: int
    block: int
    timestamp: int
    status: ExecutionStatus
    share_done: int
    spent: int
    content_hash: Hash32
    erasure: str | None


def stored_facts(database: Database, initiative: InitiativeId) -> Facts | None:
    """None where there is no such initiative. Raises DatabaseError."""
    own, count = initiatives.c, tally.c
    query = (
        sa.select(rules_table.c.encoded, rules_table.c.scope, rules_table.c.ballot_scope)
        .add_columns(own.phase, own.words, own.voting_closes, own.is_counted, count.accumulator, count.result_hash)
        .join_from(initiatives, rules_table, rules_table.c.initiative == own.id)
        .outerjoin(tally, count.initiative == own.id)
        .where(own.id == initiative)
    )
    rows = database.all(query)
    if not rows:
        return None
    row = rows[0]
    decoded = encoding.decode(bytes(row.encoded))
    return Facts(
        rules=decoded,
        windows=replace(decoded.windows, voting_closes=row.voting_closes),
        scope=bytes(row.scope),
        ballot_scope=bytes(row.ballot_scope),
        phase=Phase(row.phase),
        words=row.words,
        accumulator=int.from_bytes(row.accumulator) if row.is_counted else None,
        result_hash=None if row.result_hash is None else Hash32(bytes(row.result_hash)),
    )


def stored_options(database: Database, initiative: InitiativeId) -> list[Option]:
    """In their order. Raises DatabaseError."""
    own = proposal.c
    query = sa.select(own.option, own.id, own.cost).where(own.initiative == initiative, own.option.is_not(None))
    rows = database.all(query.order_by(own.option))
    return [Option(row.option, ProposalId(row.id), int(row.cost)) for row in rows]


def stored_reports(database: Database, initiative: InitiativeId) -> list[Reported]:
    """By option, each option's in their order. Raises DatabaseError."""
    own = report.c
    query = sa.select(report).where(own.initiative == initiative).order_by(own.option, own.id)
    return [
        Reported(
            option=row.option,
            number=row.id,
            block=row.block,
            timestamp=row.timestamp,
            status=ExecutionStatus(row.status),
            share_done=row.share_done,
            spent=int(row.spent),
            content_hash=Hash32(bytes(row.content_hash)),
            erasure=row.erasure,
        )
        for row in database.all(query)
    ]
