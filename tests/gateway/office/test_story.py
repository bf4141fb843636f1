# SPDX-License-Identifier: AGPL-3.0-or-later
"""An initiative through the back office, from a template to its last report, on a real gateway and chain."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from node.trustee import TrusteeRun
from protocol.attribution import split
from protocol.choice import Approval
from protocol.hashing import keccak
from protocol.types import InitiativeId
from tests.gateway.consortium import Consortium, problem, until
from tests.gateway.office.desk import Desk, desk, document, peppers
from tests.node.town import NAMES


@pytest.fixture
def editor(consortium: Consortium) -> Desk:
    return desk(consortium, "A", "editor")


@pytest.fixture
def publisher(consortium: Consortium) -> Desk:
    return desk(consortium, "A", "publisher")


def test_from_a_template_to_the_last_report(consortium: Consortium, editor: Desk, publisher: Desk) -> None:
    town = consortium.town
    initiative = _publish(consortium, editor, publisher)

    # Registration and proposals, as in any initiative.
    windows = consortium.windows(InitiativeId(initiative))
    town.until(windows.registrationOpens)
    consortium.await_current()
    voters = town.register(initiative, 4)
    town.submit(initiative, 3)
    consortium.await_current()
    moderator = desk(consortium, "A", "moderator")
    coster = desk(consortium, "A", "coster")
    _moderate(moderator, coster, initiative)

    for name in NAMES:
        TrusteeRun(town.members[name]).run(initiative)
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
    TrusteeRun(town.members["A"]).run(initiative)
    town.until(windows.votingOpens)
    town.cast(initiative, [town.ballot(initiative, voter, Approval((0,))) for voter in voters])

    closes = windows.votingCloses + 3600
    _extend(consortium, publisher, initiative, closes)
    town.until(closes + windows.challengePeriod)
    for name in NAMES:
        TrusteeRun(town.members[name]).run(initiative)
    for name in NAMES[:2]:
        TrusteeRun(town.members[name]).run(initiative)
    consortium.await_current()
    assert town.read("Initiatives", "phase", initiative) == 6

    _report(consortium, initiative)
    _look_back(consortium, publisher, initiative)


def _publish(consortium: Consortium, editor: Desk, publisher: Desk) -> int:
    listed = editor.get("/templates").json()["templates"]
    assert {one["template"] for one in listed} > {"participatory-budget", "contest-with-jury"}
    made = editor.post(
        "/drafts",
        {
            "template": "participatory-budget",
            "title": "Orçamento",
            "entities": [1, 2, 3],
            "issuers": [consortium.iss],
            "scope": {"residence": ["PT-1106"]},
        },
    ).json()
    draft = f"/drafts/{made['draft']}"
    faults = {one["field"]: one for one in made["faults"]}
    assert "allocation.budget" in faults
    assert faults["allocation.budget"]["remedy"].keys() == {"pt", "en"}
    problem(editor.post(f"{draft}/submission"), 422, "invalid-draft")

    better = document(consortium, title=made["document"]["title"])
    saved = editor.put(draft, {"version": 1, "document": better}).json()
    assert (saved["version"], saved["faults"]) == (2, [])
    problem(editor.put(draft, {"version": 1, "document": better}), 409, "draft-moved")
    said = editor.get(f"{draft}/preview", lang="pt").json()["clauses"]
    assert any("PT-1106" in clause["says"] for clause in said)
    held = editor.post(f"{draft}/dry-run", {"ballots": 300, "costs": ["10", "20", "95"]}).json()
    assert int(held["spent"]) <= 100
    assert held["effort"]["gas"] > 0

    problem(publisher.post(f"{draft}/publication"), 409, "draft-state")
    assert editor.post(f"{draft}/submission").json()["state"] == "submitted"
    returned = publisher.post(f"{draft}/return", {"remark": "The title lacks the year."}).json()
    assert (returned["state"], returned["remark"]) == ("draft", "The title lacks the year.")
    saved = editor.put(draft, {"version": 2, "document": {**better, "title": "Orçamento 2027"}}).json()
    editor.post(f"{draft}/submission")
    problem(publisher.post(f"{draft}/approval", {"version": 2}), 409, "draft-moved")
    assert publisher.post(f"{draft}/approval", {"version": 3}).json()["state"] == "approved"

    act = publisher.act(f"{draft}/publication")
    assert (act["status"], act["kind"], act["officer"]) == ("final", "publish", publisher.officer)
    again = publisher.post(f"{draft}/publication").json()
    assert again["act"] == act["act"]
    found = editor.get(draft).json()
    assert (found["state"], found["authors"], found["approved_by"]) == (
        "published",
        [editor.officer],
        publisher.officer,
    )
    assert [one["version"] for one in editor.get(f"{draft}/versions").json()["versions"]] == [1, 2, 3]
    until(lambda: peppers(editor, made["draft"]) == {2: None, 3: None})
    consortium.await_current()
    shown = consortium.clients["B"].get(f"/v1/initiatives/{found['initiative']}").json()
    assert shown["title"] == "Orçamento 2027"
    return int(found["initiative"])


def _moderate(moderator: Desk, coster: Desk, initiative: int) -> None:
    proposals = f"/initiatives/{initiative}/proposals"
    problem(moderator.post(f"{proposals}/1/acceptance", {"cost": "10"}), 403, "role-missing")
    ordered = [moderator.post(f"{proposals}/{number}/acceptance", {}) for number in (2, 1)]
    costed = coster.post(f"{proposals}/2/cost", {"cost": "60", "reason": "quoted"})  # while the first is under way
    assert costed.status_code == 202
    acts = [moderator.ended(one.json()["act"]) for one in (*ordered, costed)]
    assert [act["status"] for act in acts] == ["final", "final", "final"], acts
    coster.act(f"{proposals}/1/cost", {"cost": "50", "reason": "quoted"})
    rejected = moderator.act(f"{proposals}/3/rejection", {"feasible": False, "reason": "no land"})
    assert rejected["status"] == "final"
    refused = moderator.post(f"{proposals}/2/acceptance", {})
    assert problem(refused, 409, "refused-by-contract")["error"] == "AlreadyAccepted"


def _extend(consortium: Consortium, publisher: Desk, initiative: int, closes: int) -> None:
    consortium.await_current()
    body = {"voting_closes": closes}
    path = f"/initiatives/{initiative}/extension"
    second = desk(consortium, "B", "publisher")
    assert publisher.act(path, body)["status"] == "final"
    alone = publisher.post(f"{path}/approval", body)
    assert problem(alone, 409, "refused-by-contract")["error"] == "SecondEntityRequired"
    consortium.await_current()
    assert second.act(f"{path}/approval", body)["status"] == "final"
    assert consortium.windows(InitiativeId(initiative)).votingCloses == closes


def _report(consortium: Consortium, initiative: int) -> None:
    reporter = desk(consortium, "A", "reporter")
    body: dict[str, Any] = {
        "status": "in-progress",
        "share_done": 2500,
        "spent": "12",
        "content": {"language": "pt", "text": "Começou a obra."},
    }
    path = f"/initiatives/{initiative}/options"
    problem(reporter.post(f"{path}/1/reports", body), 422, "not-a-winner")
    key = secrets.token_hex(16)
    first = reporter.post(f"{path}/0/reports", body, key).json()
    assert reporter.post(f"{path}/0/reports", body, key).json()["act"] == first["act"]
    problem(reporter.post(f"{path}/0/reports", {**body, "spent": "13"}, key), 422, "key-reused")
    assert reporter.ended(first["act"])["status"] == "final"
    assert reporter.act(f"{path}/0/reports", {**body, "status": "done", "share_done": 10_000})["status"] == "final"
    consortium.await_current()

    for name in ("A", "B"):
        (option,) = consortium.clients[name].get(f"/v1/initiatives/{initiative}/follow-up").json()["options"]
        assert (option["option"], option["won"], option["proposal"], option["cost"]) == (0, True, 2, "60")
        one, two = option["reports"]
        assert [(row["status"], row["share_done"], row["spent"]) for row in (one, two)] == [
            ("in-progress", 2500, "12"),
            ("done", 10_000, "12"),
        ]
        if name == "A":
            assert one["content"]["text"] == "Começou a obra."
            assert "0x" + keccak(one["document"].encode()).hex() == one["content_hash"]

    erased = reporter.act(f"{path}/0/reports/1/erasure", {"reason": "it named a person"})
    assert erased["status"] == "final"
    consortium.await_current()
    (option,) = consortium.clients["A"].get(f"/v1/initiatives/{initiative}/follow-up").json()["options"]
    one, two = option["reports"]
    assert (one["content"], one["erased"], one["share_done"]) == (None, "it named a person", 2500)
    assert two["content"]["text"] == "Começou a obra."


def _look_back(consortium: Consortium, publisher: Desk, initiative: int) -> None:
    """Every act can be found on chain, and tells who ordered it to whom the entity shows the statement."""
    acts = publisher.get("/acts", initiative=initiative).json()["acts"]
    assert {act["kind"] for act in acts} == {
        "accept",
        "cost",
        "reject",
        "propose-extension",
        "report",
        "erase-report",
    }
    for act in acts:
        block = consortium.town.rpc.full_block(act["block"])
        (found,) = [one for one in block.transactions if "0x" + one.hash.hex() == act["transaction"]]
        call, attribution = split(found.data)
        assert attribution == keccak(act["statement"].encode()) == bytes.fromhex(act["attribution"][2:])
        assert "0x" + keccak(call).hex() in act["statement"]
        assert f'"officer":"{act["officer"]}"' in act["statement"]
        assert act["officer"].encode() not in found.data
    costs = publisher.get(f"/initiatives/{initiative}/costs").json()
    assert costs["officersActs"] == len(acts) + 1  # the publication has no initiative yet
    assert costs["total"]["gas"] > costs["own"]["gas"] > 0
