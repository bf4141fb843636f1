# SPDX-License-Identifier: AGPL-3.0-or-later
"""A pepper travels in a box that one registrar opens, stays encrypted, and is destroyed for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node import appeals, pepper_box, publisher
from node.cli import main
from node.engine import EmbeddedEngine
from node.errors import KeystoreError, PepperError
from node.keys import Key, Secret, new_account_secret
from node.pepper_box import Envelope
from node.peppers import APPEALS_OVER, Destroyed, PepperStore
from node.trustee import TrusteeRun
from protocol.hashing import keccak
from protocol.types import EntityId, Hash32, InitiativeId, Role
from tests.node.town import Town, open_town

PEPPER = Secret(b"p" * 32)
HASH = Hash32(keccak(b"p" * 32))
GONE = Destroyed(APPEALS_OVER, 7, 1_800_000_000)


@pytest.fixture(scope="module")
def town(engine: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(engine, tmp_path_factory.mktemp("pepper-town")) as opened:
        for member in opened.members.values():
            TrusteeRun(member).run()
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> PepperStore:
    return PepperStore(tmp_path, lambda: "passphrase")


def test_a_pepper_is_kept_encrypted_and_found_by_its_hash(store: PepperStore, tmp_path: Path) -> None:
    assert not store.holds(HASH)
    assert store.get(HASH) is None
    assert store.put(PEPPER) == store.put(PEPPER) == HASH
    kept = store.get(HASH)
    assert kept is not None
    assert kept.reveal() == PEPPER.reveal()
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0 or file.name == ".lock"
        assert PEPPER.reveal() not in file.read_bytes()
        assert PEPPER.reveal().hex().encode() not in file.read_bytes()


def test_a_destroyed_pepper_is_overwritten_noted_and_never_taken_again(store: PepperStore, tmp_path: Path) -> None:
    store.put(PEPPER)
    store.acknowledge(HASH, 2, b"\1" * 65)
    keystore = tmp_path / f"{HASH.hex()}.json"
    before = keystore.read_bytes()
    with keystore.open("rb") as watched:  # the same blocks, seen after the file has lost its name
        assert store.destroy(HASH, GONE)
        assert watched.read() != before
    assert not keystore.exists()
    assert (store.holds(HASH), store.get(HASH)) == (False, None)
    assert store.record(HASH).destroyed == GONE
    assert store.record(HASH).acknowledged == {2: b"\1" * 65}
    with pytest.raises(PepperError, match="destroyed"):
        store.put(PEPPER)
    assert not store.destroy(HASH, replace(GONE, block=8))
    assert store.record(HASH).destroyed == GONE


def test_a_destruction_that_was_broken_off_is_finished(store: PepperStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(PEPPER)
    with monkeypatch.context() as broken:
        broken.setattr("node.peppers._overwrite", lambda path: (_ for _ in ()).throw(OSError("power")))
        with pytest.raises(OSError, match="power"):
            store.destroy(HASH, GONE)
    assert store.holds(HASH)
    assert store.destroy(HASH, replace(GONE, block=9))
    assert store.record(HASH).destroyed == GONE


def test_records_of_many_registrars_at_once_and_damaged_ones(store: PepperStore, tmp_path: Path) -> None:
    threads = [threading.Thread(target=store.acknowledge, args=(HASH, n, bytes([n]) * 65)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(store.record(HASH).acknowledged) == list(range(8))
    (tmp_path / f"{HASH.hex()}.record").write_text("{}")
    with pytest.raises(KeystoreError, match="record"):
        store.record(HASH)


# The box


@pytest.fixture(scope="module")
def envelope(town: Town) -> Envelope:
    return Envelope(town.deployment, InitiativeId(7), HASH, EntityId(2))


def test_a_box_opens_for_its_registrar_initiative_pepper_chain_and_contract_alone(envelope: Envelope) -> None:
    private = Secret(b"k" * 32)
    box = pepper_box.seal(PEPPER, pepper_box.public_key(private), envelope)

    assert pepper_box.unseal(box, private, envelope).reveal() == PEPPER.reveal()
    assert pepper_box.seal(PEPPER, pepper_box.public_key(private), envelope) != box
    initiatives = envelope.deployment.contracts["Initiatives"]
    elsewhere = {**envelope.deployment.contracts, "Initiatives": replace(initiatives, address=b"\1" * 20)}
    for other in (
        replace(envelope, initiative=InitiativeId(8)),
        replace(envelope, receiver=EntityId(3)),
        replace(envelope, pepper_hash=Hash32(bytes(32))),
        replace(envelope, deployment=replace(envelope.deployment, chain_id=1)),
        replace(envelope, deployment=replace(envelope.deployment, contracts=elsewhere)),
    ):
        with pytest.raises(PepperError, match="does not open"):
            pepper_box.unseal(box, private, other)
    with pytest.raises(PepperError, match="does not open"):
        pepper_box.unseal(box, Secret(b"j" * 32), envelope)
    for place in (0, 31, 32, 79):
        changed = bytes(byte ^ (at == place) for at, byte in enumerate(box))
        with pytest.raises(PepperError, match="does not open"):
            pepper_box.unseal(changed, private, envelope)
    for wrong in (b"", box[:-1], box + b"\0"):
        with pytest.raises(PepperError, match="80 bytes"):
            pepper_box.unseal(wrong, private, envelope)


def test_what_cannot_be_sealed(envelope: Envelope) -> None:
    good = X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(PepperError, match="the one that the rules name"):
        pepper_box.seal(Secret(b"q" * 32), good, envelope)
    with pytest.raises(PepperError, match="32 bytes"):
        pepper_box.seal(PEPPER, good[:-1], envelope)
    with pytest.raises(PepperError, match="no usable"):
        pepper_box.seal(PEPPER, bytes(32), envelope)  # of small order: everybody would know the shared secret


def test_a_key_and_a_receipt_are_the_registrars_own(envelope: Envelope) -> None:
    account, other = Key(new_account_secret()), Key(new_account_secret())
    deployment, key = envelope.deployment, Hash32(b"x" * 32)
    signature = pepper_box.sign_key(account, deployment, EntityId(2), key)
    pepper_box.check_key(account.address, deployment, EntityId(2), key, signature)
    for who, entity, signed in (
        (other.address, 2, signature),
        (account.address, 3, signature),
        (account.address, 2, b""),
    ):
        with pytest.raises(PepperError, match="not signed by its registrar"):
            pepper_box.check_key(who, deployment, EntityId(entity), key, signed)
    receipt = pepper_box.sign_receipt(account, envelope)
    pepper_box.check_receipt(account.address, envelope, receipt)
    with pytest.raises(PepperError, match="receipt"):
        pepper_box.check_receipt(account.address, replace(envelope, initiative=InitiativeId(8)), receipt)


# Handing over


def test_a_key_that_the_registrar_did_not_sign_is_not_sealed_to(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sits between publisher and registrar puts in a key of the own."""
    thief, gateway = Secret(b"t" * 32), town.gateways["B"]
    key = pepper_box.public_key(thief)
    forged = pepper_box.sign_key(Key(new_account_secret()), town.deployment, EntityId(2), key)
    answer = {"key": "0x" + key.hex(), "signature": "0x" + forged.hex()}
    monkeypatch.setattr(gateway, "key", lambda: (200, answer))
    draft = town.draft()
    first = publisher.create(town.members["A"], draft, patience=0)
    problems = {one.entity: one.problem for one in first.handovers}
    assert problems[2] is not None
    assert "not signed by its registrar" in problems[2]
    assert first.initiative not in gateway.peppers

    for odd in ({"key": 7, "signature": "0x"}, {}, {"key": "0xzz", "signature": ""}):
        monkeypatch.setattr(gateway, "key", lambda odd=odd: (200, odd))
        again = publisher.create(town.members["A"], draft, patience=0)
        assert {one.entity: one.problem for one in again.handovers} == {2: "an answer of another form", 3: None}
    monkeypatch.undo()
    assert all(one.problem is None for one in publisher.create(town.members["A"], draft, patience=0).handovers)


