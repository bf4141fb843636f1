# SPDX-License-Identifier: AGPL-3.0-or-later
"""The initiatives of some phases, in pages, with what decides whom they are open to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.index.view import ChainView
from gateway.wire import AsOf
from protocol.state import phase_at
from protocol.types import InitiativeId, Phase, Windows


@dataclass(frozen=True, slots=True)
class Candidate:
    """`scope` is the canonical JSON."""

    initiative: InitiativeId
    title: str
    phase: Phase
    windows: Windows
    issuers: tuple[str, ...]
    scope: bytes


class Candidates:
    """Reads one state of the chain."""

    def __init__(self, view: ChainView) -> None:
        self._view = view

    def after(self, initiative: InitiativeId, phases: Collection[Phase], limit: int) -> tuple[AsOf, list[Candidate]]:
        """Up to `limit` with a higher number, ascending."""
        found: list[Candidate] = []
        with self._view.locked():
            as_of = self._view.as_of()
            for id_ in self._view.initiatives():
                if id_ <= initiative:
                    continue
                state = self._view.require(id_)
                phase = phase_at(state, as_of.timestamp)
                if phase in phases:
                    rules = state.rules
                    found.append(Candidate(id_, state.title, phase, rules.windows, rules.issuers, state.scope))
                    if len(found) == limit:
                        break
        return as_of, found
