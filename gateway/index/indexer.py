# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads blocks, keeps their events, folds them. A database transaction holds whole blocks with their events.

The embedded chain may lose its last blocks when it is killed: then the index goes back to the last common block. On a
chain with immediate finality that cannot happen, and is an alarm that stops the indexer.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from gateway.index.store import Checkpoint, IndexStore, RawEvent
from gateway.index.view import ChainView
from node.errors import NodeError
from node.rpc import Block, Log, RpcClient, RpcInvalidAnswer
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)

CHUNK = 200
STALE_AFTER = 15.0


class ChainFork(NodeError):
    """A final chain shows another block than it did: somebody lies. The evidence is in the message."""


class Indexer:
    """One thread that follows the head. `on_rewind(block)` is told when blocks after `block` were lost."""

    def __init__(
        self,
        rpc: RpcClient,
        store: IndexStore,
        view: ChainView,
        addresses: Sequence[bytes],
        first_block: int,
        finality: float,
        interval: float,
        on_rewind: Callable[[int], None],
    ) -> None:
        self._rpc = rpc
        self._store = store
        self._view = view
        self._addresses = tuple(addresses)
        self._first = first_block
        self._finality = finality
        self._interval = interval
        self._on_rewind = on_rewind
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._progress = time.monotonic()
        self._fault: str | None = "the chain was not read yet"
        self._forked = False

    def start(self) -> None:
        """Fold what is stored, then follow the chain."""
        self.refold()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def fault(self) -> str | None:
        """Why reads may be stale, or None."""
        if self._fault is None and self._is_stale():
            return "the chain's head could not be read for a while"
        return self._fault

    def refuses_writes(self) -> bool:
        """Whether what is accepted now would be judged by a state that is too old, or not to be trusted."""
        return self._forked or self._is_stale()

    def _is_stale(self) -> bool:
        return time.monotonic() - self._progress > STALE_AFTER

    def refold(self) -> None:
        """The state anew from the stored events. A store that does not fold is begun anew: it is a cache."""
        try:
            self._view.refold(self._store.replay(), self._store.head())
        except (ProtocolError, sqlite3.DatabaseError, ValueError) as error:
            log.warning("the stored index does not fold (%s): it is read anew from the chain", error)
            self._store.recreate()
            self._view.refold((), None)

    def round(self) -> bool:
        """Read what is new; True where there is more. Raises NodeError, ProtocolError."""
        latest = self._rpc.block_number()
        head = self._store.head()
        head = head if head is None else self._common_ancestor(head, latest)
        begin = self._first if head is None else head.number + 1
        if latest < begin:
            self._progress = time.monotonic()
            return False
        last = min(latest, begin + CHUNK - 1)
        blocks = self._rpc.blocks(range(begin, last + 1))
        logs = self._rpc.logs(begin, last, self._addresses)
        if not self._append(head, blocks, logs):
            return False
        self._progress = time.monotonic()
        return last < latest

    def _append(self, head: Checkpoint | None, blocks: Sequence[Block], logs: Sequence[Log]) -> bool:
        """False where the head moved between two answers: the next round looks again."""
        by_number: dict[int, list[RawEvent]] = {block.number: [] for block in blocks}
        hashes = {block.number: block.hash for block in blocks}
        for entry in logs:
            if hashes[entry.block_number] != entry.block_hash:
                raise RpcInvalidAnswer("The node answered with logs of another block than its header.")
            by_number[entry.block_number].append(
                RawEvent(entry.transaction_index, entry.index, entry.address, entry.topics, entry.data)
            )
        parent = None if head is None else head.hash
        chain: list[tuple[Checkpoint, list[RawEvent]]] = []
        for block in blocks:
            if parent is not None and block.parent_hash != parent:
                return False
            parent = block.hash
            checkpoint = Checkpoint(block.number, block.hash, block.parent_hash, block.timestamp)
            chain.append((checkpoint, by_number[block.number]))
        for checkpoint, events in chain:
            with self._view.locked():
                try:
                    self._view.fold(checkpoint, events)
                except ProtocolError:
                    self.refold()  # before anybody reads
                    raise
        try:
            self._store.append(chain)
        except sqlite3.Error:
            self.refold()
            raise
        return True

    def _common_ancestor(self, head: Checkpoint, latest: int) -> Checkpoint | None:
        if latest >= head.number and self._rpc.block(head.number).hash == head.hash:
            return head
        if self._finality == 0:
            if latest < head.number:
                raise NodeError(f"the node is behind: it has block {latest}, and {head.number} was read")
            raise ChainFork(f"block {head.number} of a final chain was 0x{head.hash.hex()} and is now another")
        number = min(head.number, latest)
        stored = self._store.block(number)
        while stored is not None and self._rpc.block(number).hash != stored.hash:
            number -= 1
            stored = self._store.block(number)
        log.warning("the chain lost the blocks after %s: reading them again", number)
        self._store.rewind(number)
        self.refold()
        self._on_rewind(number)
        return stored

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                more = self.round()
                self._fault = "the chain is being read" if more else None
            except ChainFork as error:
                self._fault, self._forked = str(error), True
                log.critical("indexer stopped: %s", error)
                return
            except (NodeError, ProtocolError) as error:
                self._fault = f"the chain cannot be read: {error}"
                log.warning("indexer waits: %s", error)
                more = False
                self._stop.wait(1.0)
            except Exception:
                self._fault = "the indexer failed"
                log.exception("indexer round failed")
                more = False
                self._stop.wait(1.0)
            if not more:
                self._stop.wait(self._interval)
