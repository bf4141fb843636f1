# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads: phases and voids (P2, B15), buckets (P3), health, the interface's own description, proposals."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.assembly import build
from gateway.database import DatabaseInUse
from gateway.index.nodes import BucketNodes
from gateway.initiatives.repository import BUCKET, buckets
from gateway.problems import Problem
from node import publisher
from node.errors import DeploymentError
from protocol.electorate import ElectorateTree, electorate_root
from protocol.evidence import content_hash
from protocol.types import Commitment, InitiativeId
from tests.gateway.consortium import Consortium, landed, problem, rows, until
from tests.node.town import trapdoor


def all_problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for each in base.__subclasses__():
        if each.__module__.startswith("gateway.") and each.__module__.endswith(".problems"):
            yield each
        yield from all_problems(each)


def documented() -> dict[str, int]:
    """Codes and statuses of the table in docs/api.md."""
    found: dict[str, int] = {}
    text = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")
    for line in text.partition("## Problem codes")[2].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 3 or not cells[0].startswith("`"):
            continue
        codes = [word.strip("`") for word in cells[0].split() if word.startswith("`")]
        statuses = [int(word) for word in cells[1].split() if word.isdigit()]
        found |= dict(zip(codes, statuses * len(codes) if len(statuses) == 1 else statuses, strict=True))
    return found


def test_every_problem_is_documented_with_its_status() -> None:
    known = {each.code: each.status for each in all_problems()} | {"not-found": 404, "method-not-allowed": 405}
    assert documented() == known | {"internal": 500}


def test_a_problem_is_an_RFC_9457_document() -> None:
    for each in all_problems():
        document = each("A sentence.", limit=3).document()
        assert document.items() >= {"type": f"urn:urna:problem:{each.code}", "status": each.status, "limit": 3}.items()
        assert document["title"]


def test_openapi_describes_every_call_and_its_problems(consortium: Consortium) -> None:
    schema = consortium.clients["A"].get("/openapi.json").json()
    assert {
        "/health",
        "/v1/initiatives/{initiative}/ballots",
        "/v1/initiatives/{initiative}/registrations",
        "/v1/initiatives/{initiative}/slots/{prefix}",
        "/members/cosign/registrations",
    } <= schema["paths"].keys()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            refused = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
            assert {"413", "429", "500", "503"} <= refused.keys() or {"4XX", "5XX"} == refused.keys()
            assert all("application/problem+json" in answer["content"] for answer in refused.values()), (method, path)
            assert "HTTPValidationError" not in str(operation)
    document = schema["components"]["schemas"]["ProblemDocument"]
    assert document["required"] == ["type", "title", "status", "detail", "code"]


def test_unknown_paths_and_methods_are_problems(consortium: Consortium) -> None:
    client = consortium.clients["A"]
    problem(client.get("/v1/nothing"), 404, "not-found")
    problem(client.delete("/v1/initiatives"), 405, "method-not-allowed")
    problem(client.get("/v1/initiatives/999"), 404, "unknown-initiative")


def test_health_names_entity_and_block(consortium: Consortium) -> None:
    health = consortium.clients["B"].get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["entity"] == 2
    assert health.json()["as_of"]["block"] > 0


def test_an_initiative_is_shown_from_the_start(consortium: Consortium) -> None:
    """Announced, without voters, options or key: every read answers."""
    draft_opens = consortium.town.now() + 600
    windows = {
        "registration-opens": draft_opens,
        "registration-closes": draft_opens + 3600,
        "voting-opens": draft_opens + 7200,
        "voting-closes": draft_opens + 10800,
        "challenge-period": 3600,
        "ceremony-step": 600,
    }
    draft = consortium.town.draft(issuers=[consortium.iss], windows=windows)
    initiative = publisher.create(consortium.town.members["A"], draft, patience=10).initiative
    consortium.await_current()
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}"

    shown = client.get(path).json()
    assert (shown["phase"], shown["void_reason"], shown["registered"]) == ("announced", None, 0)
    assert client.get(f"{path}/leaves/0").json()["leaves"] == []
    assert client.get(f"{path}/nodes").json()["nodes"] == []
    assert client.get(f"{path}/counts").json()["counted"] == 0
    assert client.get(f"{path}/proposals").json()["proposals"] == []
    assert initiative in [each["initiative"] for each in client.get("/v1/initiatives").json()["initiatives"]]
    problem(client.get(f"{path}/leaves/1"), 404, "unknown-record")
    problem(client.get(f"{path}/leaves/256"), 400, "malformed-request")
    problem(client.get(f"{path}/result"), 409, "wrong-phase")
    body = consortium.registration(InitiativeId(initiative), "early")
    document = problem(client.post(f"{path}/registrations", json=body), 409, "wrong-phase")
    assert document["opens"] == draft_opens


