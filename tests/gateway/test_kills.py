# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real gateway processes, killed at each step, and ended in order: nothing is lost, nothing happens twice (G1)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from gateway.ballots.repository import Ballots
from gateway.journal.tables import BALLOT, SUBMISSION
from node import events
from protocol.events import BallotCast, Registered
from protocol.identity import Identity
from protocol.types import InitiativeId
from tests.gateway.consortium import PATIENCE, Consortium, landed, problem, until
from tests.gateway.killable import BALLOT_POINTS, PERSON_POINTS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@contextmanager
def process_of(
    consortium: Consortium, name: str, point: str, **changes: object
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """This member's gateway as a process of its own that dies at the point; afterwards it runs here again."""
    consortium.stop(name)
    served = consortium.served[name]
    settings = consortium.settings(name, port=served.port, **changes).model_dump_json()
    process = subprocess.Popen([sys.executable, "-m", "tests.gateway.killable", settings, point], cwd=ROOT)
    try:
        with httpx.Client(base_url=served.url, timeout=PATIENCE, trust_env=False) as client:
            until(lambda: process.poll() is not None or _is_up(client), 60)
            yield process, client
    finally:
        process.kill()
        process.wait()
        consortium.start(name)


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def poll(consortium: Consortium) -> tuple[InitiativeId, Iterator[Identity]]:
    initiative, voters = consortium.voting(len(BALLOT_POINTS) + 8)
    return initiative, iter(voters)


def post(client: httpx.Client, path: str, body: dict[str, str]) -> dict[str, object] | None:
    """The answer, or None where the gateway died over it."""
    try:
        response = client.post(path, json=body)
    except httpx.TransportError:
        return None
    assert response.status_code == 202, response.text
    return dict(response.json())


def casts(consortium: Consortium, initiative: InitiativeId, entry: bytes) -> int:
    """How often the ballot stands on the chain."""
    found = events.read(consortium.town.rpc, consortium.town.deployment, [BallotCast])
    own = [at.event for at in found if isinstance(at.event, BallotCast) and at.event.initiative == initiative]
    return sum(each.entry == entry for each in own)


@pytest.mark.parametrize("point", BALLOT_POINTS)
def test_G1_a_ballot_of_a_gateway_that_was_killed_is_cast_once(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]], point: str
) -> None:
    initiative, voters = poll
    entry = consortium.ballot(initiative, next(voters))
    path, body = f"/v1/initiatives/{initiative}/ballots", {"entry": "0x" + entry.hex()}
    with process_of(consortium, "C", point) as (process, client):
        answer = post(client, path, body)
        assert process.wait(60) == -signal.SIGKILL

    gateway = consortium.gateways["C"]
    if answer is not None:
        kept = Ballots(gateway.journal, 9).get(bytes.fromhex(str(answer["ballot_hash"])[2:]))
        assert kept is not None, "what was promised was forgotten"
    with httpx.Client(base_url=consortium.served["C"].url, timeout=PATIENCE, trust_env=False) as client:
        again = post(client, path, body)
        assert again is not None
        until(lambda: client.post(path, json=body).json()["status"] == "final", 60)
    if answer is not None:
        assert (again["ballot_hash"], again["promise"]) == (answer["ballot_hash"], answer["promise"])
    assert casts(consortium, initiative, entry) == 1
    assert len(gateway.journal.read(sa.select(BALLOT.c.hash).where(BALLOT.c.entry == entry))) == 1


@pytest.mark.parametrize("point", PERSON_POINTS)
def test_G1_a_registration_of_a_gateway_that_was_killed_is_one_leaf(consortium: Consortium, point: str) -> None:
    initiative = consortium.initiative()
    body = consortium.registration(initiative, f"killed {point}")
    path = f"/v1/initiatives/{initiative}/registrations"
    with process_of(consortium, "C", point) as (process, client):
        answer = post(client, path, body)
        assert process.wait(60) == -signal.SIGKILL

    gateway = consortium.gateways["C"]
    with httpx.Client(base_url=consortium.served["C"].url, timeout=PATIENCE, trust_env=False) as client:
        again = post(client, path, body)
        assert again is not None
        assert landed(client, f"/v1/registrations/{again['registration']}")["status"] == "final"
    if answer is not None:
        assert again["registration"] == answer["registration"]
    found = events.read(consortium.town.rpc, consortium.town.deployment, [Registered])
    own = [at.event for at in found if isinstance(at.event, Registered) and at.event.initiative == initiative]
    assert [each.commitments for each in own] == [(int(body["commitment"]),)]
    rows = gateway.journal.read(sa.select(SUBMISSION.c.id).where(SUBMISSION.c.initiative == initiative))
    assert len(rows) == 1


def test_a_gateway_that_is_told_to_stop_accepts_no_more_and_brings_the_rest_to_its_end(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]]
) -> None:
    initiative, voters = poll
    path = f"/v1/initiatives/{initiative}/ballots"
    entries = [consortium.ballot(initiative, next(voters)) for _ in range(5)]
    with process_of(consortium, "C", "never", batch_age=3.0) as (process, client):
        told = [post(client, path, {"entry": "0x" + entry.hex()}) for entry in entries[:4]]
        assert [each and each["status"] for each in told] == ["accepted"] * 4
        process.send_signal(signal.SIGTERM)
        until(lambda: client.post(path, json={"entry": "0x" + entries[4].hex()}).status_code == 503)
        problem(client.post(path, json={"entry": "0x" + entries[4].hex()}), 503, "stopping")
        assert client.get(f"/v1/initiatives/{initiative}").status_code == 200, "reads go on"
        assert process.wait(60) == 0
    ballots = Ballots(consortium.gateways["C"].journal, 9)
    ended = [ballots.get(bytes.fromhex(str(each["ballot_hash"])[2:])) for each in told if each is not None]
    assert [each and each.status for each in ended] == ["final"] * 4
    assert [casts(consortium, initiative, entry) for entry in entries] == [1, 1, 1, 1, 0]


def test_a_second_signal_ends_the_gateway_at_once_and_loses_nothing(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]]
) -> None:
    initiative, voters = poll
    path, entry = f"/v1/initiatives/{initiative}/ballots", consortium.ballot(initiative, next(voters))
    with process_of(consortium, "C", "never", batch_age=200.0, drain_timeout=300.0) as (process, client):
        post(client, path, {"entry": "0x" + entry.hex()})
        process.send_signal(signal.SIGTERM)
        until(lambda: client.post(path, json={"entry": "0x" + entry.hex()}).status_code == 503)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    until(lambda: casts(consortium, initiative, entry) == 1, 60)
