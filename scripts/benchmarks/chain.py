# SPDX-License-Identifier: AGPL-3.0-or-later
"""A chain for benchmarks: the product's contracts with a verifying key whose trapdoor is known, and who acts on it.

With the trapdoor a valid proof costs microseconds, at exactly the same cost of verification; nothing but tests and
benchmarks accepts such a key.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import urna_native

from node.contracts import decode_error
from node.deploy import Plan, deploy
from node.deployment import Deployment
from node.draft import parse_draft
from node.engine import EmbeddedEngine
from node.entity import EntityFolder
from node.keys import Call, Key, new_account_secret
from node.member import Member
from node.rpc import Receipt, RpcClient
from node.sender import Pace, Sender
from node.trustee import TrusteeRun
from protocol import plaintext
from protocol.ballot import PROOF_BYTES, Channel, Entry, Record, ballot_hash, ballot_scope
from protocol.bn254 import SCALAR_FIELD
from protocol.choice import Approval, BallotPaper
from protocol.eip712 import RegistrationBatch, Submission, digest
from protocol.proof import ProofStatement, VerifyingKey
from protocol.rules import Rules
from protocol.sealing import seal
from protocol.types import Address, Commitment, G1Point, Hash32, InitiativeId, Nullifier, Role, Tag

GAS = 29_000_000
"""Of a large transaction; given beforehand, so that nothing is run twice for an estimate."""
SMALL_GAS = 1_000_000
_IN_FLIGHT = 100
_PACE = Pace(poll=0.02, patience=120)


@cache
def trapdoor() -> tuple[VerifyingKey, bytes]:
    """The key and its trapdoor; the same in every process."""
    key, secret = urna_native.make_trapdoor_key(b"urna/benchmarks".ljust(32, b"\0"))
    return VerifyingKey(key), secret


def simulate(statements: Sequence[ProofStatement]) -> list[bytes]:
    """A valid proof for each statement."""
    encoded = b"".join(statement.encode() for statement in statements)
    proofs = urna_native.simulate_proofs(trapdoor()[1], encoded, secrets.token_bytes(32))
    return [proofs[at : at + PROOF_BYTES] for at in range(0, len(proofs), PROOF_BYTES)]


@dataclass
class Chain:
    """A running chain with its members, numbered from 1, and an account that sends what anybody may send."""

    engine: EmbeddedEngine
    rpc: RpcClient
    deployment: Deployment
    deployment_file: Path
    members: list[Member]
    relay: Sender
    rules: dict[int, Rules] = field(default_factory=dict)

    def until(self, at: int) -> None:
        """Moves the chain's clock forward."""
        if at > self.rpc.block().timestamp:
            self.engine.advance_clock(at)

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return self.deployment.contract(contract).read(self.rpc, function, *arguments)

    def encode(self, contract: str, function: str, *arguments: Any, gas: int = GAS) -> Call:
        return self.deployment.contract(contract).call(function, *arguments, gas=gas)

    def send(self, contract: str, function: str, *arguments: Any) -> Receipt:
        """A transaction by anybody."""
        return self.relay.call(self.encode(contract, function, *arguments))

    def act(self, entity: int, role: Role, contract: str, function: str, *arguments: Any) -> Receipt:
        """A transaction by an entity's account."""
        return self.act_many(entity, role, [self.encode(contract, function, *arguments)])[0]

    def act_many(self, entity: int, role: Role, calls: Sequence[Call]) -> list[Receipt]:
        with self.members[entity - 1].sender(role, _PACE) as sender:
            return _in_flight(sender, calls)

    def create(self, *, trustees: int, threshold: int, options: int) -> int:
        """An approval election; registration opens at once in chain time. Returns its number."""
        opens = self.rpc.block().timestamp + 30
        draft = parse_draft(
            {
                "title": f"Benchmark {secrets.token_hex(4)}",
                "kind": "participatory-budget",
                "scope": {"residence": ["PT-1106"]},
                "windows": {
                    "registration-opens": opens,
                    "registration-closes": opens + 3600,
                    "voting-opens": opens + 7200,
                    "voting-closes": opens + 7200 + 86_400,
                    "challenge-period": 3600,
                    "ceremony-step": 600,
                },
                "ballot": {"type": "approval", "min-length": 1, "max-length": options},
                "allocation": {"rule": "greedy", "budget": "1000"},
                "registrars": [1, 2, 3],
                "registrar-threshold": 2,
                "trustees": list(range(1, trustees + 1)),
                "trustee-threshold": threshold,
                "minimum-anonymity": 3,
                "proposals-per-person": 1,
                "issuers": ["https://eid.example.org"],
            }
        )
        rules = replace(draft.rules, pepper_hash=Hash32(secrets.token_bytes(32)))
        self.act(1, Role.PUBLISHER, "Initiatives", "create", rules, draft.scope.decode(), draft.title)
        initiative = int(self.read("Initiatives", "count"))
        self.rules[initiative] = rules
        self.until(opens)
        return initiative

    def register(self, initiative: int, count: int) -> Receipt:
        """One batch of fresh persons, signed by two registrars."""
        batch = RegistrationBatch(
            initiative=InitiativeId(initiative),
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self.rpc.block().timestamp + 3000,
            tags=tuple(Tag(secrets.token_bytes(32)) for _ in range(count)),
            commitments=tuple(Commitment(secrets.randbelow(SCALAR_FIELD - 1) + 1) for _ in range(count)),
            evidence_root=Hash32(bytes(32)),
        )
        return self.send("Electorate", "register", batch, self._signatures("Electorate", batch))

    def add_options(self, initiative: int, count: int) -> None:
        """Proposals, each submitted and accepted."""
        valid_until = self.rpc.block().timestamp + 3000
        submissions = [
            Submission(
                initiative=InitiativeId(initiative),
                batch_id=Hash32(secrets.token_bytes(32)),
                valid_until=valid_until,
                author_tag=Tag(secrets.token_bytes(32)),
                content_hash=Hash32(secrets.token_bytes(32)),
                evidence_root=Hash32(bytes(32)),
            )
            for _ in range(count)
        ]
        submits = [
            self.encode("Proposals", "submit", one, self._signatures("Proposals", one), gas=SMALL_GAS)
            for one in submissions
        ]
        _in_flight(self.relay, submits)
        accepts = [
            self.encode("Proposals", "accept", initiative, number, 10, "", gas=SMALL_GAS)
            for number in range(1, count + 1)
        ]
        self.act_many(1, Role.PUBLISHER, accepts)

    def make_key(self, initiative: int) -> None:
        """The ceremony, by the trustees' own software."""
        opens, step = self._ceremony(initiative)
        for entity in self.rules[initiative].trustees:
            TrusteeRun(self.members[entity - 1]).run(initiative)
        self.until(opens + 2 * step)
        TrusteeRun(self.members[0]).run(initiative)

    def ballots(self, initiative: int, count: int, seed: int = 0) -> list[Entry]:
        """Sealed ballots of as many voters, each approving about a quarter of the options."""
        source = random.Random(f"{initiative}/{seed}")
        scope = ballot_scope(self.deployment.chain_id, self.deployment.address("BallotBox"), initiative)
        point = self.read("Ceremony", "jointKey", initiative)
        paper = BallotPaper(self.rules[initiative].ballot, tuple(self.read("Proposals", "costs", initiative)))
        root = self.read("Electorate", "root", initiative)
        records: list[Record] = []
        for _ in range(count):
            chosen = [option for option in range(len(paper.costs)) if source.random() < 0.25] or [0]
            records.append(
                seal(
                    plaintext.encode(Approval(tuple(chosen)), paper),
                    scope=scope,
                    nullifier=Nullifier(secrets.randbelow(SCALAR_FIELD)),
                    sequence=1,
                    channel=Channel.OWN_DEVICE,
                    joint_key=G1Point(point.x, point.y),
                )
            )
        statements = [
            ProofStatement.of_ballot(root, record.nullifier, ballot_hash(scope, record), scope) for record in records
        ]
        return [Entry(proof, record) for proof, record in zip(simulate(statements), records, strict=True)]

    def cast_call(self, initiative: int, entries: Sequence[Entry]) -> Call:
        return self.encode("BallotBox", "castBatch", initiative, b"".join(entry.encode() for entry in entries))

    def _ceremony(self, initiative: int) -> tuple[int, int]:
        windows = self.rules[initiative].windows
        return windows.registration_opens, windows.ceremony_step

    def _signatures(self, contract: str, message: RegistrationBatch | Submission) -> list[tuple[int, bytes]]:
        hashed = digest(message, self.deployment.chain_id, Address(self.deployment.address(contract)))
        return [(member.entity, member.folder.key(Role.REGISTRAR).sign_digest(hashed)) for member in self.members[:2]]


