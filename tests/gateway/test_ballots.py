# SPDX-License-Identifier: AGPL-3.0-or-later
"""Casting over HTTP: what is refused, in which order and how (B2, B3, B5, B6); one that is taken lands once (B4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from gateway.ballots.repository import Ballots
from gateway.ballots.service import BallotService
from gateway.index.view import ChainView
from gateway.journal.tables import BALLOT
from gateway.problems import Problem, WrongPhase
from gateway.promises import Promises
from protocol.ballot import PROOF_BYTES
from protocol.bn254 import BASE_FIELD, SCALAR_FIELD
from protocol.identity import Identity
from protocol.types import Address, EntityId, InitiativeId, Role, Suite
from tests.gateway.consortium import Consortium, journal_in, problem, rows, until
from tests.node.town import trapdoor

NULLIFIER, SEQUENCE, CHANNEL, POINT = PROOF_BYTES, PROOF_BYTES + 32, PROOF_BYTES + 36, PROOF_BYTES + 37


@dataclass
class Poll:
    """An initiative that is being voted on, and voters that each test takes from."""

    consortium: Consortium
    initiative: InitiativeId
    voters: Iterator[Identity]

    def ballot(self, voter: Identity, sequence: int = 1) -> bytes:
        return self.consortium.ballot(self.initiative, voter, sequence)

    def cast(self, entry: bytes, name: str = "A", **options: Any) -> httpx.Response:
        path = f"/v1/initiatives/{self.initiative}/ballots"
        return self.consortium.clients[name].post(path, json={"entry": "0x" + entry.hex()}, **options)

    def slot(self, entry: bytes) -> int:
        nullifier = int.from_bytes(entry[NULLIFIER : NULLIFIER + 32], "big")
        return int(self.consortium.town.read("BallotBox", "slotOf", self.initiative, nullifier))

    def distinct(self) -> int:
        self.consortium.await_current()
        return int(self.consortium.clients["A"].get(f"/v1/initiatives/{self.initiative}").json()["distinct"])

    def land(self, entry: bytes, name: str = "A") -> str:
        """Cast, and wait for the slot; the ballot's hash."""
        answer = self.cast(entry, name)
        assert answer.status_code == 202, answer.text
        until(lambda: self.slot(entry) >> 224 == int.from_bytes(entry[SEQUENCE:CHANNEL], "big"))
        self.consortium.await_current()
        return str(answer.json()["ballot_hash"])


@pytest.fixture(scope="module")
def poll(consortium: Consortium) -> Poll:
    initiative, voters = consortium.voting(16)
    return Poll(consortium, initiative, iter(voters))


@pytest.fixture
def voter(poll: Poll) -> Identity:
    return next(poll.voters)


@pytest.fixture(scope="module")
def entry(poll: Poll) -> bytes:
    """A good ballot that is never cast."""
    return poll.ballot(next(poll.voters))


def put(entry: bytes, at: int, value: int, length: int = 32) -> bytes:
    return entry[:at] + value.to_bytes(length, "big") + entry[at + length :]


def test_a_ballot_lands_and_a_retry_has_the_same_answer(poll: Poll, voter: Identity) -> None:
    entry = poll.ballot(voter)
    hashed = poll.land(entry)
    until(lambda: poll.cast(entry).json()["status"] == "final")

    again = poll.cast(entry).json()
    assert (again["ballot_hash"], again["status"], again["problem"]) == (hashed, "final", None)
    digit = f"{int.from_bytes(entry[NULLIFIER : NULLIFIER + 32], 'big'):064x}"[0]
    bucket = poll.consortium.clients["B"].get(f"/v1/initiatives/{poll.initiative}/slots/{digit}").json()
    assert str(poll.slot(entry)) in [slot["slot"] for slot in bucket["slots"]]


def test_B4_B11_the_same_ballot_through_two_members_takes_one_slot(poll: Poll, voter: Identity) -> None:
    entry = poll.ballot(voter)
    before = poll.distinct()
    answers = [poll.cast(entry, name) for name in "AB"]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["ballot_hash"] for answer in answers}) == 1

    for name in "AB":
        until(lambda name=name: _status(poll, entry, name) == "final")  # type: ignore[misc]  # bound per round
    assert poll.distinct() == before + 1


def _status(poll: Poll, entry: bytes, name: str) -> str:
    return str(poll.cast(entry, name).json().get("status"))


def test_B4_another_proof_of_the_same_ballot_changes_nothing(poll: Poll, voter: Identity) -> None:
    entry = poll.ballot(voter)
    hashed = poll.land(entry)
    elsewhere = poll.cast(poll.ballot(next(poll.voters))[:PROOF_BYTES] + entry[PROOF_BYTES:])

    assert elsewhere.json()["ballot_hash"] == hashed


