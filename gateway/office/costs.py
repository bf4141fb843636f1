# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an initiative cost: read from the chain when an officer asks, one at a time, and kept until the next block."""

from __future__ import annotations

import threading
from typing import Any

from gateway.index.view import ChainView
from gateway.problems import TooMany
from node.costs import costs
from node.member import Member
from protocol.types import InitiativeId

KEPT = 32


class CostService:
    """Of any initiative; the entity's own relay lanes count as its accounts."""

    def __init__(self, member: Member, view: ChainView) -> None:
        self._member = member
        self._view = view
        self._lock = threading.Lock()
        self._known: dict[tuple[InitiativeId, int], dict[str, Any]] = {}

    def of(self, initiative: InitiativeId) -> dict[str, Any]:
        """As `urna initiative costs --json`. Raises UnknownInitiative, TooMany while another is read, RpcError."""
        with self._view.locked():
            self._view.require(initiative)
            key = (initiative, self._view.as_of().block)
        if key in self._known:
            return self._known[key]
        if not self._lock.acquire(blocking=False):
            raise TooMany("Another initiative's costs are being read; try again in a moment.")
        try:
            own = dict.fromkeys(self._member.folder.public.lanes, self._member.entity)
            found = costs(self._member.rpc, self._member.deployment, initiative, own=own)
            if len(self._known) >= KEPT:
                self._known.clear()
            return self._known.setdefault(key, found.to_json(self._member.entity))
        finally:
            self._lock.release()
