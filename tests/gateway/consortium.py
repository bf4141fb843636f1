# SPDX-License-Identifier: AGPL-3.0-or-later
"""A consortium for tests: an embedded chain, three entities with their gateways on loopback, and an eID issuer.

Ballots carry proofs simulated with a trapdoor key; everything else is as in earnest.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from gateway.app import create_app
from gateway.assembly import Gateway, build
from gateway.database import JOURNAL, locate
from gateway.index.view import ChainView
from gateway.journal import Journal, open_journal
from gateway.journal.tables import METADATA
from gateway.server import config
from gateway.settings import Settings
from node import publisher
from node.contracts import decode_error
from node.deploy import Plan, deploy
from node.engine import EmbeddedEngine
from node.entity import EntityFolder
from node.keys import Key, new_account_secret
from node.member import Member
from node.publisher import Acceptance
from node.rpc import RpcClient
from node.sender import Sender
from node.token import TokenUri
from node.trustee import TrusteeRun
from protocol.choice import Approval
from protocol.identity import Identity
from protocol.nonces import author_nonce, elector_nonce, replacement_nonce
from protocol.types import Address, Commitment, Hash32, InitiativeId
from tests.gateway import issuer
from tests.gateway.provider import Provider
from tests.node.town import NAMES, Town, trapdoor

PATIENCE = 30.0
CLAIMS: dict[str, str | list[str]] = {"residence": "PT-1106", "birthdate": "1990-01-01"}


class Served:
    """An application on a loopback port of its own, in a thread; it may be stopped and started again."""

    def __init__(self) -> None:
        self._socket = _listen(0)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: FastAPI) -> None:
        if self._socket.fileno() < 0:
            self._socket = _listen(self.port)
        server = self._server = uvicorn.Server(config(app))
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        until(lambda: server.started)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(PATIENCE)
            self._server = None
        self._socket.close()


@dataclass
class Consortium:
    """`town` acts on the chain, `clients` are HTTP clients of the gateways, by the entities' names."""

    town: Town
    folder: Path
    iss: str
    key: issuer.SigningKey
    provider: Provider
    served: dict[str, Served]
    gateways: dict[str, Gateway] = field(default_factory=dict)
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    # Gateways

    def settings(self, name: str, **changes: Any) -> Settings:
        given: dict[str, Any] = {
            "entity": self.folder / name,
            "deployment": self.folder / "deployment.json",
            "rpc": self.town.engine.url,
            "issuers": self.folder / "issuers.json",
            "batch_age": 0.05,
            "poll_interval": 0.05,
            "text_interval": 0.1,
            "member_timeout": 2.0,
        }
        return Settings(**{**given, **changes})

    def start(self, name: str, **changes: Any) -> None:
        gateway = self.gateways[name] = build(self.settings(name, **changes), test_key=trapdoor()[0])
        self.served[name].start(create_app(gateway))
        self.await_current(name)

    def stop(self, name: str) -> None:
        if name in self.gateways:
            self.served[name].stop()
            del self.gateways[name]

    def view(self, name: str = "A") -> ChainView:
        return self.gateways[name].services.view

    def await_current(self, *names: str) -> None:
        """Until these gateways (none named: all that run) have read the block that is the head now."""
        number = self.town.rpc.block_number()
        for name in names or self.gateways:
            until(lambda name=name: self._head(name) >= number)  # type: ignore[misc]  # bound per round

    def _head(self, name: str) -> int:
        response = self.clients[name].get("/health")
        return int(response.json()["as_of"]["block"]) if response.status_code == 200 else -1

    # Initiatives

    def initiative(self, **changes: Any) -> InitiativeId:
        """A new one, open for registration."""
        draft = self.town.draft(**{"issuers": [self.iss], **changes})
        created = publisher.create(self.town.members["A"], draft, patience=PATIENCE)
        assert all(handover.problem is None for handover in created.handovers)
        self.town.until(draft.rules.windows.registration_opens)
        self.await_current()
        return InitiativeId(created.initiative)

    def windows(self, initiative: InitiativeId) -> Any:
        return self.town.read("Initiatives", "windowsOf", initiative)

    def voting(self, voters: int, **changes: Any) -> tuple[InitiativeId, list[Identity]]:
        """One open for voting, with this many registered voters and two options."""
        initiative, identities = self.reviewed(voters, **changes)
        self.town.until(self.windows(initiative).votingOpens)
        self.await_current()
        return initiative, identities

    def reviewed(self, voters: int, **changes: Any) -> tuple[InitiativeId, list[Identity]]:
        """As `voting`, still in registration, with everything that voting needs."""
        initiative = self.initiative(**changes)
        identities = self.town.register(initiative, voters)
        self.prepare_vote(initiative)
        return initiative, identities

    def prepare_vote(self, initiative: InitiativeId) -> None:
        """Two options and a joint key, for an initiative in registration."""
        self.town.submit(initiative, 2)
        publisher.accept(self.town.members["A"], initiative, [Acceptance(1, 10), Acceptance(2, 20)])
        for name in NAMES:
            TrusteeRun(self.town.members[name]).run(initiative)
        self.town.until(self.town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
        TrusteeRun(self.town.members["A"]).run(initiative)
        assert self.town.read("Ceremony", "isFinalised", initiative)

    def ballot(self, initiative: InitiativeId, voter: Identity, sequence: int = 1) -> bytes:
        return self.town.ballot(initiative, voter, Approval((0,)), sequence).encode()

    # Citizens

    def token(self, subject: str, nonce: str, **claims: Any) -> str:
        given = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
        return issuer.sign_token(self.key, self.iss, subject, nonce, given)

    def registration(
        self, initiative: InitiativeId, subject: str, commitment: int | None = None, **claims: Any
    ) -> dict[str, str]:
        """The body of a registration by this person."""
        commitment, salt = commitment or secrets.randbelow(1 << 250) + 1, secrets.token_bytes(32)
        nonce = elector_nonce(
            self.town.deployment.chain_id, self._address("Electorate"), initiative, Commitment(commitment), salt
        )
        token = self.token(subject, nonce, **claims)
        return {"id_token": token, "commitment": str(commitment), "salt": "0x" + salt.hex()}

    def replacement(self, initiative: InitiativeId, subject: str, commitment: int) -> dict[str, str]:
        salt = secrets.token_bytes(32)
        nonce = replacement_nonce(
            self.town.deployment.chain_id, self._address("Electorate"), initiative, Commitment(commitment), salt
        )
        return {"id_token": self.token(subject, nonce), "commitment": str(commitment), "salt": "0x" + salt.hex()}

    def proposal(
        self, initiative: InitiativeId, subject: str, content: dict[str, Any], hashed: Hash32, content_salt: bytes
    ) -> dict[str, Any]:
        salt = secrets.token_bytes(32)
        nonce = author_nonce(self.town.deployment.chain_id, self._address("Proposals"), initiative, hashed, salt)
        return {
            "id_token": self.token(subject, nonce),
            "content": content,
            "content_salt": "0x" + content_salt.hex(),
            "salt": "0x" + salt.hex(),
        }

    def _address(self, name: str) -> Address:
        return Address(self.town.deployment.address(name))


@contextmanager
def open_consortium(
    engine: EmbeddedEngine, folder: Path, tokens: Mapping[str, TokenUri] = MappingProxyType({})
) -> Iterator[Consortium]:
    """`tokens`: of the entities whose accounts' keys live in one."""
    with ExitStack() as stack:
        served = {name: Served() for name in NAMES}
        eid = Served()
        for one in (*served.values(), eid):
            stack.callback(one.stop)
        key = issuer.new_key()
        provider = Provider(eid.url, key)
        eid.start(provider.create_app())
        issuers = [{"iss": eid.url, "jwks_uri": f"{eid.url}/jwks", "audiences": [issuer.AUDIENCE]}]
        (folder / "issuers.json").write_text(json.dumps(issuers), encoding="utf-8")

        folders = {
            name: EntityFolder.create(folder / name, f"Entity {name}", served[name].url, 2, tokens.get(name))
            for name in NAMES
        }
        rpc = stack.enter_context(RpcClient.connect(engine.url))
        plan = Plan([one.public for one in folders.values()], 3, "test", finality=0.0, test_key=trapdoor()[0])
        deployment = deploy(rpc, plan)
        deployment.save(folder / "deployment.json")
        members = {name: Member.open(one.path, rpc, deployment, test_key=True) for name, one in folders.items()}
        for member in members.values():
            TrusteeRun(member).run()
        relay = stack.enter_context(
            Sender(rpc, Key(new_account_secret()), folder / "relay", decode=decode_error, finality=0.0)
        )
        town = Town(engine, rpc, deployment, members, {}, relay)
        consortium = Consortium(town, folder, eid.url, key, provider, served)
        for name in NAMES:
            client = httpx.Client(base_url=served[name].url, timeout=30, trust_env=False)
            consortium.clients[name] = stack.enter_context(client)
            consortium.start(name)
        yield consortium
        for name in NAMES:
            consortium.stop(name)


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Waits; a test that waits in vain fails."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"in vain for {patience} s"
        time.sleep(0.02)


def landed(client: httpx.Client, path: str) -> dict[str, Any]:
    """What became of a registration or submission, once it has ended."""
    until(lambda: client.get(path).json()["status"] in ("final", "failed"))
    answer = client.get(path).json()
    assert isinstance(answer, dict)
    return answer


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, which must be one, with this status and code."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    assert document["status"] == status
    assert document["type"] == f"urn:urna:problem:{code}"
    assert document["title"]
    assert document["detail"].endswith(".")
    return dict(document)


def rows(gateway: Gateway) -> dict[str, int]:
    """How many rows each table of the journal has."""
    counts = {table.name: sa.select(sa.func.count()).select_from(table) for table in METADATA.sorted_tables}
    with gateway.journal.database.read() as db:
        return {name: db.execute(count).scalar_one() for name, count in counts.items()}


def journal_in(folder: Path) -> Journal:
    """An empty journal of its own, on SQLite."""
    return open_journal(locate(folder, None, JOURNAL), b"test")


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening
