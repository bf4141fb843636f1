# SPDX-License-Identifier: AGPL-3.0-or-later
"""What everybody does to one initiative, with what must come of it: the steps of the state machine in test_life.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import actors
import brownie
import curve
from brownie import chain
from brownie.exceptions import VirtualMachineError
from eth_utils import keccak
from ledger import Ledger, Phase, Windows
from suite import ENTITIES, MEMBER, PUBLISHER, SCOPE, THRESHOLD, TRUSTEE, Suite, set_time

HOUR, DAY = 3600, 86400


class Acts:
    suite: Suite
    poseidon: Any

    # ── set-up, time ──

    def setup(self) -> None:
        self.mined = chain[-1].timestamp
        self.now = self.mined + 1
        opens = self.now + DAY
        windows = Windows(opens, opens + 7 * DAY, opens + 9 * DAY, opens + 19 * DAY, 2 * HOUR, 5 * DAY, 2 * DAY)
        self.ledger = Ledger(windows, 2, windows.voting_closes)
        self.persons = self.batches = self.accepted = 0
        self.root_of: dict[tuple[int, ...], int] = {}
        rules = (
            0,
            keccak(text=SCOPE),
            astuple(windows),
            (1, 1, 3, 0, 0, 0, 0, 0, []),
            (0, 0, 1000, 0, 0, 0),
            list(ENTITIES),
            THRESHOLD,
            list(ENTITIES),
            THRESHOLD,
            2,
            2,
            keccak(text="pepper"),
            ["https://issuer.example"],
        )
        set_time(self.now)
        publisher = {"from": self.suite.account(1, PUBLISHER)}
        tx = self.suite.initiatives.create(rules, SCOPE, "Budget", publisher)
        self.mined = self.now
        self.id = int(tx.events["InitiativeCreated"]["initiative"])
        self.scope = bytes(self.suite.ballot_box.scopeOf(self.id))

    def _tick(self) -> Phase:
        """Settles when the next transaction is mined, and says in which phase that is."""
        self.now = max(self.now, self.mined + 1)
        return self.ledger.phase(self.now)

    def _act(
        self, function: Callable[..., Any], arguments: list[Any], sender: Any, allowed: bool, refusal: str = ""
    ) -> None:
        phase = self._tick()
        refusal = refusal or f"WrongPhase: {self.id}, {int(phase)}"
        set_time(self.now)
        try:
            tx = function(*arguments, {"from": sender})
            answer = ""
        except VirtualMachineError as error:
            answer = str(error.revert_msg)
        self.mined = self.now
        assert answer == ("" if allowed else refusal), f"{function} in {phase.name}"
        if allowed:
            self.ledger.fold(tx.events)
            self.accepted += 1

    def _anyone(self) -> Any:
        return brownie.accounts[1]

    def pass_time(self, pace: int) -> None:
        """One time in four to before, at or after the next boundary, or half-way. Mostly does first what is missing."""
        if pace % 4:
            return
        if pace // 16 != 7:
            self._catch_up()
        ahead = [b for b in self.ledger.boundaries() if b > self.now]
        step = pace // 4 % 4
        if not ahead:
            self.now += DAY
        elif step == 3:
            self.now += (ahead[0] - self.now) // 2
        else:
            self.now = max(self.now, ahead[0] - 1 + step)

    def _catch_up(self) -> None:
        """Without it nearly every life would end for want of something."""
        ledger, phase, w = self.ledger, self._tick(), self.ledger.windows
        if phase == Phase.REGISTRATION and len(ledger.leaves) < 3:
            self.register(3)
        if phase == Phase.REGISTRATION and not ledger.costs:
            self.propose(1)
            self.moderate(0)
        if phase in (Phase.REGISTRATION, Phase.REVIEW):
            if not ledger.dealers and self._tick() and self.now < w.registration_opens + w.step - 3:
                self.deal(0)
            elif not ledger.finalised:
                self.finalise()
        if phase == Phase.VOTING and len(ledger.records) < 2:
            self.cast(1)
            self.cast(2)
        if phase == Phase.OPENING:
            for trustee in ENTITIES[: 3 - len(ledger.shares)]:
                self.release(trustee)
            self.count(2)

    # ── electorate and options ──

    def _valid_until(self) -> int:
        return self.now + HOUR

    def _batch_id(self) -> bytes:
        self.batches += 1
        return curve.words(self.batches)

    def register(self, seed: int) -> None:
        """One to four persons; one perhaps known, one perhaps with another's commitment."""
        allowed = self._tick() == Phase.REGISTRATION
        numbers = [self.persons + 1 + i for i in range(1 + seed % 4)]
        tags = [actors.tag(n) for n in numbers]
        commitments = [actors.commitment(n) for n in numbers]
        if self.persons and seed >> 2 & 3 == 1:
            tags[0] = actors.tag(1 + seed % self.persons)
        if self.persons and seed >> 4 & 3 == 1:
            commitments[-1] = actors.commitment(1 + seed % self.persons)
        batch = (self.id, self._batch_id(), self._valid_until(), tags, commitments, curve.words(0))
        electorate = self.suite.electorate
        signatures = actors.co_sign("Urna Electorate", electorate, chain.id, actors.BATCH, batch)
        self._act(electorate.register, [batch, signatures], self._anyone(), allowed)
        if allowed:
            self.persons += len(numbers)

    def queue_replacement(self, seed: int) -> None:
        """Each person's first."""
        allowed = self._tick() in (Phase.REGISTRATION, Phase.REVIEW)
        person = 1 + seed % (self.persons or 1)
        tag, old = actors.tag(person), actors.commitment(person)
        if tag in self.ledger.pending or self.ledger.commitment_of.get(tag) != old:
            return
        new = actors.commitment(1_000_000 + person)
        replacement = (self.id, self._batch_id(), self._valid_until(), tag, old, new, curve.words(0))
        electorate = self.suite.electorate
        signatures = actors.co_sign("Urna Electorate", electorate, chain.id, actors.REPLACEMENT, replacement)
        self._act(electorate.queueReplacement, [replacement, signatures], self._anyone(), allowed)

    def apply_replacement(self, seed: int) -> None:
        if not self.ledger.pending:
            return
        tag = sorted(self.ledger.pending)[seed % len(self.ledger.pending)]
        siblings = self._tree(self.ledger.leaves.index(self.ledger.commitment_of[tag]))[1]
        allowed = self._tick() == Phase.REVIEW
        self._act(self.suite.electorate.applyReplacement, [self.id, tag, siblings], self._anyone(), allowed)

    def _tree(self, index: int = 0) -> tuple[int, list[int]]:
        """Root of the LeanIMT over the ledger's leaves, and the siblings of one leaf."""
        level, siblings = list(self.ledger.leaves), []
        while len(level) > 1:
            if index ^ 1 < len(level):
                siblings.append(level[index ^ 1])
            level = [
                self.poseidon.hash((level[i], level[i + 1])) if i + 1 < len(level) else level[i]
                for i in range(0, len(level), 2)
            ]
            index //= 2
        return (level[0] if level else 0), siblings

    def propose(self, seed: int) -> None:
        allowed = self._tick() == Phase.REGISTRATION
        author = actors.tag(5_000_000 + self.batches)
        content = curve.words(seed)
        submission = (self.id, self._batch_id(), self._valid_until(), author, content, curve.words(0))
        proposals = self.suite.proposals
        signatures = actors.co_sign("Urna Proposals", proposals, chain.id, actors.SUBMISSION, submission)
        self._act(proposals.submit, [submission, signatures], self._anyone(), allowed)

    def moderate(self, seed: int) -> None:
        """Accepts a proposal, or changes its cost where it is accepted."""
        if not self.ledger.proposals:
            return
        proposal = 1 + seed % self.ledger.proposals
        proposals = self.suite.proposals
        known = proposal in self.ledger.option_of
        function, reason = (proposals.setCost, "reckoned again") if known else (proposals.accept, "")
        allowed = self._tick() in (Phase.REGISTRATION, Phase.REVIEW)
        self._act(function, [self.id, proposal, seed, reason], self.suite.account(1, PUBLISHER), allowed)

    # ── ceremony ──

    def deal(self, seed: int) -> None:
        """All trustees, or all but one."""
        w = self.ledger.windows
        for dealer in ENTITIES:
            if dealer == seed or dealer in self.ledger.dealers:
                continue
            phase = self._tick()
            allowed = phase in (Phase.REGISTRATION, Phase.REVIEW) and self.now < w.registration_opens + w.step
            allowed = allowed and not self.ledger.finalised
            dealing = actors.dealing(self.suite.ceremony.address, chain.id, self.id, dealer)
            sender = self.suite.account(dealer, TRUSTEE)
            self._act(self.suite.ceremony.deal, [self.id, dealing], sender, allowed, f"NotDealing: {self.id}, 0")

    def finalise(self) -> None:
        if self.ledger.finalised:
            return
        ceremony, w = self.suite.ceremony, self.ledger.windows
        dealers = sorted(self.ledger.dealers)
        in_time = self._tick() in (Phase.REGISTRATION, Phase.REVIEW) and self.now >= w.registration_opens + 2 * w.step
        allowed = in_time and len(dealers) >= THRESHOLD
        refusal = f"TooFewDealers: {len(dealers)}, {THRESHOLD}" if in_time else f"NotFinalising: {self.id}, 0"
        dealings = [actors.dealing(ceremony.address, chain.id, self.id, dealer) for dealer in dealers]
        self._act(ceremony.finalise, [self.id, dealings], self._anyone(), allowed, refusal)

    def release(self, seed: int) -> None:
        trustee = 1 + seed % len(ENTITIES)
        phase = self._tick()
        again = phase == Phase.OPENING and trustee in self.ledger.shares
        share = actors.share_of(self.id, self.ledger.dealers, trustee)
        sender = self.suite.account(trustee, TRUSTEE)
        allowed = phase == Phase.OPENING and not again
        refusal = f"AlreadyReleased: {trustee}" if again else ""
        self._act(self.suite.ceremony.release, [self.id, share], sender, allowed, refusal)

    # ── ballots ──

    def cast(self, seed: int) -> None:
        """One or two ballots; sequences around what is stored: too low, right, too high; votes, blanks, anything."""
        ledger, box = self.ledger, self.suite.ballot_box
        allowed = self._tick() == Phase.VOTING
        key = tuple(self.suite.ceremony.jointKey(self.id)) if ledger.finalised else curve.G
        entries, expected = b"", dict(ledger.records)
        for i in range(1 + seed % 2):
            choice = curve.scalar(seed, i)
            voter = (seed + i) % (len(ledger.leaves) or 1)
            stored = int.from_bytes(expected.get(actors.nullifier(voter), bytes(36))[32:36], "big")
            sequence = stored + (choice % 20 if seed > 9 else 1)
            text = [1, choice >> 8 & 7, 1 << 184, choice][choice >> 16 & 3]
            record = actors.seal(self.scope, key, voter, sequence, choice >> 24 & 1, text)
            entries += actors.prove(self.scope, ledger.root, record)
            if stored < sequence <= stored + 16:
                expected[actors.nullifier(voter)] = record
        self._act(box.castBatch, [self.id, entries], self._anyone(), allowed)
        if allowed:
            assert ledger.records == expected

    def count(self, seed: int) -> None:
        ledger = self.ledger
        waiting = [record for n, record in ledger.records.items() if n not in ledger.counted]
        phase = self._tick()
        allowed = phase == Phase.OPENING and ledger.secret_key != 0
        refusal = f"KeyNotCombined: {self.id}" if phase == Phase.OPENING else ""
        records = b"".join(waiting[: 1 + seed])
        self._act(self.suite.tally.count, [self.id, records], self._anyone(), allowed, refusal)

    # ── what moves a close, what ends a life ──

    def extend(self, seed: int) -> None:
        ledger, initiatives = self.ledger, self.suite.initiatives
        close = ledger.closes + 1 + seed % (5 * DAY)
        steps = (
            (initiatives.proposeExtension, self.suite.account(1, PUBLISHER)),
            (initiatives.approveExtension, self.suite.account(2, MEMBER)),
        )
        if seed % 3:
            return
        for function, sender in steps:
            phase = self._tick()
            refusal = f"WrongPhase: {self.id}, {int(phase)}"
            if phase == Phase.VOTING:
                refusal = f"ExtensionTooLate: {ledger.closes}" if self.now + DAY > ledger.closes else ""
                refusal = f"ReopeningUsed: {self.id}" if ledger.reopened else refusal
                refusal = f"ExtensionUsed: {self.id}" if ledger.extended else refusal
            self._act(function, [self.id, close], sender, not refusal, refusal)
            if refusal:
                return

    def reopen(self, seed: int) -> None:
        if seed % 3 or self._tick() != Phase.CHALLENGE or self.ledger.reopened:
            return
        close = self.now + 2 * HOUR + seed % (6 * DAY)
        initiatives = self.suite.initiatives
        self._pass_motion(initiatives.reopenVoting.encode_input(self.id, close))

    def void(self, seed: int) -> None:
        if seed % 16 or self._tick() in (Phase.COUNTED, Phase.VOID):
            return
        self._pass_motion(self.suite.initiatives.voidByMotion.encode_input(self.id, "court order"))

    def _pass_motion(self, data: str) -> None:
        consortium, before = self.suite.consortium, self._tick()
        set_time(self.now)
        tx = consortium.propose(self.suite.initiatives, data, {"from": self.suite.account(1, MEMBER)})
        self.mined = self.now
        if self._tick() != before:
            return
        motion = tx.events["MotionProposed"]["motion"]
        self._act(consortium.approve, [motion], self.suite.account(2, MEMBER), True)
