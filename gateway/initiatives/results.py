# SPDX-License-Identifier: AGPL-3.0-or-later
"""Result documents, recomputed here from the count, each once: an allocation may take seconds."""

from __future__ import annotations

import threading

from gateway.index.view import ChainView
from gateway.problems import WrongPhase
from protocol import result
from protocol.result import Result
from protocol.types import Hash32, InitiativeId


class Results:
    """Computes outside the view's lock; a complete count changes no more, but for its attestations."""

    def __init__(self, view: ChainView) -> None:
        self._view = view
        self._lock = threading.Lock()
        self._known: dict[tuple[InitiativeId, int], Result] = {}

    def of(self, initiative: InitiativeId) -> tuple[Result, Hash32 | None]:
        """The result, and the hash that the trustees attested, if they have. Raises WrongPhase, UnknownInitiative."""
        with self._view.locked():
            accumulator, attested = self._view.counted(initiative)
            if accumulator is None:
                raise WrongPhase("The count is not complete.", phase=self._view.phase(initiative).label)
        key = (initiative, accumulator)
        with self._lock:
            if key not in self._known:
                self._known[key] = result.compute(self._view.state(), initiative)
            return self._known[key], attested
