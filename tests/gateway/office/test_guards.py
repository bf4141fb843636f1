# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may do what in the back office: nobody without a log-in, nobody without the role, nobody alone."""

from __future__ import annotations

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.office.acts import endpoints as acts
from gateway.office.drafts import endpoints as drafts
from gateway.office.moderation import endpoints as moderation
from gateway.office.reports import endpoints as reports
from node import motions, publisher
from node.publisher import Acceptance
from protocol.types import InitiativeId
from tests.gateway.consortium import Consortium, problem
from tests.gateway.office.desk import OFFICE, Desk, approved, desk, document, published

ROUTES = sorted(
    (route.path, method)
    for module in (acts, drafts, moderation, reports)
    for route in module.router.routes
    if isinstance(route, APIRoute) and route.path.startswith(OFFICE)
    for method in route.methods or ()
)
WRITERS = {
    "editor": ("/drafts", "/drafts/{id_}", "/drafts/{id_}/submission"),
    "publisher": (
        *(f"/drafts/{{id_}}/{act}" for act in ("return", "approval", "publication")),
        *(f"/initiatives/{{initiative}}/{act}" for act in ("withdrawal", "extension", "extension/approval")),
        *("/initiatives/{initiative}/void-motion", "/motions/{motion}/approval"),
    ),
    "moderator": tuple(
        f"/initiatives/{{initiative}}/proposals/{{proposal}}/{act}" for act in ("acceptance", "rejection", "erasure")
    ),
    "coster": ("/initiatives/{initiative}/proposals/{proposal}/cost",),
    "reporter": (
        "/initiatives/{initiative}/options/{option}/reports",
        "/initiatives/{initiative}/options/{option}/reports/{number}/erasure",
    ),
}
ROLES = (*WRITERS, "administrator")
BODIES = {
    "return": {"remark": "x"},
    "approval": {"version": 1},
    "withdrawal": {"explanation": "x"},
    "void-motion": {"explanation": "x"},
    "extension": {"voting_closes": 1},
    "rejection": {"feasible": True, "reason": "x"},
    "erasure": {"reason": "x"},
    "cost": {"cost": "1", "reason": "x"},
    "reports": {"status": "done", "share_done": 1, "spent": "1", "content": {"text": "x"}},
}


@pytest.fixture(scope="module")
def desks(consortium: Consortium) -> dict[str, Desk]:
    """An officer for each role, who has no other."""
    return {role: desk(consortium, "A", role) for role in ROLES}


def filled(path: str) -> str:
    numbers = {"id_": "0" * 32, "initiative": "1", "proposal": "1", "option": "0", "number": "1", "motion": "1"}
    return re.sub(r"\{(\w+)\}", lambda match: numbers[match.group(1)], path)


