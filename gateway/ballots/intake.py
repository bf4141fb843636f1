# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where requests wait for the checks of their ballots: a bounded queue, emptied in batches by a few threads.

Requests are taken on the event loop, which checks nothing itself. A thread takes all that wait by then, up to a batch:
under load batches grow and each ballot gets cheaper. What does not fit into the queue is told so at once (429).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.ballots.service import Accepted, Request
from gateway.database import DatabaseError
from gateway.problems import Problem, SignerUnavailable, Stopping, StoreUnavailable, TooMany
from node.errors import KeystoreError

log = logging.getLogger(__name__)

LIMIT = 512  # requests that wait
BATCH = 128
#: While one batch is in native code or waits for the disk, which lets others run, the next is taken apart.
THREADS = 2

Work = Callable[[Sequence[Request]], Sequence[Accepted | Problem]]


@dataclass(slots=True, eq=False)
class _Ticket:
    request: Request
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Accepted] = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()


class Intake:
    """`work` checks and stores a batch; `done` is told after each."""

    def __init__(self, work: Work, done: Callable[[], None], limit: int = LIMIT) -> None:
        self._work = work
        self._done = done
        self._limit = limit
        self._waiting: deque[_Ticket] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"intake-{n}", daemon=True) for n in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=30)

    async def cast(self, request: Request) -> Accepted:
        """Wait for the verdict. Raises a Problem."""
        ticket = _Ticket(request, asyncio.get_running_loop())
        with self._changed:
            if self._closed:
                raise Stopping("This gateway is being stopped; another member's can be asked.")
            if len(self._waiting) >= self._limit:
                raise TooMany("Too many ballots come at once; try again in a moment, or through another member.")
            self._waiting.append(ticket)
            self._changed.notify()
        return await ticket.answer

    def _run(self) -> None:
        while batch := self._take():
            answers = self._answers([ticket.request for ticket in batch])
            self._done()
            by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Ticket, Accepted | Problem]]] = {}
            for ticket, answer in zip(batch, answers, strict=True):
                by_loop.setdefault(ticket.loop, []).append((ticket, answer))
            for loop, own in by_loop.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_tell, own)

    def _take(self) -> list[_Ticket]:
        """All that wait, up to a batch; nothing once it is closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def _answers(self, requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        try:
            return self._work(requests)
        except DatabaseError as error:
            log.error("database: %s", error)
            return [StoreUnavailable("This gateway's database does not answer; try again.") for _ in requests]
        except KeystoreError as error:  # nothing can be promised now: no use in trying each by itself
            log.error("a key is out of reach: %s", error)
            away = "This gateway cannot reach its key now; another member's can be asked."
            return [SignerUnavailable(away) for _ in requests]
        except Exception as error:
            if len(requests) == 1 and isinstance(error, Problem):
                return [error]
            if len(requests) == 1:
                log.exception("a ballot could not be checked: a defect")
                return [Problem("This gateway failed here; another member's can be asked.")]
        # One that breaks the work is found by itself; the others have their answers.
        return [answer for request in requests for answer in self._answers([request])]


def _tell(answered: Sequence[tuple[_Ticket, Accepted | Problem]]) -> None:
    for ticket, answer in answered:
        if ticket.answer.done():
            continue  # who asked went away
        if isinstance(answer, Problem):
            ticket.answer.set_exception(answer)
        else:
            ticket.answer.set_result(answer)
