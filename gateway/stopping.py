# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a gateway ends: nothing new is accepted, what was accepted is brought to its end, and what is left is said.

The first TERM (or Ctrl-C) begins that; reads go on meanwhile. A second one ends the server at once: nothing is lost by
it, the journal holds everything, and the next start goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from gateway.assembly import Gateway
from gateway.database import DatabaseError

log = logging.getLogger(__name__)

_LOOK = 0.1  # seconds between two looks at what is left


def drain(gateway: Gateway, patience: float, is_over: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Refuse writes and wait, at most `patience` seconds, until everything accepted is final; what is left by kind."""
    gateway.services.stopping.set()
    end = time.monotonic() + patience
    left = unfinished(gateway)
    while any(left.values()) and time.monotonic() < end and not is_over():
        time.sleep(_LOOK)
        left = unfinished(gateway)
    return {kind: count for kind, count in left.items() if count}


def unfinished(gateway: Gateway) -> dict[str, int]:
    """What was accepted and is not final: waiting ones by kind, and transactions under way."""
    try:
        return gateway.readings.unfinished()
    except DatabaseError as error:
        log.error("database: %s", error)
        return {"database": 1}  # it cannot be known


class GatewayServer(uvicorn.Server):
    """uvicorn, but for its end."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, patience: float) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._patience = patience
        self._draining: threading.Thread | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Of TERM and Ctrl-C."""
        if self._draining is not None or not self.started:
            self.should_exit = True
            return
        self._draining = threading.Thread(target=self._drain, name="drain", daemon=True)
        self._draining.start()

    def _drain(self) -> None:
        log.info("stopping: nothing more is accepted; what is under way has %.0f s", self._patience)
        try:
            left = drain(self._gateway, self._patience, lambda: self.should_exit)
            if left:
                said = ", ".join(f"{count} of {kind}" for kind, count in sorted(left.items()))
                log.warning("stopped with some unfinished; the next start goes on with them: %s", said)
        finally:
            self.should_exit = True
