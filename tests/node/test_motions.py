# SPDX-License-Identifier: AGPL-3.0-or-later
"""Motions and changes of accounts, through the command line, against a real chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.cli import main
from node.deployment import Deployment
from node.entity import EntityFolder
from node.keys import Signer
from node.member import Member
from node.rotation import rotate
from node.rpc import RpcClient
from protocol.types import Role
from tests.node.house import House, Run


def made(base: Path, name: str) -> Path:
    EntityFolder.create(base / name, f"Entity {name}", "http://127.0.0.1:2", 1)
    return base / name / "entity.json"


def test_an_entity_is_admitted_by_a_majority_that_says_the_same(house: House, run: Run, tmp_path: Path) -> None:
    newcomer = made(tmp_path, "D")

    first = run("motion", "admit", str(newcomer), *house.at("A"))
    again = run("motion", "admit", str(newcomer), *house.at("A"))
    early = run("entity", "set-endpoint", "http://127.0.0.1:3", *house.at(), "--entity", str(newcomer.parent))
    second = run("motion", "admit", str(newcomer), *house.at("B"))
    third = run("motion", "admit", str(newcomer), *house.at("C"))

    number = first[1]["motion"]
    assert first[:2] == (0, {"motion": number, "did": f"Proposed motion {number}.", "passed": False})
    assert again[1] == {
        "motion": number,
        "did": f"Motion {number} was approved by this entity already.",
        "passed": False,
    }
    assert (early[0], early[1]["error"]["name"]) == (2, "EntityError")
    assert second[1] == {"motion": number, "did": f"Approved motion {number}.", "passed": True}
    assert third[1] == {"motion": None, "did": "The entity 'Entity D' is a member already.", "passed": True}
    listed = run("motion", "list", *house.at())[1]["motions"][number - 1]
    assert (listed["call"], listed["executed"]) == ("Consortium.admit", True)
    assert listed["arguments"]["draft"]["name"] == "Entity D"
    moved = run("entity", "set-endpoint", "http://127.0.0.1:3/", *house.at(), "--entity", str(newcomer.parent))
    assert moved[:2] == (0, {"endpoint": "http://127.0.0.1:3"})
    entities = run("status", *house.at())[1]["entities"]
    assert [one["endpoint"] for one in entities if one["name"] == "Entity D"] == ["http://127.0.0.1:3"]


def test_a_list_of_motions_says_in_words_what_they_would_do(
    house: House, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    number = run("motion", "minimum-anonymity", "4", *house.at("A"))[1]["motion"]
    capsys.readouterr()

    assert main(["motion", "list", *house.at()]) == 0

    line = capsys.readouterr().out.splitlines()[number - 1]
    assert "Consortium.setMinimumAnonymity(minimum 4), proposed by entity 1: 1 approvals so far" in line
    assert run("motion", "minimum-anonymity", "4", *house.at("B"))[1]["passed"] is False  # two of four
    assert run("motion", "minimum-anonymity", "4", *house.at("C"))[1]["passed"]
    assert run("motion", "minimum-anonymity", "4", *house.at("C"))[1]["did"] == "The minimum is 4 already."
    assert run("motion", "minimum-anonymity", "3", *house.at("A"))[1]["passed"] is False


def test_a_stolen_key_is_replaced_and_worth_nothing_after(house: House, run: Run) -> None:
    for role in ("gateway", "publisher", "member"):
        before = EntityFolder(house.base / "C").public
        code, answer, _ = run("entity", "rotate", role, *house.at("C"))
        assert code == 0, answer
        folder = EntityFolder(house.base / "C")
        accounts = {one.label: account.hex() for one, account in folder.public.accounts.items()}
        assert answer == {"role": role, "account": "0x" + accounts[role]}
        old = {one.label: account.hex() for one, account in before.accounts.items()}
        assert {one for one in old if old[one] != accounts[one]} == {role}
        assert folder.public.lanes == before.lanes  # what is under way in the relay goes on
        assert (house.base / "C" / "keys" / f"{role}.retired-{old[role]}.json").exists()
        entities = run("status", *house.at())[1]["entities"]
        assert next(one for one in entities if one["name"] == "Entity C")["active"]
    # The new member key acts; what the old one signs, the consortium refuses.
    assert run("motion", "minimum-anonymity", "5", *house.at("C"))[0] == 0
    retired = house.base / "C" / "keys" / f"member.retired-{old['member']}.json"
    (house.base / "C" / "keys" / "member.json").replace(house.base / "C" / "keys" / "aside.json")
    public = json.loads((house.base / "C" / "entity.json").read_text())
    retired.replace(house.base / "C" / "keys" / "member.json")
    (house.base / "C" / "entity.json").write_text(
        json.dumps({**public, "accounts": {**public["accounts"], "member": "0x" + old["member"]}})
    )
    refused = run("motion", "suspend", "1", *house.at("C"))
    assert (refused[0], refused[1]["error"]["name"]) == (1, "NotAuthorised")
    (house.base / "C" / "keys" / "aside.json").replace(house.base / "C" / "keys" / "member.json")
    (house.base / "C" / "entity.json").write_text(json.dumps(public))


@pytest.mark.parametrize("broken_off", ["before the chain", "after the chain", "amid the folder", "before entity.json"])
def test_a_rotation_that_was_broken_off_is_gone_on_with(house: House, run: Run, broken_off: str) -> None:
    folder = EntityFolder(house.base / "B")
    old = folder.public.accounts[Role.MEMBER]
    successor: Signer = folder.successor(Role.MEMBER)
    with RpcClient.connect(house.url) as rpc:
        deployment = Deployment.load(house.base / "net.json")
        member = Member.open(folder.path, rpc, deployment)
        if broken_off != "before the chain":
            with member.sender(Role.MEMBER) as sender:
                consortium = deployment.contract("Consortium")
                sender.call(consortium.call("setAccount", Role.MEMBER, successor.address))
                sender.await_final()
        keys = folder.path / "keys"
        if broken_off in ("amid the folder", "before entity.json"):
            (keys / "member.json").replace(keys / f"member.retired-{old.hex()}.json")
        if broken_off == "before entity.json":
            (keys / "member.next.json").replace(keys / "member.json")

        assert rotate(Member.open(folder.path, rpc, deployment), Role.MEMBER) == successor.address

    assert EntityFolder(folder.path).key(Role.MEMBER).address == successor.address
    assert run("motion", "minimum-anonymity", str(50 + len(broken_off)), *house.at("B"))[0] == 0
