# SPDX-License-Identifier: AGPL-3.0-or-later
"""Queries about single initiatives; each is as of one block."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.index.reads import Snapshot
from gateway.index.tables import attestation, initiative, leaf, proposal, registrar, rules, slot, tally
from gateway.problems import PrefixTooLong, UnknownInitiative, UnknownRecord
from protocol.types import InitiativeId

BUCKET_LEVEL = 12
BUCKET = 1 << BUCKET_LEVEL
_DIGITS = 64


def buckets(size: int) -> int:
    """How many buckets the leaves of an electorate fill; an empty one has its first."""
    return max(1, -(-size // BUCKET))


def own(now: Snapshot, number: InitiativeId) -> Any:
    """The initiative's own row. Raises UnknownInitiative."""
    found = now.first(sa.select(initiative).where(initiative.c.id == number))
    if found is None:
        raise UnknownInitiative(f"There is no initiative {number} as of the last block read.")
    return found


def constants(now: Snapshot, number: InitiativeId) -> Any:
    """Its rules and scope; the initiative exists."""
    return now.first(sa.select(rules).where(rules.c.initiative == number))


def options(now: Snapshot, number: InitiativeId) -> list[Any]:
    """Option, proposal, cost; by option."""
    query = sa.select(proposal.c.option, proposal.c.id, proposal.c.cost)
    return now.all(
        query.where(proposal.c.initiative == number, proposal.c.option.is_not(None)).order_by(proposal.c.option)
    )


def proposals(now: Snapshot, number: InitiativeId) -> list[Any]:
    """All of them, in the order of submission."""
    return now.all(sa.select(proposal).where(proposal.c.initiative == number).order_by(proposal.c.id))


def registered_by(now: Snapshot, number: InitiativeId) -> dict[int, int]:
    """Persons for each registrar that signed for them."""
    query = sa.select(registrar.c.entity, registrar.c.registered).where(registrar.c.initiative == number)
    return {row[0]: row[1] for row in now.all(query.order_by(registrar.c.entity))}


def leaves(now: Snapshot, number: InitiativeId, bucket: int) -> list[int]:
    """Up to 4,096 commitments, in the order of the leaves. Raises UnknownRecord where there is no such bucket."""
    count = buckets(own(now, number).registered)
    if bucket >= count:
        raise UnknownRecord(f"There are {count} buckets, numbered from 0.")
    return bucket_of(now, number, bucket)


def bucket_of(now: Snapshot, number: InitiativeId, bucket: int) -> list[int]:
    """The same, where it is known to be there."""
    first = bucket * BUCKET
    within = leaf.c.place.between(first, first + BUCKET - 1)
    query = sa.select(leaf.c.commitment).where(leaf.c.initiative == number, within).order_by(leaf.c.place)
    return [int.from_bytes(row[0], "big") for row in now.all(query)]


def counts(now: Snapshot, number: InitiativeId) -> tuple[Any, dict[int, bytes]]:
    """The tally's row, None before the first ballot was counted, and the attestations."""
    own(now, number)
    given = sa.select(attestation.c.entity, attestation.c.result_hash).where(attestation.c.initiative == number)
    found = {row[0]: bytes(row[1]) for row in now.all(given.order_by(attestation.c.entity))}
    return now.first(sa.select(tally).where(tally.c.initiative == number)), found


def slots(now: Snapshot, number: InitiativeId, prefix: str) -> list[tuple[int, int]]:
    """Slots of the nullifiers whose 64 hex digits begin with `prefix`, ascending; as the box stored them, also when the
    count has cleared them since.

    Raises PrefixTooLong where a shorter prefix holds no more than 4,096: asking more closely would only tell whose slot
    somebody looks for.
    """
    own(now, number)
    for length in range(1, len(prefix)):
        some = sa.select(slot.c.nullifier).where(*_between(number, prefix[:length])).limit(BUCKET + 1).subquery()
        if now.first(sa.select(sa.func.count()).select_from(some))[0] <= BUCKET:
            raise PrefixTooLong(f"{length} digits are enough here: ask for {prefix[:length]}.", limit=length)
    query = sa.select(slot.c.nullifier, slot.c.slot).where(*_between(number, prefix)).order_by(slot.c.nullifier)
    return [(int.from_bytes(row[0], "big"), int.from_bytes(row[1], "big")) for row in now.all(query)]


def _between(number: InitiativeId, prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Nullifiers are 32 bytes, so that they sort as their digits do."""
    first = bytes.fromhex(prefix.ljust(_DIGITS, "0"))
    last = bytes.fromhex(prefix.ljust(_DIGITS, "f"))
    return slot.c.initiative == number, slot.c.nullifier.between(first, last)
