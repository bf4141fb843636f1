# SPDX-License-Identifier: AGPL-3.0-or-later
"""A remote document kept at hand: renewed in the background while it is good, bounded in how often it is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx

from node.errors import NodeError

T = TypeVar("T")

WAITERS = 8
"""How many requests may wait for an answer that is under way; more would pile up behind a slow server."""


class Unavailable(Exception):
    """The document cannot be had: whose, and why."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: a document older than `refresh` is renewed, one older than `max_age` no longer used; somebody who wants
    a newer one causes a request at most every `renew`, and while there is none at all one is made every `retry`."""

    refresh: float = 3600.0
    max_age: float = 86_400.0
    renew: float = 60.0
    retry: float = 2.0


def in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="eid-refresh", daemon=True).start()


class Kept(Generic[T]):
    """`load` asks for the document, in bounded time. Safe across threads; one request at a time is under way."""

    def __init__(
        self,
        name: str,
        load: Callable[[], T],
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        background: Callable[[Callable[[], None]], None] = in_background,
    ) -> None:
        self._name = name
        self._load = load
        self._pace = pace
        self._clock = clock
        self._background = background
        self._state = threading.Condition()
        self._value: T | None = None
        self._had = self._tried = float("-inf")
        self._loading = False
        self._waiting = 0
        self._reason = "it was not asked yet"

    def get(self) -> T:
        """The document, at once where there is a good one. Raises Unavailable."""
        with self._state:
            age = self._clock() - self._had
            if self._value is not None and age <= self._pace.max_age:
                if age > self._pace.refresh and self._begin(self._pace.renew):
                    self._put_off()
                return self._value
        self._ask_or_wait(self._pace.retry)
        return self._good()

    def newer(self) -> T:
        """As `get`, after asking again if that was not done within the last `renew` seconds."""
        self._ask_or_wait(self._pace.renew)
        return self._good()

    def _good(self) -> T:
        with self._state:
            if self._value is None or self._clock() - self._had > self._pace.max_age:
                raise Unavailable(f"{self._name}: {self._reason}")
            return self._value

    def _begin(self, pause: float) -> bool:
        """Whether the caller is to ask now. The lock is held."""
        if self._loading or self._clock() - self._tried < pause:
            return False
        self._loading, self._tried = True, self._clock()
        return True

    def _put_off(self) -> None:
        try:
            self._background(self._ask)
        except RuntimeError:  # no thread to be had now: another request tries again
            self._loading = False

    def _ask_or_wait(self, pause: float) -> None:
        with self._state:
            begun = self._begin(pause)
            if not begun and self._loading:
                if self._waiting >= WAITERS:
                    raise Unavailable(f"{self._name}: it is being asked")
                self._waiting += 1
                try:
                    self._state.wait_for(lambda: not self._loading)
                finally:
                    self._waiting -= 1
        if begun:
            self._ask()

    def _ask(self) -> None:
        value, reason = None, ""
        try:
            value = self._load()
        except (httpx.HTTPError, ValueError, NodeError) as error:
            reason = str(error) or repr(error)
        finally:
            with self._state:
                if value is not None:
                    self._value, self._had = value, self._clock()
                self._reason, self._loading = reason or self._reason, False
                self._state.notify_all()
