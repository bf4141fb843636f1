# SPDX-License-Identifier: AGPL-3.0-or-later
"""G10 with real servers that hang: an issuer, the chain's RPC, the database. Others are served meanwhile, and what
hung goes on by itself when it is over."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest

from gateway.index import indexer
from gateway.limits import SHARES
from protocol.types import InitiativeId
from tests.gateway.consortium import Consortium, landed, until

QUICK = 2.0  # seconds; on a busy machine, for what takes milliseconds


class Gate:
    """A TCP proxy before a server. While it is shut, connections are taken and nothing passes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.1)
        self.port = int(self._listening.getsockname()[1])
        self.taken = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._ended.set()
        self._open.set()
        self._threads[0].join()
        for one in self._sockets:
            one.close()
        for thread in self._threads[1:]:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.taken += 1
            far = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                source.settimeout(0.1)
                thread = threading.Thread(target=self._pump, args=(source, sink))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                data = source.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self._open.wait()
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return


def timed(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    begun = time.monotonic()
    response = client.get(path)
    return time.monotonic() - begun, response


def register(client: httpx.Client, initiative: InitiativeId, body: dict[str, str]) -> httpx.Response:
    return client.post(f"/v1/initiatives/{initiative}/registrations", json=body)


@pytest.fixture
def with_slow_issuer(consortium: Consortium) -> Iterator[Gate]:
    """C knows the issuer through a gate alone."""
    gate = Gate(int(consortium.iss.rsplit(":", 1)[1]))
    (issuer,) = json.loads((consortium.folder / "issuers.json").read_text())
    through = {**issuer, "jwks_uri": f"http://127.0.0.1:{gate.port}/jwks", "timeout": 1.0}
    file = consortium.folder / "slow-issuers.json"
    file.write_text(json.dumps([through]))
    gate.shut()
    consortium.stop("C")
    consortium.start("C", issuers=file)
    yield gate
    gate.close()
    consortium.stop("C")
    consortium.start("C")


def test_G10_a_slow_issuer_takes_no_threads_from_the_reads(consortium: Consortium, with_slow_issuer: Gate) -> None:
    initiative = consortium.initiative()
    client = consortium.clients["C"]
    crowd = SHARES["persons"] * 3
    bodies = [consortium.registration(initiative, f"slow-{number}") for number in range(crowd)]
    with ThreadPoolExecutor(crowd) as pool:
        begun = time.monotonic()
        waiting = [pool.submit(register, client, initiative, body) for body in bodies]
        until(lambda: with_slow_issuer.taken > 0)
        for path in ("/v1/initiatives", f"/v1/initiatives/{initiative}/slots/a", "/health/ready"):
            took, response = timed(client, path)
            assert response.status_code == 200
            assert took < QUICK
        answers = [one.result() for one in waiting]
        took = time.monotonic() - begun
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers["retry-after"] for answer in answers)
    assert took < 15, "they do not wait one after the other"
    with_slow_issuer.open()
    until(lambda: register(client, initiative, bodies[0]).status_code == 202)


def test_G10_a_chain_that_hangs_stops_writes_alone_and_is_heard_again(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "STALE_AFTER", 1.5)
    initiative = consortium.initiative()
    gate = Gate(int(consortium.town.engine.url.rsplit(":", 1)[1]))
    consortium.stop("C")
    consortium.start("C", rpc=f"http://127.0.0.1:{gate.port}", rpc_timeout=1.0)
    client = consortium.clients["C"]
    try:
        body = consortium.registration(initiative, "patient")
        assert client.get("/health/ready").status_code == 200
        gate.shut()
        until(lambda: client.get("/health/ready").status_code == 503)
        assert client.get("/health/ready").json()["reasons"][0]["code"] == "chain-stale"
        begun = time.monotonic()
        refused = register(client, initiative, body)
        assert (refused.status_code, refused.json()["code"]) == (503, "chain-unavailable")
        for path in ("/v1/initiatives", f"/v1/initiatives/{initiative}/leaves/0", "/health/live"):
            assert client.get(path).status_code == 200
        assert time.monotonic() - begun < QUICK
        gate.open()
        until(lambda: client.get("/health/ready").status_code == 200)
        accepted = register(client, initiative, body)
        assert accepted.status_code == 202
        assert landed(client, f"/v1/registrations/{accepted.json()['registration']}")["status"] == "final"
    finally:
        gate.open()
        consortium.stop("C")
        gate.close()
        consortium.start("C")


def test_G10_a_database_that_is_held_answers_503_in_time_and_goes_on(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    client = consortium.clients["C"]
    bodies = [consortium.registration(initiative, f"held-{number}") for number in range(6)]
    with closing(sqlite3.connect(consortium.folder / "C" / "journal.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(len(bodies)) as pool:
            begun = time.monotonic()
            waiting = [pool.submit(register, client, initiative, body) for body in bodies]
            for path in ("/v1/initiatives", f"/v1/initiatives/{initiative}", "/health/live"):
                took, response = timed(client, path)
                assert response.status_code == 200
                assert took < QUICK
            answers = [one.result() for one in waiting]
            assert time.monotonic() - begun < 25
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} == {"store-unavailable"}
        other.execute("ROLLBACK")
    accepted = register(client, initiative, bodies[0])
    assert accepted.status_code == 202
    assert landed(client, f"/v1/registrations/{accepted.json()['registration']}")["status"] == "final"


def test_G10_no_threads_pile_up(consortium: Consortium, with_slow_issuer: Gate) -> None:
    """Wave after wave of requests that hang: as many threads as there are shares, and no more."""
    initiative = consortium.initiative()
    client: Any = consortium.clients["C"]
    body = consortium.registration(initiative, "again")

    def workers() -> int:
        return sum("AnyIO worker" in thread.name for thread in threading.enumerate())

    for _ in range(3):
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: register(client, initiative, body).status_code, range(20)))
    gateways = len(consortium.gateways) + 1  # and the issuer, in this process as well
    assert workers() <= gateways * sum(SHARES.values())
