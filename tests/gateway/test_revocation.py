# SPDX-License-Identifier: AGPL-3.0-or-later
"""A stolen gateway key (K2): what it can do until it is revoked, and that it can do nothing after; real gateways.

The entity replaces it with one transaction of its own; where that key is stolen as well, the others' motion suspends
the entity. Either way every member refuses its requests from that block on, and its promises for later blocks are void.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from gateway.members.asking import body_of
from gateway.members.registrar import Claim
from node import member_auth, motions, publisher
from node.engine import EmbeddedEngine
from node.entity import EntityFolder
from node.keys import Signer
from node.member import Member
from node.promises import Given, Outcome, Verdict, check
from node.rotation import rotate
from node.trustee import TrusteeRun
from protocol import eip712
from protocol.eip712 import Promise
from protocol.evidence import evidence_root
from protocol.promise import SignedPromise
from protocol.types import Address, Commitment, EntityId, Hash32, InitiativeId, PromiseKind, Role
from tests.gateway.consortium import Consortium, Served, landed, open_consortium, problem

COSIGN = "/members/cosign/registrations"
NUMBERS = {"A": 1, "B": 2, "C": 3}


@pytest.fixture(scope="module")
def consortium(engine: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """One of its own: a suspension is for ever."""
    with open_consortium(engine, tmp_path_factory.mktemp("revocation")) as opened:
        yield opened


@dataclass
class Thief:
    """Who has a copy of an entity's gateway key."""

    consortium: Consortium
    key: Signer
    entity: int

    def asks(self, name: str, initiative: InitiativeId) -> httpx.Response:
        """Another member to sign a registration of somebody who has a good token: the most that the key is good for."""
        body = self.consortium.registration(initiative, secrets.token_hex(4))
        claim = Claim(body["id_token"], bytes.fromhex(body["salt"][2:]), Commitment(int(body["commitment"])))
        registrar = self.consortium.gateways[name].services.registrar
        batch = eip712.RegistrationBatch(
            initiative=initiative,
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self.consortium.town.now() + 3600,
            tags=(registrar.elector(initiative, claim),),
            commitments=(Commitment(int(body["commitment"])),),
            evidence_root=evidence_root([claim.token]),
        )
        content = body_of(batch, [claim])
        headers = member_auth.sign(
            self.key, entity=self.entity, audience=NUMBERS[name], method="POST", path=COSIGN, body=content
        )
        headers["Content-Type"] = "application/json"
        return self.consortium.clients[name].post(COSIGN, content=content, headers=headers)

    def promises(self, initiative: InitiativeId, latest_block: int) -> Given:
        """What never was: to bring its entity into disrepute."""
        deployment = self.consortium.town.deployment
        content = Hash32(secrets.token_bytes(32))
        promise = Promise(EntityId(self.entity), PromiseKind.REGISTRATION, initiative, content, latest_block)
        contract = Address(deployment.address("Electorate"))
        digest = eip712.digest(promise, deployment.chain_id, contract)
        return Given(SignedPromise(promise, deployment.chain_id, contract, self.key.sign_digest(digest)))


def verdicts(consortium: Consortium, *given: Given) -> list[Verdict]:
    return check(consortium.town.rpc, consortium.town.deployment, given)


def promise_in(answer: dict[str, object]) -> Given:
    promise = answer["promise"]
    assert isinstance(promise, dict)
    return Given(SignedPromise.from_json(promise))


