# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /v1/initiatives and what is below. The electorate comes in buckets, so that nobody asks for one leaf."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.deps import Services, initiative_id, services
from gateway.index.view import BUCKET_LEVEL, ChainView, buckets
from gateway.initiatives.schemas import (
    Counts,
    InitiativeList,
    InitiativeView,
    LeafBucket,
    NodeList,
    OptionView,
    Point,
    ResultAnswer,
)
from protocol import rules
from protocol.state import status_at
from protocol.types import InitiativeId, VoidReason

router = APIRouter(prefix="/v1/initiatives", tags=["initiatives"])

Initiative = Annotated[InitiativeId, Depends(initiative_id)]
All = Annotated[Services, Depends(services)]


@router.get("")
def initiatives(all_: All) -> InitiativeList:
    """All initiatives, oldest first."""
    with all_.view.locked():
        listed = [_view(all_.view, initiative) for initiative in all_.view.initiatives()]
        return InitiativeList(as_of=all_.view.as_of(), initiatives=listed)


@router.get("/{initiative}")
def initiative(initiative: Initiative, all_: All) -> InitiativeView:
    """Rules, phase, electorate, options and key of one initiative."""
    with all_.view.locked():
        return _view(all_.view, initiative)


@router.get("/{initiative}/leaves/{bucket}")
def leaves(
    initiative: Initiative, bucket: Annotated[int, Path(ge=0, lt=1 << (20 - BUCKET_LEVEL))], all_: All
) -> LeafBucket:
    """4,096 commitments; with the nodes they give any path in the bucket."""
    with all_.view.locked():
        found = all_.view.bucket(initiative, bucket)
        electorate, as_of = all_.view.require(initiative).electorate, all_.view.as_of()
        size, root = electorate.size, electorate.root
    return LeafBucket(as_of=as_of, size=size, root=root, bucket=bucket, buckets=buckets(size), leaves=list(found))


@router.get("/{initiative}/nodes")
def nodes(initiative: Initiative, all_: All) -> NodeList:
    """The roots of all buckets."""
    with all_.view.locked():
        found, root, as_of = all_.view.leaves(initiative), all_.view.root(initiative), all_.view.as_of()
    return NodeList(as_of=as_of, size=len(found), root=root, level=BUCKET_LEVEL, nodes=all_.nodes.of(initiative, found))


@router.get("/{initiative}/counts")
def counts(initiative: Initiative, all_: All) -> Counts:
    """The counters, as far as the count has come."""
    with all_.view.locked():
        count = all_.view.require(initiative).count
        return Counts(
            as_of=all_.view.as_of(),
            complete=count.is_complete,
            counted=count.counted,
            valid=count.valid,
            blank=count.blank,
            null=count.nulls,
            own_device=count.own_device,
            assisted=count.assisted,
            totals=list(count.totals),
            accumulator=count.accumulator.to_bytes(32, "big"),
            attestations={int(entity): bytes(hash_) for entity, hash_ in count.attestations.items()},
            result_hash=count.result_hash,
        )


@router.get("/{initiative}/result")
def result_document(initiative: Initiative, all_: All) -> ResultAnswer:
    """The result document, recomputed here from the count."""
    as_of = all_.view.as_of()
    computed, attested = all_.results.of(initiative)
    return ResultAnswer(
        as_of=as_of, document=computed.document.decode(), result_hash=computed.hash, attested_hash=attested
    )


def _view(view: ChainView, initiative: InitiativeId) -> InitiativeView:
    state = view.require(initiative)
    as_of = view.as_of()
    phase, reason = status_at(state, as_of.timestamp)
    key = state.ceremony.joint_key
    proposals = state.proposals
    return InitiativeView(
        as_of=as_of,
        initiative=initiative,
        title=state.title,
        publisher=state.publisher,
        phase=phase.label,
        void_reason=None if reason is VoidReason.NONE else reason.label,
        rules=rules.encode(state.rules),
        rules_hash=state.rules_hash,
        scope=state.scope.decode(),
        windows=asdict(view.windows(initiative)),
        ballot_scope=state.ballots.scope,
        words=state.paper().words,
        options=[
            OptionView(option=number, proposal=proposal, cost=proposals.costs[number])
            for number, proposal in enumerate(proposals.options)
        ],
        joint_key=None if key is None else Point(x=key.x, y=key.y),
        registered=state.electorate.size,
        root=state.electorate.root,
        distinct=len(state.ballots.latest),
        registered_by={int(entity): n for entity, n in state.electorate.registered_by().items()},
    )
