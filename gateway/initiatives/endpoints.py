# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /v1/initiatives and what is below. The electorate comes in buckets, so that nobody asks for one leaf."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from gateway.deps import Services, initiative_id, services
from gateway.index.reads import Snapshot
from gateway.index.tables import initiative as table
from gateway.initiatives import listing, repository
from gateway.initiatives.listing import Filters
from gateway.initiatives.repository import BUCKET_LEVEL, buckets
from gateway.initiatives.schemas import (
    Counts,
    InitiativeList,
    InitiativeSummary,
    InitiativeView,
    KindLabel,
    LeafBucket,
    NodeList,
    OptionView,
    PhaseLabel,
    Point,
    ResultAnswer,
    SummaryWindows,
)
from protocol import rules
from protocol.types import Commitment, InitiativeId, Kind, Phase, VoidReason

router = APIRouter(prefix="/v1/initiatives", tags=["initiatives"])

Initiative = Annotated[InitiativeId, Depends(initiative_id)]
All = Annotated[Services, Depends(services)]

SUMMARY = (
    table.c.id,
    table.c.title,
    table.c.publisher,
    table.c.kind,
    table.c.phase,
    table.c.void_reason,
    table.c.registration_opens,
    table.c.registration_closes,
    table.c.voting_opens,
    table.c.voting_closes,
    table.c.registered,
    table.c.options,
    table.c.distinct_ballots,
)


@router.get("")
def initiatives(
    all_: All,
    phase: Annotated[PhaseLabel | None, Query(description="where they stand now")] = None,
    kind: Annotated[KindLabel | None, Query(description="what they are")] = None,
    entity: Annotated[int | None, Query(gt=0, lt=1 << 32, description="who published them")] = None,
    area: Annotated[str | None, Query(min_length=1, max_length=64, description="a residence code of the scope")] = None,
    text: Annotated[
        str | None, Query(min_length=1, max_length=128, description="beginnings of words of the title")
    ] = None,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=listing.MAX_PAGE)] = 50,
) -> InitiativeList:
    """Newest first. A page may be short, or empty, and still have a `next`: go on until that is null."""
    filters = Filters(
        phase=None if phase is None else Phase.from_label(phase),
        kind=None if kind is None else Kind.from_label(kind),
        entity=entity,
        area=area,
        text=text,
    )
    with all_.reads.snapshot() as now:
        found, following = listing.page(now, SUMMARY, filters, after, limit)
        return InitiativeList(as_of=now.as_of, initiatives=[summary_of(row) for row in found], next=following)


@router.get("/{initiative}")
def initiative(initiative: Initiative, all_: All) -> InitiativeView:
    """Rules, phase, electorate, options and key of one initiative."""
    with all_.reads.snapshot() as now:
        return _view(now, initiative)


@router.get("/{initiative}/leaves/{bucket}")
def leaves(
    initiative: Initiative, bucket: Annotated[int, Path(ge=0, lt=1 << (20 - BUCKET_LEVEL))], all_: All
) -> LeafBucket:
    """4,096 commitments; with the nodes they give any path in the bucket."""
    with all_.reads.snapshot() as now:
        own = repository.own(now, initiative)
        found = repository.leaves(now, initiative, bucket)
    size, root = own.registered, int.from_bytes(own.root, "big")
    return LeafBucket(as_of=now.as_of, size=size, root=root, bucket=bucket, buckets=buckets(size), leaves=found)


@router.get("/{initiative}/nodes")
def nodes(initiative: Initiative, all_: All) -> NodeList:
    """The roots of all buckets."""
    with all_.reads.snapshot() as now:
        own = repository.own(now, initiative)
        size, root = own.registered, int.from_bytes(own.root, "big")

        def bucket(number: int) -> list[Commitment]:
            return [Commitment(leaf) for leaf in repository.bucket_of(now, initiative, number)]

        found = all_.nodes.of(initiative, root, buckets(size) if size else 0, bucket)
    return NodeList(as_of=now.as_of, size=size, root=root, level=BUCKET_LEVEL, nodes=found)


@router.get("/{initiative}/counts")
def counts(initiative: Initiative, all_: All) -> Counts:
    """The counters, as far as the count has come."""
    with all_.reads.snapshot() as now:
        own = repository.own(now, initiative)
        found, attestations = repository.counts(now, initiative)
    return Counts(
        as_of=now.as_of,
        complete=own.is_counted,
        counted=0 if found is None else found.counted,
        valid=0 if found is None else found.valid,
        blank=0 if found is None else found.blank,
        null=0 if found is None else found.nulls,
        own_device=0 if found is None else found.own_device,
        assisted=0 if found is None else found.assisted,
        totals=[] if found is None else [int(total) for total in found.totals.split(",")],
        accumulator=bytes(32) if found is None else bytes(found.accumulator),
        attestations=attestations,
        result_hash=None if found is None else _maybe(found.result_hash),
    )


@router.get("/{initiative}/result")
def result_document(initiative: Initiative, all_: All) -> ResultAnswer:
    """The result document, recomputed here from the count."""
    as_of = all_.view.as_of()
    computed, attested = all_.results.of(initiative)
    return ResultAnswer(
        as_of=as_of, document=computed.document.decode(), result_hash=computed.hash, attested_hash=attested
    )


def summary_of(row: Any) -> InitiativeSummary:
    return InitiativeSummary(
        initiative=row.id,
        title=row.title,
        publisher=row.publisher,
        kind=Kind(row.kind).label,
        phase=Phase(row.phase).label,
        void_reason=_void_reason(row.void_reason),
        windows=SummaryWindows(
            registration_opens=row.registration_opens,
            registration_closes=row.registration_closes,
            voting_opens=row.voting_opens,
            voting_closes=row.voting_closes,
        ),
        registered=row.registered,
        options=row.options,
        distinct=row.distinct_ballots,
    )


def _view(now: Snapshot, number: InitiativeId) -> InitiativeView:
    own, fixed = repository.own(now, number), repository.constants(now, number)
    windows = replace(rules.decode(bytes(fixed.encoded)).windows, voting_closes=own.voting_closes)
    return InitiativeView(
        as_of=now.as_of,
        initiative=number,
        title=own.title,
        publisher=own.publisher,
        kind=Kind(own.kind).label,
        phase=Phase(own.phase).label,
        void_reason=_void_reason(own.void_reason),
        explanation=own.explanation,
        rules=bytes(fixed.encoded),
        rules_hash=bytes(fixed.hash),
        scope=bytes(fixed.scope).decode(errors="replace"),
        windows=asdict(windows),
        ballot_scope=bytes(fixed.ballot_scope),
        words=own.words,
        options=[
            OptionView(option=option, proposal=proposal, cost=int(cost))
            for option, proposal, cost in map(tuple, repository.options(now, number))
        ],
        joint_key=_point(own.joint_key),
        registered=own.registered,
        root=int.from_bytes(own.root, "big"),
        distinct=own.distinct_ballots,
        registered_by=repository.registered_by(now, number),
    )


def _void_reason(number: int) -> str | None:
    return VoidReason(number).label if number else None


def _point(raw: bytes | None) -> Point | None:
    return None if raw is None else Point(x=int.from_bytes(raw[:32], "big"), y=int.from_bytes(raw[32:], "big"))


def _maybe(raw: bytes | None) -> bytes | None:
    return None if raw is None else bytes(raw)
