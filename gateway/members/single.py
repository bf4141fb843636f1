# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes to the chain one by one, each signed by k registrars: replacements, proposals."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa

from gateway.failures import Failure
from gateway.index.view import ChainView
from gateway.members.peers import NotSigned, Peers, Shortfall
from gateway.members.registrar import Claim
from gateway.problems import RefusedByRegistrars, RegistrarsUnavailable
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from gateway.submissions import Kind, Submission, Submissions
from node.contracts import Contract
from node.deployment import Deployment
from node.errors import ContractError
from protocol import eip712
from protocol.types import Hash32

VALIDITY = 3600  # seconds of chain time
PAUSE = 2.0  # seconds before registrars that did not sign are asked again,
LONGEST_PAUSE = 60.0  # and at most, after they were asked for the same person again and again
AT_ONCE = 20

Evidence = Callable[[sa.Connection, Hash32, int, Sequence[str]], None]
"""Keeps the hashes of a batch's tokens: (database, batch id, initiative, tokens)."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every carrier of persons' submissions works with."""

    submissions: Submissions
    view: ChainView
    peers: Peers
    deployment: Deployment
    simulator: Simulator
    evidence: Evidence
    clock: Callable[[], float] = time.monotonic


class Pauses:
    """Submissions that wait for a while before registrars are asked for them again, each longer every time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, tuple[float, float]] = {}

    def __contains__(self, id_: str) -> bool:
        return id_ in self._until

    def __len__(self) -> int:
        return len(self._until)

    def add(self, id_: str) -> None:
        """From now on by itself; due at once."""
        self._until.setdefault(id_, (self._clock(), 0.0))

    def put_off(self, id_: str) -> None:
        pause = min(max(self._until.get(id_, (0.0, 0.0))[1] * 2, PAUSE), LONGEST_PAUSE)
        self._until[id_] = (self._clock() + pause, pause)

    def is_due(self, id_: str) -> bool:
        """Whether it waits here, and has waited long enough."""
        return id_ in self._until and self._clock() >= self._until[id_][0]

    def discard(self, *ids: str) -> None:
        for id_ in ids:
            self._until.pop(id_, None)


def refused(shortfall: Shortfall) -> Failure:
    """Of who can never be brought to the chain with these registrars."""
    return Failure(RefusedByRegistrars.code, f"{shortfall.sentence()}.")


def waits(shortfall: Shortfall) -> Failure:
    """What a person is told that waits for registrars."""
    return Failure(RegistrarsUnavailable.code, f"{shortfall.sentence()}.")


class SingleCarrier(ABC):
    """One submission a transaction. A kind says what it is, when it is done already, and what is signed."""

    KIND: ClassVar[Kind]
    CONTRACT: ClassVar[str]
    FUNCTION: ClassVar[str]
    GAS: ClassVar[int]

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._contract: Contract = desk.deployment.contract(self.CONTRACT)
        self._not_before = 0.0
        self._paused = Pauses(desk.clock)

    @abstractmethod
    def is_done(self, submission: Submission) -> bool:
        """Whether the chain has it: it was handed in at another member as well."""

    def stands(self, submission: Submission) -> bool:
        """Whether the chain took it, whatever became of it since."""
        return self.is_done(submission)

    @abstractmethod
    def untimely(self, submission: Submission) -> Failure | None:
        """Why it can never be brought any more, or None."""

    @abstractmethod
    def prepare(self, submission: Submission) -> tuple[eip712.Replacement | eip712.Submission, Claim]:
        """What registrars sign, and the person's token with what it binds."""

    def next_parcel(self) -> Parcel | None:
        if self._desk.clock() < self._not_before:
            return None
        submissions = self._desk.submissions
        for initiative in submissions.waiting_initiatives(self.KIND):
            for submission in submissions.waiting(self.KIND, initiative, AT_ONCE + len(self._paused)):
                if submission.id in self._paused and not self._paused.is_due(submission.id):
                    continue
                parcel = self._parcel(submission)
                if parcel is not None:
                    return parcel
        return None

    def _parcel(self, submission: Submission) -> Parcel | None:
        desk = self._desk
        if self.is_done(submission):
            self._paused.discard(submission.id)
            desk.submissions.finish_now([submission])
            return None
        if (failure := self.untimely(submission)) is not None:
            self._paused.discard(submission.id)
            desk.submissions.fail_now([submission], failure)
            return None
        message, claim = self.prepare(submission)
        try:
            data = self._contract.call(self.FUNCTION, message, desk.peers.gather(message, [claim])).data
            desk.simulator.check(self._contract.address, data, self.GAS)
        except NotSigned as error:
            self._paused.put_off(submission.id)
            if error.shortfall.is_final:
                self._paused.discard(submission.id)
                desk.submissions.fail_now([submission], refused(error.shortfall))
            else:
                desk.submissions.remark_now([submission], waits(error.shortfall))
            return None
        except ContractError as error:
            self._not_before = desk.clock() + PAUSE
            desk.submissions.retry_now([submission], Failure.of(error))
            return None

        self._paused.discard(submission.id)

        def link(db: sa.Connection, tx: int) -> None:
            desk.submissions.link(db, [submission], tx)
            desk.evidence(db, message.batch_id, message.initiative, [claim.token])

        return Parcel(self._contract.address, data, self.GAS, link)

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None] | None:
        """By the index, which has checked the block: a receipt is what the node says."""
        receipt, submissions = settled.receipt, self._desk.submissions
        if receipt is not None and self._desk.view.as_of().block < receipt.block_number:
            return None
        carried = submissions.carried_by(self.KIND, settled.tx)
        there = [self.stands(submission) for submission in carried]

        def write(db: sa.Connection) -> None:
            for submission, stands in zip(carried, there, strict=True):
                if settled.landed and stands:
                    submissions.finish(db, submission)
                elif settled.receipt is None:
                    submissions.requeue(db, submission)
                else:
                    submissions.retry(db, submission, settled.failure)

        return write
