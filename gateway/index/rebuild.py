# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index made anew, on command: its projections from the raw events, or all of it from the chain.

What was begun and was killed goes on where it was; a gateway that starts meanwhile goes on with it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from gateway.index.evidence import Evidence
from gateway.index.indexer import Indexer, SourceLied
from gateway.index.sources import Sources
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from node.deployment import Deployment
from protocol.types import Address, Suite

Tell = Callable[[int, int], None]
"""Told how far it is: blocks done, blocks in all."""


def origin_of(deployment: Deployment) -> bytes:
    """What names chain and deployment, so that no store is read as another's."""
    return deployment.genesis_hash + b"".join(deployment.addresses)


def view_of(deployment: Deployment, store: IndexStore) -> ChainView:
    """The view of a deployment's first suite."""
    suite = Suite(*(Address(address) for address in deployment.suite))
    return ChainView(deployment.chain_id, Address(deployment.address("Consortium")), suite, store)


def rebuild_projections(url: URL, deployment: Deployment, tell: Tell) -> int:
    """From the raw events that the index keeps; how many events. The gateway must not run.

    Raises DatabaseError, ProtocolError where the raw events do not fold: then they have to be read anew.
    """
    store = IndexStore(url, origin_of(deployment))
    try:
        if store.begin_rebuild("projections"):
            store.forget_projections()
        view = view_of(deployment, store)
        view.load()
        head = store.head()
        last = 0 if head is None else head.number
        more = True
        while more:
            more = view.catch_up()
            tell(view.as_of().block if head is not None else 0, last)
        store.end_rebuild()
        return store.count()[1]
    finally:
        store.close()


def rebuild_from_chain(url: URL, deployment: Deployment, rpcs: Sequence[str], folder: Path, tell: Tell) -> int:
    """From the chain, every block verified; how many events. The gateway must not run.

    Raises DatabaseError, NodeError, ProtocolError.
    """
    store = IndexStore(url, origin_of(deployment))
    sources = Sources.connect(rpcs, 60.0, Evidence(folder / "evidence"))
    try:
        if store.begin_rebuild("chain"):
            store.recreate()
            store.begin_rebuild("chain")
        view = view_of(deployment, store)
        indexer = Indexer(
            sources, store, view, deployment.addresses, deployment.block, deployment.finality, 0.0, lambda _: None
        )
        indexer.load()
        _read(indexer, store, sources, tell)
        store.end_rebuild()
        return store.count()[1]
    finally:
        sources.close()
        store.close()


def _read(indexer: Indexer, store: IndexStore, sources: Sources, tell: Tell) -> None:
    more = True
    while more:
        try:
            more = indexer.round()
        except SourceLied:
            continue
        head = store.head()
        if head is not None:
            tell(head.number, max(head.number, sources.pick().rpc.block_number()))
