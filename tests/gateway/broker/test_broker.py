# SPDX-License-Identifier: AGPL-3.0-or-later
"""The broker: from a log-in at an eID without OpenID Connect to a leaf at real gateways; and what it refuses."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest

from gateway.broker.app import COOKIE, create_app
from gateway.broker.service import Broker
from gateway.broker.settings import BrokerSettings
from gateway.broker.signing import BrokerSigner, new_secret, public_point
from gateway.broker.upstream import Upstream
from gateway.eid.issuers import Issuer, IssuerSettings
from node.keys import Secret
from node.oidc import flow
from node.oidc.flow import Client, FlowError, Pending
from protocol.broker import BrokerIssuer
from protocol.nonces import elector_nonce
from protocol.types import Address, Commitment, EntityId, InitiativeId, Role
from tests.gateway.broker.autenticacao import CARD, CITIZEN, CLIENT, Autenticacao, address, citizen
from tests.gateway.consortium import Consortium, Served, landed, problem

NONCE = "n" * 43
CALLBACK = "http://127.0.0.1/gateway/callback"
ISSUER = BrokerIssuer(31337, Address(bytes(20)), EntityId(1))
SCRIPT_FIELDS = ("access_token", "state", "error")


class Clock:
    """Stands at the moment of its making, until a test moves it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """An eID, a broker in front of it, and an application that logs people in there."""

    eid: Autenticacao
    upstream: Served
    served: Served
    secret: Secret = field(default_factory=new_secret)
    clock: Clock = field(default_factory=Clock)
    broker: Broker = field(init=False)
    client: Client = field(init=False)

    def open(self, issuer: BrokerIssuer = ISSUER, **settings: Any) -> None:
        given = {
            "url": self.served.url,
            "upstream": self.upstream.url,
            "client_id": CLIENT,
            "redirect_uris": [CALLBACK],
            "level": "substantial",
            "authentication_level": 3,
            "poll": 0.01,
            **settings,
        }
        made = BrokerSettings.model_validate(given)
        self.broker = Broker(made, BrokerSigner(self.secret, issuer, self.clock), Upstream(made), self.clock)
        self.served.start(create_app(self.broker))
        self.client = Client(self.broker.signer.audience, CALLBACK)

    @property
    def issuer(self) -> Issuer:
        """As a gateway would be configured to log people in here."""
        uri = f"{self.served.url}/.well-known/openid-configuration"
        signer = self.broker.signer
        given = {"iss": signer.issuer, "audiences": [signer.audience], "discovery_uri": uri}
        return Issuer(IssuerSettings.model_validate(given))

    def begin(self, nonce: str = NONCE) -> Pending:
        return flow.begin(self.issuer.discovery(), self.client, nonce, scope="openid")

    def returned(self, browser: httpx.Client, url: str) -> dict[str, str]:
        """The browser comes back from the eID: what the page's script puts into the form."""
        there = browser.get(url)
        assert there.status_code == 303, there.text
        back = browser.get(there.headers["location"]).headers["location"]
        page = browser.get(back.partition("#")[0])
        assert page.status_code == 200
        given = dict(parse_qsl(urlsplit(back).fragment))
        return {name: given.get(name, "") for name in SCRIPT_FIELDS}

    def post(self, browser: httpx.Client, form: dict[str, str]) -> httpx.Response:
        return browser.post(f"{self.served.url}/return", data=form)

    def answer(self, pending: Pending) -> dict[str, str]:
        """What the application gets at its redirect address."""
        with httpx.Client(trust_env=False) as browser:
            response = self.post(browser, self.returned(browser, pending.url))
        target = response.headers["location"]
        assert target.startswith(CALLBACK + "?")
        return dict(parse_qsl(urlsplit(target).query))

    def redeem(self, code: str, verifier: str) -> str:
        with httpx.Client(trust_env=False) as http:
            return flow.redeem(http, self.issuer.discovery(), self.client, code, verifier)

    def token(self, nonce: str = NONCE) -> str:
        pending = self.begin(nonce)
        code = flow.code_of(self.issuer.discovery(), pending.state, self.answer(pending))
        return self.redeem(code, pending.verifier)

    def claims(self, nonce: str = NONCE) -> dict[str, Any]:
        key = jwt.PyJWK.from_dict(self.broker.signer.jwk)
        signer, token = self.broker.signer, self.token(nonce)
        return dict(jwt.decode(token, key, algorithms=["ES256"], audience=signer.audience, issuer=signer.issuer))

    def refused(self) -> str:
        """The error with which a log-in ends."""
        pending = self.begin()
        with pytest.raises(FlowError) as error:
            flow.code_of(self.issuer.discovery(), pending.state, self.answer(pending))
        return error.value.code


