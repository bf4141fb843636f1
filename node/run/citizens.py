# SPDX-License-Identifier: AGPL-3.0-or-later
"""What citizens do, over HTTP only: log in with the issuer, propose, register, prove, cast, and look into the box."""

from __future__ import annotations

import multiprocessing
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from node import prover
from node.deployment import Deployment
from node.eid.login import PersonLogin
from node.errors import NodeError
from node.oidc.flow import Client
from node.run.client import GatewayRefused, Gateways
from node.run.plan import Casting
from node.run.progress import Step
from node.run.promises import PromiseBook
from node.run.voters import Sealed, Voter, author, seal_all
from protocol.electorate import ElectorateTree
from protocol.evidence import content_hash
from protocol.hashing import keccak
from protocol.nonces import author_nonce, elector_nonce
from protocol.types import Address, Commitment, G1Point, InitiativeId, Nullifier

CLIENT = Client("urna-run", "http://127.0.0.1/urna-run")
"""The citizens' application, at the development provider. Nothing listens there: the driver reads where it is sent."""

THREADS = 6
PATIENCE = 180.0  # seconds without any progress before the run gives up
REPOST = 20.0  # seconds after which a ballot that is not in the box goes to another member


@dataclass(frozen=True, slots=True)
class Place:
    """Where the citizens act."""

    deployment: Deployment
    initiative: InitiativeId
    gateways: Gateways
    issuer: str
    promises: PromiseBook

    @property
    def path(self) -> str:
        return f"/v1/initiatives/{self.initiative}"


def propose(place: Place, contents: Sequence[dict[str, Any]], seed: bytes, step: Step) -> list[bytes]:
    """Each content by an author of its own; returns their content hashes once all stand on the chain."""
    login = PersonLogin(place.issuer, CLIENT)
    proposals = Address(place.deployment.address("Proposals"))

    def submit(number: int) -> bytes:
        content_salt = keccak(b"content" + seed + number.to_bytes(4, "big"))
        hashed = content_hash(contents[number], content_salt)
        salt = secrets.token_bytes(32)
        nonce = author_nonce(place.deployment.chain_id, proposals, place.initiative, hashed, salt)
        body = {
            "id_token": login.token(author(number), nonce, patience=PATIENCE),
            "content": contents[number],
            "content_salt": "0x" + content_salt.hex(),
            "salt": "0x" + salt.hex(),
        }
        place.promises.keep(place.gateways.post(f"{place.path}/proposals", body, prefer=number))
        return hashed

    with closing(login):
        hashes = _each(submit, range(len(contents)))
    wanted = {"0x" + hashed.hex() for hashed in hashes}

    def landed() -> int:
        listed = place.gateways.get(f"{place.path}/proposals")["proposals"]
        return len(wanted & {proposal["content_hash"] for proposal in listed})

    _await_count(landed, len(hashes), step, "proposals")
    return hashes


def register(place: Place, voters: Sequence[Voter], step: Step) -> list[Commitment]:
    """One leaf a voter; returns the leaves in the chain's order once all stand there."""
    login = PersonLogin(place.issuer, CLIENT)
    chain_id = place.deployment.chain_id
    initiatives = place.deployment.address("Initiatives")
    electorate = Address(place.deployment.address("Electorate"))
    known = set(leaves(place))

    def enrol(person: int) -> Commitment:
        voter = voters[person]
        commitment = voter.identity(chain_id, initiatives, place.initiative).commitment()
        if commitment in known:
            return commitment
        salt = secrets.token_bytes(32)
        nonce = elector_nonce(chain_id, electorate, place.initiative, commitment, salt)
        body = {
            "id_token": login.token(voter.subject, nonce, patience=PATIENCE),
            "commitment": str(commitment),
            "salt": "0x" + salt.hex(),
        }
        place.promises.keep(place.gateways.post(f"{place.path}/registrations", body, prefer=person))
        return commitment

    with closing(login):
        commitments = _each(enrol, range(len(voters)))

    def landed() -> int:
        return int(place.gateways.get(place.path)["registered"])

    _await_count(landed, len(voters), step, "registrations")
    stands = leaves(place)
    if missing := set(commitments) - set(stands):
        raise NodeError(f"{len(missing)} of {len(commitments)} registered voters have no leaf.")
    return stands


def leaves(place: Place) -> list[Commitment]:
    """All leaves, bucket by bucket."""
    first = place.gateways.get(f"{place.path}/leaves/0")
    found = first["leaves"]
    for bucket in range(1, first["buckets"]):
        found += place.gateways.get(f"{place.path}/leaves/{bucket}")["leaves"]
    return [Commitment(int(leaf)) for leaf in found]