def test_a_publisher_that_is_no_registrar_keeps_no_pepper_once_all_have_it(town: Town) -> None:
    draft = town.draft(registrars=[2, 3])
    town.gateways["C"].refuse = 10
    publisher.create(town.members["A"], draft, patience=0)
    created = publisher.create(town.members["A"], draft, patience=0)
    store = town.members["A"].folder.peppers
    assert store.holds(created.pepper_hash)  # C could get it from nobody else
    town.gateways["C"].refuse = 0

    done = publisher.create(town.members["A"], draft, patience=5)
    assert (done.already, [one.problem for one in done.handovers]) == (True, [None, None])
    assert not store.holds(created.pepper_hash)
    assert keccak(town.gateways["C"].peppers[done.initiative]) == created.pepper_hash
    record = store.record(created.pepper_hash)
    assert sorted(record.acknowledged) == [2, 3]
    assert record.destroyed is not None
    assert record.destroyed.why == "handed-over"
    again = publisher.create(town.members["A"], draft, patience=0)
    assert (again.initiative, again.already) == (created.initiative, True)


# Destruction


def test_a_pepper_is_destroyed_after_the_appeals_and_not_before(town: Town) -> None:
    member = town.members["A"]
    draft = town.draft()
    created = publisher.create(member, draft, patience=5)
    windows = draft.rules.windows

    def view() -> appeals.PepperView:
        return next(one for one in appeals.peppers(member, 86_400) if one.initiative == created.initiative)

    assert (view().state, view().due, view().acknowledged) == ("held", None, (2, 3))
    with pytest.raises(PepperError, match="count or void"):
        appeals.destroy(member, created.initiative, 86_400)
    town.until(windows.voting_opens)  # nobody registered: void
    assert (view().state, view().due) == ("held", windows.voting_opens + 86_400)
    with pytest.raises(PepperError, match="until the appeals are over"):
        appeals.destroy(member, created.initiative, 86_400)
    assert member.folder.peppers.holds(created.pepper_hash)
    town.until(windows.voting_opens + 86_400)
    assert view().state == "due"

    done = appeals.destroy(member, created.initiative, 86_400)
    assert done.state == "destroyed"
    assert done.destroyed is not None
    assert done.destroyed.why == "appeals-over"
    assert not member.folder.peppers.holds(created.pepper_hash)
    assert appeals.destroy(member, created.initiative, 86_400) == done
    with pytest.raises(PepperError, match="no part"):
        appeals.destroy(member, 999, 86_400)