def register(consortium: Consortium, name: str, initiative: InitiativeId, body: dict[str, str]) -> dict[str, object]:
    answer = consortium.clients[name].post(f"/v1/initiatives/{initiative}/registrations", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def test_K2_a_stolen_gateway_key_is_replaced_and_worth_nothing_after(consortium: Consortium) -> None:
    initiative, town = consortium.initiative(), consortium.town
    thief = Thief(consortium, town.members["A"].folder.key(Role.GATEWAY), 1)
    body = consortium.registration(initiative, "nuno")
    first = register(consortium, "A", initiative, body)
    landed(consortium.clients["A"], f"/v1/registrations/{first['registration']}")
    for name in "BC":
        assert thief.asks(name, initiative).status_code == 200
    far = town.rpc.block_number() + 10_000
    before = thief.promises(initiative, far)
    assert verdicts(consortium, before)[0].outcome is Outcome.NOT_DUE

    consortium.stop("A")
    fresh = rotate(town.members["A"], Role.GATEWAY)
    consortium.start("A")
    consortium.await_current()

    assert fresh != thief.key.address
    for name in "ABC":
        assert problem(thief.asks(name, initiative), 401, "member-signature")["reason"] == "unknown-account"
    forged = verdicts(consortium, before, thief.promises(initiative, far))
    assert [one.outcome for one in forged] == [Outcome.INVALID] * 2
    assert f"has the gateway account 0x{fresh.hex()}" in forged[0].reason
    # The new key works, here and at the others; what was promised with the old one is promised anew.
    again = register(consortium, "A", initiative, body)
    assert again["registration"] == first["registration"]
    assert promise_in(again).signed.signer() == fresh
    assert verdicts(consortium, promise_in(again))[0].outcome is Outcome.KEPT
    second = register(consortium, "A", initiative, consortium.registration(initiative, "olga"))
    assert landed(consortium.clients["A"], f"/v1/registrations/{second['registration']}")["status"] == "final"
    assert verdicts(consortium, promise_in(second))[0].outcome is Outcome.KEPT
    counts = consortium.gateways["A"].peers.counts()
    assert sum(one.signed for one in counts.values()) >= 1  # B or C signed at the new key's request


def test_K2_one_motion_takes_a_stolen_key_and_every_other_of_its_entity(
    consortium: Consortium, engine: EmbeddedEngine
) -> None:
    """And a new entity with new keys is admitted by another motion, and works."""
    town = consortium.town
    initiative = consortium.initiative()
    thief = Thief(consortium, town.members["C"].folder.key(Role.GATEWAY), 3)
    assert thief.asks("A", initiative).status_code == 200
    due = town.rpc.block_number()
    early, late = thief.promises(initiative, due), thief.promises(initiative, due + 10_000)

    assert not motions.suspend(town.members["A"], 3).passed
    assert thief.asks("A", initiative).status_code == 200  # one member's wish is no motion
    assert motions.suspend(town.members["B"], 3).passed
    consortium.await_current()

    for name in "AB":
        refused = problem(thief.asks(name, initiative), 401, "member-signature")
        assert refused["reason"] == "unknown-account"
    outcomes = [one.outcome for one in verdicts(consortium, early, late)]
    assert outcomes == [Outcome.BROKEN, Outcome.INVALID]  # what was due before is held against it, as it should be
    assert "has no gateway" in verdicts(consortium, late)[0].reason
    for name in "AB":  # k = 2 of the three: registration goes on
        answer = register(consortium, name, initiative, consortium.registration(initiative, f"after {name}"))
        assert landed(consortium.clients[name], f"/v1/registrations/{answer['registration']}")["status"] == "final"
    assert EntityId(3) not in {entity for entity in (1, 2, 3) if consortium.view().is_active(EntityId(entity))}

    served = Served()
    folder = EntityFolder.create(consortium.folder / "D", "Entity D", served.url, 2)
    for name in "AB":
        motions.admit(town.members[name], folder.public)
    member = Member.open(folder.path, town.rpc, town.deployment, test_key=True)
    TrusteeRun(member).run()
    consortium.served["D"] = served
    with httpx.Client(base_url=served.url, timeout=30, trust_env=False) as client:
        consortium.clients["D"] = client
        consortium.start("D")
        try:
            draft = town.draft(issuers=[consortium.iss], registrars=[1, 2, 4], trustees=[1, 2, 4])
            created = publisher.create(town.members["A"], draft, patience=30)
            assert all(one.problem is None for one in created.handovers)
            town.until(draft.rules.windows.registration_opens)
            consortium.await_current("A", "B", "D")
            number = InitiativeId(created.initiative)
            answer = register(consortium, "D", number, consortium.registration(number, "paula"))
            ended = landed(client, f"/v1/registrations/{answer['registration']}")
            assert ended["status"] == "final", json.dumps(ended)
            assert verdicts(consortium, promise_in(answer))[0].outcome is Outcome.KEPT
        finally:
            consortium.stop("D")
            del consortium.served["D"], consortium.clients["D"]
