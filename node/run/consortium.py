# SPDX-License-Identifier: AGPL-3.0-or-later
"""The consortium of a run: the embedded chain, an eID issuer, and entities, each with its folder, keys and services.

Entities act through commands of their own (`urna trustee run`, `urna initiative create`): their keys never come here.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx

from node.deployment import Deployment
from node.eid import persons, state
from node.eid.persons import Person
from node.engine import EmbeddedEngine
from node.errors import EngineError
from node.run.citizens import CLIENT
from node.run.processes import ProcessFailed, Service, Supervisor, await_condition, clean_environment, hold_folder

READY_TIMEOUT = 60.0
ATTEMPTS = 5  # of a command that finds the chain or a member away: it may be starting again
PAUSE = 2.0  # seconds between two
UNAVAILABLE = 3  # the exit code that says so (node/cli)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EntityPlace:
    """An entity of the run: its number, folder, and where its gateway answers."""

    number: int
    name: str
    folder: Path
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class RunConsortium:
    """Everything that runs, under one folder. `start` continues what an earlier run left."""

    out: Path
    names: Sequence[str] = ("Municipality A", "Hospital B", "School C")
    engine: EmbeddedEngine = field(init=False)
    supervisor: Supervisor = field(init=False)
    entities: list[EntityPlace] = field(init=False)
    issuer_port: int = field(init=False)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _keeper: threading.Thread | None = None
    _held: IO[str] = field(init=False)

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self._held = hold_folder(self.out)
        for part in ("logs", "entities"):
            (self.out / part).mkdir(parents=True, exist_ok=True)
        self.engine = EmbeddedEngine(self.out / "chain")
        self.supervisor = Supervisor(clean_environment(), self.out / "pids.json")
        ports = self._ports()
        self.issuer_port = ports["issuer"]
        letters = "ABCDEFGH"
        self.entities = [
            EntityPlace(place + 1, name, self.out / "entities" / letters[place], ports[letters[place]])
            for place, name in enumerate(self.names)
        ]

    @property
    def rpc(self) -> str:
        return self.engine.url

    @property
    def deployment_file(self) -> Path:
        return self.out / "deployment.json"

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.deployment_file)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.issuer_port}"

    # Starting and ending

    def start_chain(self) -> None:
        """Ends what a killed run left behind first; its chain, if that still runs, is taken over as it is."""
        self.supervisor.end_left_behind()
        self.engine.start()
        self._keeper = threading.Thread(target=self._keep_engine, name="engine-supervisor", daemon=True)
        self._keeper.start()

    def start_issuer(self, people: Sequence[Person]) -> None:
        """The development provider, which knows these persons."""
        folder = self.out / "eid"
        folder.mkdir(exist_ok=True)
        persons.save(folder / "persons.json", people)
        client = state.Client(CLIENT.id, (CLIENT.redirect_uri,))
        command = state.prepare(folder, self.issuer_port, [client], folder / "persons.json")
        self.supervisor.start(
            Service("eID issuer", command, self._log("eid"), lambda: _answers(f"{self.issuer}/jwks", "the issuer"))
        )
        issuers = [{"iss": self.issuer, "audiences": [CLIENT.id]}]
        (self.out / "issuers.json").write_text(json.dumps(issuers, indent=2), encoding="utf-8")

    def start_gateway(self, entity: EntityPlace) -> None:
        command = [
            *(sys.executable, "-m", "gateway"),
            *("--entity", str(entity.folder), "--deployment", str(self.deployment_file), "--rpc", self.rpc),
            *("--issuers", str(self.out / "issuers.json"), "--port", str(entity.port)),
        ]
        name = f"gateway {entity.folder.name}"
        log = self._log(f"gateway-{entity.folder.name}")
        self.supervisor.start(Service(name, command, log, lambda: _answers(f"{entity.endpoint}/health", name)))

    def stop(self) -> None:
        self._stopping.set()
        self.supervisor.stop()
        if self._keeper is not None:
            self._keeper.join(timeout=10)
        self.engine.stop()
        self._held.close()

    def check(self) -> None:
        """Raises ProcessFailed where something cannot be kept running."""
        self.supervisor.check()

    # Commands of the entities

    def found(self) -> None:
        """Folders and keys of the entities. One whose folder was lost later is out of the run: it has no new keys."""
        if self.deployment_file.exists():
            self.entities = [entity for entity in self.entities if (entity.folder / "entity.json").exists()]

        def init(entity: EntityPlace) -> None:
            if not (entity.folder / "entity.json").exists():
                self.urna("entity", "init", str(entity.folder), "--name", entity.name, "--endpoint", entity.endpoint)

        together(init, self.entities)

    def deploy(self, minimum_anonymity: int) -> None:
        """The contracts, with the entities as founders, and the suite listed by a motion."""
        if not self.deployment_file.exists():
            founders = [part for entity in self.entities for part in ("--entity", str(entity.folder / "entity.json"))]
            self.urna(
                *("deploy", "--rpc", self.rpc, *founders, "--minimum-anonymity", str(minimum_anonymity)),
                *("--network", "embedded", "--out", str(self.deployment_file)),
            )
        for entity in self.entities[: len(self.entities) // 2 + 1]:
            self.act(entity, "motion", "add-suite")

    def trustees(self, entities: Sequence[EntityPlace]) -> list[dict[str, Any]]:
        """One run of each entity's trustee, at the same time; what each did, waits for, or could not do."""
        return together(self._trustee, entities)

    def _trustee(self, entity: EntityPlace) -> dict[str, Any]:
        report: dict[str, Any] = {}
        for attempt in range(ATTEMPTS):
            time.sleep(PAUSE if attempt else 0)
            report = self.report(*self._acting(entity, "trustee", "run"))
            if "error" not in report and not any(row["problem"] for row in report["initiatives"]):
                break
        return report

    def act(self, entity: EntityPlace, *command: str) -> dict[str, Any]:
        """A command with the entity's folder, against this chain. Raises ProcessFailed with what it said."""
        return self.urna(*self._acting(entity, *command))

    def _acting(self, entity: EntityPlace, *command: str) -> tuple[str, ...]:
        place = ("--entity", str(entity.folder), "--rpc", self.rpc, "--deployment", str(self.deployment_file))
        return (*command, *place)

    def urna(self, *arguments: str) -> dict[str, Any]:
        return self._command(arguments, (0,))

    def report(self, *arguments: str) -> dict[str, Any]:
        """As `urna`, for a command whose exit code 1 means that it found something; the answer says what."""
        return self._command(arguments, (0, 1))

    def _command(self, arguments: Sequence[str], accepted: Sequence[int]) -> dict[str, Any]:
        name, command = f"urna {' '.join(arguments[:2])}", [*URNA, *arguments, "--json"]
        for attempt in range(ATTEMPTS):
            try:
                answer = json.loads(self.supervisor.run(name, command, self._log("urna"), accepted=accepted))
                assert isinstance(answer, dict)
                return answer
            except ProcessFailed as failure:
                if failure.code != UNAVAILABLE or attempt == ATTEMPTS - 1:
                    raise
            self.check()
            time.sleep(PAUSE)
        raise AssertionError("unreachable")

    def _log(self, name: str) -> Path:
        return self.out / "logs" / f"{name}.log"

    def _keep_engine(self) -> None:
        """A chain that was killed is started again, as an operator would; its clock goes on where it was."""
        while not self._stopping.wait(0.5):
            if not self.engine.alive():
                try:
                    self.engine.start()
                except EngineError as error:
                    with (self.out / "logs" / "chain.log").open("a", encoding="utf-8") as log:
                        log.write(f"{error}\n")

    def _ports(self) -> dict[str, int]:
        """Kept in a file, so that a run that is continued finds its entities where the contracts say they are."""
        path = self.out / "ports.json"
        if path.exists():
            ports: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
            return ports
        ports = dict(zip(("issuer", *"ABCDEFGH"[: len(self.names)]), _free_ports(1 + len(self.names)), strict=True))
        path.write_text(json.dumps(ports), encoding="utf-8")
        return ports


def together(work: Callable[[EntityPlace], T], entities: Sequence[EntityPlace]) -> list[T]:
    """The same for several entities at once, as it is when each acts for itself."""
    with ThreadPoolExecutor(len(entities)) as pool:
        return list(pool.map(work, entities))


URNA = (sys.executable, "-m", "node.cli")


def _answers(url: str, what: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    await_condition(answers, READY_TIMEOUT, f"an answer of {what}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