def slots(place: Place) -> dict[Nullifier, int]:
    """All slots of the box, as every member's client would ask for them: by the first digit of the nullifier."""
    found: dict[Nullifier, int] = {}
    for digit in "0123":  # the field ends there
        for entry in place.gateways.get(f"{place.path}/slots/{digit}")["slots"]:
            found[Nullifier(int(entry["nullifier"]))] = int(entry["slot"])
    return found


def cast(place: Place, voters: Sequence[Voter], castings: Sequence[Casting], workers: int, step: Step) -> None:
    """Seal, prove and cast every ballot; returns when each is in the box. Ballots that are there already are left."""
    stands = leaves(place)
    places = {leaf: number for number, leaf in enumerate(stands)}
    tree = ElectorateTree(stands)
    view = place.gateways.get(place.path)
    if int(view["root"]) != tree.root():
        raise NodeError("The gateway's leaves do not give the root that it names.")
    key = G1Point(int(view["joint_key"]["x"]), int(view["joint_key"]["y"]))
    scope = bytes.fromhex(view["ballot_scope"][2:])
    there = slots(place)
    chain_id, initiatives = place.deployment.chain_id, place.deployment.address("Initiatives")

    waiting: dict[bytes, tuple[Sealed, prover.ProofJob]] = {}
    order = list(castings)  # the order in which people come to vote is not that in which they registered
    random.SystemRandom().shuffle(order)
    for casting in order:
        identity = voters[casting.person].identity(chain_id, initiatives, place.initiative)
        stored = there.get(identity.nullifier(scope), 0) >> 224
        rest = casting.plaintexts[stored:]  # an earlier run of this driver cast the first ones
        path = tree.proof(places[identity.commitment()]) if rest else None
        for sealed in seal_all(casting.person, identity, rest, scope, key, stored):
            assert path is not None
            waiting[sealed.hash] = (sealed, prover.ProofJob(identity.secret, path, sealed.hash, scope))
    step.reach(step.total - len(waiting))
    box = _Box(place, step, {sealed.nullifier: sealed for sealed, _ in waiting.values()})
    for sealed, proof in _prove(list(waiting.values()), workers):
        box.post(sealed, sealed.entry(proof))
        step.advance()
    box.await_all()


def _prove(jobs: Sequence[tuple[Sealed, prover.ProofJob]], workers: int) -> Iterator[tuple[Sealed, bytes]]:
    """Proofs as they come, from processes of their own."""
    if not jobs:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_start_prover) as pool:
        futures = {pool.submit(prover.prove, job): sealed for sealed, job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result().proof


def _start_prover() -> None:
    """A process that proves, and ends with the one it proves for, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    prover.load()


class _Box:
    """Sends entries, each through another member than the voter registered at, and sees them into the box."""

    def __init__(self, place: Place, step: Step, last: dict[Nullifier, Sealed]) -> None:
        self._place = place
        self._step = step
        self._last = dict(last)  # a voter's last ballot is the one that the slot must hold
        self._sent: dict[Nullifier, tuple[bytes, int]] = {}

    def post(self, sealed: Sealed, entry: bytes, hops: int = 1) -> None:
        is_last = self._last.get(sealed.nullifier) is sealed
        try:
            body = {"entry": "0x" + entry.hex()}
            answer = self._place.gateways.post_alone(f"{self._place.path}/ballots", body, prefer=sealed.person + hops)
            self._place.promises.keep(answer, None if is_last else entry)
        except GatewayRefused as refusal:
            if refusal.code != "stale-ballot":  # it, or the voter's later one, is in the box
                raise
        if is_last:
            self._sent[sealed.nullifier] = (entry, hops)

    def await_all(self) -> None:
        """Until every last ballot is in its slot; those that stay away go to another member."""
        moved, posted, missing = time.monotonic(), time.monotonic(), len(self._last) + 1
        while self._last:
            there = slots(self._place)
            self._last = {nullifier: one for nullifier, one in self._last.items() if there.get(nullifier) != one.slot}
            now = time.monotonic()
            if len(self._last) < missing:
                missing, moved = len(self._last), now
            if now - moved > PATIENCE:
                raise NodeError(f"{missing} ballots are not in the box {PATIENCE:.0f} s after the last one came in.")
            if self._last and now - posted > REPOST:
                posted = now
                for nullifier, sealed in list(self._last.items()):
                    entry, hops = self._sent[nullifier]
                    self.post(sealed, entry, hops + 1)
            if self._last:
                time.sleep(0.5)


def _each(work: Callable[[int], Any], items: Sequence[int]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


def _await_count(count: Callable[[], int], wanted: int, step: Step, what: str) -> None:
    moved, last = time.monotonic(), -1
    while (now := count()) < wanted:
        if now > last:
            last, moved = now, time.monotonic()
        step.reach(now)
        if time.monotonic() - moved > PATIENCE:
            raise NodeError(f"Only {now} of {wanted} {what} stand on the chain, and none came for {PATIENCE:.0f} s.")
        time.sleep(0.3)
    step.reach(wanted)
