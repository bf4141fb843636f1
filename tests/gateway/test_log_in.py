# SPDX-License-Identifier: AGPL-3.0-or-later
"""From log-in to log-out, with the real OpenID provider and real gateway processes: each its own client, one of them
with a secret, all of one sector, so that a person is the same at each."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from node import publisher
from node.eid import state
from node.eid.login import PersonLogin
from node.member import Member
from node.oidc.flow import Client
from node.rpc import RpcClient
from node.run.consortium import EntityPlace, RunConsortium, together
from node.run.processes import Service, await_condition
from protocol.nonces import elector_nonce
from protocol.types import Address, Commitment, InitiativeId
from tests import eid
from tests.gateway.consortium import landed, problem, until
from tests.node.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CALLBACK = "/v1/authorisations/callback"


@dataclass
class Place:
    """Three members' gateways as processes, and the provider."""

    run: RunConsortium
    provider: eid.Provider
    town: Town

    def entity(self, letter: str) -> EntityPlace:
        return self.run.entities["ABC".index(letter)]

    def log(self, letter: str) -> str:
        return (self.run.out / "logs" / f"gateway-{letter}.log").read_text(encoding="utf-8")

    def service(self, letter: str) -> Service:
        """As `RunConsortium.start_gateway`, with issuers of its own."""
        entity = self.entity(letter)
        others = [f"urna-{each}" for each in "ABC" if each != letter]
        issuer: dict[str, Any] = {"iss": self.provider.issuer, "audiences": [f"urna-{letter}", *others]}
        if letter == "B":
            issuer["client_secret"] = state.secret_of(self.provider.folder, "urna-B")
        issuers = self.run.out / f"issuers-{letter}.json"
        issuers.write_text(json.dumps([issuer]), encoding="utf-8")
        command = [
            *(sys.executable, "-m", "gateway", "--entity", str(entity.folder), "--issuers", str(issuers)),
            *("--deployment", str(self.run.deployment_file), "--rpc", self.run.rpc, "--port", str(entity.port)),
            *("--access-log", "true", "--batch-age", "0.2"),
        ]

        def ready() -> None:
            def answers() -> bool:
                try:
                    return httpx.get(f"{entity.endpoint}/health", trust_env=False).status_code == 200
                except httpx.TransportError:
                    return False

            await_condition(answers, 60, f"gateway {letter}")

        return Service(f"gateway {letter}", command, self.run.out / "logs" / f"gateway-{letter}.log", ready)

    def initiative(self, **changes: Any) -> InitiativeId:
        draft = self.town.draft(issuers=[self.provider.issuer], **changes)
        created = publisher.create(self.town.members["A"], draft, patience=30)
        assert all(handover.problem is None for handover in created.handovers)
        self.town.until(draft.rules.windows.registration_opens)
        number = self.town.rpc.block_number()
        for letter in "ABC":
            url = f"{self.entity(letter).endpoint}/v1/initiatives"
            until(lambda url=url: httpx.get(url, trust_env=False).json()["as_of"]["block"] >= number)  # type: ignore[misc]  # bound per round
        return InitiativeId(created.initiative)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    run = RunConsortium(tmp_path_factory.mktemp("log-in"))
    clients = [
        state.Client(f"urna-{letter}", (f"{entity.endpoint}{CALLBACK}",), confidential=letter == "B")
        for letter, entity in zip("ABC", run.entities, strict=True)
    ]
    try:
        run.start_chain()
        run.found()
        run.deploy(3)
        with eid.running(tmp_path_factory.mktemp("eid"), clients) as provider, RpcClient.connect(run.rpc) as rpc:
            members = {
                letter: Member.open(entity.folder, rpc, run.deployment)
                for letter, entity in zip("ABC", run.entities, strict=True)
            }
            for member in members.values():
                run.trustees(run.entities[member.entity - 1 : member.entity])
            town = Town(run.engine, rpc, run.deployment, members, {}, None)  # type: ignore[arg-type]  # nobody relays here
            made = Place(run, provider, town)
            together(lambda entity: run.supervisor.start(made.service(entity.folder.name)), run.entities)
            yield made
    finally:
        run.stop()


