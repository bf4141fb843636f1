# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many at once at a real gateway: the same thing fifty times (G3), and five thousand pieces of garbage (G9)."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from gateway.journal.tables import BALLOT, SUBMISSION, TX
from node import events
from protocol.ballot import PROOF_BYTES
from protocol.events import BallotCast, Registered
from protocol.identity import Identity
from protocol.types import InitiativeId
from tests.gateway.consortium import PATIENCE, Consortium, landed, problem, until

GARBAGE, GOOD, CONNECTIONS = 5_000, 50, 260


@pytest.fixture(scope="module")
def poll(consortium: Consortium) -> tuple[InitiativeId, Iterator[Identity]]:
    initiative, voters = consortium.voting(GOOD + 6)
    return initiative, iter(voters)


def casts(consortium: Consortium, initiative: InitiativeId) -> list[bytes]:
    found = events.read(consortium.town.rpc, consortium.town.deployment, [BallotCast])
    own = [at.event for at in found if isinstance(at.event, BallotCast)]
    return [each.entry for each in own if each.initiative == initiative]


def fifty(client: httpx.Client, path: str, body: dict[str, str]) -> list[httpx.Response]:
    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(lambda _: client.post(path, json=body), range(50)))


def test_G3_fifty_identical_ballots_at_once_are_one_transaction(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]]
) -> None:
    initiative, voters = poll
    entry = consortium.ballot(initiative, next(voters))
    path, body = f"/v1/initiatives/{initiative}/ballots", {"entry": "0x" + entry.hex()}
    answers = fifty(consortium.clients["A"], path, body)
    assert {answer.status_code for answer in answers} == {202}
    assert len({(answer.json()["ballot_hash"], answer.json()["promise"]["signature"]) for answer in answers}) == 1
    until(lambda: consortium.clients["A"].post(path, json=body).json()["status"] == "final")

    journal = consortium.gateways["A"].journal
    (row,) = journal.read(sa.select(BALLOT.c.tx).where(BALLOT.c.entry == entry))
    assert len(journal.read(sa.select(TX.c.id).where(TX.c.id == row.tx))) == 1
    assert casts(consortium, initiative).count(entry) == 1


def test_G3_fifty_identical_registrations_at_once_are_one_leaf(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    body = consortium.registration(initiative, "double click")
    answers = fifty(consortium.clients["A"], f"/v1/initiatives/{initiative}/registrations", body)
    assert {answer.status_code for answer in answers} == {202}
    (id_,) = {answer.json()["registration"] for answer in answers}
    assert landed(consortium.clients["A"], f"/v1/registrations/{id_}")["status"] == "final"
    rows = consortium.gateways["A"].journal.read(sa.select(SUBMISSION).where(SUBMISSION.c.initiative == initiative))
    assert len(rows) == 1
    found = events.read(consortium.town.rpc, consortium.town.deployment, [Registered])
    own = [at.event for at in found if isinstance(at.event, Registered) and at.event.initiative == initiative]
    assert [each.commitments for each in own] == [(int(body["commitment"]),)]


def test_G3_the_same_key_with_another_body_is_422(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]]
) -> None:
    """Another ballot of the same nullifier and sequence, and a commitment that another person handed in."""
    initiative, voters = poll
    voter = next(voters)
    registering = consortium.initiative()
    consortium.stop("B")
    consortium.start("B", batch_age=200.0)
    with httpx.Client(base_url=consortium.served["B"].url, timeout=PATIENCE, trust_env=False) as client:
        path = f"/v1/initiatives/{initiative}/ballots"
        first, second = (consortium.ballot(initiative, voter) for _ in range(2))
        told = client.post(path, json={"entry": "0x" + first.hex()})
        assert told.status_code == 202
        problem(client.post(path, json={"entry": "0x" + second.hex()}), 422, "key-reused")
        assert client.post(path, json={"entry": "0x" + first.hex()}).json() == told.json()

        path = f"/v1/initiatives/{registering}/registrations"
        body = consortium.registration(registering, "first")
        assert client.post(path, json=body).status_code == 202
        other = consortium.registration(registering, "second", int(body["commitment"]))
        problem(client.post(path, json=other), 422, "key-reused")
    consortium.stop("B")
    consortium.start("B")


def garbage(good: Sequence[bytes], source: random.Random) -> bytes:
    """What a ballot is not, from cheap to find to dear: half of it looks like one down to its proof."""
    entry = bytearray(source.choice(good))
    match source.randrange(8):
        case 0:
            return bytes(entry[: source.randrange(len(entry))])
        case 1:
            return source.randbytes(len(entry))
        case 2:
            entry[PROOF_BYTES : PROOF_BYTES + 32] = b"\xff" * 32  # nullifier
        case 3:
            entry[PROOF_BYTES + 32 : PROOF_BYTES + 36] = (99).to_bytes(4, "big")  # sequence
        case _:
            entry[-1 - source.randrange(16)] ^= 1 + source.randrange(255)  # another ballot: the proof is not its
    return bytes(entry)


def request(initiative: InitiativeId, entry: bytes) -> bytes:
    body = json.dumps({"entry": "0x" + entry.hex()}).encode()
    head = f"POST /v1/initiatives/{initiative}/ballots HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + body


async def answer(port: int, sent: bytes) -> int:
    """The status; 0 where the connection ended without one."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        line = await reader.readline()
        await reader.read()
        writer.close()
    except OSError:
        return 0
    return int(line.split()[1]) if line else 0


async def flood(port: int, initiative: InitiativeId, bad: Sequence[bytes], good: Sequence[bytes]) -> Counter[int]:
    """Everything through so many connections, the good ones among it; who is told to come back comes back."""
    told: Counter[int] = Counter()
    free = asyncio.Semaphore(CONNECTIONS)

    async def once(entry: bytes) -> None:
        async with free:
            told[await answer(port, request(initiative, entry))] += 1

    async def until_accepted(entry: bytes) -> None:
        while (status := await answer(port, request(initiative, entry))) != 202:
            assert status in (0, 429, 503), status
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for entry in bad:
            group.create_task(once(entry))
        for entry in good:
            group.create_task(until_accepted(entry))
    return told


@pytest.mark.slow
def test_G9_every_good_ballot_lands_in_a_flood_of_garbage(
    consortium: Consortium, poll: tuple[InitiativeId, Iterator[Identity]]
) -> None:
    initiative, voters = poll
    good = [consortium.ballot(initiative, next(voters)) for _ in range(GOOD)]
    source = random.Random(9)
    bad = [garbage(good, source) for _ in range(GARBAGE)]
    told = asyncio.run(flood(consortium.served["C"].port, initiative, bad, good))

    assert set(told) <= {0, 409, 422, 429}, told
    assert told[422] + told[409] > 100, "what was looked at was refused for what it is"
    assert told[429] > 0, "more at a time than the gateway takes is told to come back"
    assert told[0] <= GARBAGE / 100, "and is told, not cut off"
    until(lambda: set(good) <= set(casts(consortium, initiative)), 60)
    stored = {row.entry for row in consortium.gateways["C"].journal.read(sa.select(BALLOT.c.entry))}
    assert set(good) <= stored
    assert not stored & set(bad)
    assert consortium.clients["C"].get("/health").status_code == 200
