# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads blocks that were verified, folds them, keeps them. A database transaction holds whole blocks.

The embedded chain may lose its last blocks when it is killed: then the index goes back to the last common block. On a
chain with immediate finality that cannot happen, and is an alarm that stops the indexer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.database import DatabaseDamaged, DatabaseError
from gateway.index.model import Checkpoint, RawEvent
from gateway.index.reading import Discrepancy, ReadBlock, read_blocks, read_checkpoint
from gateway.index.sources import NoSource, Source, Sources
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from node.errors import NodeError, RpcError, RpcInvalidAnswer, RpcTooLong
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)

CHUNK = 64
STALE_AFTER = 15.0

T = TypeVar("T")


class ChainFork(NodeError):
    """A final chain shows another block than it did: somebody lies. The evidence is in the message, and in a file."""


class SourceLied(NodeError):
    """A source was put in quarantine; the next one is asked."""


class Indexer:
    """One thread that follows the head. `on_rewind(block)` is told when blocks after `block` were lost."""

    def __init__(
        self,
        sources: Sources,
        store: IndexStore,
        view: ChainView,
        addresses: Sequence[bytes],
        first_block: int,
        finality: float,
        interval: float,
        on_rewind: Callable[[int], None],
    ) -> None:
        self._sources = sources
        self._store = store
        self._view = view
        self._addresses = frozenset(addresses)
        self._first = first_block
        self._finality = finality
        self._interval = interval
        self._on_rewind = on_rewind
        #: Told of blocks once they are stored; it must not raise, and not take long.
        self.on_append: Callable[[Sequence[tuple[Checkpoint, Sequence[RawEvent]]]], None] = lambda blocks: None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._chunk = CHUNK
        self._progress = time.monotonic()
        self._fault: str | None = "the chain was not read yet"
        self._forked = self._alone = False
        self._behind = True  # what is stored may not be folded yet
        view.is_stale = self.refuses_writes

    def start(self) -> None:
        """Load what is stored, then follow the chain."""
        self.load()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def fault(self) -> str | None:
        """Why reads may be stale, or None."""
        if self._fault is None and self._is_late():
            return "the chain's head could not be read for a while"
        return self._fault

    def is_forked(self) -> bool:
        """Whether a final chain showed two faces: then nothing is read any more."""
        return self._forked

    def refuses_writes(self) -> bool:
        """Whether what is accepted now would be judged by a state that is too old, or not to be trusted."""
        return self._forked or self._alone or self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() - self._progress > STALE_AFTER

    def load(self) -> None:
        """The state as it is stored. A store that does not fold is begun anew: it is a cache."""
        try:
            self._view.load()
        except (ProtocolError, DatabaseDamaged) as error:
            self._begin_anew(error)

    def _begin_anew(self, error: Exception) -> None:
        log.warning("the stored index does not fold (%s): it is read anew from the chain", error)
        self._view.begin_anew()

    def _catch_up(self) -> bool:
        """Fold what was read before; True where there is more."""
        try:
            return self._view.catch_up()
        except (ProtocolError, DatabaseDamaged) as error:
            self._begin_anew(error)
            return True

    def round(self) -> bool:
        """Read what is new; True where there is more. Raises NodeError, ProtocolError, DatabaseError."""
        if self._behind:
            self._behind = self._catch_up()
            return True
        try:
            source = self._sources.pick()
        except NoSource:
            self._alone = True
            raise
        try:
            more = self._round(source)
        except RpcTooLong:
            if self._chunk == 1:
                self._sources.rest(source)
                raise
            self._chunk = max(1, self._chunk // 4)
            return True
        except RpcError:
            self._sources.rest(source)
            raise
        self._alone = False
        return more

    def _round(self, source: Source) -> bool:
        latest = source.rpc.block_number()
        head = self._store.head()
        head = head if head is None else self._common_ancestor(source, head, latest)
        begin = self._first if head is None else head.number + 1
        if latest < begin:
            self._progress = time.monotonic()
            return False
        last = min(latest, begin + self._chunk - 1)
        blocks = self._read(source, head, range(begin, last + 1))
        if not blocks:
            return False
        self._store.keep_headers([(block.checkpoint.number, block.header) for block in blocks])
        read = [(block.checkpoint, block.events) for block in blocks]
        self._view.append(read)
        self.on_append(read)
        self._progress = time.monotonic()
        self._chunk = min(CHUNK, 2 * self._chunk)
        return last < latest

    def _read(self, source: Source, head: Checkpoint | None, numbers: range) -> list[ReadBlock]:
        """Verified blocks after the head; none where the head moved between two answers, so that one looks again."""

        def read() -> list[ReadBlock]:
            blocks = read_blocks(source.rpc, numbers, self._addresses)
            if head is not None and blocks[0].checkpoint.parent != head.hash:
                if read_checkpoint(source.rpc, head.number)[0].hash != head.hash:
                    return []
                parent = blocks[0].checkpoint.parent
                raise Discrepancy(numbers[0], "parentHash", "0x" + parent.hex(), "0x" + head.hash.hex())
            return blocks

        return self._verified(source, numbers[-1], read)

    def _verified(self, source: Source, last: int, read: Callable[[], T]) -> T:
        """What a source says about blocks up to `last`. What contradicts itself twice is no chain that moved.

        Raises SourceLied, RpcUnavailable.
        """
        try:
            return read()
        except (RpcInvalidAnswer, Discrepancy):
            if source.rpc.block_number() < last:
                raise
        try:
            return read()
        except (RpcInvalidAnswer, Discrepancy) as error:
            self._sources.quarantine(source, error)
            raise SourceLied(f"{source.name}: {error}") from error

    def _common_ancestor(self, source: Source, head: Checkpoint, latest: int) -> Checkpoint | None:
        shown: tuple[Checkpoint, bytes] | None = None
        if latest >= head.number:
            shown = self._verified(source, head.number, lambda: read_checkpoint(source.rpc, head.number))
            if shown[0].hash == head.hash:
                return head
        if self._is_confirmed(head, self._sources.others(source)):
            self._leave(source, head, shown)
        if self._finality == 0:
            self._alarm(source, head, latest, shown)
        return self._go_back(source, min(head.number, latest))

    @staticmethod
    def _is_confirmed(head: Checkpoint, others: Sequence[Source]) -> bool:
        for other in others:
            try:
                if read_checkpoint(other.rpc, head.number)[0].hash == head.hash:
                    return True
            except (RpcError, Discrepancy):
                continue
        return False

    def _leave(self, source: Source, head: Checkpoint, shown: tuple[Checkpoint, bytes] | None) -> None:
        """Others have the block that was read: this source is behind, or shows another chain."""
        if shown is None:
            self._sources.rest(source)
            raise SourceLied(f"{source.name} is behind")
        claimed, own = "0x" + shown[0].hash.hex(), "0x" + head.hash.hex()
        self._sources.quarantine(source, Discrepancy(head.number, "hash", claimed, own))
        raise SourceLied(f"{source.name} shows another block {head.number} than the others")

    def _alarm(self, source: Source, head: Checkpoint, latest: int, shown: tuple[Checkpoint, bytes] | None) -> None:
        if shown is None:
            self._sources.rest(source)
            raise NodeError(f"the node is behind: it has block {latest}, and {head.number} was read")
        read = self._store.header(head.number)
        facts = {
            "source": source.name,
            "block": head.number,
            "read": "0x" + head.hash.hex(),
            "read_header": None if read is None else "0x" + read.hex(),
            "now": "0x" + shown[0].hash.hex(),
            "now_header": "0x" + shown[1].hex(),
        }
        self._sources.evidence.keep("fork", facts)
        raise ChainFork(
            f"block {head.number} of a final chain was {facts['read']} and is now {facts['now']}: somebody signed two "
            "chains; compare with other members and observers, and start again when it is settled"
        )

    def _go_back(self, source: Source, number: int) -> Checkpoint | None:
        stored = self._store.block(number)
        while stored is not None and read_checkpoint(source.rpc, number)[0].hash != stored.hash:
            number -= 1
            stored = self._store.block(number)
        log.warning("the chain lost the blocks after %s: reading them again", number)
        self._view.rewind(number)
        self._on_rewind(number)
        return stored

    def _run(self) -> None:
        while not self._stop.is_set():
            more = False
            try:
                more = self.round()
                self._fault = "the chain is being read" if more else None
            except ChainFork as error:
                self._fault, self._forked = str(error), True
                log.critical("indexer stopped: %s", error)
                return
            except SourceLied as error:
                log.error("another source is asked: %s", error)
                more = True
            except DatabaseDamaged as error:
                self._begin_anew(error)
                more = True
            except (NodeError, ProtocolError, DatabaseError) as error:
                self._fault = f"the chain cannot be read: {error}"
                log.warning("indexer waits: %s", error)
                self._stop.wait(1.0)
            except Exception:
                self._fault = "the indexer failed"
                log.exception("indexer round failed")
                self._stop.wait(1.0)
            if not more:
                self._stop.wait(self._interval)
