# SPDX-License-Identifier: AGPL-3.0-or-later
"""The consortium's entities as everybody reads them."""

from __future__ import annotations

from pydantic import BaseModel

from gateway.wire import AsOf, HexBytes


class EntityView(BaseModel):
    """`accounts` by role, as they are now."""

    entity: int
    name: str
    endpoint: str
    active: bool
    accounts: dict[str, HexBytes]
    has_trustee_key: bool
    has_broker_key: bool


class EntityAnswer(EntityView):
    as_of: AsOf


class EntityList(BaseModel):
    """By number; `next` is null on the last page."""

    as_of: AsOf
    entities: list[EntityView]
    next: str | None
