# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /v1/entities and /v1/entities/{entity}."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query

from gateway.cursors import decode_cursor, encode_cursor
from gateway.deps import Services, services
from gateway.entities.schemas import EntityAnswer, EntityList, EntityView
from gateway.index.tables import entity as table
from gateway.problems import UnknownRecord
from protocol.types import Role

router = APIRouter(prefix="/v1/entities", tags=["entities"])

All = Annotated[Services, Depends(services)]


@router.get("")
def entities(
    all_: All,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EntityList:
    """The members of the consortium, suspended ones too."""
    last = 0 if after is None else decode_cursor("entity", after)
    query = sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(limit + 1)
    with all_.reads.snapshot() as now:
        found = now.all(query)
    return EntityList(
        as_of=now.as_of,
        entities=[_view(row) for row in found[:limit]],
        next=encode_cursor("entity", found[limit - 1].id) if len(found) > limit else None,
    )


@router.get("/{entity}")
def entity(entity: Annotated[int, Path(gt=0, lt=1 << 32)], all_: All) -> EntityAnswer:
    """One member."""
    with all_.reads.snapshot() as now:
        row = now.first(sa.select(table).where(table.c.id == entity))
    if row is None:
        raise UnknownRecord(f"There is no entity {entity} as of the last block read.")
    return EntityAnswer(as_of=now.as_of, **_view(row).model_dump())


def _view(row: Any) -> EntityView:
    accounts = bytes(row.accounts)
    return EntityView(
        entity=row.id,
        name=row.name,
        endpoint=row.endpoint,
        active=row.active,
        accounts={role.label: accounts[20 * role : 20 * role + 20] for role in Role},
        has_trustee_key=row.trustee_key is not None,
        has_broker_key=row.broker_key is not None,
    )
