# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings ballots to the box in shuffled batches: when m wait, the oldest waited long enough, or the close is near."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Sequence

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.index.view import ChainView
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from node.deployment import Deployment
from node.errors import ContractError
from protocol import ballot as wire
from protocol.types import InitiativeId, Nullifier, Phase

log = logging.getLogger(__name__)

GAS_BASE, GAS_PER_BALLOT, GAS_PER_WORD = 6_000_000, 150_000, 3_000
_NULLIFIER = slice(wire.PROOF_BYTES, wire.PROOF_BYTES + 32)
_SEQUENCE = slice(wire.PROOF_BYTES + 32, wire.PROOF_BYTES + 36)


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
                self._ballots.end_now(chosen, f"wrong-phase: the initiative is in {phase.label}")
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
        """Those that the contract would take. One that sinks a batch is found by halving, and fails alone."""
        gas = gas_limit(len(ballots), self._view.words(initiative))
        try:
            self._simulator.check(self._box.address, self._call(initiative, ballots), gas)
            return ballots
        except ContractError as error:
            if error.name == "WrongPhase":
                return ()  # the next round sees the phase
            if len(ballots) == 1:
                log.warning("a ballot would be refused: %s", error.name)
                self._ballots.end_now(ballots, error.name)
                return ()
        half = len(ballots) // 2
        return [*self._acceptable(initiative, ballots[:half]), *self._acceptable(initiative, ballots[half:])]

    def outcome(self, settled: Settled) -> Callable[[sqlite3.Connection], None]:
        carried = self._ballots.carried_by(settled.tx)
        asked = [(each.initiative, _nullifier(each)) for each in carried]
        slots = self._simulator.read_all(self._box, "slotOf", asked) if carried else []

        def write(db: sqlite3.Connection) -> None:
            for ballot, slot in zip(carried, slots, strict=True):
                if self._landed(ballot, int(slot)):
                    self._ballots.end(db, ballot, None)
                elif wire.slot_sequence(int(slot)) == _sequence(ballot):
                    self._ballots.end(db, ballot, "stale-ballot: the box holds another ballot of this sequence")
                elif settled.receipt.ok:
                    self._ballots.retry(db, ballot, "the box skipped it")
                else:
                    self._ballots.retry(db, ballot, "the batch was refused by the contract")

        return write

    def _landed(self, ballot: StoredBallot, slot: int) -> bool:
        """By the slot: it holds exactly this ballot, or a later one of the voter."""
        nullifier = _nullifier(ballot)
        sequence = _sequence(ballot)
        if slot == 0:  # cleared by the count
            return self._view.is_counted(ballot.initiative, nullifier)
        return wire.slot_sequence(slot) > sequence or slot == wire.slot_of(sequence, ballot.hash)


def _nullifier(ballot: StoredBallot) -> Nullifier:
    return Nullifier(int.from_bytes(ballot.entry[_NULLIFIER], "big"))


def _sequence(ballot: StoredBallot) -> int:
    return int.from_bytes(ballot.entry[_SEQUENCE], "big")


def gas_limit(count: int, words: int) -> int:
    """Well above what a batch takes: a limit that is too low would look like an invalid proof."""
    return GAS_BASE + count * (GAS_PER_BALLOT + GAS_PER_WORD * words)


def shuffled(ballots: Sequence[StoredBallot], source: random.Random) -> list[StoredBallot]:
    """A random order in which each voter's own ballots rise in sequence, or the earlier would be skipped."""
    order = list(ballots)
    source.shuffle(order)
    places: dict[bytes, list[int]] = {}
    for place, ballot in enumerate(order):
        places.setdefault(ballot.entry[_NULLIFIER], []).append(place)
    for own in places.values():
        for place, ballot in zip(own, sorted((order[p] for p in own), key=lambda b: b.entry[_SEQUENCE]), strict=True):
            order[place] = ballot
    return order