MALFORMED = {
    "empty": lambda entry: b"",
    "one byte short": lambda entry: entry[:-1],
    "one byte more": lambda entry: entry + b"\0",
    "one word short": lambda entry: entry[:-32],
    "two at once": lambda entry: entry + entry,
    "R beyond p": lambda entry: put(entry, POINT, BASE_FIELD),
    "R off the curve": lambda entry: put(entry, POINT, 1),
    "R at infinity": lambda entry: put(put(entry, POINT, 0), POINT + 32, 0),
    "A beyond p": lambda entry: put(entry, 0, 2**256 - 1),
    "A at infinity": lambda entry: bytes(64) + entry[64:],
    "B off the twist": lambda entry: put(entry, 64, 1),
    "C off the curve": lambda entry: put(entry, 192, 1),
    "channel 2": lambda entry: put(entry, CHANNEL, 2, 1),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_B3_malformed_ballots_are_refused(poll: Poll, entry: bytes, change: Any) -> None:
    before = rows(poll.consortium.gateways["A"])
    problem(poll.cast(change(entry)), 422, "malformed-ballot")
    assert rows(poll.consortium.gateways["A"]) == before


@pytest.mark.parametrize("nullifier", [SCALAR_FIELD, 2**256 - 1, "own + r"])
def test_B2_a_nullifier_out_of_range_is_refused(poll: Poll, entry: bytes, nullifier: int | str) -> None:
    own = int.from_bytes(entry[NULLIFIER : NULLIFIER + 32], "big")
    value = own + SCALAR_FIELD if isinstance(nullifier, str) else nullifier
    problem(poll.cast(put(entry, NULLIFIER, value)), 422, "ballot-out-of-range")


def test_B2_sequence_zero_is_out_of_range_or_stale(poll: Poll, entry: bytes) -> None:
    answer = poll.cast(put(entry, SEQUENCE, 0, 4))
    assert answer.json()["code"] in ("ballot-out-of-range", "stale-ballot")
    assert answer.status_code in (409, 422)


def test_B6_stale_equal_and_far_sequences_are_refused(poll: Poll, voter: Identity) -> None:
    first, second = poll.ballot(voter, 1), poll.ballot(voter, 2)
    poll.land(second)

    assert problem(poll.cast(first), 409, "stale-ballot")["stored"] == 2
    problem(poll.cast(poll.ballot(voter, 2)), 409, "stale-ballot")
    assert problem(poll.cast(poll.ballot(voter, 19)), 422, "sequence-too-high")["stored"] == 2
    poll.land(poll.ballot(voter, 18))
    assert poll.slot(first) >> 224 == 18


def test_B1_a_proof_for_anything_else_is_invalid(poll: Poll, entry: bytes, voter: Identity) -> None:
    """Another ballot's proof, and every field that the ballot's hash binds."""
    other = poll.ballot(voter)
    before = rows(poll.consortium.gateways["A"])
    problem(poll.cast(other[:PROOF_BYTES] + entry[PROOF_BYTES:]), 422, "invalid-proof")
    problem(poll.cast(put(entry, NULLIFIER, 7)), 422, "invalid-proof")
    problem(poll.cast(put(entry, SEQUENCE, 2, 4)), 422, "invalid-proof")
    problem(poll.cast(put(entry, CHANNEL, 1, 1)), 422, "invalid-proof")
    problem(poll.cast(put(entry, len(entry) - 32, 7)), 422, "invalid-proof")
    assert rows(poll.consortium.gateways["A"]) == before


def test_checks_come_in_the_order_of_the_documentation(poll: Poll, entry: bytes) -> None:
    """Whatever is wrong as well, the cheapest check answers."""
    unproved = put(entry, SEQUENCE, 17, 4)
    problem(poll.cast(unproved), 422, "sequence-too-high")
    path = f"/v1/initiatives/{poll.initiative}/ballots"
    client = poll.consortium.clients["A"]
    credentials = {"Authorization": "Bearer x"}
    problem(client.post(path, json={"entry": "0x"}, headers=credentials), 400, "credentials-refused")


@pytest.mark.parametrize("header", [{"Authorization": "Bearer token"}, {"Cookie": "session=1"}, {"authorization": ""}])
def test_P1_a_ballot_with_credentials_is_refused(poll: Poll, entry: bytes, header: dict[str, str]) -> None:
    problem(poll.cast(entry, headers=header), 400, "credentials-refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"entry": "00"},
        {"entry": "0xZZ"},
        {"entry": "0xAA"},
        {"entry": "0x0"},
        {"entry": None},
        {"entry": 5},
        {"entry": "0x00", "token": "x"},
        [],
        "0x00",
    ],
)
def test_a_body_of_another_form_is_refused(poll: Poll, body: Any) -> None:
    client = poll.consortium.clients["A"]
    problem(client.post(f"/v1/initiatives/{poll.initiative}/ballots", json=body), 400, "malformed-request")