class Browser:
    """At one gateway and at the provider, with one jar of cookies for each, as origins have."""

    def __init__(self, place: Place, letter: str) -> None:
        self.place = place
        self.url = place.entity(letter).endpoint
        self.client = Client(f"urna-{letter}", f"{self.url}{CALLBACK}")
        self.here = httpx.Client(base_url=self.url, timeout=30, trust_env=False, headers={"Origin": self.url})

    def begin(self, purpose: str = "session", **body: Any) -> dict[str, Any]:
        body = {"purpose": purpose, "issuer": self.place.provider.issuer, **body}
        response = self.here.post("/v1/authorisations", json=body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def land(self, begun: dict[str, Any], person: str) -> httpx.Response:
        """At the provider as this person, and back."""
        with closing(PersonLogin(self.place.provider.issuer, self.client)) as login, login.browser() as there:
            answer = login.choose(there, begun["url"], person)
        return self.here.get(f"{CALLBACK}?{urlencode(answer)}")

    def log_in(self, person: str, **body: Any) -> None:
        response = self.land(self.begin(**body), person)
        assert response.status_code == 200, response.text

    def token(self, person: str, **body: Any) -> str:
        begun = self.begin(**body)
        assert self.land(begun, person).status_code == 200
        response = self.here.post(f"/v1/authorisations/{begun['authorisation']}/token")
        assert response.status_code == 200, response.text
        return str(response.json()["id_token"])


@pytest.fixture
def at(place: Place) -> Iterator[Any]:
    opened: list[Browser] = []

    def open_at(letter: str) -> Browser:
        opened.append(Browser(place, letter))
        return opened[-1]

    yield open_at
    for each in opened:
        each.here.close()


def registration(initiative: int) -> dict[str, Any]:
    return {
        "initiative": initiative,
        "commitment": str(secrets.randbits(250) + 1),
        "salt": "0x" + secrets.token_hex(32),
    }


def test_a_citizen_logs_in_sees_what_is_open_registers_elsewhere_and_logs_out(place: Place, at: Any) -> None:
    initiative = place.initiative(scope={"residence": ["PT-1106"]})
    elsewhere = place.initiative(scope={"residence": ["PT-0302"]})
    citizen = at("A")
    citizen.log_in("ana")

    shown = citizen.here.get("/v1/profile").json()
    assert (shown["issuer"], shown["level"]) == (place.provider.issuer, "high")
    assert shown["attributes"]["residence"] == ["PT-1106", "PT-110655"]
    listed = citizen.here.get("/v1/profile/initiatives").json()["initiatives"]
    assert {each["initiative"]: each["open"] for each in listed} == {initiative: True, elsewhere: False}

    body = registration(initiative)
    token = citizen.token("ana", purpose="registration", **body)
    given = {"id_token": token, "commitment": body["commitment"], "salt": body["salt"]}
    path = f"/v1/initiatives/{initiative}/registrations"
    with httpx.Client(base_url=place.entity("B").endpoint, timeout=30, trust_env=False) as other:
        accepted = other.post(path, json=given)
        assert accepted.status_code == 202, accepted.text
        assert landed(other, f"/v1/registrations/{accepted.json()['registration']}")["status"] == "final"

    assert citizen.here.delete("/v1/profile").status_code == 204
    problem(citizen.here.get("/v1/profile"), 401, "not-logged-in")


def test_J6_through_a_client_with_a_secret_the_person_is_the_same(place: Place, at: Any) -> None:
    initiative = place.initiative()
    for letter, expected in (("A", None), ("B", "known-person")):
        body = registration(initiative)
        token = at(letter).token("bruno", purpose="registration", **body)
        given = {"id_token": token, "commitment": body["commitment"], "salt": body["salt"]}
        with httpx.Client(base_url=place.entity("C").endpoint, timeout=30, trust_env=False) as other:
            answer = other.post(f"/v1/initiatives/{initiative}/registrations", json=given)
            if expected is None:
                assert landed(other, f"/v1/registrations/{answer.json()['registration']}")["status"] == "final"
                size = "Electorate", "size", initiative
                assert place.town.read(*size) == 1
                number = place.town.rpc.block_number()
                until(lambda: other.get("/v1/initiatives").json()["as_of"]["block"] >= number)  # noqa: B023
            else:
                problem(answer, 409, expected)


def test_J4_a_log_ins_nonce_is_none_that_registers(place: Place, at: Any) -> None:
    """What the browser carries to the issuer for a log-in has nothing to do with any commitment."""
    citizen = at("A")
    begun = citizen.begin()
    nonce = httpx.URL(begun["url"]).params["nonce"]
    initiative, salt = place.initiative(), bytes(32)
    electorate = Address(place.town.deployment.address("Electorate"))
    chain = place.town.deployment.chain_id
    body = {"initiative": initiative, "commitment": "7", "salt": "0x" + salt.hex()}
    bound = httpx.URL(citizen.begin(purpose="registration", **body)["url"]).params["nonce"]
    assert bound == elector_nonce(chain, electorate, initiative, Commitment(7), salt)
    assert nonce != bound
    with closing(PersonLogin(place.provider.issuer, citizen.client)) as login:
        token = login.token("ana", nonce)  # the log-in's own nonce, in a token that is good in all else
    given = {"id_token": token, "commitment": "7", "salt": body["salt"]}
    problem(citizen.here.post(f"/v1/initiatives/{initiative}/registrations", json=given), 401, "token-nonce")


def test_an_officer_is_invited_logs_in_strongly_and_is_revoked(place: Place, at: Any) -> None:
    folder = str(place.entity("A").folder)
    invited = place.run.urna("officer", "invite", "--entity", folder, "--name", "Mário", "--role", "administrator")
    weak = at("A")
    weak.log_in("filipe", level="low")
    accept = {"code": invited["code"]}
    problem(weak.here.post("/v1/back-office/invitations/accept", json=accept), 403, "level-too-low")
    officer = at("A")
    officer.log_in("mario", level="substantial")
    assert officer.here.post("/v1/back-office/invitations/accept", json=accept).status_code == 200
    assert officer.here.get("/v1/back-office/me").json()["roles"] == ["administrator"]

    elsewhere = at("B")
    elsewhere.log_in("mario")
    problem(elsewhere.here.get("/v1/back-office/me"), 403, "role-missing")
    place.run.urna("officer", "revoke", invited["officer"], "--entity", folder)
    problem(officer.here.get("/v1/back-office/me"), 401, "session-ended")


def test_who_breaks_off_at_the_provider_comes_back(place: Place, at: Any) -> None:
    citizen = at("A")
    begun = citizen.begin(return_to="/entrar")
    with httpx.Client(trust_env=False) as there:
        page = there.get(begun["url"], follow_redirects=True)
        answer = there.post(str(page.url), data={"cancel": "1"})
        while answer.is_redirect and not answer.headers["location"].startswith(citizen.url):
            answer = there.get(str(answer.url.join(answer.headers["location"])))
    landing = citizen.here.get(answer.headers["location"])
    assert landing.headers["location"].endswith(
        f"/entrar#authorisation={begun['authorisation']}&error=authorisation-denied"
    )


def test_sessions_end_with_a_restart_and_officers_do_not(place: Place, at: Any) -> None:
    """And what an authorisation was made of is not in the log, at whatever was answered."""
    folder = str(place.entity("C").folder)
    invited = place.run.urna("officer", "invite", "--entity", folder, "--name", "Eva", "--role", "editor")
    officer = at("C")
    begun = officer.begin()
    landing = officer.land(begun, "eva")
    assert landing.status_code == 200
    officer.here.post("/v1/back-office/invitations/accept", json={"code": invited["code"]})
    cookies = {cookie.value for cookie in officer.here.cookies.jar}
    query = httpx.URL(begun["url"]).params
    secret = {query["state"], query["nonce"], landing.url.params["code"], invited["code"], *cookies} - {None, ""}

    running = next(each for each in place.run.supervisor.services if each.name == "gateway C")
    assert running.process is not None
    running.process.kill()
    running.process.wait()
    running.ready()  # the supervisor starts it again
    problem(officer.here.get("/v1/back-office/me"), 401, "session-ended")
    officer.log_in("eva")
    assert officer.here.get("/v1/back-office/me").json()["roles"] == ["editor"]

    said = place.log("C")
    assert "/v1/authorisations/callback" in said
    assert not [value for value in secret if str(value) in said]
    journal = b"".join(path.read_bytes() for path in Path(folder).glob("journal.sqlite*"))
    assert b"PT-110656" not in journal, "an attribute of a session"