def send(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    if method == "GET":
        return client.get(filled(path), headers=headers)
    name = path.rsplit("/", 1)[1]
    body: object = BODIES.get(name, {})
    if path.endswith("extension/approval"):
        body = BODIES["extension"]
    if method == "PUT":
        body = {"version": 1, "document": {}}
    elif path.endswith("/drafts"):
        body = {"document": {}}
    return client.request(method, filled(path), headers={**headers, "Idempotency-Key": "k" * 16}, json=body)


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_nobody_enters_without_a_log_in(consortium: Consortium, path: str, method: str) -> None:
    problem(send(consortium.clients["A"], method, path, {}), 401, "not-logged-in")


@pytest.mark.parametrize(("path", "method"), [row for row in ROUTES if row[1] != "GET"])
def test_each_order_needs_the_role_for_it(
    consortium: Consortium, desks: dict[str, Desk], path: str, method: str
) -> None:
    short = path.removeprefix(OFFICE)
    if short.endswith("/dry-run"):
        return  # changes nothing
    (owner,) = [role for role, paths in WRITERS.items() if short in paths]
    for role, one in desks.items():
        if role != owner:
            problem(send(one.client, method, path, dict(one.headers)), 403, "role-missing")


def test_who_wrote_any_version_of_a_draft_does_not_approve_it(consortium: Consortium) -> None:
    first = desk(consortium, "A", "editor", "publisher")
    second = desk(consortium, "A", "editor", "publisher")
    id_ = first.post("/drafts", {"document": document(consortium)}).json()["draft"]
    second.put(f"/drafts/{id_}", {"version": 1, "document": document(consortium)})
    assert second.post(f"/drafts/{id_}/submission").status_code == 200
    for one in (first, second):
        problem(one.post(f"/drafts/{id_}/approval", {"version": 2}), 403, "own-draft")
    problem(first.post(f"/drafts/{id_}/publication"), 409, "draft-state")
    third = desk(consortium, "A", "publisher")
    assert third.post(f"/drafts/{id_}/approval", {"version": 2}).json()["state"] == "approved"
    # A new text is not what was approved.
    first.put(f"/drafts/{id_}", {"version": 2, "document": document(consortium)})
    problem(third.post(f"/drafts/{id_}/publication"), 409, "draft-state")


def test_another_entity_decides_nothing_of_an_initiative(consortium: Consortium) -> None:
    writer, second = desk(consortium, "A", "editor"), desk(consortium, "A", "publisher")
    initiative = published(consortium, writer, second)
    stranger = desk(consortium, "B", "moderator", "coster", "publisher", "reporter")
    withdrawal = stranger.post(f"/initiatives/{initiative}/withdrawal", {"explanation": "ours now"})
    assert problem(withdrawal, 409, "refused-by-contract")["error"] == "NotPublisher"
    consortium.town.until(consortium.windows(InitiativeId(initiative)).registrationOpens)
    consortium.town.submit(initiative, 1)
    acceptance = stranger.post(f"/initiatives/{initiative}/proposals/1/acceptance", {})
    assert problem(acceptance, 409, "refused-by-contract")["error"] == "NotPublisher"
    assert stranger.get("/acts").json()["acts"] == []


def test_G3_the_same_order_many_times_at_once_is_one_act(consortium: Consortium) -> None:
    writer, second = desk(consortium, "A", "editor"), desk(consortium, "A", "publisher")
    id_ = approved(consortium, writer, second)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: second.post(f"/drafts/{id_}/publication"), range(20)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    acts = {answer.json()["act"] for answer in answers if answer.status_code == 202}
    assert len(acts) == 1
    assert second.ended(acts.pop())["status"] == "final"
    initiative = second.get(f"/drafts/{id_}").json()["initiative"]

    key = secrets.token_hex(16)
    body = {"explanation": "a mistake"}
    path = f"/initiatives/{initiative}/withdrawal"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: second.post(path, body, key), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["act"] for answer in answers}) == 1
    assert second.ended(answers[0].json()["act"])["status"] == "final"
    problem(second.post(path, {"explanation": "something else"}, key), 422, "key-reused")
    problem(second.post(path, body), 409, "refused-by-contract")


def test_an_order_without_a_key_is_refused(consortium: Consortium) -> None:
    one = desk(consortium, "A", "publisher")
    path = f"{OFFICE}/initiatives/1/withdrawal"
    answer = one.client.post(path, headers=dict(one.headers), json={"explanation": "x"})
    problem(answer, 400, "malformed-request")


def test_a_motion_to_void_takes_the_others(consortium: Consortium) -> None:
    _list_the_suite(consortium)
    initiative = consortium.initiative()
    first, second = desk(consortium, "A", "publisher"), desk(consortium, "B", "publisher")
    proposed = first.act(f"/initiatives/{initiative}/void-motion", {"explanation": "the pepper leaked"})
    assert proposed["status"] == "final"
    assert consortium.town.read("Initiatives", "voidReason", initiative) == 0
    number = _motions(consortium)
    consortium.await_current()
    assert second.act(f"/motions/{number}/approval")["status"] == "final"
    assert consortium.town.read("Initiatives", "voidReason", initiative) == 2


