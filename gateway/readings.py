# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gauges of one running gateway: how far behind it is, what waits, how busy its lanes are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from gateway.ballots.repository import Ballots
from gateway.database import DatabaseError
from gateway.index.indexer import Indexer
from gateway.index.view import ChainView
from gateway.metrics import STEP, Reading
from gateway.problems import ChainUnavailable
from gateway.relay.worker import RelayWorker
from gateway.submissions import Submissions


class GatewayReadings:
    """Reads without waiting for the chain. What the database does not tell is left out."""

    def __init__(
        self,
        view: ChainView,
        indexer: Indexer,
        submissions: Submissions,
        ballots: Ballots,
        workers: Sequence[RelayWorker],
    ) -> None:
        self._view = view
        self._indexer = indexer
        self._submissions = submissions
        self._ballots = ballots
        self._workers = tuple(workers)

    def __call__(self) -> Iterable[Reading]:
        yield Reading(
            "urna_index_current", "1 while the index follows the chain", {"": float(not self._indexer.fault())}
        )
        try:
            head = self._view.as_of()
        except ChainUnavailable:
            pass
        else:
            yield Reading("urna_index_block", "The last block that was read", {"": head.block})
            yield Reading("urna_index_age_seconds", "Its age by this clock", {"": time.time() - head.timestamp})
        quiet = {worker.name: worker.quiet_for() for worker in self._workers}
        yield Reading("urna_relay_quiet_seconds", "Since a worker's last good round", quiet, "worker")
        try:
            yield from self._queues()
        except DatabaseError:
            return

    def unfinished(self) -> dict[str, int]:
        """What was accepted and is not final: what waits, by kind, and transactions under way. Raises DatabaseError."""
        ballots = sum(count for _, count in self._ballots.waiting_initiatives())
        under_way = sum(sum(worker.open_by_lane().values()) for worker in self._workers)
        return {**self._submissions.count_waiting(), "ballot": ballots, "transaction": under_way}

    def _queues(self) -> Iterable[Reading]:
        waiting = dict.fromkeys(("registration", "replacement", "proposal"), 0.0) | self._submissions.count_waiting()
        ballots = sum(count for _, count in self._ballots.waiting_initiatives())
        # One more would tell when somebody voted.
        waiting["ballot"] = ballots // STEP * STEP
        yield Reading("urna_waiting", f"Accepted, not sent yet; ballots in steps of {STEP}", waiting, "kind")
        lanes = {lane: float(count) for worker in self._workers for lane, count in worker.open_by_lane().items()}
        yield Reading("urna_lane_open", "Transactions under way", lanes, "lane")
