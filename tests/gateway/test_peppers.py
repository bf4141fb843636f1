# SPDX-License-Identifier: AGPL-3.0-or-later
"""Peppers between real gateways: sealed, signed for, and gone when they are destroyed."""

from __future__ import annotations

import json

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from node import member_auth, pepper_box
from node.keys import Secret
from node.pepper_box import Envelope
from node.peppers import APPEALS_OVER, Destroyed
from protocol.types import EntityId, Hash32, InitiativeId, Role
from tests.gateway.consortium import Consortium, problem

PATH = "/members/peppers"


@pytest.fixture(scope="module")
def initiative(consortium: Consortium) -> InitiativeId:
    return consortium.initiative()


def sealed(consortium: Consortium, initiative: int, pepper_hash: bytes, pepper: bytes, receiver: int = 2) -> bytes:
    said = consortium.clients["B"].get("/members/encryption-key").json()
    account = consortium.view().registrar_account(EntityId(2))
    key = Hash32(bytes.fromhex(said["key"][2:]))
    deployment = consortium.town.deployment
    pepper_box.check_key(account, deployment, EntityId(2), key, bytes.fromhex(said["signature"][2:]))
    envelope = Envelope(deployment, InitiativeId(initiative), Hash32(pepper_hash), EntityId(receiver))
    return bytes(pepper_box._HPKE.encrypt(pepper, X25519PublicKey.from_public_bytes(key), info=envelope.info()))


def bring(consortium: Consortium, initiative: int, box: bytes, role: Role = Role.PUBLISHER) -> httpx.Response:
    """To B, signed by A's account of this role."""
    body = json.dumps({"initiative": initiative, "sealed": "0x" + box.hex()}).encode()
    signer = consortium.town.members["A"].folder.key(role)
    headers = member_auth.sign(signer, entity=1, audience=2, method="POST", path=PATH, body=body)
    return consortium.clients["B"].post(PATH, content=body, headers={**headers, "content-type": "application/json"})


def test_every_registrar_was_given_the_pepper_and_none_of_it_shows(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    pepper_hash = consortium.view().rules(initiative).pepper_hash
    folders = [consortium.town.members[name].folder for name in "ABC"]
    peppers = [folder.peppers.get(pepper_hash) for folder in folders]
    values = {pepper.reveal() for pepper in peppers if pepper is not None}
    assert all(peppers)
    assert len(values) == 1
    assert sorted(folders[0].peppers.record(pepper_hash).acknowledged) == [2, 3]
    for folder in folders:
        for file in (folder.path / "peppers").iterdir():
            assert not any(value in file.read_bytes() or value.hex() in file.read_text() for value in values)


def test_a_pepper_is_only_taken_sealed_from_a_publisher_and_where_the_rules_name_it(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    right = consortium.view().rules(initiative).pepper_hash
    pepper = consortium.town.members["A"].folder.peppers.get(right)
    assert pepper is not None
    good = sealed(consortium, initiative, right, pepper.reveal())
    again = bring(consortium, initiative, good)
    assert again.status_code == 200
    receipt = bytes.fromhex(again.json()["signature"][2:])
    envelope = Envelope(consortium.town.deployment, initiative, right, EntityId(2))
    pepper_box.check_receipt(consortium.view().registrar_account(EntityId(2)), envelope, receipt)
    assert bring(consortium, initiative, good).json() == again.json()  # a replay changes nothing

    problem(bring(consortium, initiative, sealed(consortium, initiative, right, b"\x11" * 32)), 409, "pepper-mismatch")
    for_c = sealed(consortium, initiative, right, pepper.reveal(), receiver=3)
    problem(bring(consortium, initiative, for_c), 409, "pepper-mismatch")
    problem(bring(consortium, initiative, bytes(80)), 409, "pepper-mismatch")
    problem(bring(consortium, initiative, good[:-1]), 400, "malformed-request")
    problem(bring(consortium, 999, good), 404, "unknown-initiative")
    for role in (Role.GATEWAY, Role.REGISTRAR, Role.TRUSTEE, Role.MEMBER):
        refused = problem(bring(consortium, initiative, good, role), 401, "member-signature")
        assert refused["reason"] == "wrong-role"


def test_who_is_no_registrar_of_the_initiative_takes_no_pepper(consortium: Consortium) -> None:
    other = consortium.initiative(registrars=[1, 3])
    rules = consortium.view().rules(other)
    pepper = consortium.town.members["A"].folder.peppers.get(rules.pepper_hash)
    assert pepper is not None
    box = sealed(consortium, other, rules.pepper_hash, pepper.reveal())
    problem(bring(consortium, other, box), 409, "not-registrar")
    assert not consortium.town.members["B"].folder.peppers.holds(rules.pepper_hash)


def test_a_running_gateway_forgets_what_is_destroyed_and_does_not_take_it_again(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    path = f"/v1/initiatives/{initiative}/registrations"
    client, store = consortium.clients["B"], consortium.town.members["B"].folder.peppers
    assert client.post(path, json=consortium.registration(initiative, "tomé")).status_code == 202
    pepper_hash = consortium.view().rules(initiative).pepper_hash
    pepper = store.get(pepper_hash)
    assert isinstance(pepper, Secret)
    box = sealed(consortium, initiative, pepper_hash, pepper.reveal())

    store.destroy(pepper_hash, Destroyed(APPEALS_OVER, 1, 1))
    problem(client.post(path, json=consortium.registration(initiative, "urbano")), 410, "pepper-destroyed")
    problem(bring(consortium, initiative, box), 410, "pepper-destroyed")
    assert not store.holds(pepper_hash)