def test_K1_an_officer_decides_nothing_about_members_or_contracts(consortium: Consortium) -> None:
    """A single one could suspend other entities in this one's name, or bring in contracts."""
    motions.set_minimum_anonymity(consortium.town.members["A"], 7)
    proposed = _motions(consortium)
    consortium.await_current()
    publisher = desk(consortium, "B", "publisher")
    problem(publisher.post(f"/motions/{proposed}/approval"), 403, "role-missing")
    problem(publisher.post("/motions/999/approval"), 404, "unknown-record")


def test_commands_and_gateway_take_turns_with_an_account(consortium: Consortium) -> None:
    """Neither takes the other's nonce, however they mix."""
    initiative = consortium.initiative()
    consortium.town.submit(initiative, 6)
    consortium.await_current()
    moderator = desk(consortium, "A", "moderator")
    path = f"/initiatives/{initiative}/proposals"
    ordered = [moderator.post(f"{path}/{number}/acceptance", {}).json()["act"] for number in (1, 2)]
    publisher.accept(consortium.town.members["A"], initiative, [Acceptance(3, 1), Acceptance(4, 1)])
    ordered += [moderator.post(f"{path}/{number}/acceptance", {}).json()["act"] for number in (5, 6)]
    assert {moderator.ended(act)["status"] for act in ordered} == {"final"}
    assert consortium.town.read("Proposals", "optionCount", initiative) == 6


def _list_the_suite(consortium: Consortium) -> None:
    for name in ("A", "B"):
        motions.add_suite(consortium.town.members[name])


def _motions(consortium: Consortium) -> int:
    return len(motions.motions(consortium.town.rpc, consortium.town.deployment))


def test_an_approval_counts_while_its_officer_may_approve(consortium: Consortium) -> None:
    """Revoked between approval and publication: somebody else must stand behind the draft."""
    writer, second, third = (desk(consortium, "A", role) for role in ("editor", "publisher", "publisher"))
    id_ = approved(consortium, writer, second)
    officers = consortium.gateways["A"].services.log_in.officers
    officers.change(None, second.officer, [])
    problem(second.post(f"/drafts/{id_}/publication"), 401, "session-ended")
    refused = third.post(f"/drafts/{id_}/publication")
    assert "may approve no more" in problem(refused, 409, "draft-state")["detail"]
    assert third.post(f"/drafts/{id_}/return", {"remark": "approve anew"}).status_code == 200
    assert writer.post(f"/drafts/{id_}/submission").status_code == 200
    assert third.post(f"/drafts/{id_}/approval", {"version": 1}).status_code == 200
    assert third.act(f"/drafts/{id_}/publication")["status"] == "final"


def test_an_officer_of_one_entity_is_nobody_at_another(consortium: Consortium) -> None:
    one = desk(consortium, "A", "publisher")
    cookies = {cookie.name: cookie.value for cookie in one.client.cookies.jar}
    with httpx.Client(base_url=consortium.served["B"].url, trust_env=False) as client:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        problem(client.get(f"{OFFICE}/acts", headers={"Cookie": header}), 401, "session-ended")


def test_what_a_page_of_another_site_sends_is_refused(consortium: Consortium) -> None:
    one = desk(consortium, "A", "publisher")
    headers = {"Origin": "https://evil.example", "Idempotency-Key": "k" * 16}
    answer = one.client.post(f"{OFFICE}/initiatives/1/withdrawal", headers=headers, json={"explanation": "x"})
    problem(answer, 403, "cross-site")


def test_a_text_that_no_database_takes_is_refused(consortium: Consortium) -> None:
    writer, second = desk(consortium, "A", "editor"), desk(consortium, "A", "publisher")
    id_ = writer.post("/drafts", {"document": document(consortium)}).json()["draft"]
    writer.post(f"/drafts/{id_}/submission")
    problem(second.post(f"/drafts/{id_}/return", {"remark": "a\0b"}), 400, "malformed-request")
    for reason in ("\ud800", "a\0b"):
        headers = {**second.headers, "Idempotency-Key": secrets.token_hex(8), "Content-Type": "application/json"}
        body = json.dumps({"explanation": reason})
        answer = second.client.post(f"{OFFICE}/initiatives/1/withdrawal", headers=headers, content=body)
        assert answer.status_code in (400, 409), answer.text