def test_P2_too_few_registered_make_it_void_and_ballots_are_refused(consortium: Consortium) -> None:
    enough, voters = consortium.voting(3)
    entry = consortium.ballot(enough, voters[0])
    initiative, _ = consortium.reviewed(2)
    consortium.town.until(consortium.windows(initiative).votingOpens)
    consortium.await_current()
    client = consortium.clients["A"]

    shown = client.get(f"/v1/initiatives/{initiative}").json()
    answer = client.post(f"/v1/initiatives/{initiative}/ballots", json={"entry": "0x" + entry.hex()})

    assert (shown["phase"], shown["void_reason"]) == ("void", "too-few-registered")
    assert problem(answer, 409, "wrong-phase")["phase"] == "void"


def test_proposals_are_kept_and_told_and_limited(consortium: Consortium) -> None:
    initiative = consortium.initiative(**{"proposals-per-person": 1})
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}/proposals"
    content, salt = {"title": "A bench", "text": "By the river."}, secrets.token_bytes(32)
    hashed = content_hash(content, salt)
    body = consortium.proposal(initiative, "maria", content, hashed, salt)

    first = client.post(path, json=body).json()
    assert landed(client, f"/v1/submissions/{first['submission']}")["status"] == "final"
    assert client.post(path, json=body).json()["submission"] == first["submission"]
    consortium.await_current()
    # Through another member as well: it stands once.
    second = consortium.clients["B"].post(path, json=body).json()
    assert landed(consortium.clients["B"], f"/v1/submissions/{second['submission']}")["status"] == "final"
    consortium.await_current()
    listed = client.get(path).json()["proposals"]
    assert [(each["content"], each["content_hash"]) for each in listed] == [(content, "0x" + hashed.hex())]
    elsewhere = consortium.clients["C"]
    until(lambda: elsewhere.get(path).json()["proposals"][0]["content"] == content)  # fetched from the others

    other, before = {"title": "Another bench"}, rows(consortium.gateways["A"])
    more = consortium.proposal(initiative, "maria", other, content_hash(other, salt), salt)
    assert problem(client.post(path, json=more), 409, "too-many-proposals")["limit"] == 1
    changed = {**body, "content": {"title": "A wall"}}
    problem(client.post(path, json=changed), 401, "token-nonce")
    large = {"text": "x" * 70_000}
    problem(client.post(path, json={**body, "content": large}), 413, "too-large")
    unhashable = {"number": 1.5e300, "nested": [2**70]}
    problem(client.post(path, json={**body, "content": unhashable}), 400, "malformed-request")
    assert rows(consortium.gateways["A"]) == before


def test_B11_a_proposal_handed_in_at_two_members_at_once_stands_once(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    content, salt = {"title": "A tree"}, secrets.token_bytes(32)
    body = consortium.proposal(initiative, "nuno", content, content_hash(content, salt), salt)
    path = f"/v1/initiatives/{initiative}/proposals"
    answers = {name: consortium.clients[name].post(path, json=body).json() for name in "AB"}

    for name, answer in answers.items():
        found = landed(consortium.clients[name], f"/v1/submissions/{answer['submission']}")
        assert found["status"] == "final", found
    consortium.await_current()
    assert len(consortium.clients["C"].get(path).json()["proposals"]) == 1


def test_P3_leaves_come_in_buckets_that_give_the_root(consortium: Consortium) -> None:
    initiative, voters = consortium.reviewed(5)
    consortium.await_current()
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}"

    bucket = client.get(f"{path}/leaves/0").json()
    nodes = client.get(f"{path}/nodes").json()

    assert [int(leaf) for leaf in bucket["leaves"]] == [voter.commitment() for voter in voters]
    assert (
        bucket["root"] == nodes["root"] == nodes["nodes"][0] == str(electorate_root([v.commitment() for v in voters]))
    )
    assert (bucket["size"], bucket["buckets"], nodes["level"]) == (5, 1, 12)