def _in_flight(sender: Sender, calls: Sequence[Call]) -> list[Receipt]:
    done: list[Receipt] = []
    for start in range(0, len(calls), _IN_FLIGHT):
        done += sender.wait(sender.submit(calls[start : start + _IN_FLIGHT]))
    return done


@contextmanager
def open_chain(folder: Path, entities: int, finality: float = 0.0) -> Iterator[Chain]:
    """Starts the embedded engine and deploys; trustees' keys are registered. `finality` is the deployment's."""
    with EmbeddedEngine(folder / "chain") as engine, RpcClient.connect(engine.url, timeout=60) as rpc:
        names = [f"Entity {number}" for number in range(1, entities + 1)]
        folders = [EntityFolder.create(folder / name, name, "http://127.0.0.1:9") for name in names]
        plan = Plan([one.public for one in folders], 3, "benchmark", finality=finality, test_key=trapdoor()[0])
        deployment = deploy(rpc, plan)
        deployment.save(folder / "deployment.json")
        members = [Member.open(one.path, rpc, deployment, test_key=True) for one in folders]
        with Sender(
            rpc, Key(new_account_secret()), folder / "relay", decode=decode_error, finality=0.0, pace=_PACE
        ) as relay:
            chain = Chain(engine, rpc, deployment, folder / "deployment.json", members, relay)
            for member in members:
                TrusteeRun(member).run()
            yield chain


def await_count(chain: Chain, initiative: int, count: int, begun: float, patience: float) -> float:
    """Seconds since `begun` (monotonic) until that many ballots are in the box. Raises TimeoutError."""
    while int(chain.read("BallotBox", "ballotCount", initiative)) < count:
        if time.monotonic() - begun > patience:
            raise TimeoutError(f"{count} ballots were not in the box after {patience:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - begun
