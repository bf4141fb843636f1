# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings registrations to the chain in batches, each signed by k registrars."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from gateway.failures import Failure
from gateway.members.peers import NotSigned
from gateway.members.registrar import Claim, Registrar
from gateway.members.single import PAUSE, VALIDITY, Desk, refusal_of
from gateway.problems import KnownCommitment, KnownPerson, Problem, WrongPhase
from gateway.registrations.payload import claim_of, commitment_of, tag_of
from gateway.relay.outbox import Settled
from gateway.relay.worker import Parcel
from gateway.submissions import Submission
from node.errors import ContractError
from protocol import eip712
from protocol.evidence import evidence_root
from protocol.types import Hash32, InitiativeId, Phase, Tag

log = logging.getLogger(__name__)

GAS_BASE, GAS_PER_PERSON = 1_000_000, 250_000
#: Refusals that name a person, not the moment: trying again would not help.
FINAL_CODES = frozenset({"out-of-scope", "known-person", "known-commitment", "invalid-commitment"})
KNOWN_PERSON = Failure(KnownPerson.code, "This person is registered with another commitment.")
KNOWN_COMMITMENT = Failure(KnownCommitment.code, "The commitment was used before.")
TOO_LATE = Failure(WrongPhase.code, "Registration is over.")


class RegistrationCarrier:
    """Batches of `size`, or fewer when the oldest has waited `age` seconds."""

    def __init__(self, desk: Desk, registrar: Registrar, size: int, age: float) -> None:
        self._submissions = desk.submissions
        self._view = desk.view
        self._registrar = registrar
        self._peers = desk.peers
        self._electorate = desk.deployment.contract("Electorate")
        self._simulator = desk.simulator
        self._evidence = desk.evidence
        self._size = size
        self._limit = size  # smaller while a registrar refuses somebody in the batch
        self._age = age
        self._clock = desk.clock
        self._since: dict[InitiativeId, float] = {}
        self._not_before: dict[InitiativeId, float] = {}

    def next_parcel(self) -> Parcel | None:
        now = self._clock()
        initiatives = self._submissions.waiting_initiatives("registration")
        self._since = {initiative: self._since.get(initiative, now) for initiative in initiatives}
        for initiative in initiatives:
            if now < self._not_before.get(initiative, now):
                continue
            waiting = self._submissions.waiting("registration", initiative, self._limit)
            if len(waiting) < self._limit and now - self._since[initiative] < self._age:
                continue
            del self._since[initiative]
            parcel = self._parcel(initiative, waiting)
            if parcel is not None:
                return parcel
        return None

    def _parcel(self, initiative: InitiativeId, waiting: list[Submission]) -> Parcel | None:
        if self._view.phase(initiative) is not Phase.REGISTRATION:
            self._submissions.fail_now(waiting, TOO_LATE)
            return None
        claims, good = self._verified(waiting)
        if not good:
            return None
        batch = eip712.RegistrationBatch(
            initiative=initiative,
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self._view.as_of().timestamp + VALIDITY,
            tags=tuple(tag_of(each) for each in good),
            commitments=tuple(commitment_of(each) for each in good),
            evidence_root=evidence_root([claim.token for claim in claims]),
        )
        try:
            signatures = self._peers.gather(batch, claims)
        except NotSigned as error:
            self._after_refusal(initiative, good, error)
            return None
        self._limit = self._size
        data = self._electorate.call("register", batch, signatures).data
        gas = GAS_BASE + GAS_PER_PERSON * len(good)
        try:
            self._simulator.check(self._electorate.address, data, gas)
        except ContractError as error:
            log.warning("a registration batch would be refused: %s", error.name)
            self._not_before[initiative] = self._clock() + PAUSE
            self._submissions.retry_now(good, Failure.of(error))
            return None

        def link(db: sa.Connection, tx: int) -> None:
            self._submissions.link(db, good, tx)
            self._evidence(db, batch.batch_id, batch.initiative, [claim.token for claim in claims])

        return Parcel(self._electorate.address, data, gas, link)

    def _verified(self, waiting: Sequence[Submission]) -> tuple[list[Claim], list[Submission]]:
        """Those whose token still stands; the others fail with its problem's code. A person is in a batch once."""
        claims, good, seen = [], [], set()
        for submission in waiting:
            tag = tag_of(submission)
            if tag in seen or self._is_known(submission, tag):
                continue
            claim = claim_of(submission)
            try:
                self._registrar.elector(submission.initiative, claim)
            except Problem as problem:
                if problem.status < 500:
                    self._submissions.fail_now([submission], Failure.of(problem))
                continue
            seen.add(tag)
            claims.append(claim)
            good.append(submission)
        return claims, good

    def _is_known(self, submission: Submission, tag: Tag) -> bool:
        """Ends the submission of who is registered already, here or through another member."""
        known = self._view.commitment_of(submission.initiative, tag)
        if known is None:
            return False
        if known == commitment_of(submission):
            self._submissions.finish_now([submission])
        else:
            self._submissions.fail_now([submission], KNOWN_PERSON)
        return True

    def _after_refusal(self, initiative: InitiativeId, good: list[Submission], error: NotSigned) -> None:
        """One person that a registrar refuses must not keep back the others: halves are tried, down to each alone."""
        if len(good) > 1 and error.refusals:
            self._limit = max(1, len(good) // 2)
            return
        self._limit = self._size
        self._not_before[initiative] = self._clock() + PAUSE
        codes = {refusal.code for refusal in error.refusals}
        if codes & FINAL_CODES:
            self._submissions.fail_now(good, refusal_of(error))
        elif error.refusals:
            self._submissions.retry_now(good, refusal_of(error))

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None]:
        """By the chain itself: the batch may have skipped a person."""
        carried = self._submissions.carried_by("registration", settled.tx)
        asked = [(each.initiative, tag_of(each)) for each in carried]
        stored = self._simulator.read_all(self._electorate, "commitmentOf", asked) if carried else []

        def write(db: sa.Connection) -> None:
            for submission, commitment in zip(carried, stored, strict=True):
                if commitment == commitment_of(submission):
                    self._submissions.finish(db, submission)
                elif settled.receipt is None:
                    self._submissions.requeue(db, submission)
                elif not settled.landed:
                    self._submissions.retry(db, submission, settled.failure)
                elif commitment:
                    self._submissions.fail(db, submission, KNOWN_PERSON)
                else:
                    self._submissions.fail(db, submission, KNOWN_COMMITMENT)

        return write
