# SPDX-License-Identifier: AGPL-3.0-or-later
"""A town for tests: a chain, three entities, and voters whose proofs are simulated with a trapdoor key."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import urna_native

from node import events, pepper_box
from node.contracts import decode_error
from node.deploy import Plan, deploy
from node.deployment import Deployment
from node.draft import Draft, parse_draft
from node.engine import EmbeddedEngine
from node.entity import EntityFolder
from node.errors import MemberAuthError
from node.keys import Call, Key, new_account_secret
from node.member import Member
from node.member_auth import Member as Peer
from node.member_auth import Verifier
from node.rpc import Receipt, RpcClient
from node.sender import Sender
from protocol import plaintext
from protocol.ballot import Channel, Entry, ballot_hash, ballot_scope
from protocol.choice import BallotPaper, Choice
from protocol.eip712 import RegistrationBatch, Replacement, Submission, digest
from protocol.events import InitiativeCreated
from protocol.identity import Identity
from protocol.proof import ProofStatement, VerifyingKey
from protocol.rules import decode
from protocol.sealing import seal
from protocol.types import Address, EntityId, G1Point, Hash32, InitiativeId, Role, Tag

NAMES = ("A", "B", "C")
SCOPE = {"residence": ["PT-1106"]}


@cache
def trapdoor() -> tuple[VerifyingKey, bytes]:
    """A verifying key whose proofs anybody with the trapdoor can simulate."""
    key, secret = urna_native.make_trapdoor_key(b"\x2a" * 32)
    return VerifyingKey(key), secret


class Gateway:
    """Stands for another member's gateway: takes peppers, and verifies who sends them."""

    def __init__(self) -> None:
        self.peppers: dict[int, bytes] = {}
        self.member: Member | None = None
        self.refuse = 0
        self.verifier: Verifier | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*outer.key())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self._answer(*outer.take(self.path, dict(self.headers), body))

            def _answer(self, status: int, answer: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def key(self) -> tuple[int, dict[str, Any]]:
        """The registrar's signed key."""
        assert self.member is not None
        folder, deployment = self.member.folder, self.member.deployment
        key = pepper_box.public_key(folder.registrar_decryption_key())
        signature = pepper_box.sign_key(folder.key(Role.REGISTRAR), deployment, EntityId(self.member.entity), key)
        return 200, {"key": "0x" + key.hex(), "signature": "0x" + signature.hex()}

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if self.refuse:
            self.refuse -= 1
            return 503, {}
        assert self.verifier is not None
        assert self.member is not None
        try:
            peer = self.verifier.verify(method="POST", path=path, headers=headers, body=body)
        except MemberAuthError:
            return 401, {}
        if peer.role != "publisher":
            return 403, {}
        content, member = json.loads(body), self.member
        rules = next(
            decode(at.event.rules)
            for at in events.read(member.rpc, member.deployment, [InitiativeCreated], initiative=content["initiative"])
            if isinstance(at.event, InitiativeCreated)
        )
        initiative, entity = InitiativeId(content["initiative"]), EntityId(member.entity)
        envelope = pepper_box.Envelope(member.deployment, initiative, rules.pepper_hash, entity)
        box = bytes.fromhex(content["sealed"][2:])
        pepper = pepper_box.unseal(box, member.folder.registrar_decryption_key(), envelope)
        self.peppers[initiative] = pepper.reveal()
        receipt = pepper_box.sign_receipt(member.folder.key(Role.REGISTRAR), envelope)
        return 200, {"signature": "0x" + receipt.hex()}

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Town:
    """Chain time is only moved forward; `members` are A, B, C with the numbers 1, 2, 3."""

    engine: EmbeddedEngine
    rpc: RpcClient
    deployment: Deployment
    members: dict[str, Member]
    gateways: dict[str, Gateway]
    relay: Sender
    voters: dict[int, list[Identity]] = field(default_factory=dict)

    def now(self) -> int:
        return self.rpc.block().timestamp

    def until(self, at: int) -> None:
        if at > self.now():
            self.engine.advance_clock(at)

    def call(self, contract: str, function: str, *arguments: Any) -> Receipt:
        return self.relay.call(self.deployment.contract(contract).call(function, *arguments))

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return self.deployment.contract(contract).read(self.rpc, function, *arguments)

    def draft(self, **changes: Any) -> Draft:
        """Registration opens in 60 s, closes after an hour; an hour of review, an hour of voting."""
        now = self.now()
        opens = now + 60
        document: dict[str, Any] = {
            "title": f"Budget {secrets.token_hex(4)}",
            "kind": "participatory-budget",
            "scope": SCOPE,
            "windows": {
                "registration-opens": opens,
                "registration-closes": opens + 3600,
                "voting-opens": opens + 7200,
                "voting-closes": opens + 10800,
                "challenge-period": 3600,
                "ceremony-step": 600,
            },
            "ballot": {"type": "approval", "min-length": 1, "max-length": 3},
            "allocation": {"rule": "greedy", "budget": "100"},
            "registrars": [1, 2, 3],
            "registrar-threshold": 2,
            "trustees": [1, 2, 3],
            "trustee-threshold": 2,
            "minimum-anonymity": 3,
            "proposals-per-person": 10,
            "issuers": ["https://eid.example.org"],
        }
        return parse_draft({**document, **changes})

    def signatures(self, message: RegistrationBatch | Replacement | Submission, names: Sequence[str] = "AB") -> Any:
        contract = "Proposals" if isinstance(message, Submission) else "Electorate"
        hashed = digest(message, self.deployment.chain_id, Address(self.deployment.address(contract)))
        signers = [self.members[name] for name in names]
        return [(one.entity, one.folder.key(Role.REGISTRAR).sign_digest(hashed)) for one in signers]

    def register(self, initiative: int, count: int) -> list[Identity]:
        voters = [Identity(secrets.randbelow(1 << 250) + 1) for _ in range(count)]
        batch = RegistrationBatch(
            initiative=InitiativeId(initiative),
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self.now() + 3000,
            tags=tuple(Tag(secrets.token_bytes(32)) for _ in voters),
            commitments=tuple(voter.commitment() for voter in voters),
            evidence_root=Hash32(bytes(32)),
        )
        self.call("Electorate", "register", batch, self.signatures(batch))
        self.voters.setdefault(initiative, []).extend(voters)
        return voters

    def submit(self, initiative: int, count: int) -> None:
        for _ in range(count):
            submission = Submission(
                initiative=InitiativeId(initiative),
                batch_id=Hash32(secrets.token_bytes(32)),
                valid_until=self.now() + 3000,
                author_tag=Tag(secrets.token_bytes(32)),
                content_hash=Hash32(secrets.token_bytes(32)),
                evidence_root=Hash32(bytes(32)),
            )
            self.call("Proposals", "submit", submission, self.signatures(submission))

    def ballot(self, initiative: int, voter: Identity, choice: Choice | bytes, sequence: int = 1) -> Entry:
        """A sealed ballot with a simulated proof; `choice` may be the plaintext itself."""
        scope = ballot_scope(self.deployment.chain_id, self.deployment.address("BallotBox"), initiative)
        key = self.read("Ceremony", "jointKey", initiative)
        rules = self.draft().rules.ballot
        paper = BallotPaper(rules, tuple(self.read("Proposals", "costs", initiative)))
        text = choice if isinstance(choice, bytes) else plaintext.encode(choice, paper)
        record = seal(
            text,
            scope=scope,
            nullifier=voter.nullifier(scope),
            sequence=sequence,
            channel=Channel.OWN_DEVICE,
            joint_key=G1Point(key.x, key.y),
        )
        root = self.read("Electorate", "root", initiative)
        statement = ProofStatement.of_ballot(root, record.nullifier, ballot_hash(scope, record), scope)
        proof = urna_native.simulate_proofs(trapdoor()[1], statement.encode(), secrets.token_bytes(32))
        return Entry(proof, record)

    def cast(self, initiative: int, entries: Sequence[Entry]) -> Receipt:
        return self.call("BallotBox", "castBatch", initiative, b"".join(entry.encode() for entry in entries))


@contextmanager
def open_town(engine: EmbeddedEngine, folder: Path, *, pinned: bool = False) -> Iterator[Town]:
    """Deploys with the trapdoor key, or the ceremony's where `pinned`; the gateways know the publishers' accounts."""
    gateways = {name: Gateway() for name in NAMES}
    folders = {name: EntityFolder.create(folder / name, f"Entity {name}", gateways[name].url, 1) for name in NAMES}
    with RpcClient.connect(engine.url) as rpc:
        test_key = None if pinned else trapdoor()[0]
        plan = Plan([one.public for one in folders.values()], 3, "test", finality=0.0, test_key=test_key)
        deployment = deploy(rpc, plan)
        members = {name: Member.open(one.path, rpc, deployment, test_key=True) for name, one in folders.items()}
        for name, gateway in gateways.items():
            known = {
                one.folder.public.accounts[role]: Peer(one.entity, role.label)
                for one in members.values()
                for role in Role
            }
            gateway.member = members[name]
            gateway.verifier = Verifier(known.get, audience=members[name].entity)
        key = Key(new_account_secret())
        with Sender(rpc, key, folder / "relay", decode=decode_error, finality=0.0) as relay:
            yield Town(engine, rpc, deployment, members, gateways, relay)
    for gateway in gateways.values():
        gateway.close()


def raw_call(town: Town, member: str, role: Role, call: Call) -> Receipt:
    """A call by one of the members' accounts, for what its own software would never send."""
    with town.members[member].sender(role) as sender:
        return sender.call(call)