def test_nodes_and_one_bucket_make_any_path() -> None:
    leaves = [Commitment(number + 1) for number in range(2 * BUCKET + 3)]
    cache, initiative, asked = BucketNodes(), InitiativeId(1), []

    def of(leaves: list[Commitment]) -> list[int]:
        def bucket(number: int) -> list[Commitment]:
            asked.append(number)
            return leaves[number * BUCKET : (number + 1) * BUCKET]

        return cache.of(initiative, electorate_root(leaves), buckets(len(leaves)), bucket)

    nodes = of(leaves)

    assert len(nodes) == 3
    assert electorate_root([Commitment(node) for node in nodes]) == ElectorateTree(leaves).root()
    asked.clear()
    assert of(leaves) == nodes
    assert asked == []
    changed = [*leaves[:-1], Commitment(5)]
    assert of(changed)[:2] == nodes[:2]
    assert of(changed)[2] != nodes[2]
    leaves[0] = Commitment(9)
    assert of(leaves)[0] != nodes[0]
    assert of(leaves[:5]) == [electorate_root(leaves[:5])]


@pytest.mark.parametrize("prefix", ["", "g", "0x1", "00000", "A", "%00", "1/2"])
def test_P3_slots_are_asked_for_by_one_digit(consortium: Consortium, prefix: str) -> None:
    initiative = consortium.initiative()
    answer = consortium.clients["A"].get(f"/v1/initiatives/{initiative}/slots/{prefix}")
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("prefix", ["00", "123", "ffff"])
def test_P3_a_longer_prefix_is_refused_while_a_shorter_one_serves(consortium: Consortium, prefix: str) -> None:
    initiative = consortium.initiative()
    client = consortium.clients["A"]
    assert client.get(f"/v1/initiatives/{initiative}/slots/{prefix[0]}").json()["slots"] == []
    document = problem(client.get(f"/v1/initiatives/{initiative}/slots/{prefix}"), 422, "prefix-too-long")
    assert document["limit"] == 1


def test_a_defect_is_a_problem_too(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    services = consortium.gateways["C"].services
    monkeypatch.setattr(type(services.reads), "snapshot", lambda self: 1 / 0)
    problem(consortium.clients["C"].get("/v1/initiatives"), 500, "internal")
    monkeypatch.undo()
    with httpx.Client(base_url=consortium.served["C"].url, trust_env=False) as client:
        assert client.get("/v1/initiatives").status_code == 200


def test_G6_a_gateway_that_does_not_hear_the_chain_reads_on_and_refuses_writes(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    initiative = consortium.initiative()
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}"
    bodies: dict[str, dict[str, Any]] = {
        "ballots": {"entry": "0x00"},
        "registrations": consortium.registration(initiative, "tiago"),
        "replacements": consortium.replacement(initiative, "tiago", 5),
        "proposals": consortium.proposal(initiative, "tiago", {"a": 1}, content_hash({"a": 1}, bytes(32)), bytes(32)),
    }
    indexer = consortium.gateways["A"].services.indexer
    monkeypatch.setattr(indexer, "_forked", True)
    monkeypatch.setattr(indexer, "fault", lambda: "the chain shows two faces")
    before = rows(consortium.gateways["A"])

    for kind, body in bodies.items():
        answer = client.post(f"{path}/{kind}", json=body)
        problem(answer, 503, "chain-unavailable")
        assert answer.headers["retry-after"] == "2"
    health = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "degraded")
    assert health.json()["reasons"][0]["code"] == "chain-refused"
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "not-ready")
    assert client.get("/health/live").status_code == 200
    assert client.get(path).status_code == 200
    assert rows(consortium.gateways["A"]) == before


def test_an_entity_that_is_no_registrar_says_so(consortium: Consortium) -> None:
    initiative = consortium.initiative(registrars=[1, 2])
    body = consortium.registration(initiative, "vera")
    path = f"/v1/initiatives/{initiative}/registrations"
    problem(consortium.clients["C"].post(path, json=body), 409, "not-registrar")
    assert consortium.clients["B"].post(path, json=body).status_code == 202


def test_P1_ballots_travel_in_lanes_of_their_own(consortium: Consortium, tmp_path: Path) -> None:
    persons, ballots = (worker._outbox._lanes for worker in consortium.gateways["A"].workers)
    accounts = [{lane.key.address for lane in lanes.values()} for lanes in (persons, ballots)]
    assert all(accounts)
    assert not accounts[0] & accounts[1]


def test_G3_a_second_gateway_of_an_entity_refuses_to_start(consortium: Consortium) -> None:
    with pytest.raises(DatabaseInUse, match="another gateway"):
        build(consortium.settings("A"), test_key=trapdoor()[0])


def test_a_deployment_with_another_key_than_the_ceremonys_is_refused(consortium: Consortium) -> None:
    with pytest.raises(DeploymentError, match="another key"):
        build(consortium.settings("A"))
