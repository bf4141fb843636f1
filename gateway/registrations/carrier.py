# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings registrations to the chain in batches, and replacements one by one, each signed by k registrars."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence

from gateway.index.view import ChainView
from gateway.members.peers import NotSigned, Peers
from gateway.members.registrar import Claim, Registrar
from gateway.problems import Problem
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from gateway.submissions import Submission, Submissions
from node.deployment import Deployment
from node.errors import ContractError
from protocol import eip712
from protocol.evidence import evidence_root
from protocol.hashing import keccak
from protocol.types import Commitment, Hash32, Phase, Tag

log = logging.getLogger(__name__)

VALIDITY = 3600  # seconds of chain time
GAS_BASE, GAS_PER_PERSON = 1_000_000, 250_000
GAS_REPLACEMENT = 1_500_000
PAUSE = 2.0  # seconds before registrars that did not sign are asked again
#: Refusals that name a person, not the moment: trying again would not help.
FINAL_CODES = frozenset({"out-of-scope", "known-person", "known-commitment", "invalid-commitment"})


class RegistrationCarrier:
    """Batches of `size`, or fewer when the oldest has waited `age` seconds."""

    def __init__(
        self,
        submissions: Submissions,
        view: ChainView,
        registrar: Registrar,
        peers: Peers,
        deployment: Deployment,
        simulator: Simulator,
        evidence: Callable[[sqlite3.Connection, Hash32, int, Sequence[str]], None],
        size: int,
        age: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._submissions = submissions
        self._view = view
        self._registrar = registrar
        self._peers = peers
        self._electorate = deployment.contract("Electorate")
        self._simulator = simulator
        self._evidence = evidence
        self._size = size
        self._limit = size  # smaller while a registrar refuses somebody in the batch
        self._age = age
        self._clock = clock
        self._waiting_since: float | None = None
        self._not_before = 0.0

    def next_parcel(self) -> Parcel | None:
        now = self._clock()
        if now < self._not_before:
            return None
        waiting = self._submissions.waiting("registration", self._limit)
        if not waiting:
            self._waiting_since = None
            return None
        if self._waiting_since is None:
            self._waiting_since = now
        if len(waiting) < self._limit and now - self._waiting_since < self._age:
            return None
        if self._view.phase(waiting[0].initiative) is not Phase.REGISTRATION:
            self._submissions.fail_now(waiting, "wrong-phase: registration is over")
            return None
        self._waiting_since = None
        return self._parcel(waiting, now)

    def _parcel(self, waiting: list[Submission], now: float) -> Parcel | None:
        claims, good = self._verified(waiting)
        if not good:
            return None
        batch = eip712.RegistrationBatch(
            initiative=good[0].initiative,
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self._view.as_of().timestamp + VALIDITY,
            tags=tuple(_tag(each) for each in good),
            commitments=tuple(_commitment(each) for each in good),
            evidence_root=evidence_root([claim.token for claim in claims]),
        )
        try:
            signatures = self._peers.gather(batch, claims)
        except NotSigned as error:
            self._not_before = now + PAUSE
            self._after_refusal(good, error)
            return None
        self._limit = self._size
        data = self._electorate.call("register", batch, signatures).data
        gas = GAS_BASE + GAS_PER_PERSON * len(good)
        try:
            self._simulator.check(self._electorate.address, data, gas)
        except ContractError as error:
            log.warning("a registration batch would be refused: %s", error.name)
            self._not_before = now + PAUSE
            self._submissions.retry_now(good, error.name)
            return None

        def link(db: sqlite3.Connection, tx: int) -> None:
            self._submissions.link(db, good, tx)
            self._evidence(db, batch.batch_id, batch.initiative, [claim.token for claim in claims])

        return Parcel(self._electorate.address, data, gas, link)

    def _verified(self, waiting: Sequence[Submission]) -> tuple[list[Claim], list[Submission]]:
        """Those whose token still stands; the others fail with its problem's code."""
        claims, good = [], []
        for submission in waiting:
            claim = _claim(submission)
            try:
                if self._registrar.elector(submission.initiative, claim) != _tag(submission):
                    raise ValueError("another tag than when it was accepted")
            except Problem as problem:
                if problem.status < 500:
                    self._submissions.fail_now([submission], f"{problem.code}: {problem.detail}")
                continue
            claims.append(claim)
            good.append(submission)
        return claims, good

    def _after_refusal(self, good: list[Submission], error: NotSigned) -> None:
        """One person that a registrar refuses must not keep back the others: then each is tried alone."""
        if len(good) > 1 and error.refusals:
            self._limit = max(1, len(good) // 2)
            return
        self._limit = self._size
        codes = {refusal.code for refusal in error.refusals}
        if codes & FINAL_CODES:
            self._submissions.fail_now(good, error.detail)
        elif error.refusals:
            self._submissions.retry_now(good, error.detail)

    def finish(self, db: sqlite3.Connection, settled: Settled) -> None:
        for submission in self._submissions.carried_by(db, "registration", settled.tx):
            if not settled.receipt.ok:
                self._submissions.retry(db, submission, "the batch was refused by the contract")
            elif self._is_registered(submission):
                self._submissions.finish(db, submission)
            else:
                self._submissions.fail(db, submission, "known-person: registered with another commitment before")

    def _is_registered(self, submission: Submission) -> bool:
        """By the chain itself: the batch may have skipped this person."""
        stored = self._simulator.read(self._electorate, "commitmentOf", submission.initiative, _tag(submission))
        return bool(stored == _commitment(submission))


class ReplacementCarrier:
    """One replacement a transaction."""

    def __init__(
        self,
        submissions: Submissions,
        view: ChainView,
        peers: Peers,
        deployment: Deployment,
        simulator: Simulator,
        evidence: Callable[[sqlite3.Connection, Hash32, int, Sequence[str]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._submissions = submissions
        self._view = view
        self._peers = peers
        self._electorate = deployment.contract("Electorate")
        self._simulator = simulator
        self._evidence = evidence
        self._clock = clock
        self._not_before = 0.0

    def next_parcel(self) -> Parcel | None:
        if self._clock() < self._not_before:
            return None
        waiting = self._submissions.waiting("replacement", 1)
        return self._parcel(waiting[0]) if waiting else None

    def _parcel(self, submission: Submission) -> Parcel | None:
        tag, commitment, claim = _tag(submission), _commitment(submission), _claim(submission)
        old = self._view.commitment_of(submission.initiative, tag)
        if old is None or self._view.phase(submission.initiative) not in (Phase.REGISTRATION, Phase.REVIEW):
            self._submissions.fail_now([submission], "wrong-phase: commitments are replaced before voting opens")
            return None
        replacement = eip712.Replacement(
            initiative=submission.initiative,
            batch_id=Hash32(keccak(b"replacement" + submission.key + secrets.token_bytes(16))),
            valid_until=self._view.as_of().timestamp + VALIDITY,
            tag=tag,
            old_commitment=old,
            new_commitment=commitment,
            evidence_root=evidence_root([claim.token]),
        )
        try:
            signatures = self._peers.gather(replacement, [claim])
            data = self._electorate.call("queueReplacement", replacement, signatures).data
            self._simulator.check(self._electorate.address, data, GAS_REPLACEMENT)
        except (NotSigned, ContractError) as error:
            self._not_before = self._clock() + PAUSE
            self._submissions.retry_now([submission], str(error))
            return None

        def link(db: sqlite3.Connection, tx: int) -> None:
            self._submissions.link(db, [submission], tx)
            self._evidence(db, replacement.batch_id, replacement.initiative, [claim.token])

        return Parcel(self._electorate.address, data, GAS_REPLACEMENT, link)

    def finish(self, db: sqlite3.Connection, settled: Settled) -> None:
        for submission in self._submissions.carried_by(db, "replacement", settled.tx):
            if settled.receipt.ok:
                self._submissions.finish(db, submission)
            else:
                self._submissions.retry(db, submission, "the replacement was refused by the contract")


def _claim(submission: Submission) -> Claim:
    payload = submission.payload
    return Claim(payload["id_token"], bytes.fromhex(payload["salt"]), commitment=_commitment(submission))


def _commitment(submission: Submission) -> Commitment:
    return Commitment(int.from_bytes(submission.key, "big"))


def _tag(submission: Submission) -> Tag:
    return Tag(bytes.fromhex(submission.payload["tag"]))
