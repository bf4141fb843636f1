# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is looked at: chain and index, relay, database, issuers, registrars, peppers, clock, disk."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import httpx

from gateway.eid.tokens import TokenVerifier
from gateway.health.monitor import Check
from gateway.health.reasons import Reason, reason
from gateway.index.indexer import Indexer
from gateway.index.sources import Sources
from gateway.index.view import ChainView
from gateway.members.registrar import Registrar
from gateway.problems import ChainUnavailable
from gateway.relay.worker import RelayWorker
from gateway.settings import Settings
from node.addresses import may_be_asked
from protocol.types import EntityId, InitiativeId, Phase

log = logging.getLogger(__name__)

QUIET = 60.0  # seconds without a good round of a relay worker
STUCK = 180.0  # seconds in which something waits and nothing ends
SKEW = 30.0  # seconds between this clock and the chain's
FULL = 64  # MB below which nothing is accepted any more
REACH_TIMEOUT = 3.0

#: Phases in which persons come.
OPEN = (Phase.ANNOUNCED, Phase.REGISTRATION)


@dataclass(slots=True)
class Parts:
    """What the checks look at. `waiting` counts what was accepted and is not sent yet, by kind of worker."""

    settings: Settings
    view: ChainView
    indexer: Indexer
    sources: Sources
    workers: Sequence[RelayWorker]
    tokens: TokenVerifier
    registrar: Registrar
    waiting: Callable[[], int]
    clock: Callable[[], float] = time.time
    _ended: int = 0
    _stuck_since: float | None = None
    _seen: int | None = None
    _behind: bool = False

    def checks(self) -> list[Check]:
        return [
            Check("database", self.database, 5.0, alarming=True),
            Check("chain's clock", self.chain_clock, 5.0),
            Check("disk", self.disk, 15.0),
            Check("issuers", self.issuers, 30.0),
            Check("registrars", self.registrars, 30.0),
            Check("peppers", self.peppers, 30.0),
        ]

    # At once

    def chain(self) -> Iterator[Reason]:
        """The index: what it knows without asking anybody."""
        try:
            self.view.as_of()
        except ChainUnavailable:
            yield reason("chain-unread", "The chain was not read yet.")
            return
        if self.indexer.is_forked():
            yield reason("chain-refused", "A final chain showed two faces: this gateway believes neither.")
        elif self.indexer.refuses_writes():
            yield reason("chain-stale", "The chain's head could not be read for a while.")
        elif self.indexer.fault() is not None:
            yield reason("index-behind", "The index is catching up with the chain.")
        if lying := len(self.sources.faults()):
            yield reason("rpc-quarantined", f"{lying} of the chain's sources lied and are not asked for now.")

    def relay(self) -> Iterator[Reason]:
        for worker in self.workers:
            if worker.quiet_for() > QUIET:
                yield reason("relay-quiet", f"The relay of {worker.name} had no good round for a minute.")
        if self._stuck_since is not None and time.monotonic() - self._stuck_since > STUCK:
            yield reason("relay-stuck", "Submissions wait, and none has ended for some minutes.")

    # In threads

    def database(self) -> Iterable[Reason]:
        ended = sum(worker.ended for worker in self.workers)
        try:
            waiting = self.waiting()
        except Exception as error:  # whichever driver: it did not answer
            log.warning("the database does not answer: %s", type(error).__name__)
            return [reason("database-unavailable", "The database does not answer.")]
        if waiting == 0 or ended != self._ended:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = time.monotonic()
        self._ended = ended
        return []

    def chain_clock(self) -> Iterable[Reason]:
        """Against blocks that came just now; an old head says nothing of clocks."""
        try:
            head = self.view.as_of()
        except ChainUnavailable:
            return
        now = self.clock()
        if head.block != self._seen:
            # Only of a block that came just now: one that is caught up with is old by nature.
            is_new = self._seen is not None and self.indexer.fault() is None
            self._behind = is_new and now - head.timestamp > 2 * SKEW
            self._seen = head.block
        if head.timestamp - now > SKEW or self._behind:
            yield reason("clock-skew", "This machine's clock and the chain's differ by more than half a minute.")

    def disk(self) -> Iterable[Reason]:
        free = shutil.disk_usage(self.settings.entity).free // (1 << 20)
        if free < FULL:
            yield reason("disk-full", "There is no room left on the disk.")
        elif free < self.settings.disk_low:
            yield reason("disk-low", "There is little room left on the disk.")

    def issuers(self) -> Iterable[Reason]:
        for issuer in self.tokens.without_keys():
            yield reason("issuer-unavailable", f"The keys of the eID issuer {issuer} cannot be had.")

    def registrars(self) -> Iterable[Reason]:
        """Whether k of each open initiative's registrars answer, this one among them where it is one."""
        reached: dict[EntityId, bool] = {self.registrar.entity: True}
        for initiative in self._open():
            rules = self.view.rules(initiative)
            for entity in rules.registrars:
                if entity not in reached:
                    reached[entity] = self.view.is_active(entity) and self._answers(self.view.endpoint(entity))
            there = sum(reached[entity] for entity in rules.registrars)
            if there < rules.registrar_threshold:
                yield reason(
                    "registrars-unreachable",
                    f"{there} of the {rules.registrar_threshold} registrars that initiative {initiative} needs answer.",
                )

    def _answers(self, endpoint: str) -> bool:
        return may_be_asked(endpoint, self.view.endpoint(self.registrar.entity)) and _answers(endpoint)

    def peppers(self) -> Iterable[Reason]:
        for initiative in self._open():
            is_registrar = self.registrar.entity in self.view.rules(initiative).registrars
            if is_registrar and not self.registrar.holds_pepper(initiative):
                yield reason("pepper-missing", f"This registrar lacks the pepper of initiative {initiative}.")

    def _open(self) -> list[InitiativeId]:
        try:
            return self.view.in_phase(*OPEN)
        except ChainUnavailable:
            return []


def _answers(endpoint: str) -> bool:
    try:
        # What it says is not read: it could go on for ever.
        with (
            httpx.Client(timeout=REACH_TIMEOUT, follow_redirects=False, trust_env=False) as http,
            http.stream("GET", f"{endpoint}/health/live") as response,
        ):
            return response.status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
