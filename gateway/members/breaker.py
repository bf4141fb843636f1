# SPDX-License-Identifier: AGPL-3.0-or-later
"""What this gateway knows of each other registrar: whether it is worth asking now, and what became of past questions.

closed ──no usable answer──► open ──pause over──► half-open (one question) ──answer──► closed
                              ▲                        │
                              └─pause doubled──────────┘
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

FIRST_PAUSE = 1.0  # seconds for which a registrar that gave no usable answer is not asked
LONGEST_PAUSE = 30.0
AT_ONCE = 2  # questions under way; more would only pile up at one that hangs


@dataclass(slots=True)
class Counts:
    """What became of the questions to one registrar. `lying`: a signature that is not its own, or no such form."""

    asked: int = 0
    signed: int = 0
    refused: int = 0
    silent: int = 0
    lying: int = 0


@dataclass(slots=True)
class Breaker:
    """Of one registrar; safe across threads."""

    clock: Callable[[], float] = time.monotonic
    _counts: Counts = field(default_factory=Counts)
    _open_until: float | None = None
    _pause: float = 0.0
    _under_way: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_ready(self) -> bool:
        """Whether a question may be asked now."""
        with self._lock:
            return self._is_ready()

    def since(self) -> float:
        """For how many seconds its oldest open question has been waiting; 0.0 where there is none."""
        with self._lock:
            return self.clock() - self._under_way[0] if self._under_way else 0.0

    def ask(self) -> float | None:
        """Begin a question; None where none may be asked. The answer goes to `signed`, `refused` or `failed`."""
        with self._lock:
            if not self._is_ready():
                return None
            self._counts.asked += 1
            begun = self.clock()
            self._under_way.append(begun)
            return begun

    def signed(self, question: float) -> None:
        with self._lock:
            self._counts.signed += 1
            self._answered(question)

    def refused(self, question: float) -> None:
        """It would not sign, and said so: it is there."""
        with self._lock:
            self._counts.refused += 1
            self._answered(question)

    def failed(self, question: float, *, lying: bool) -> None:
        """No usable answer. Several that fail together are one failure."""
        with self._lock:
            self._counts.lying += lying
            self._counts.silent += not lying
            self._under_way.remove(question)
            if self._open_until is None or self.clock() >= self._open_until:
                self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
                self._open_until = self.clock() + self._pause

    def counts(self) -> Counts:
        """A copy."""
        with self._lock:
            return replace(self._counts)

    def _answered(self, question: float) -> None:
        self._under_way.remove(question)
        self._open_until, self._pause = None, 0.0

    def _is_ready(self) -> bool:
        if self._open_until is None:
            return len(self._under_way) < AT_ONCE
        return self.clock() >= self._open_until and not self._under_way
