# SPDX-License-Identifier: AGPL-3.0-or-later
"""The real eID provider (`urna eid`) as a process, for whichever tests log somebody in.

`with running(folder) as provider:` gives one; `provider` in a conftest.py gives one for the session.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from node.eid import persons, state
from node.eid.login import PersonLogin
from node.eid.persons import Person
from node.oidc.flow import Client

PATIENCE = 60.0

#: Two members' applications: one public, one with a secret.
PUBLIC = Client("urna-a", "http://127.0.0.1/a/callback")
CONFIDENTIAL = "urna-b"
CONFIDENTIAL_URI = "http://localhost/b/callback"


@dataclass
class Provider:
    """`people` are those it knows; `add` more at any time."""

    folder: Path
    port: int
    clients: Sequence[state.Client]
    people: list[Person] = field(default_factory=lambda: persons.load(persons.SHIPPED))
    process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return state.issuer_of(self.port)

    @property
    def log(self) -> Path:
        return self.folder / "provider.log"

    def settings(self) -> dict[str, Any]:
        """Its entry in a gateway's list of issuers."""
        return {"iss": self.issuer, "audiences": [client.id for client in self.clients]}

    def add(self, *people: Person) -> None:
        self.people.extend(people)
        persons.save(self.folder / "persons.json", self.people)

    def client(self, name: str = PUBLIC.id) -> Client:
        """The application as the provider knows it, with its secret if it has one."""
        registered = next(client for client in self.clients if client.id == name)
        secret = state.secret_of(self.folder, name) if registered.confidential else None
        return Client(name, registered.redirect_uris[0], secret)

    def token(self, person: str, nonce: str, client: str = PUBLIC.id) -> str:
        with closing(PersonLogin(self.issuer, self.client(client))) as login:
            return login.token(person, nonce)

    def rotate(self, overlap: int = state.OVERLAP) -> str:
        return state.rotate(self.folder, overlap)

    def start(self) -> None:
        command = state.prepare(self.folder, self.port, self.clients, self.folder / "persons.json")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.issuer}/jwks", trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the provider does not answer: {self.log.read_text()}")

    def kill(self) -> None:
        """As kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running(folder: Path, clients: Sequence[state.Client] = (), people: Sequence[Person] = ()) -> Iterator[Provider]:
    """A provider with two members' clients and these ones, the shipped persons and these."""
    folder.mkdir(parents=True, exist_ok=True)
    registered = [
        state.Client(PUBLIC.id, (PUBLIC.redirect_uri,)),
        state.Client(CONFIDENTIAL, (CONFIDENTIAL_URI,), confidential=True),
        *clients,
    ]
    provider = Provider(folder, free_port(), registered)
    provider.add(*people)
    provider.start()
    try:
        yield provider
    finally:
        provider.kill()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