@pytest.fixture
def closed() -> Iterator[World]:
    made = World(Autenticacao(), Served(), Served())
    made.upstream.start(made.eid.create_app())
    yield made
    made.served.stop()
    made.upstream.stop()


@pytest.fixture
def world(closed: World) -> World:
    closed.open()
    return closed


def test_a_log_in_gives_a_token_in_the_scopes_words_and_nothing_more(world: World) -> None:
    claims = world.claims()
    assert claims["birthdate"] == "1990-01-31"
    assert claims["residence"] == ["PT-1106", "PT-110655"]
    assert claims["nationality"] == "PT"
    assert (claims["nonce"], claims["acr"]) == (NONCE, "substantial")
    assert claims["exp"] - claims["iat"] == 300
    known = {"iss", "aud", "sub", "nonce", "acr", "auth_time", "iat", "exp", "jti"}
    assert set(claims) == known | {"birthdate", "residence", "nationality"}
    assert "15366302" not in str(claims)
    assert "segredo" not in str(claims).lower()
    asked = world.eid.asked[-1]
    assert asked["authentication_level"] == "3"
    assert CITIZEN + "NomeCompleto" not in asked["scope"].split()


def test_J6_another_card_of_one_person_is_the_same_subject(world: World) -> None:
    first = world.claims()["sub"]
    world.eid.person = citizen(" 0153 66302", parish="131210", card="15366302 1 ZY7")
    assert world.claims()["sub"] == first
    world.eid.person = citizen("15366303")
    assert world.claims()["sub"] != first


def test_subjects_follow_from_the_key_alone(world: World) -> None:
    """So a restart keeps them, and nobody without the key can try all civil numbers."""
    again = BrokerSigner(world.secret, ISSUER, time.time)
    other = BrokerSigner(new_secret(), ISSUER, time.time)
    identifier = f"{CITIZEN}NIC 15366302"
    assert again.subject(identifier) == world.claims()["sub"] != other.subject(identifier)


def test_attributes_that_are_pending_are_waited_for(world: World) -> None:
    world.eid.pending = 3
    assert world.claims()["residence"] == ["PT-1106", "PT-110655"]


def test_attributes_that_stay_pending_are_missing(closed: World) -> None:
    closed.open(patience=0.05, poll=0.02)
    closed.eid.pending = 10_000
    claims = closed.claims()
    assert "residence" not in claims
    assert claims["birthdate"] == "1990-01-31"


def test_who_has_no_civil_number_is_refused_unless_another_identifies(closed: World) -> None:
    closed.eid.person = {name: value for name, value in citizen("1").items() if not name.endswith("NIC")}
    closed.open()
    assert closed.refused() == "access_denied"
    closed.served.stop()
    closed.open(subject=[CITIZEN + "NIC", CITIZEN + "NIF"])
    foreigner = closed.claims()["sub"]
    closed.eid.person = citizen("21")  # a citizen whose NIC has the digits of the foreigner's NIF
    assert closed.claims()["sub"] != foreigner


def test_the_eids_faults_are_told_apart(world: World) -> None:
    world.eid.cancels = True
    assert world.refused() == "access_denied"
    world.eid.cancels = False
    world.eid.status = 503
    assert world.refused() == "temporarily_unavailable"
    world.eid.status = 403
    assert world.refused() == "access_denied"
    world.eid.status = 200
    pending = world.begin()
    with httpx.Client(trust_env=False) as browser:
        form = world.returned(browser, pending.url)
        world.upstream.stop()
        response = world.post(browser, form)
    assert "error=temporarily_unavailable" in response.headers["location"]


def test_J4_a_return_belongs_to_the_browser_that_began_and_counts_once(world: World) -> None:
    with httpx.Client(trust_env=False) as browser, httpx.Client(trust_env=False) as thief:
        form = world.returned(browser, world.begin().url)
        world.returned(thief, world.begin().url)
        assert world.post(thief, form).status_code == 400
        assert world.post(browser, {**form, "state": "x"}).status_code == 400
        # Another person's token, brought to this browser by a link to the page of returning: it has no state.
        assert world.post(browser, {**form, "state": ""}).status_code == 400
        with httpx.Client(trust_env=False) as stranger:
            assert world.post(stranger, {**form, "state": ""}).status_code == 400
            stranger.cookies.set(COOKIE, f"{form['state']}.guess")  # the address shows the state, and no more
            assert world.post(stranger, form).status_code == 400
        form = world.returned(browser, world.begin().url)
        assert world.post(browser, form).status_code == 303
        assert world.post(browser, form).status_code == 400


