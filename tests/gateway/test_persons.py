# SPDX-License-Identifier: AGPL-3.0-or-later
"""One person, one leaf, whichever entities are asked and whatever document is shown (J6); and where that ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from protocol.types import InitiativeId
from tests.gateway import issuer
from tests.gateway.consortium import Consortium, Served, landed, problem


@pytest.fixture(scope="module")
def initiative(consortium: Consortium) -> InitiativeId:
    return consortium.initiative()


def registered(consortium: Consortium, initiative: InitiativeId) -> int:
    return int(consortium.town.read("Electorate", "size", initiative))


def ask(
    consortium: Consortium, name: str, initiative: InitiativeId, subject: str, commitment: int | None = None
) -> httpx.Response:
    body = consortium.registration(initiative, subject, commitment)
    return consortium.clients[name].post(f"/v1/initiatives/{initiative}/registrations", json=body)


def outcome(consortium: Consortium, name: str, response: httpx.Response) -> tuple[str, str | None]:
    """How it ended: refused at once, or as its status says."""
    if response.status_code != 202:
        return "failed", response.json()["code"]
    ended = landed(consortium.clients[name], f"/v1/registrations/{response.json()['registration']}")
    return ended["status"], ended["problem"] and ended["problem"]["code"]


def test_J6_one_person_through_two_entities_at_once_has_one_leaf(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    """Two gateways gather signatures for the same tag at the same time; the contract takes one."""
    before, names = registered(consortium, initiative), "ABC"
    for turn in range(4):
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda name: ask(consortium, name, initiative, f"twice {turn}"), names))  # noqa: B023
        ends = [outcome(consortium, name, answer) for name, answer in zip(names, answers, strict=True)]
        assert sorted(ends, key=str) == [("failed", "known-person")] * 2 + [("final", None)]
    assert registered(consortium, initiative) == before + 4


def test_J6_the_same_request_at_two_entities_is_one_leaf_and_both_say_so(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    before, commitment = registered(consortium, initiative), 4711
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: ask(consortium, name, initiative, "both", commitment), "AB"))
    assert [outcome(consortium, name, one) for name, one in zip("AB", answers, strict=True)] == [("final", None)] * 2
    assert registered(consortium, initiative) == before + 1


def test_J6_a_changed_document_or_name_changes_nothing_while_the_subject_is_the_same(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    before, path = registered(consortium, initiative), f"/v1/initiatives/{initiative}/registrations"
    client = consortium.clients["A"]
    first = consortium.registration(initiative, "renewed", document_number="12345678", name="Ana Reis")
    assert (
        landed(client, f"/v1/registrations/{client.post(path, json=first).json()['registration']}")["status"] == "final"
    )
    consortium.await_current()
    for claim, value in (("document_number", "99999999"), ("name", "Ana Reis Lopes"), ("birthdate", "1990-01-02")):
        for name in "AB":
            again = consortium.registration(initiative, "renewed", None, **{claim: value})
            problem(consortium.clients[name].post(path, json=again), 409, "known-person")
    assert registered(consortium, initiative) == before + 1


def test_J6_two_accounts_at_one_issuer_are_two_persons_to_us(consortium: Consortium, initiative: InitiativeId) -> None:
    """A limit that the threat model names: who the issuer gives two subjects has two leaves; one subject has one."""
    before = registered(consortium, initiative)
    for subject in ("account 1", "account 2", "account 1"):
        outcome(consortium, "A", ask(consortium, "A", initiative, subject))
        consortium.await_current()
    assert registered(consortium, initiative) == before + 2


Other = tuple[str, issuer.SigningKey, Path]


@pytest.fixture(scope="module")
def second(consortium: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    """Another issuer; while it is there the gateways know both: a shared namespace is in the folder's settings."""
    served, key = Served(), issuer.new_key()
    served.start(issuer.create_app(served.url, key))
    yield served.url, key, tmp_path_factory.mktemp("issuers")
    served.stop()


@pytest.mark.parametrize(("namespaces", "leaves"), [(("pt-eid", "pt-eid"), 1), (("", ""), 2)])
def test_J6_issuers_of_one_namespace_know_one_person(
    consortium: Consortium,
    second: Other,
    monkeypatch: pytest.MonkeyPatch,
    namespaces: tuple[str, str],
    leaves: int,
) -> None:
    iss, key, folder = second
    both = [(consortium.iss, namespaces[0]), (iss, namespaces[1])]
    settings = [{"iss": url, "audiences": [issuer.AUDIENCE], "namespace": space} for url, space in both]
    file = folder / f"{leaves}.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    try:
        for name in "ABC":
            consortium.stop(name)
        for name in "ABC":
            consortium.start(name, issuers=file)
        initiative = consortium.initiative(issuers=[consortium.iss, iss])
        first = outcome(consortium, "A", ask(consortium, "A", initiative, "one of both"))
        consortium.await_current()
        with monkeypatch.context() as at_the_other:
            at_the_other.setattr(consortium, "iss", iss)
            at_the_other.setattr(consortium, "key", key)
            other = outcome(consortium, "B", ask(consortium, "B", initiative, "one of both"))
        assert first == ("final", None)
        assert other == (("final", None) if leaves == 2 else ("failed", "known-person"))
        assert registered(consortium, initiative) == leaves
    finally:
        for name in "ABC":
            consortium.stop(name)
        for name in "ABC":
            consortium.start(name)
