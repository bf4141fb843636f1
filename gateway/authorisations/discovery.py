# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an issuer says of itself, kept: asked when first needed, again after an hour, and seldom while it is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.sessions.problems import IssuerUnavailable
from node.oidc.discovery import Discovery, DiscoveryError, discover

MAX_AGE = 3600.0
#: Seconds between two questions to an issuer that does not answer.
PAUSE = 5.0


@dataclass
class KnownIssuer:
    """While an issuer is away, what is known of it serves on. One question at a time; others wait no longer for it."""

    iss: str
    timeout: float
    ask: Callable[[str, float], Discovery] = discover
    clock: Callable[[], float] = time.monotonic
    _known: Discovery | None = None
    _fetched: float = 0.0
    _tried: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def discovery(self) -> Discovery:
        """Raises IssuerUnavailable where the issuer was never heard of."""
        known, now = self._known, self.clock()
        if (known is None or now - self._fetched > MAX_AGE) and self._lock.acquire(blocking=known is None):
            try:
                self._ask(now)
            finally:
                self._lock.release()
        if self._known is None:
            raise IssuerUnavailable("The eID issuer could not be asked; log in again in a moment.")
        return self._known

    def _ask(self, now: float) -> None:
        is_fresh = self._known is not None and now - self._fetched <= MAX_AGE
        if is_fresh or (self._tried is not None and self.clock() - self._tried < PAUSE):
            return
        try:
            self._known, self._fetched = self.ask(self.iss, self.timeout), now
        except DiscoveryError as error:
            if self._known is None:
                raise IssuerUnavailable("The eID issuer could not be asked; log in again in a moment.") from error
        finally:
            self._tried = self.clock()
