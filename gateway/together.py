# SPDX-License-Identifier: AGPL-3.0-or-later
"""Work of many threads done in one go: a batch of proofs, a database transaction with one flush to the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Ticket(Generic[T, R]):
    item: T
    results: list[R] = field(default_factory=list)


class Together(Generic[T, R]):
    """Whoever finds the work free does it for all who wait by then; how many can is bounded by the threads.

    `work` gives a result for each item, in their order. Where it raises, that reaches the thread that did it; the
    others of its batch do their work themselves.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Ticket[T, R]] = []

    def do(self, item: T) -> R:
        """The result for this item."""
        ticket: _Ticket[T, R] = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.results:
                with self._lock:
                    taken, self._waiting = self._waiting, []
                batch = taken if ticket in taken else [*taken, ticket]
                for each, result in zip(batch, self._work([one.item for one in batch]), strict=True):
                    each.results.append(result)
        return ticket.results[0]