def test_the_command_shows_refuses_and_destroys(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.member.require_pinned_key", lambda rpc, deployment: None)  # a town has a trapdoor key
    draft = town.draft()
    created = publisher.create(town.members["A"], draft, patience=5)
    town.deployment.save(tmp_path / "net.json")
    at = ["--entity", str(town.members["B"].folder.path), "--rpc", town.engine.url]
    at += ["--deployment", str(tmp_path / "net.json"), "--appeal-days", "1", "--json"]

    def run(*words: str) -> tuple[int, Any]:
        code = main(["registrar", "pepper", *words, *at])
        return code, json.loads(capsys.readouterr().out)

    code, shown = run("status")
    mine = next(one for one in shown["peppers"] if one["initiative"] == created.initiative)
    assert (code, mine["state"], mine["registrar"], mine["publisher"]) == (0, "missing", True, False)
    store = town.members["B"].folder.peppers
    store.put(Secret(town.gateways["B"].peppers[created.initiative]))
    assert run("destroy", str(created.initiative))[1]["error"]["name"] == "PepperError"
    town.until(draft.rules.windows.voting_opens + 86_400)
    code, destroyed = run("destroy", str(created.initiative))
    assert (code, destroyed["state"]) == (0, "destroyed")
    assert not store.holds(created.pepper_hash)


def test_the_stolen_key_of_another_role_opens_no_box(town: Town) -> None:
    """The box is sealed to a key of its own, not to any account's."""
    folder = town.members["B"].folder
    secrets_ = {bytes(folder.trustee_seed().reveal()), folder.trustee_decryption_key().to_bytes(32, "big")}
    assert folder.registrar_decryption_key().reveal() not in secrets_
    assert folder.registrar_decryption_key().reveal() == folder.registrar_decryption_key().reveal()
    assert folder.key(Role.REGISTRAR).address == folder.public.accounts[Role.REGISTRAR]
