# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asking the other registrars for their signatures, until k entities have signed.

As many as are needed are asked at once; one that fails, refuses or is slow is overtaken by the next. How long it takes
is bounded, whatever they do.
"""

from __future__ import annotations

import logging
import queue
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway import metrics
from gateway.index.view import ChainView
from gateway.members.asking import Answer, Asker, NoAnswer, Refusal, Signed, body_of
from gateway.members.breaker import Breaker, Counts
from gateway.members.registrar import Claim, Registrar
from gateway.problems import RegistrarsUnavailable
from node.keys import Signer
from protocol import eip712
from protocol.types import EntityId

log = logging.getLogger(__name__)

HEDGE = 0.75  # seconds after which one more registrar is asked
WORKERS = 16


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What came of asking where fewer than k signed: of `active` registrars `signed` did, this one among them."""

    threshold: int
    active: int
    signed: int
    refusals: tuple[Refusal, ...]
    silent: tuple[EntityId, ...]

    @property
    def is_final(self) -> bool:
        """So many refuse for good that the others could never make up k."""
        refusing = {refusal.entity for refusal in self.refusals if refusal.is_final}
        return self.active - len(refusing) < self.threshold <= self.active

    @property
    def named(self) -> frozenset[int]:
        """The places in the batch that refusals name."""
        return frozenset(refusal.index for refusal in self.refusals if refusal.index is not None)

    def sentence(self) -> str:
        """For the person that waits: who refused with which code, who did not answer."""
        parts = [f"{self.signed} of {self.threshold} registrars signed"]
        if self.refusals:
            said = ", ".join(f"entity {refusal.entity}: {refusal.code}" for refusal in self.refusals)
            parts.append(f"refused by {len(self.refusals)} of {self.active} ({said})")
        if self.silent:
            parts.append("no answer from entity " + ", ".join(map(str, self.silent)))
        if self.active < self.threshold:
            parts.append(f"only {self.active} are members still")
        return "; ".join(parts)


class NotSigned(RegistrarsUnavailable):
    """Fewer than k signatures; `shortfall` says why."""

    def __init__(self, shortfall: Shortfall) -> None:
        super().__init__(f"{shortfall.sentence()}.")
        self.shortfall = shortfall

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return self.shortfall.refusals


class Peers:
    """The other registrars, over HTTP, found through the consortium's endpoints. Requests are signed with `key`."""

    def __init__(self, registrar: Registrar, view: ChainView, key: Signer, timeout: float) -> None:
        self._registrar = registrar
        self._view = view
        self._asker = Asker(registrar, view, key, timeout)
        self._timeout = timeout
        self._breakers: dict[EntityId, Breaker] = {}
        self._random = random.Random()  # spreads load, guards nothing
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="registrars")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._asker.close()

    def counts(self) -> Mapping[EntityId, Counts]:
        """What became of all questions since the start, by registrar."""
        return {entity: breaker.counts() for entity, breaker in sorted(self._breakers.items())}

    def gather(self, message: eip712.Signable, claims: Sequence[Claim]) -> list[tuple[EntityId, bytes]]:
        """k signatures in ascending order of entity, this one's among them. The caller has verified the persons.

        Raises NotSigned, at the latest after twice the timeout.
        """
        rules = self._view.rules(message.initiative)
        active = [entity for entity in rules.registrars if self._view.is_active(entity)]
        signatures = {self._registrar.entity: self._registrar.sign(message)}
        others = [entity for entity in active if entity not in signatures]
        need = rules.registrar_threshold - len(signatures)
        ready = self._ranked(others)
        round_ = _Round(self, message, body_of(message, claims), len(claims), ready)
        if len(ready) >= need:  # else k cannot come together now: nobody is troubled in vain
            signatures.update(round_.run(need, time.monotonic() + 2 * self._timeout))
        if len(signatures) < rules.registrar_threshold:
            refusing = {refusal.entity for refusal in round_.refusals}
            silent = tuple(entity for entity in others if entity not in refusing and entity not in signatures)
            raise NotSigned(
                Shortfall(
                    rules.registrar_threshold,
                    len(active),
                    len(signatures),
                    tuple(round_.refusals),
                    tuple(sorted(silent)),
                )
            )
        return sorted(signatures.items())

    def ask(self, entity: EntityId, message: eip712.Signable, body: bytes, persons: int) -> Answer:
        """One question, counted."""
        breaker = self._breaker(entity)
        question = breaker.ask()
        if question is None:
            return NoAnswer("was silent just now")
        answer: Answer = NoAnswer("a defect here")
        try:
            answer = self._asker.ask(entity, message, body, persons)
        finally:
            metrics.registrar_asked(entity, answer.outcome)
            if isinstance(answer, Signed):
                breaker.signed(question)
            elif isinstance(answer, Refusal):
                breaker.refused(question)
                log.warning("registrar %s refuses: %s", entity, answer.code)
            else:
                breaker.failed(question, lying=answer.lying)
                log.warning("registrar %s does not answer usably: %s", entity, answer.reason)
        return answer

    def submit(self, entity: EntityId, round_: _Round) -> None:
        """Ask in a thread of its own; the answer goes to the round."""
        self._pool.submit(lambda: round_.put(entity, self.ask(entity, round_.message, round_.body, round_.persons)))

    def _ranked(self, entities: Sequence[EntityId]) -> list[EntityId]:
        """Those worth asking now, in no fixed order, but those that keep somebody waiting last."""
        ready = [entity for entity in entities if self._breaker(entity).is_ready()]
        self._random.shuffle(ready)
        return sorted(ready, key=lambda entity: self._breaker(entity).since() > HEDGE)

    def _breaker(self, entity: EntityId) -> Breaker:
        return self._breakers.setdefault(entity, Breaker())


class _Round:
    """One gathering: who is asked when. Answers that come after its end are counted, and otherwise forgotten."""

    def __init__(
        self, peers: Peers, message: eip712.Signable, body: bytes, persons: int, candidates: Sequence[EntityId]
    ) -> None:
        self.message = message
        self.body = body
        self.persons = persons
        self.refusals: list[Refusal] = []
        self._peers = peers
        self._left = deque(candidates)
        self._answers: queue.SimpleQueue[tuple[EntityId, Answer]] = queue.SimpleQueue()
        self._under_way = 0

    def put(self, entity: EntityId, answer: Answer) -> None:
        self._answers.put((entity, answer))

    def run(self, need: int, deadline: float) -> dict[EntityId, bytes]:
        """Up to `need` signatures."""
        signatures: dict[EntityId, bytes] = {}
        for _ in range(need):
            self._next()
        hedge = time.monotonic() + HEDGE
        while len(signatures) < need <= len(signatures) + self._under_way + len(self._left):
            now = time.monotonic()
            if now >= deadline:
                break
            try:
                entity, answer = self._answers.get(
                    timeout=max(0.0, min(deadline, hedge if self._left else deadline) - now)
                )
            except queue.Empty:
                if self._left:
                    self._next()
                    hedge = time.monotonic() + HEDGE
                continue
            self._under_way -= 1
            if isinstance(answer, Signed):
                signatures[entity] = answer.signature
                continue
            if isinstance(answer, Refusal):
                self.refusals.append(answer)
            if self._left:
                self._next()
        return signatures

    def _next(self) -> None:
        self._peers.submit(self._left.popleft(), self)
        self._under_way += 1
