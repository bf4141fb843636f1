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
from gateway.members.single import PAUSE, VALIDITY, Desk, Pauses, refused, waits
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
        self._alone = Pauses(desk.clock)  # whom a registrar refused in company

    def next_parcel(self) -> Parcel | None:
        now = self._clock()
        initiatives = self._submissions.waiting_initiatives("registration")
        self._since = {initiative: self._since.get(initiative, now) for initiative in initiatives}
        for initiative in initiatives:
            if now < self._not_before.get(initiative, now):
                continue
            waiting = self._submissions.waiting("registration", initiative, self._size + len(self._alone))
            together = [each for each in waiting if each.id not in self._alone][: self._limit]
            if len(together) >= self._limit or (together and now - self._since[initiative] >= self._age):
                del self._since[initiative]
                parcel = self._parcel(initiative, together)
                if parcel is not None:
                    return parcel
            for each in waiting:
                if self._alone.is_due(each.id):
                    parcel = self._parcel(initiative, [each])
                    if parcel is not None:
                        return parcel
        return None

    def _parcel(self, initiative: InitiativeId, waiting: list[Submission]) -> Parcel | None:
        if self._view.phase(initiative) is not Phase.REGISTRATION:
            self._submissions.fail_now(waiting, TOO_LATE)
            self._alone.discard(*(each.id for each in waiting))
            return None
        claims, good = self._verified(waiting)
        self._alone.discard(*(each.id for each in waiting if each not in good))
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
        if len(good) > 1 or good[0].id not in self._alone:
            self._limit = self._size
        self._alone.discard(*(each.id for each in good))
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
        """Ends the submission of who is registered already, here or through another member.

        But what was promised is brought all the same, with another commitment too: the contract skips it, and says so
        on the chain. Else anybody could make this gateway break its word, by registering through two members at once.
        """
        known = self._view.commitment_of(submission.initiative, tag)
        if known is None:
            return False
        if known == commitment_of(submission):
            self._submissions.finish_now([submission])
        elif submission.promise is not None:
            return False
        else:
            self._submissions.fail_now([submission], KNOWN_PERSON)
        return True

    def _after_refusal(self, initiative: InitiativeId, good: list[Submission], error: NotSigned) -> None:
        """One person that a registrar refuses must not keep back the others: whom refusals name waits alone, and
        where they name nobody halves are tried. Only who is refused by so many that k cannot come together fails."""
        shortfall = error.shortfall
        if len(good) > 1 and shortfall.refusals:
            for place in shortfall.named:
                self._alone.add(good[place].id)
            if not shortfall.named:
                self._limit = max(1, len(good) // 2)
            self._since[initiative] = self._clock() - self._age
            return
        if len(good) > 1:
            self._not_before[initiative] = self._clock() + PAUSE
        else:
            self._limit = self._size
            self._alone.put_off(good[0].id)
        if len(good) == 1 and shortfall.is_final:
            self._alone.discard(good[0].id)
            self._submissions.fail_now(good, refused(shortfall))
        else:
            self._submissions.remark_now(good, waits(shortfall))

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None] | None:
        """By the index, which has checked the block: the batch may have skipped a person, and a node may lie."""
        receipt = settled.receipt
        if receipt is not None and self._view.as_of().block < receipt.block_number:
            return None
        carried = self._submissions.carried_by("registration", settled.tx)
        stored = [self._view.commitment_of(each.initiative, tag_of(each)) for each in carried]

        def write(db: sa.Connection) -> None:
            for submission, commitment in zip(carried, stored, strict=True):
                if commitment == commitment_of(submission):
                    self._submissions.finish(db, submission)
                elif settled.receipt is None:
                    self._submissions.requeue(db, submission)
                elif not settled.landed:
                    self._submissions.retry(db, submission, settled.failure)
                elif commitment is not None:
                    self._submissions.fail(db, submission, KNOWN_PERSON)
                elif self._view.is_used(submission.initiative, commitment_of(submission)):
                    self._submissions.fail(db, submission, KNOWN_COMMITMENT)
                else:
                    self._submissions.retry(db, submission, settled.failure)

        return write
