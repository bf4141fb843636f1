# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real gateways and the real eID provider: what a citizen's token does, and what forged ones, a new key and an outage
do (J1, J3, J4, J5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from node.eid.persons import Person
from protocol.nonces import elector_nonce
from protocol.types import Address, Commitment, InitiativeId
from tests.eid import CONFIDENTIAL, PUBLIC, Provider, running
from tests.gateway.consortium import Consortium, landed, problem, until


@contextmanager
def accepting(consortium: Consortium, folder: Path, provider: Provider, **settings: Any) -> Iterator[None]:
    """While it lasts the gateways know this provider alone."""
    file = folder / "issuers.json"
    file.write_text(json.dumps([{**provider.settings(), **settings}]), encoding="utf-8")
    try:
        for name in "ABC":
            consortium.stop(name)
        for name in "ABC":
            consortium.start(name, issuers=file)
        yield
    finally:
        for name in "ABC":
            consortium.stop(name)
        for name in "ABC":
            consortium.start(name)


@pytest.fixture(scope="module")
def people(provider: Provider) -> None:
    claims = {"birthdate": "1990-01-01", "residence": ["PT-1106", "PT-110655"]}
    known = {person.id for person in provider.people}
    new = [Person(f"citizen-{number}", f"Citizen {number}", "high", claims) for number in range(20)]
    provider.add(*(person for person in new if person.id not in known))


@pytest.fixture(scope="module")
def real(
    consortium: Consortium, provider: Provider, people: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InitiativeId]:
    """An initiative that takes the provider's persons."""
    with accepting(consortium, tmp_path_factory.mktemp("real"), provider):
        yield consortium.initiative(issuers=[provider.issuer])


def body(
    consortium: Consortium, provider: Provider, initiative: InitiativeId, person: str, client: str = PUBLIC.id
) -> dict[str, str]:
    """A registration by this person, who logs in for it."""
    commitment, salt = Commitment(secrets.randbelow(1 << 250) + 1), secrets.token_bytes(32)
    deployment = consortium.town.deployment
    electorate = Address(deployment.address("Electorate"))
    nonce = elector_nonce(deployment.chain_id, electorate, initiative, commitment, salt)
    token = provider.token(person, nonce, client)
    return {"id_token": token, "commitment": str(commitment), "salt": "0x" + salt.hex()}


def post(consortium: Consortium, initiative: InitiativeId, given: dict[str, str], name: str = "A") -> httpx.Response:
    return consortium.clients[name].post(f"/v1/initiatives/{initiative}/registrations", json=given)


def ended(consortium: Consortium, response: httpx.Response, name: str = "A") -> str:
    assert response.status_code == 202, response.text
    return str(landed(consortium.clients[name], f"/v1/registrations/{response.json()['registration']}")["status"])


def size(consortium: Consortium, initiative: InitiativeId) -> int:
    return int(consortium.town.read("Electorate", "size", initiative))


@pytest.mark.parametrize("client", [PUBLIC.id, CONFIDENTIAL])
def test_a_log_in_at_either_members_client_ends_as_a_leaf(
    consortium: Consortium, provider: Provider, real: InitiativeId, client: str
) -> None:
    """Every registrar takes a token that another member's client of the sector asked for."""
    person = "citizen-0" if client == PUBLIC.id else "citizen-1"
    before = size(consortium, real)
    assert ended(consortium, post(consortium, real, body(consortium, provider, real, person, client))) == "final"
    assert size(consortium, real) == before + 1


def test_J4_twenty_log_ins_of_one_person_at_once_give_one_leaf(
    consortium: Consortium, provider: Provider, real: InitiativeId
) -> None:
    before = size(consortium, real)

    def send(number: int) -> str:
        """By either client, to any gateway."""
        client, name = (PUBLIC.id, CONFIDENTIAL)[number % 2], "ABC"[number % 3]
        answer = post(consortium, real, body(consortium, provider, real, "citizen-2", client), name)
        return answer.json()["code"] if answer.status_code != 202 else ended(consortium, answer, name)

    with ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(send, range(20)))
    assert ends.count("final") == 1, ends
    assert set(ends) <= {"final", "failed", "known-person"}
    assert size(consortium, real) == before + 1


def test_J4_a_token_counts_once_and_for_one_commitment_of_one_initiative(
    consortium: Consortium, provider: Provider, real: InitiativeId
) -> None:
    given = body(consortium, provider, real, "citizen-3")
    assert ended(consortium, post(consortium, real, given)) == "final"
    consortium.await_current()
    before = size(consortium, real)
    assert post(consortium, real, given).json()["status"] == "final"  # the same answer, and nothing new
    for name in "ABC":
        problem(post(consortium, real, {**given, "commitment": "4711"}, name), 401, "token-nonce")
        problem(post(consortium, real, {**given, "salt": "0x" + "00" * 32}, name), 401, "token-nonce")
    other = consortium.initiative(issuers=[provider.issuer])
    problem(post(consortium, other, given), 401, "token-nonce")
    session = {**given, "id_token": provider.token("citizen-3", secrets.token_urlsafe(32))}
    problem(post(consortium, other, session), 401, "token-nonce")
    assert size(consortium, real) == before
    assert size(consortium, other) == 0