def test_J4_codes_are_for_the_verifier_and_for_a_minute_and_once(world: World) -> None:
    pending = world.begin()
    with pytest.raises(FlowError, match="invalid_grant"):
        world.redeem(world.answer(pending)["code"], "x" * 64)

    pending = world.begin()
    code = world.answer(pending)["code"]
    world.redeem(code, pending.verifier)
    with pytest.raises(FlowError, match="invalid_grant"):
        world.redeem(code, pending.verifier)

    pending = world.begin()
    code = world.answer(pending)["code"]
    world.clock.now += 61
    with pytest.raises(FlowError, match="invalid_grant"):
        world.redeem(code, pending.verifier)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"redirect_uri": CALLBACK + "/more"}, 400),
        ({"redirect_uri": "https://evil.example"}, 400),
        ({"client_id": "somebody"}, 400),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"nonce": "short"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_requests_of_another_form_are_refused(world: World, change: dict[str, str], outcome: int | str) -> None:
    url = urlsplit(world.begin().url)
    query = {**dict(parse_qsl(url.query)), **change}
    response = httpx.get(url._replace(query=urlencode(query)).geturl(), trust_env=False)
    if isinstance(outcome, int):
        assert response.status_code == outcome
        assert "location" not in response.headers
    else:
        assert f"error={outcome}&" in response.headers["location"]
    assert world.eid.asked == []


def test_what_is_given_twice_counts_as_missing(world: World) -> None:
    assert httpx.get(world.begin().url + "&redirect_uri=https://evil.example", trust_env=False).status_code == 400


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"a=" + b"x" * 20_000, b"a=1&" * 100, b"noform"])
def test_bodies_that_are_no_forms_are_refused(world: World, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("return", "token"):
        response = httpx.post(f"{world.served.url}/{path}", content=body, headers=headers, trust_env=False)
        assert response.status_code == 400


def test_the_page_runs_one_script_and_says_so(world: World) -> None:
    page = httpx.get(f"{world.served.url}/return", trust_env=False)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'sha256-" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "history.replaceState" in page.text


def test_the_log_names_neither_person_nor_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx").setLevel(logging.WARNING)  # as the command has it
        logging.getLogger("httpcore").setLevel(logging.WARNING)
        world.claims()
        world.eid.status = 500
        world.refused()
    token = next(iter(world.eid.tokens))
    for secret in ("15366302", "ANA SEGREDO", "1990", token):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "claim"),
    [
        (CITIZEN + "DataNascimento", "1990-01-31", {"birthdate": "1990-01-31"}),
        (CITIZEN + "DataNascimento", "31/01/1990", {"birthdate": "1990-01-31"}),
        (CITIZEN + "DataNascimento", "31-02-1990", {}),
        (CITIZEN + "DataNascimento", "1990", {}),
        (CARD + "MoradaXML", address("310307"), {"residence": ["PT-3103", "PT-310307"]}),
        (CARD + "MoradaXML", address("31030"), {}),
        (CARD + "MoradaXML", "<Morada>", {}),
        (CARD + "MoradaXML", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', {}),
        (CARD + "MoradaXML", address("310307").replace("Lisboa", "x" * 20_000), {}),
        (CARD + "MoradaXML", "<Morada><Estrangeira><Pais>FR</Pais></Estrangeira></Morada>", {}),
        (CITIZEN + "Nacionalidade", "BRA", {"nationality": "BRA"}),
    ],
)
def test_attributes_are_read_or_left_out(name: str, value: str, claim: dict[str, Any]) -> None:
    from gateway.broker.attributes import claims

    settings = BrokerSettings.model_validate(
        {"url": "https://b.example", "upstream": "https://e.example", "client_id": "1", "redirect_uris": [CALLBACK]}
    )
    assert claims(settings, {name: value}) == claim


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": "http://b.example"}, "https"),
        ({"upstream": "http://e.example"}, "https"),
        ({"redirect_uris": ["http://g.example/c"]}, "redirect address"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"level": "gold"}, "level"),
        ({"subject": []}, "subject"),
        ({"claims": {"shoe_size": {"attribute": "x"}}}, "shoe_size"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, Any], reason: str) -> None:
    given = {"url": "https://b.example", "upstream": "https://e.example", "client_id": "1", "redirect_uris": [CALLBACK]}
    with pytest.raises(ValueError, match=reason):
        BrokerSettings.model_validate({**given, **change})


# At real gateways


