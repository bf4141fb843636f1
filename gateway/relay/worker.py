# SPDX-License-Identifier: AGPL-3.0-or-later
"""The relay's loop: parcels from the carriers while lanes are free, and what became of those under way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from gateway import metrics
from gateway.database import DatabaseError
from gateway.relay.outbox import Outbox, Settled
from node.errors import NodeError

log = logging.getLogger(__name__)

BREATH = 0.05  # seconds between rounds at least
MAX_PAUSE = 5.0  # seconds between rounds while they fail


@dataclass(frozen=True, slots=True)
class Parcel:
    """One transaction to be: where to, what, how much gas at most, and how its content is tied to it in the journal."""

    to: bytes
    data: bytes
    gas: int
    link: Callable[[sa.Connection, int], None]


class Carrier(Protocol):
    """What one kind of submission knows: how to make parcels, and what a receipt means for their content."""

    def next_parcel(self) -> Parcel | None:
        """A parcel that is due and that the chain would take now, or None. Fails submissions it would not take."""

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None] | None:
        """Ask the chain what became of the submissions of this kind that the transaction carried (maybe none); the
        answer writes it down. In two steps, so that no database transaction waits for the chain. None where it cannot
        be told yet: it is asked again."""


class RelayWorker:
    """One thread over some lanes and carriers. Faults of the chain are waited out; nothing is dropped."""

    def __init__(self, name: str, outbox: Outbox, carriers: Sequence[Carrier], interval: float) -> None:
        self.name = name
        self.ended = 0  # transactions that reached an end
        self._good_at = time.monotonic()
        self._outbox = outbox
        self._carriers = carriers
        self._interval = interval
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"relay-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def quiet_for(self) -> float:
        """Seconds since the last round without a fault (before the first: since it was made)."""
        return time.monotonic() - self._good_at

    def open_by_lane(self) -> dict[str, int]:
        """Transactions of each lane that have not ended. Raises DatabaseError."""
        return self._outbox.open_by_lane()

    def wake(self) -> None:
        """Something was accepted: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the round under way. What is unfinished goes on at the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def round(self) -> None:
        """One round; raises NodeError where the chain does not answer as it should."""
        for settled in self._outbox.follow():
            self._close(settled)
        faults: list[Exception] = []
        for carrier in self._carriers:
            try:
                self._send_parcels(carrier)
            except Exception as fault:  # one kind's trouble is not the others'
                faults.append(fault)
        self._outbox.follow()
        if faults:
            raise faults[0]

    def _close(self, settled: Settled) -> None:
        settled = self._outbox.explained(settled)
        outcomes: list[Callable[[sa.Connection], None]] = []
        for carrier in self._carriers:
            outcome = carrier.outcome(settled)
            if outcome is None:
                return
            outcomes.append(outcome)

        def finish(db: sa.Connection) -> None:
            for write in outcomes:
                write(db)

        self._outbox.close(settled, finish)
        self.ended += 1
        metrics.transaction_ended(self.name, settled.landed)

    def _send_parcels(self, carrier: Carrier) -> None:
        while (lane := self._outbox.free_lane()) is not None and not self._stop.is_set():
            parcel = carrier.next_parcel()
            if parcel is None:
                return
            self._outbox.put(lane, parcel.to, parcel.data, parcel.gas, parcel.link)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self.round()
                failures, self._good_at = 0, time.monotonic()
            except (NodeError, DatabaseError) as error:
                failures += 1
                log.warning("relay waits: %s", error)
            except Exception:
                # A defect must not end the relay: submissions that it did not touch go on.
                failures += 1
                log.exception("relay round failed")
            self._wake.wait(min(self._interval * 2 ** min(failures, 10), MAX_PAUSE))
            self._stop.wait(BREATH)  # what comes together is looked at together
            self._wake.clear()