def test_J3_who_is_not_meant_is_told_why(consortium: Consortium, provider: Provider, real: InitiativeId) -> None:
    problem(post(consortium, real, body(consortium, provider, real, "lena")), 403, "out-of-scope")
    strong = consortium.initiative(
        issuers=[provider.issuer], scope={"residence": ["PT-110655"], "assurance": "substantial"}
    )
    problem(post(consortium, strong, body(consortium, provider, strong, "filipe")), 401, "token-assurance")
    assert post(consortium, strong, body(consortium, provider, strong, "ana")).status_code == 202
    foreign = consortium.initiative(issuers=["https://eid.example.org"])
    problem(post(consortium, foreign, body(consortium, provider, foreign, "ana")), 401, "token-issuer")


class Forger:
    """Makes tokens of a real one, and has an address where it would see who asks for its keys."""

    def __init__(self, token: str, keys: dict[str, Any], port: int) -> None:
        self.payload = jwt.decode(token, options={"verify_signature": False})
        self.header = jwt.get_unverified_header(token)
        self.public = next(key for key in keys["keys"] if key["kid"] == self.header["kid"])
        self.here = f"http://127.0.0.1:{port}/keys"
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def none(self, name: str = "none") -> str:
        return f"{self._part({'alg': name, 'kid': self.header['kid']})}.{self._part(self.payload)}."

    def hmac(self, secret: bytes) -> str:
        signed = f"{self._part({'alg': 'HS256', 'kid': self.header['kid']})}.{self._part(self.payload)}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def foreign(self, algorithm: str = "ES256", **header: Any) -> str:
        key = self.ec if algorithm == "ES256" else self.rsa
        return jwt.encode(self.payload, key, algorithm=algorithm, headers={"kid": self.header["kid"], **header})

    def jwk(self) -> dict[str, Any]:
        return {**jwt.algorithms.ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True), "kid": self.header["kid"]}

    def pem(self) -> bytes:
        key = jwt.PyJWK.from_dict(self.public).key
        return bytes(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))

    @staticmethod
    def _part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_J1_forged_tokens_are_refused_and_ask_nobody(
    consortium: Consortium, provider: Provider, real: InitiativeId
) -> None:
    given = body(consortium, provider, real, "citizen-4")
    keys = httpx.get(f"{provider.issuer}/jwks", trust_env=False).json()
    before = size(consortium, real)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        forger = Forger(given["id_token"], keys, listening.getsockname()[1])
        here = {"kid": "new", "jku": forger.here, "x5u": forger.here}
        forged = [
            (forger.none(), "token-algorithm"),
            (forger.none("NoNe"), "token-algorithm"),
            (forger.hmac(forger.pem()), "token-algorithm"),
            (forger.hmac(json.dumps(forger.public).encode()), "token-algorithm"),
            (forger.hmac(b""), "token-algorithm"),
            (forger.foreign(), "token-signature"),
            (forger.foreign("RS256"), "token-algorithm"),
            (forger.foreign(jwk=forger.jwk()), "token-signature"),
            (forger.foreign(jku=forger.here), "token-signature"),
            (forger.foreign(x5u=forger.here, x5c=["MIIB"]), "token-signature"),
            (forger.foreign(**here), "token-signature"),
            (forger.foreign(kid=forger.here), "token-signature"),
            (given["id_token"][:-6] + "AAAAAA", "token-signature"),
        ]
        for token, code in forged:
            problem(post(consortium, real, {**given, "id_token": token}), 401, code)
        with pytest.raises(BlockingIOError):
            listening.accept()  # nobody came for the forger's keys
    assert size(consortium, real) == before
    assert ended(consortium, post(consortium, real, given)) == "final"


def test_J5_a_new_key_is_found_and_the_old_one_is_good_while_it_is_published(
    consortium: Consortium, people: None, tmp_path: Path, provider: Provider
) -> None:
    with running(tmp_path / "eid", people=provider.people[12:]) as own, accepting(consortium, tmp_path, own, renew=1):
        initiative = consortium.initiative(issuers=[own.issuer])
        assert (
            ended(consortium, post(consortium, initiative, body(consortium, own, initiative, "citizen-0"))) == "final"
        )
        old = body(consortium, own, initiative, "citizen-1")
        kid = own.rotate()
        new = body(consortium, own, initiative, "citizen-2")
        assert jwt.get_unverified_header(new["id_token"])["kid"] == kid
        until(lambda: post(consortium, initiative, new).status_code == 202, 10)
        assert ended(consortium, post(consortium, initiative, new)) == "final"
        assert ended(consortium, post(consortium, initiative, old)) == "final"


def test_J5_while_the_issuer_is_away_keys_serve_on_and_then_it_is_said(
    consortium: Consortium, people: None, tmp_path: Path, provider: Provider
) -> None:
    with (
        running(tmp_path / "eid", people=provider.people[12:]) as own,
        accepting(consortium, tmp_path, own, refresh=1, renew=1, max_age=8),
    ):
        initiative = consortium.initiative(issuers=[own.issuer])
        bodies = [body(consortium, own, initiative, f"citizen-{number}") for number in range(4)]
        assert ended(consortium, post(consortium, initiative, bodies[0])) == "final"
        own.kill()
        down = time.monotonic()
        assert ended(consortium, post(consortium, initiative, bodies[1])) == "final"

        until(lambda: post(consortium, initiative, bodies[2]).status_code == 503, 30)
        answer = post(consortium, initiative, bodies[3])
        problem(answer, 503, "issuer-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() - down > 5  # not before the keys were too old

        own.start()
        until(lambda: post(consortium, initiative, bodies[3]).status_code == 202, 30)
        assert ended(consortium, post(consortium, initiative, bodies[3])) == "final"
