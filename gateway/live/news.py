# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is told of a block: which initiatives its events are about, and how they stand now."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from gateway.index.model import Checkpoint, RawEvent
from gateway.index.reads import Reads
from gateway.index.tables import initiative as table
from gateway.initiatives.endpoints import SUMMARY, summary_of
from gateway.wire import AsOf
from protocol.errors import ProtocolError
from protocol.events import Contract, decode
from protocol.types import InitiativeId

MOST = 50  # initiatives named in one message; those beyond are found by reading anew


class News:
    """`contracts` names the suite's contracts by their addresses."""

    def __init__(self, reads: Reads, contracts: Mapping[bytes, Contract]) -> None:
        self._reads = reads
        self._contracts = contracts

    def changed(self, events: Sequence[RawEvent]) -> set[InitiativeId]:
        found: set[InitiativeId] = set()
        for event in events:
            contract = self._contracts.get(event.address)
            if contract is None:
                continue
            try:
                number = getattr(decode(contract, event.topics, event.data), "initiative", None)
            except ProtocolError:
                continue
            if number is not None:
                found.add(InitiativeId(number))
        return found

    def describe(self, block: Checkpoint, changed: Collection[InitiativeId]) -> str:
        """JSON of BlockNews. The figures are at least as new as the block."""
        rows = []
        if changed:
            with self._reads.snapshot() as now:
                rows = now.all(sa.select(*SUMMARY).where(table.c.id.in_(sorted(changed)[:MOST])).order_by(table.c.id))
        as_of = AsOf(block=block.number, hash=block.hash, timestamp=block.timestamp)
        return json.dumps(
            {
                "as_of": as_of.model_dump(mode="json"),
                "initiatives": [summary_of(row).model_dump(mode="json") for row in rows],
            },
            separators=(",", ":"),
        )
