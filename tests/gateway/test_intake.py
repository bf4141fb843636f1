# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ballots wait in a bounded queue and are checked in company; whoever breaks it breaks it for itself (G9, G10)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from gateway.ballots import intake as module
from gateway.ballots.intake import Intake, Work
from gateway.ballots.service import Accepted, Request
from gateway.database import DatabaseUnavailable
from gateway.problems import ChainUnavailable, InvalidProof, Problem, SignerUnavailable, StoreUnavailable, TooMany
from node.errors import KeystoreError
from protocol.types import InitiativeId


def accepted(request: Request) -> Accepted:
    return Accepted(request[1], "accepted", None, None)


def cast_all(work: Work, blobs: Sequence[bytes], limit: int = 1000) -> list[object]:
    """What each of these requests gets, when they come at the same time."""
    told = threading.Event()
    intake = Intake(work, told.set, limit)

    async def all_at_once() -> list[object]:
        tasks = [asyncio.create_task(intake.cast((InitiativeId(1), blob))) for blob in blobs]
        await asyncio.sleep(0)
        intake.start()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    try:
        return asyncio.run(all_at_once())
    finally:
        intake.stop()
        assert told.is_set() or not blobs


def test_those_who_wait_share_a_batch_and_each_gets_its_own_verdict() -> None:
    sizes: list[int] = []

    def work(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        sizes.append(len(requests))
        return [InvalidProof("No.") if request[1] == b"bad" else accepted(request) for request in requests]

    blobs = [b"bad" if number % 7 == 3 else bytes([number]) for number in range(200)]
    found = cast_all(work, blobs)
    assert [isinstance(each, InvalidProof) for each in found] == [blob == b"bad" for blob in blobs]
    assert [each.hash for each in found if isinstance(each, Accepted)] == [blob for blob in blobs if blob != b"bad"]
    assert sorted(sizes, reverse=True) == [module.BATCH, 200 - module.BATCH]


def test_G10_a_key_out_of_reach_and_a_chain_unread_are_no_defects() -> None:
    """And while the key is away no ballot is verified again by itself."""
    times: list[int] = []

    def without_key(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        times.append(len(requests))
        raise KeystoreError("The token is away.")

    def unread(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        raise ChainUnavailable("Not read yet.")

    found = cast_all(without_key, [bytes([n]) for n in range(20)])
    assert [type(each) for each in found] == [SignerUnavailable] * 20
    assert sum(times) == 20
    assert [type(each) for each in cast_all(unread, [b"a", b"b"])] == [ChainUnavailable] * 2


def test_G9_what_does_not_fit_into_the_queue_is_told_so_at_once() -> None:
    found = cast_all(lambda requests: [accepted(each) for each in requests], [bytes([n]) for n in range(60)], limit=50)
    assert [isinstance(each, TooMany) for each in found] == [False] * 50 + [True] * 10


def test_a_defect_hits_the_one_that_has_it() -> None:
    def work(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        if any(request[1] == b"poison" for request in requests):
            raise MemoryError
        return [accepted(request) for request in requests]

    found = cast_all(work, [b"a", b"poison", b"c"])
    assert [type(each) for each in found] == [Accepted, Problem, Accepted]


def test_G10_a_database_that_is_away_is_told_to_all_who_wait() -> None:
    def work(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        raise DatabaseUnavailable("away")

    found = cast_all(work, [b"a", b"b"])
    assert [type(each) for each in found] == [StoreUnavailable, StoreUnavailable]


def test_one_that_went_away_keeps_no_other_from_its_answer() -> None:
    release = threading.Event()

    def work(requests: Sequence[Request]) -> Sequence[Accepted | Problem]:
        release.wait()
        return [accepted(request) for request in requests]

    intake = Intake(work, lambda: None)

    async def scene() -> object:
        gone, stays = (asyncio.create_task(intake.cast((InitiativeId(1), blob))) for blob in (b"a", b"b"))
        await asyncio.sleep(0)
        intake.start()
        gone.cancel()
        release.set()
        return await stays

    assert asyncio.run(scene()) == Accepted(b"b", "accepted", None, None)
    intake.stop()