def enrol(consortium: Consortium, secret: Secret | None) -> BrokerIssuer:
    """Entity A's broker has this key on the chain, or none."""
    member = consortium.town.members["A"]
    point = (0, 0) if secret is None else (public_point(secret).x, public_point(secret).y)
    contract = member.deployment.contract("Consortium")
    with member.sender(Role.MEMBER) as sender:
        sender.call(contract.call("registerBrokerKey", point, what="the broker's key"))
        sender.await_final()
    consortium.await_current()
    deployment = member.deployment
    return BrokerIssuer(deployment.chain_id, Address(deployment.address("Consortium")), EntityId(member.entity))


def registration(consortium: Consortium, world: World, initiative: InitiativeId) -> dict[str, str]:
    commitment, salt = Commitment(secrets.randbelow(1 << 250) + 1), secrets.token_bytes(32)
    deployment = consortium.town.deployment
    electorate = Address(deployment.address("Electorate"))
    nonce = elector_nonce(deployment.chain_id, electorate, initiative, commitment, salt)
    return {"id_token": world.token(nonce), "commitment": str(commitment), "salt": "0x" + salt.hex()}


def post(consortium: Consortium, initiative: InitiativeId, body: dict[str, str], name: str = "B") -> httpx.Response:
    return consortium.clients[name].post(f"/v1/initiatives/{initiative}/registrations", json=body)


def test_a_brokered_log_in_ends_as_a_leaf_without_anybody_asking_for_keys(
    consortium: Consortium, closed: World
) -> None:
    closed.clock = Clock()
    issuer = enrol(consortium, closed.secret)
    closed.open(issuer)
    initiative = consortium.initiative(issuers=[str(issuer)])
    body = registration(consortium, closed, initiative)
    closed.served.stop()  # registrars take the key from the chain

    answer = post(consortium, initiative, body)
    assert answer.status_code == 202, answer.text
    assert landed(consortium.clients["B"], f"/v1/registrations/{answer.json()['registration']}")["status"] == "final"
    assert int(consortium.town.read("Electorate", "size", initiative)) == 1


def test_K1_a_key_that_came_later_counts_for_no_initiative_under_way(consortium: Consortium, closed: World) -> None:
    """Whoever steals the entity's member account gains no electorate that is being made."""
    issuer = enrol(consortium, closed.secret)
    closed.open(issuer)
    initiative = consortium.initiative(issuers=[str(issuer)])
    good = registration(consortium, closed, initiative)

    closed.served.stop()
    stolen, closed.secret = closed.secret, new_secret()
    enrol(consortium, closed.secret)
    closed.open(issuer)
    for body in (registration(consortium, closed, initiative), good):
        for name in "ABC":
            problem(post(consortium, initiative, body, name), 401, "token-signature")

    later = consortium.initiative(issuers=[str(issuer)])
    assert post(consortium, later, registration(consortium, closed, later)).status_code == 202
    closed.served.stop()
    closed.secret = stolen
    closed.open(issuer)
    problem(post(consortium, later, registration(consortium, closed, later)), 401, "token-signature")


def test_J1_a_brokers_token_of_another_kind_is_refused(consortium: Consortium, closed: World) -> None:
    issuer = enrol(consortium, closed.secret)
    closed.open(issuer)
    initiative = consortium.initiative(issuers=[str(issuer)])
    without = consortium.initiative()
    problem(post(consortium, without, registration(consortium, closed, without)), 401, "token-issuer")

    body = registration(consortium, closed, initiative)
    payload = jwt.decode(body["id_token"], options={"verify_signature": False})
    address = issuer.consortium.hex()
    foreign = BrokerIssuer(issuer.chain_id + 1, issuer.consortium, issuer.entity)
    nobody = BrokerIssuer(issuer.chain_id, issuer.consortium, EntityId(2))

    def forged(secret: Secret | None = None, **changes: Any) -> str:
        from gateway.broker.signing import _private

        return jwt.encode({**payload, **changes}, _private(secret or closed.secret), algorithm="ES256")

    for token, code in (
        (forged(new_secret()), "token-signature"),
        (forged(iss=str(foreign)), "token-issuer"),
        (forged(iss=str(nobody)), "token-signature"),
        (forged(iss=str(issuer).replace(address, address.upper())), "token-issuer"),
        (forged(aud="urna"), "token-audience"),
        (forged(exp=int(time.time()) - 60), "token-expired"),
        (forged(nonce=NONCE), "token-nonce"),
        (jwt.encode(payload, "", algorithm="none"), "token-algorithm"),
    ):
        problem(post(consortium, initiative, {**body, "id_token": token}), 401, code)
    enrol(consortium, None)
    problem(post(consortium, initiative, body), 401, "token-signature")
