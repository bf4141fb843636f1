# SPDX-License-Identifier: AGPL-3.0-or-later
"""Histories of tests/protocol/chronicle.py as chains: blocks with transactions, receipts, roots that hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from gateway.database import INDEX, locate
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from protocol import events
from protocol.state import EventMeta
from tests.gateway.chain import MemoryChain
from tests.protocol.chronicle import CHAIN_ID, CONSORTIUM, SUITE

ADDRESSES = (CONSORTIUM, *(getattr(SUITE, part.name) for part in fields(SUITE)))


def opened(folder: Path, origin: bytes = b"origin") -> tuple[IndexStore, ChainView]:
    """An index in this folder, as it was left."""
    store = IndexStore(locate(folder, None, INDEX), origin)
    return store, ChainView(CHAIN_ID, CONSORTIUM, SUITE, store)


def chain_of(log: Sequence[tuple[events.Event, EventMeta]]) -> MemoryChain:
    """A chain whose blocks hold these events at their places, and nothing else."""
    chain = MemoryChain()
    blocks: dict[int, dict[int, list[tuple[bytes, Sequence[bytes], bytes]]]] = {}
    times: dict[int, int] = {}
    for event, meta in log:
        topics, data = events.encode(event)
        blocks.setdefault(meta.block, {}).setdefault(meta.transaction, []).append((meta.address, topics, data))
        times[meta.block] = meta.timestamp
    for number in range(1, max(blocks) + 1):
        transactions = blocks.get(number, {})
        chain.emit(*(transactions[at] for at in sorted(transactions)), timestamp=times.get(number))
    return chain
