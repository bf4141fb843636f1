# SPDX-License-Identifier: AGPL-3.0-or-later
"""Connections on a real socket: slow ones, idle ones, those that do not read, oversized heads (G10)."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn

from gateway.limits import Bounds
from gateway.security import HEADERS, SecurityHeaders
from gateway.server import MAX_HEADERS, MAX_URL, BoundedProtocol, config
from tests.gateway.consortium import Consortium, until

BIG = 32 * 1024 * 1024  # more than any socket buffers


class Impatient(BoundedProtocol):
    header_timeout = 0.3
    write_timeout = 0.5


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b"x" * BIG if scope["path"] == "/big" else b"ok"
    # In parts, as a stream comes: the second waits for room.
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[: BIG // 2], "more_body": len(body) > BIG // 2})
    if len(body) > BIG // 2:
        await send({"type": "http.response.body", "body": body[BIG // 2 :]})


class Running:
    """A server in a thread, impatient, so that tests are quick."""

    def __init__(self, served: Any) -> None:
        self.opened: list[socket.socket] = []
        settings = config(served)
        settings.http = settings.http_protocol_class = Impatient
        settings.lifespan = "off"
        settings.timeout_keep_alive = 1
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.thread.start()
        until(lambda: self.server.started)

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(10)
        self.opened.append(connection)
        return connection

    def close_connections(self) -> None:
        while self.opened:
            self.opened.pop().close()
        until(lambda: self.open_connections() == 0)

    def open_connections(self) -> int:
        return len(self.server.server_state.connections)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.listening.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    started = Running(SecurityHeaders(Bounds(app)))
    yield started
    started.stop()


@pytest.fixture
def running(server: Running) -> Iterator[Running]:
    yield server
    server.close_connections()


def answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and document of what comes until the other side closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]), json.loads(body)) if head else (0, {})


def test_G10_headers_that_drip_are_given_up(running: Running) -> None:
    connection = running.connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    begun = time.monotonic()
    status, document = answer(connection)
    assert (status, document["code"]) == (408, "too-slow")
    assert time.monotonic() - begun < 5


def test_G10_a_sender_cannot_buy_time_with_a_byte_now_and_then(running: Running) -> None:
    connection = running.connect()
    begun = time.monotonic()
    try:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for letter in "X-Long: " + "a" * 200:
            connection.sendall(letter.encode())
            time.sleep(0.05)
    except OSError:
        pass
    assert time.monotonic() - begun < 5


def test_G10_a_connection_that_says_nothing_is_closed(running: Running) -> None:
    connection = running.connect()
    assert connection.recv(1) == b"", "closed"


def test_G10_an_idle_connection_is_closed_after_its_answer(running: Running) -> None:
    connection = running.connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert connection.recv(1) == b"", "closed"


def test_G10_the_second_request_of_a_connection_is_bounded_too(running: Running) -> None:
    connection = running.connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    connection.sendall(b"GET / HT")
    assert answer(connection)[0] == 408


def test_G10_who_does_not_read_the_answer_is_let_go(running: Running) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.port))
    until(lambda: running.open_connections() == 1)
    connection.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: running.open_connections() == 0, patience=10)
    connection.close()


def test_oversized_headers_are_refused_before_they_are_kept(running: Running) -> None:
    connection = running.connect()
    connection.sendall(b"GET / HTTP/1.1\r\nX-Large: " + b"a" * (MAX_HEADERS + 1000))
    status, document = answer(connection)
    assert (status, document["code"]) == (431, "headers-too-large")


def test_a_long_address_is_refused(running: Running) -> None:
    connection = running.connect()
    connection.sendall(b"GET /" + b"a" * MAX_URL + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    status, document = answer(connection)
    assert (status, document["code"]) == (414, "uri-too-long")


def test_a_body_may_come_along_with_the_headers_and_be_larger_than_they(running: Running) -> None:
    body = b"b" * (MAX_HEADERS * 2)
    response = httpx.post(f"http://127.0.0.1:{running.port}/", content=body, trust_env=False)
    assert (response.status_code, response.text) == (200, "ok")


def test_a_refusal_before_the_body_is_in_ends_the_connection(running: Running) -> None:
    """Else its sender could go on dripping a body that nobody waits for."""
    connection = running.connect()
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc")
    status, document = answer(connection)
    assert (status, document["code"]) == (413, "too-large")


def test_G10_many_slow_senders_do_not_keep_others_out(running: Running) -> None:
    slow = [running.connect() for _ in range(60)]
    for one in slow:
        one.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    assert httpx.get(f"http://127.0.0.1:{running.port}/", trust_env=False).status_code == 200
    until(lambda: running.open_connections() <= 1, patience=10)


# Security headers


def test_every_answer_has_the_security_headers(consortium: Consortium) -> None:
    client = consortium.clients["A"]
    for response in (
        client.get("/health"),
        client.get("/v1/initiatives"),
        client.get("/openapi.json"),
        client.get("/nowhere"),
        client.post("/health"),
        client.post("/v1/initiatives/1/ballots", content=b"x"),
        client.post("/v1/initiatives/1/ballots", content=b"x" * 200_000),
    ):
        missing = {name for name in HEADERS if name not in response.headers}
        assert missing == set(), (response.request.url, response.status_code)
        assert "server" not in response.headers
        assert "access-control-allow-origin" not in response.headers
        assert "strict-transport-security" not in response.headers
    assert client.get("/docs").status_code == 404, "its scripts would come from a third party"


def test_HSTS_and_origins_are_as_set(consortium: Consortium) -> None:
    from gateway.app import create_app

    gateway = consortium.gateways["A"]
    changed = consortium.settings("A", hsts=3600, cors_origins=["https://b.example.org"])
    app = create_app(replace(gateway, settings=changed))
    transport = httpx.ASGITransport(app)

    async def ask(origin: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/v1/initiatives", headers={"Origin": origin})

    named, other = (asyncio.run(ask(f"https://{name}.example.org")) for name in "bc")
    assert named.headers["access-control-allow-origin"] == "https://b.example.org"
    assert "access-control-allow-credentials" not in named.headers
    assert named.headers["strict-transport-security"] == "max-age=3600"
    assert "access-control-allow-origin" not in other.headers
