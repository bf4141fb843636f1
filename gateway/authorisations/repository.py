# SPDX-License-Identifier: AGPL-3.0-or-later
"""Authorisations under way, and tokens that wait for their browser: in memory, for minutes, each handed out once."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from gateway.problems import TooMany

MAX_PENDING = 20_000
#: Seconds that a citizen has at the issuer, and that the token then waits to be fetched.
PENDING_LIFETIME = 600.0
TOKEN_LIFETIME = 120.0


class Purpose(Enum):
    """What an authorisation is for. `session` opens one; the others end in a token that a nonce binds to one act."""

    SESSION = "session"
    REGISTRATION = "registration"
    REPLACEMENT = "replacement"
    PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One request to an issuer. `state`, `verifier` and `nonce` are the protocol's; `browser` is the secret in the
    cookie of the browser that began. Neither initiative nor commitment is kept: the nonce covers them."""

    purpose: Purpose
    iss: str
    return_to: str | None
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    browser: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(16))


T = TypeVar("T")


class Shelf(Generic[T]):
    """Things kept for a while under a key, of which only the hash is kept. Bounded; what is over goes first."""

    def __init__(self, lifetime: float, limit: int = MAX_PENDING, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime, self._limit, self._clock = lifetime, limit, clock
        self._kept: dict[bytes, tuple[T, float]] = {}  # in the order of their ends
        self._lock = threading.Lock()

    def put(self, key: str, value: T) -> None:
        """Raises TooMany where the shelf is full."""
        with self._lock:
            self._drop_ended()
            if len(self._kept) >= self._limit:
                raise TooMany("Too many log-ins are under way here; try again in a few minutes.")
            self._kept[_hash(key)] = (value, self._clock() + self._lifetime)

    def find(self, key: str) -> T | None:
        with self._lock:
            self._drop_ended()
            found = self._kept.get(_hash(key))
            return None if found is None else found[0]

    def take(self, key: str) -> T | None:
        """Once: of two that come at the same time, one gets it."""
        with self._lock:
            self._drop_ended()
            found = self._kept.pop(_hash(key), None)
            return None if found is None else found[0]

    def sweep(self) -> None:
        """Forget what is over."""
        with self._lock:
            self._drop_ended()

    def __len__(self) -> int:
        return len(self._kept)

    def _drop_ended(self) -> None:
        now = self._clock()
        while self._kept:
            first = next(iter(self._kept))
            if now < self._kept[first][1]:
                return
            del self._kept[first]


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