def test_no_json_and_too_much_of_it_are_refused(poll: Poll) -> None:
    client, path = poll.consortium.clients["A"], f"/v1/initiatives/{poll.initiative}/ballots"
    headers = {"Content-Type": "application/json"}

    def parts() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1024

    problem(client.post(path, content=b"{", headers=headers), 400, "malformed-request")
    problem(client.post(path, content=b"[" * 30_000, headers=headers), 400, "malformed-request")
    problem(client.post(path, content=b"x" * (32 * 1024 + 1), headers=headers), 413, "too-large")
    problem(client.post(path, content=parts(), headers=headers), 413, "too-large")
    long = {"entry": "0x" + "00" * 9000}
    problem(client.post(path, json=long), 400, "malformed-request")


def test_a_ballot_for_an_initiative_that_is_none(poll: Poll, entry: bytes) -> None:
    client, body = poll.consortium.clients["A"], {"entry": "0x" + entry.hex()}
    problem(client.post("/v1/initiatives/999/ballots", json=body), 404, "unknown-initiative")
    for number in ("0", "-1", "x", str(1 << 63)):
        problem(client.post(f"/v1/initiatives/{number}/ballots", json=body), 400, "malformed-request")


def frozen(poll: Poll, timestamp: int) -> ChainView:
    """What gateway A has read, with a last block at this time."""
    deployment, gateway = poll.consortium.town.deployment, poll.consortium.gateways["A"]
    suite = Suite(*(Address(address) for address in deployment.suite))
    view = ChainView(deployment.chain_id, Address(deployment.address("Consortium")), suite, gateway.store)
    view.load()
    head = view._folding.head
    assert head is not None
    view._folding.head = replace(head, timestamp=timestamp)
    view.require(poll.initiative)  # its rows know the real block's time alone
    return view


def service_of(poll: Poll, at: int, ballots: Ballots) -> BallotService:
    """A ballot service on what gateway A has read, with its own key for promises."""
    view, member, deployment = frozen(poll, at), poll.consortium.town.members["A"], poll.consortium.town.deployment
    suite = Suite(*(Address(address) for address in deployment.suite))
    key = member.folder.key(Role.GATEWAY)
    promises = Promises(EntityId(member.entity), key, deployment.chain_id, suite, view, 600.0)
    return BallotService(view, ballots, trapdoor()[0], promises)


@pytest.mark.parametrize(
    ("moment", "offset", "phase"),
    [
        ("votingOpens", -1, "review"),
        ("votingOpens", 0, None),
        ("votingCloses", -1, None),
        ("votingCloses", 0, "challenge"),
        ("registrationOpens", -1, "announced"),
        ("registrationOpens", 0, "registration"),
    ],
)
def test_B5_ballots_are_judged_by_the_chains_clock_to_the_second(
    poll: Poll, entry: bytes, tmp_path: Path, moment: str, offset: int, phase: str | None
) -> None:
    at = int(getattr(poll.consortium.windows(poll.initiative), moment)) + offset
    journal = journal_in(tmp_path)
    try:
        service = service_of(poll, at, Ballots(journal, 10))
        if phase is None:
            assert service.cast(poll.initiative, entry).status == "accepted"
            return
        with pytest.raises(WrongPhase) as refused:
            service.cast(poll.initiative, entry)
        assert refused.value.extra["phase"] == phase
        assert refused.value.extra["opens"] == poll.consortium.windows(poll.initiative).votingOpens
        assert journal.read(sa.select(BALLOT)) == []
    finally:
        journal.close()


@pytest.mark.parametrize(("left", "promised"), [(31, True), (30, False), (1, False)])
def test_G8_what_may_come_too_late_is_not_promised(
    poll: Poll, entry: bytes, tmp_path: Path, left: int, promised: bool
) -> None:
    closes, journal = int(poll.consortium.windows(poll.initiative).votingCloses), journal_in(tmp_path)
    service = service_of(poll, closes - left, Ballots(journal, 10))
    try:
        for _ in range(2):
            accepted = service.cast(poll.initiative, entry)
            assert accepted.status == "accepted"
            assert (accepted.promise is not None) is promised
    finally:
        journal.close()


def test_G9_a_full_queue_says_so_and_keeps_what_it_has(poll: Poll, tmp_path: Path) -> None:
    now = poll.consortium.town.now()
    journal = journal_in(tmp_path)
    service = service_of(poll, now, Ballots(journal, 1))
    first, second = poll.ballot(next(poll.voters)), poll.ballot(next(poll.voters))
    service.cast(poll.initiative, first)

    with pytest.raises(Problem) as refused:
        service.cast(poll.initiative, second)

    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "too-many", 2)
    assert service.cast(poll.initiative, first).status == "accepted"
    assert len(journal.read(sa.select(BALLOT))) == 1
    journal.close()
