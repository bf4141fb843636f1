# SPDX-License-Identifier: AGPL-3.0-or-later
"""The driver of a run: step after step, each of which an earlier, broken-off run may have done already."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from node.errors import EngineError, NodeError, RpcUnavailable
from node.promises import check
from node.rpc import RpcClient
from node.run import citizens
from node.run.citizens import Place
from node.run.client import Gateways
from node.run.consortium import EntityPlace, RunConsortium, together
from node.run.plan import Plan, draft, residence
from node.run.processes import await_condition
from node.run.progress import Reporter
from node.run.promises import Balance, PromiseBook
from node.run.voters import load_voters, people
from protocol.pabulib import Project
from protocol.types import InitiativeId

RULES = "rules.json"
CREATED = "initiative.json"
BUNDLE = "bundle.json.gz"
PROMISES = "promises.jsonl"
BROKEN = "broken-promises.json"
PATIENCE = 60.0  # seconds for a chain that is away


@dataclass(frozen=True, slots=True)
class Held:
    """An election that was held: where, what the contracts and the observer say, and what promises came to."""

    initiative: InitiativeId
    counts: dict[str, Any]
    result: dict[str, Any]
    observation: dict[str, Any]
    promises: Mapping[str, int]


class Driver:
    """Holds one election. `content` is the file's, so that a continued run is one of the same election."""

    def __init__(
        self, consortium: RunConsortium, plan: Plan, content: bytes, seed: int | None, reporter: Reporter
    ) -> None:
        self._consortium = consortium
        self._plan = plan
        self._reporter = reporter
        self._seed = seed
        self._out = consortium.out
        self._gateways = Gateways([entity.endpoint for entity in consortium.entities])
        self._members = {entity.number: Gateways([entity.endpoint]) for entity in consortium.entities}
        self._remember(content)

    def hold(self, workers: int = 2) -> Held:
        """From nothing, or from wherever an earlier run stopped, to the observer's report. Raises NodeError."""
        return self.finish(self.to_opening(workers))

    def to_opening(self, workers: int = 2) -> Place:
        """Until the trustees may open. Raises NodeError."""
        self._set_up()
        initiative = self._create()
        place = Place(
            self._consortium.deployment,
            initiative,
            self._gateways,
            self._consortium.issuer,
            PromiseBook(self._out / PROMISES),
        )
        windows = self._windows(place)
        self._before_voting(place, windows)
        self._vote(place, windows, workers)
        return place

    def finish(self, place: Place) -> Held:
        """Open, count, allocate, observe. Raises NodeError."""
        self._open(place)
        return self._observe(place)

    def close(self) -> None:
        for client in (self._gateways, *self._members.values()):
            client.close()

    # The steps

    def _set_up(self) -> None:
        consortium, plan, part = self._consortium, self._plan, self._reporter.part
        with part("start the chain and the eID issuer"):
            consortium.start_chain()
            consortium.start_issuer(people(plan.persons, len(plan.election.projects), residence(plan.election)))
        with part("make the entities' keys"):
            consortium.found()
        with part("deploy the contracts"):
            consortium.deploy(self._plan.minimum_anonymity)
        with part("register the trustees' keys"):
            self._trustees()
        with part("start the gateways"):
            together(consortium.start_gateway, consortium.entities)

    def _create(self) -> InitiativeId:
        """The draft's windows are fixed at the first attempt, so that a repeated one finds the same initiative."""
        created, path = self._out / CREATED, self._out / RULES
        if not path.exists():
            entities = [entity.number for entity in self._consortium.entities]
            document = draft(self._plan, now=self._chain_time(), issuer=self._consortium.issuer, entities=entities)
            path.write_text(json.dumps(document, ensure_ascii=False, indent=2), encoding="utf-8")
        if not created.exists():  # afterwards a member may be lost, to whom a repeated creation would send the pepper
            with self._reporter.part("create the initiative"):
                answer = self._consortium.act(self._publisher, "initiative", "create", "--draft", str(path))
            created.write_text(json.dumps(answer), encoding="utf-8")
        number = InitiativeId(int(json.loads(created.read_text(encoding="utf-8"))["initiative"]))
        await_condition(lambda: self._known(number), 60, f"initiative {number} in every gateway's index")
        return number

    def _before_voting(self, place: Place, windows: dict[str, int]) -> None:
        part = self._reporter.part
        if self._chain_time() >= windows["voting_opens"]:
            return
        self._advance(windows["registration_opens"])
        projects = self._plan.election.projects
        if self._chain_time() < windows["registration_closes"]:
            with part("submit the proposals", len(projects)) as step:
                seed = sha256(str(place.initiative).encode()).digest()
                hashes = citizens.propose(place, [_content(project) for project in projects], seed, step)
            with part("accept the proposals"):
                self._accept(place, hashes)
            with part("deal the trustees' shares"):
                self._trustees()
            voters = load_voters(self._out / "voters.json", self._plan.persons, self._seed)
            with part("register the voters", len(voters)) as step:
                citizens.register(place, voters, step)
        with part("make the joint key"):
            self._finalise(windows)
        self._advance(windows["voting_opens"])

    def _finalise(self, windows: dict[str, int]) -> None:
        """One step of the clock for the complaints, another before anybody may finalise."""
        opened, step = windows["registration_opens"], windows["ceremony_step"]
        self._advance(opened + step)
        self._trustees()
        self._advance(opened + 2 * step)
        self._consortium.trustees([self._publisher])  # anyone may; one is enough

    def _vote(self, place: Place, windows: dict[str, int], workers: int) -> None:
        if self._chain_time() < windows["voting_closes"]:
            voters = load_voters(self._out / "voters.json", self._plan.persons, self._seed)
            total = sum(len(casting.plaintexts) for casting in self._plan.castings)
            with self._reporter.part("seal, prove and cast", total) as step:
                citizens.cast(place, voters, self._plan.castings, workers, step)
        self._advance(windows["voting_closes"] + windows["challenge_period"])

    def _open(self, place: Place) -> None:
        """With two of the three trustees: the third is not needed."""
        with self._reporter.part("open and count"):
            last: list[dict[str, Any]] = []
            for _ in range(6):
                last = self._consortium.trustees(self._consortium.entities[:2])
                counts = place.gateways.get(f"{place.path}/counts")
                if counts["complete"] and counts["result_hash"]:
                    return
            waiting = [row["waiting"] for report in last for row in report["initiatives"]]
            raise NodeError(f"The initiative is not counted and attested; it waits for: {json.dumps(waiting)}.")

    def _observe(self, place: Place) -> Held:
        deployment, bundle = str(self._consortium.deployment_file), str(self._out / BUNDLE)
        with self._reporter.part("export the bundle"):
            self._consortium.urna("export", "--rpc", self._consortium.rpc, "--deployment", deployment, "--out", bundle)
        with self._reporter.part("observe"):
            observation = self._consortium.report(
                "observe", bundle, "--deployment", deployment, "--html", str(self._out / "observer.html")
            )
        counts = place.gateways.get(f"{place.path}/counts")
        result = place.gateways.get(f"{place.path}/result")
        return Held(place.initiative, counts, result, observation, self._held_to(place))

    def _held_to(self, place: Place) -> Mapping[str, int]:
        """What the gateways' promises came to. One that was broken is shown; it does not touch the result."""
        given = place.promises.given()
        with (
            self._reporter.part("hold the gateways to their promises", len(given)) as step,
            RpcClient.connect(self._consortium.rpc) as rpc,
        ):
            balance = Balance.of(check(rpc, place.deployment, given))
            step.reach(len(given))
        if balance.broken:
            (self._out / BROKEN).write_text(json.dumps(balance.broken, indent=1), encoding="utf-8")
        return balance.counts

    # Small things

    @property
    def _publisher(self) -> EntityPlace:
        return self._consortium.entities[0]

    def _accept(self, place: Place, hashes: list[bytes]) -> None:
        """In the file's order, so that an option's number is its project's."""
        listed = place.gateways.get(f"{place.path}/proposals")["proposals"]
        numbers = {proposal["content_hash"]: proposal["proposal"] for proposal in listed}
        costs = {
            str(numbers["0x" + hashed.hex()]): str(project.cost)
            for hashed, project in zip(hashes, self._plan.election.projects, strict=True)
        }
        path = self._out / "costs.json"
        path.write_text(json.dumps(costs), encoding="utf-8")
        self._consortium.act(self._publisher, "initiative", "accept", str(place.initiative), "--costs", str(path))

    def _trustees(self) -> None:
        """All of them; raises NodeError with what one could not do."""
        reports = self._consortium.trustees(self._consortium.entities)
        problems = [row["problem"] for report in reports for row in report.get("initiatives", []) if row["problem"]]
        problems += [report["error"]["message"] for report in reports if "error" in report]
        if problems:
            raise NodeError("A trustee could not do its duty: " + "; ".join(problems))

    def _advance(self, to: int) -> None:
        """Move the chain's clock, and wait until every gateway has seen it."""
        self._consortium.check()
        limit = time.monotonic() + PATIENCE
        while self._chain_time() < to and time.monotonic() < limit:
            try:
                self._consortium.engine.advance_clock(to)
            except (EngineError, httpx.HTTPError):  # a block came in between, or the chain is starting again
                time.sleep(0.5)
        entities = self._consortium.entities
        await_condition(lambda: all(self._seen(entity) >= to for entity in entities), 60, "every gateway's new time")

    def _seen(self, entity: EntityPlace) -> int:
        answer = self._members[entity.number].get("/health")
        return int(answer["as_of"]["timestamp"]) if answer.get("as_of") else 0

    def _known(self, number: InitiativeId) -> bool:
        listed = [self._members[entity.number].get("/v1/initiatives") for entity in self._consortium.entities]
        return all(any(each["initiative"] == number for each in one["initiatives"]) for one in listed)

    def _windows(self, place: Place) -> dict[str, int]:
        windows: dict[str, int] = place.gateways.get(place.path)["windows"]
        return windows

    def _chain_time(self) -> int:
        """Asked again while the chain is starting again."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                with RpcClient.connect(self._consortium.rpc) as rpc:
                    return rpc.block().timestamp
            except RpcUnavailable:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.5)

    def _remember(self, content: bytes) -> None:
        """Raises NodeError where the folder belongs to another election, or to other voters."""
        plan = self._plan
        identity = {
            "file": sha256(content).hexdigest(),
            "voters": len(plan.election.votes),
            "ballots": [len(casting.plaintexts) for casting in plan.castings],
            "nulls": plan.nulls,
            "blanks": plan.blanks,
            "seed": self._seed,
        }
        path = self._out / "run.json"
        if not path.exists():
            path.write_text(json.dumps(identity), encoding="utf-8")
        elif json.loads(path.read_text(encoding="utf-8")) != identity:
            raise NodeError(f"{self._out} holds a run of another election or with other options; name another --out.")


def _content(project: Project) -> dict[str, Any]:
    return {"title": project.name or project.project_id, "id": project.project_id, "cost": str(project.cost)}
