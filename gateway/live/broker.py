# SPDX-License-Identifier: AGPL-3.0-or-later
"""From the indexer's thread to whoever listens: bounded listeners, bounded queues, and a short memory for those who
come back. A message is a whole block: who listens learns no more of a ballot than the chain tells everybody."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gateway.index.model import Checkpoint, RawEvent
from gateway.problems import TooMany
from protocol.types import InitiativeId

log = logging.getLogger(__name__)

MAX_LISTENERS = 200
QUEUE = 64  # messages that a listener may be behind
MEMORY = 256  # blocks for those who come back
CATCHING_UP = 16  # so many blocks at once are no news, but history


@dataclass(frozen=True, slots=True)
class Message:
    """`block` is its id; a `reset` says that something was missed: read anew."""

    event: str
    block: int | None
    data: str

    def encode(self) -> bytes:
        id_ = "" if self.block is None else f"id: {self.block}\n"
        return f"{id_}event: {self.event}\ndata: {self.data}\n\n".encode()


RESET = Message("reset", None, "{}")


class Listener:
    """One stream. Made and read in its event loop; fed from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue(QUEUE)

    def feed(self, message: Message | None) -> None:
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: Message | None) -> None:
        if self._queue.full():  # too slow: it ends, and comes back with its last id
            self._queue = asyncio.Queue(1)
            message = None
        self._queue.put_nowait(message)

    async def next(self, patience: float) -> Message | None:
        """None where the stream is to end. Raises TimeoutError after `patience` seconds without a message."""
        async with asyncio.timeout(patience):
            return await self._queue.get()


class Broker:
    """`describe` writes a block's message, reading the initiatives that changed in it; `changed` finds them."""

    def __init__(
        self,
        changed: Callable[[Sequence[RawEvent]], Collection[InitiativeId]],
        describe: Callable[[Checkpoint, Collection[InitiativeId]], str],
    ) -> None:
        self._changed = changed
        self._describe = describe
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._memory: deque[Message] = deque(maxlen=MEMORY)

    def on_append(self, blocks: Sequence[tuple[Checkpoint, Sequence[RawEvent]]]) -> None:
        """Called by the indexer, after the blocks are stored. A fault here is not the indexer's."""
        try:
            if len(blocks) > CATCHING_UP:
                self.on_rewind()
                return
            for block, events in blocks:
                self._tell(Message("block", block.number, self._describe(block, self._changed(events))))
        except Exception:
            log.exception("live updates failed")

    def on_rewind(self) -> None:
        """What was told may be void."""
        with self._lock:
            self._memory.clear()
        self._tell(RESET)

    def listen(self, last: int | None) -> tuple[Listener, list[Message]]:
        """A new listener, and what it missed since block `last`. Raises TooMany."""
        with self._lock:
            if len(self._listeners) >= MAX_LISTENERS:
                raise TooMany("Too many listen here already; ask again later, or another member.")
            listener = Listener()
            self._listeners.add(listener)
            if last is None:
                return listener, []
            known = [message.block for message in self._memory if message.block is not None]
            if last not in known:
                return listener, [RESET]
            return listener, [message for message in self._memory if message.block is not None and message.block > last]

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.feed(None)

    def _tell(self, message: Message) -> None:
        with self._lock:
            if message.block is not None:
                self._memory.append(message)
            for listener in self._listeners:
                listener.feed(message)
