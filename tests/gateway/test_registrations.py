# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a token to a leaf, over HTTP: what is refused and how (J3, J4), and that one person has one leaf."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from protocol.bn254 import SCALAR_FIELD
from protocol.types import InitiativeId
from tests.gateway import issuer
from tests.gateway.consortium import Consortium, landed, problem, rows


@pytest.fixture(scope="module")
def initiative(consortium: Consortium) -> InitiativeId:
    return consortium.initiative()


def path(initiative: InitiativeId) -> str:
    return f"/v1/initiatives/{initiative}/registrations"


def register(consortium: Consortium, initiative: InitiativeId, body: dict[str, Any], name: str = "A") -> httpx.Response:
    return consortium.clients[name].post(path(initiative), json=body)


def size(consortium: Consortium, initiative: InitiativeId) -> int:
    return int(consortium.town.read("Electorate", "size", initiative))


def test_a_registration_ends_as_a_leaf_signed_by_two_registrars(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    body = consortium.registration(initiative, "ana")
    accepted = register(consortium, initiative, body)

    assert accepted.status_code == 202
    assert landed(consortium.clients["A"], f"/v1/registrations/{accepted.json()['registration']}")["status"] == "final"
    consortium.await_current()
    for client in consortium.clients.values():
        bucket = client.get(f"/v1/initiatives/{initiative}/leaves/0").json()
        assert body["commitment"] in bucket["leaves"]
    shown = consortium.clients["A"].get(f"/v1/initiatives/{initiative}").json()
    assert sum(shown["registered_by"].values()) == 2 * shown["registered"]


def test_J4_the_same_request_again_has_the_same_answer_and_no_second_leaf(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    body = consortium.registration(initiative, "bela")
    first = register(consortium, initiative, body).json()["registration"]
    assert register(consortium, initiative, body).json()["registration"] == first
    landed(consortium.clients["A"], f"/v1/registrations/{first}")
    consortium.await_current()
    before = size(consortium, initiative)

    again = register(consortium, initiative, body)
    elsewhere = register(consortium, initiative, body, "B")

    promise = consortium.clients["A"].get(f"/v1/registrations/{first}").json()["promise"]
    assert promise["content"] == f"0x{int(body['commitment']):064x}"
    expected = {"registration": first, "status": "final", "problem": None, "waiting": None, "promise": promise}
    assert again.json() == expected
    found = landed(consortium.clients["B"], f"/v1/registrations/{elsewhere.json()['registration']}")
    assert found["status"] == "final"
    assert size(consortium, initiative) == before


def test_J4_twenty_commitments_of_one_person_at_once_give_one_leaf(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    before = size(consortium, initiative)
    bodies = [consortium.registration(initiative, "carla") for _ in range(20)]

    def send(number: int) -> tuple[str, httpx.Response]:
        name = "ABC"[number % 3]
        return name, register(consortium, initiative, bodies[number], name)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    outcomes = []
    for name, answer in answers:
        if answer.status_code == 202:
            found = landed(consortium.clients[name], f"/v1/registrations/{answer.json()['registration']}")
            outcomes.append((found["status"], (found["problem"] or {"code": ""})["code"]))
        else:
            problem(answer, 409, "known-person")
            outcomes.append(("failed", "known-person"))

    assert size(consortium, initiative) == before + 1
    assert sorted(outcomes) == [("failed", "known-person")] * 19 + [("final", "")]


def test_a_person_registered_already_is_told_to_ask_for_a_replacement(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    first = register(consortium, initiative, consortium.registration(initiative, "duarte")).json()["registration"]
    landed(consortium.clients["A"], f"/v1/registrations/{first}")
    consortium.await_current()
    before = rows(consortium.gateways["B"])

    problem(register(consortium, initiative, consortium.registration(initiative, "duarte"), "B"), 409, "known-person")
    assert rows(consortium.gateways["B"]) == before

    client, new = consortium.clients["B"], secrets.randbelow(1 << 250) + 1
    body = consortium.replacement(initiative, "duarte", new)
    answer = client.post(f"/v1/initiatives/{initiative}/replacements", json=body)
    assert landed(client, f"/v1/registrations/{answer.json()['registration']}")["status"] == "final"
    nobody = consortium.replacement(initiative, "nobody", new + 1)
    problem(client.post(f"/v1/initiatives/{initiative}/replacements", json=nobody), 409, "unknown-person")


def test_a_registration_token_does_not_replace(consortium: Consortium, initiative: InitiativeId) -> None:
    body = consortium.registration(initiative, "duarte")
    answer = consortium.clients["A"].post(f"/v1/initiatives/{initiative}/replacements", json=body)
    problem(answer, 401, "token-nonce")


def test_a_commitment_serves_once(consortium: Consortium, initiative: InitiativeId) -> None:
    body = consortium.registration(initiative, "elsa")
    first = register(consortium, initiative, body).json()["registration"]
    landed(consortium.clients["A"], f"/v1/registrations/{first}")
    consortium.await_current()
    copied = consortium.registration(initiative, "filipe", int(body["commitment"]))

    problem(register(consortium, initiative, copied), 409, "known-commitment")
    problem(register(consortium, initiative, copied, "B"), 409, "known-commitment")


def _signed(consortium: Consortium, initiative: InitiativeId, **changes: Any) -> dict[str, str]:
    """A registration whose token's payload is changed before it is signed; None leaves a claim out."""
    body = consortium.registration(initiative, "gil")
    payload = jwt.decode(body["id_token"], options={"verify_signature": False})
    payload = {name: value for name, value in {**payload, **changes}.items() if value is not None}
    token = jwt.encode(payload, consortium.key.private, algorithm="ES256", headers={"kid": consortium.key.kid})
    return {**body, "id_token": token}


NOW = int(time.time())
BAD_CLAIMS = [
    ({"exp": NOW - 3600}, 401, "token-expired"),
    ({"exp": None}, 401, "token-no-expiry"),
    ({"nbf": NOW + 3600}, 401, "token-not-yet-valid"),
    ({"iss": "https://eid.example.net"}, 401, "token-issuer"),
    ({"aud": "somebody"}, 401, "token-audience"),
    ({"nonce": "x" * 43}, 401, "token-nonce"),
    ({"sub": None}, 401, "token-malformed"),
    ({"residence": "PT-0101"}, 403, "out-of-scope"),
    ({"residence": None}, 403, "out-of-scope"),
]


@pytest.mark.parametrize(("changes", "status", "code"), BAD_CLAIMS, ids=[code for _, _, code in BAD_CLAIMS])
def test_J3_each_bad_claim_has_its_code_and_leaves_nothing_behind(
    consortium: Consortium, initiative: InitiativeId, changes: dict[str, Any], status: int, code: str
) -> None:
    before = rows(consortium.gateways["A"])
    document = problem(register(consortium, initiative, _signed(consortium, initiative, **changes)), status, code)

    assert rows(consortium.gateways["A"]) == before
    assert "gil" not in str(document)
    assert "PT-0101" not in str(document)


def test_J1_a_token_by_another_key_is_refused(consortium: Consortium, initiative: InitiativeId) -> None:
    foreign = issuer.new_key()
    payload = jwt.decode(consortium.registration(initiative, "gil")["id_token"], options={"verify_signature": False})
    token = jwt.encode(payload, foreign.private, algorithm="ES256", headers={"kid": consortium.key.kid})
    unsigned = jwt.encode(payload, "", algorithm="none")
    body = consortium.registration(initiative, "gil")

    problem(register(consortium, initiative, {**body, "id_token": token}), 401, "token-signature")
    problem(register(consortium, initiative, {**body, "id_token": unsigned}), 401, "token-algorithm")
    problem(register(consortium, initiative, {**body, "id_token": "x.y.z"}), 401, "token-malformed")


def test_J4_a_token_binds_commitment_salt_and_initiative(consortium: Consortium, initiative: InitiativeId) -> None:
    body = consortium.registration(initiative, "hugo")
    other = consortium.initiative()

    problem(register(consortium, initiative, {**body, "commitment": "7"}), 401, "token-nonce")
    problem(register(consortium, initiative, {**body, "salt": "0x" + "00" * 32}), 401, "token-nonce")
    problem(register(consortium, other, body), 401, "token-nonce")


def test_the_scope_may_ask_for_a_level_of_assurance(consortium: Consortium) -> None:
    initiative = consortium.initiative(scope={"residence": ["PT-1106"], "assurance": "high"})
    problem(register(consortium, initiative, consortium.registration(initiative, "ines")), 401, "token-assurance")
    assert register(consortium, initiative, consortium.registration(initiative, "ines", acr="high")).status_code == 202


def test_cheap_checks_come_before_the_token(consortium: Consortium, initiative: InitiativeId) -> None:
    """Order of docs/api.md: phase, range, then the token; a bad token does not hide them."""
    bad = {**consortium.registration(initiative, "joana"), "id_token": "none"}

    for commitment in (0, SCALAR_FIELD, 2**256 - 1):
        document = register(consortium, initiative, {**bad, "commitment": str(commitment)})
        problem(document, 422, "invalid-commitment")
    problem(register(consortium, InitiativeId(999), bad), 404, "unknown-initiative")


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "0x00"},
        {"salt": "0X" + "00" * 32},
        {"commitment": 5},
        {"commitment": "05"},
        {"commitment": "-1"},
        {"id_token": "x" * 8193},
        {"id_token": ""},
        {"phone": "1"},
    ],
)
def test_a_body_of_another_form_is_refused(
    consortium: Consortium, initiative: InitiativeId, change: dict[str, Any]
) -> None:
    body = consortium.registration(initiative, "joana")
    document = problem(register(consortium, initiative, {**body, **change}), 400, "malformed-request")
    assert body["id_token"] not in str(document)


def test_B5_registration_is_judged_by_the_chains_clock(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    consortium.town.until(consortium.windows(initiative).registrationCloses)
    consortium.await_current()
    body = consortium.registration(initiative, "luis")

    document = problem(register(consortium, initiative, body), 409, "wrong-phase")
    assert document["phase"] == "review"
    assert document["closes"] == consortium.windows(initiative).registrationCloses
    bad = {**body, "id_token": "none"}
    problem(register(consortium, initiative, bad), 409, "wrong-phase")


def test_an_unknown_registration_is_not_found(consortium: Consortium) -> None:
    problem(consortium.clients["A"].get(f"/v1/registrations/{'0' * 32}"), 404, "unknown-record")
    problem(consortium.clients["A"].get("/v1/registrations/1"), 400, "malformed-request")
