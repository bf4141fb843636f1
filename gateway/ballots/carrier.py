# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings ballots to the box in shuffled batches: when m wait, the oldest waited long enough, or the close is near."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.failures import Failure
from gateway.index.view import ChainView
from gateway.problems import StaleBallot, WrongPhase
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from node.deployment import Deployment
from node.errors import ContractError
from protocol.types import InitiativeId, Phase

log = logging.getLogger(__name__)

GAS_BASE, GAS_PER_BALLOT, GAS_PER_WORD = 6_000_000, 150_000, 3_000
TAKEN = Failure(StaleBallot.code, "The box holds another ballot of this sequence.")


class BallotCarrier:
    """At most `size` a batch; `age` is the longest wait (seconds), `last_call` how long before the close none waits."""

    def __init__(
        self,
        ballots: Ballots,
        view: ChainView,
        deployment: Deployment,
        simulator: Simulator,
        size: int,
        age: float,
        last_call: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ballots = ballots
        self._view = view
        self._box = deployment.contract("BallotBox")
        self._simulator = simulator
        self._size = size
        self._age = age
        self._last_call = last_call
        self._clock = clock
        self._random = random.SystemRandom()
        self._since: dict[InitiativeId, float] = {}

    def next_parcel(self) -> Parcel | None:
        waiting = self._ballots.waiting_initiatives()
        self._since = {initiative: self._since.get(initiative, self._clock()) for initiative, _ in waiting}
        for initiative, count in waiting:
            if self._is_due(initiative, count):
                parcel = self._parcel(initiative)
                if parcel is not None:
                    return parcel
        return None

    def _is_due(self, initiative: InitiativeId, count: int) -> bool:
        closes = self._view.windows(initiative).voting_closes
        return (
            count >= self._size
            or self._clock() - self._since[initiative] >= self._age
            or self._view.as_of().timestamp >= closes - self._last_call
        )

    def _parcel(self, initiative: InitiativeId) -> Parcel | None:
        phase = self._view.phase(initiative)
        chosen = self._ballots.waiting(initiative, self._size)
        if phase is not Phase.VOTING:
            # A reopening may still bring them in; only then is it certain that it cannot.
            if phase not in (Phase.REVIEW, Phase.CHALLENGE):
                late = Failure(WrongPhase.code, f"The initiative is in {phase.label}.")
                self._ballots.fail_now(chosen, late)
            return None
        self._since.pop(initiative, None)
        good = self._acceptable(initiative, shuffled(chosen, self._random))
        if not good:
            return None
        words = self._view.words(initiative)
        return Parcel(
            self._box.address,
            self._call(initiative, good),
            gas_limit(len(good), words),
            lambda db, tx: self._ballots.link(db, good, tx),
        )

    def _call(self, initiative: InitiativeId, ballots: Sequence[StoredBallot]) -> bytes:
        return self._box.call("castBatch", initiative, b"".join(each.entry for each in ballots)).data

    def _acceptable(self, initiative: InitiativeId, ballots: Sequence[StoredBallot]) -> Sequence[StoredBallot]:
        """Those that the contract would take.

        What this gateway verified is not run on the chain twice. Only where a batch has reverted are its ballots tried
        beforehand: one that sinks it is found by halving, and fails alone.
        """
        if not any(each.attempts for each in ballots):
            return ballots
        gas = gas_limit(len(ballots), self._view.words(initiative))
        try:
            self._simulator.check(self._box.address, self._call(initiative, ballots), gas)
            return ballots
        except ContractError as error:
            if error.name == "WrongPhase":
                return ()  # the next round sees the phase
            if len(ballots) == 1:
                log.warning("a ballot would be refused: %s", error.name)
                self._ballots.fail_now(ballots, Failure.of(error))
                return ()
        half = len(ballots) // 2
        return [*self._acceptable(initiative, ballots[:half]), *self._acceptable(initiative, ballots[half:])]

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None] | None:
        """By the index, which has checked the block: a receipt says only that the batch went through."""
        receipt = settled.receipt
        if receipt is not None and self._view.as_of().block < receipt.block_number:
            return None
        carried = self._ballots.carried_by(settled.tx)
        stands = [self._view.standing(each.initiative, each.nullifier) for each in carried]

        def write(db: sa.Connection) -> None:
            landed: list[StoredBallot] = []
            for ballot, (sequence, hash_) in zip(carried, stands, strict=True):
                if sequence > ballot.sequence or hash_ == ballot.hash:
                    landed.append(ballot)
                elif sequence == ballot.sequence:
                    self._ballots.fail(db, ballot, TAKEN)
                elif receipt is None:
                    self._ballots.requeue(db, ballot)
                else:
                    self._ballots.retry(db, ballot, settled.failure)
            self._ballots.finish_all(db, landed)

        return write


def gas_limit(count: int, words: int) -> int:
    """Well above what a batch takes: a limit that is too low would look like an invalid proof."""
    return GAS_BASE + count * (GAS_PER_BALLOT + GAS_PER_WORD * words)


def shuffled(ballots: Sequence[StoredBallot], source: random.Random) -> list[StoredBallot]:
    """A random order in which each voter's own ballots rise in sequence, or the earlier would be skipped."""
    order = list(ballots)
    source.shuffle(order)
    places: dict[bytes, list[int]] = {}
    for place, ballot in enumerate(order):
        places.setdefault(ballot.slot[:32], []).append(place)
    for own in places.values():
        for place, ballot in zip(own, sorted((order[p] for p in own), key=lambda b: b.slot), strict=True):
            order[place] = ballot
    return order
