# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounds on requests: slow ones, many at a time (G9, G10)."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.eid.issuers import IssuerSettings, Jwks, KeysUnavailable, fetch_over_http, read_bounded
from gateway.limits import Bounds
from tests.gateway.consortium import Consortium


def ask(app: Any, messages: list[dict[str, Any]], hang: bool = False, path: str = "/x") -> tuple[int, Any]:
    """Status and document of one request whose body comes in these messages, and then never ends if it hangs."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        if hang:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(app({"type": "http", "path": path, "headers": []}, receive, send))
    if not sent:
        return 0, {}
    return sent[0]["status"], json.loads(sent[1]["body"])


async def served(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(len(body)).encode()})


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_arrives_whole() -> None:
    app: Any = Bounds(served)
    assert ask(app, [part(b"abc", True), part(b"de", False)]) == (200, 5)


def test_G10_a_body_that_never_ends_is_given_up() -> None:
    app: Any = Bounds(served, timeout=0.1)
    status, document = ask(app, [part(b"abc", True)], hang=True)
    assert (status, document["code"]) == (408, "too-slow")


def test_a_sender_that_goes_away_is_let_go() -> None:
    app: Any = Bounds(served)
    assert ask(app, [part(b"abc", True)]) == (0, {})
    assert app._free == 256


def test_a_path_with_a_NUL_is_malformed() -> None:
    app: Any = Bounds(served)
    assert ask(app, [part(b"", False)], path="/\0")[1]["code"] == "malformed-request"


def test_G9_more_requests_than_may_be_in_flight_are_told_to_come_back() -> None:
    app: Any = Bounds(served, in_flight=0)
    status, document = ask(app, [part(b"", False)])
    assert (status, document["code"]) == (429, "too-many")


def test_G10_a_gateway_with_slow_senders_serves_the_others(consortium: Consortium) -> None:
    port = consortium.served["A"].port
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"POST /v1/initiatives/1/ballots HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        begun = time.monotonic()
        assert consortium.clients["A"].get("/health").status_code == 200
        assert time.monotonic() - begun < 5
    finally:
        for one in slow:
            one.close()


def jwks(fetch: Callable[[str, float], bytes], clock: Callable[[], float]) -> Jwks:
    settings = IssuerSettings(iss="https://eid", jwks_uri="https://eid/jwks", audience="urna")  # type: ignore[arg-type]  # pydantic parses the URL
    return Jwks(settings, fetch, clock=clock)


def test_G10_an_issuer_that_hangs_is_not_asked_for_every_request() -> None:
    asked = []

    def hang(url: str, timeout: float) -> bytes:
        asked.append(url)
        raise httpx.ReadTimeout("too slow")

    now = 0.0
    keys = jwks(hang, lambda: now)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            keys.key("kid")
    assert len(asked) == 1
    now = 2.0
    with pytest.raises(KeysUnavailable):
        keys.key("kid")
    assert len(asked) == 2


def test_G10_known_keys_are_had_while_an_unknown_one_is_asked_for() -> None:
    entered, go = threading.Event(), threading.Event()

    def hang(url: str, timeout: float) -> bytes:
        entered.set()
        go.wait(10)
        raise httpx.ReadTimeout("too slow")

    keys = jwks(hang, lambda: 100.0)
    sentinel: Any = object()
    keys._keys, keys._fetched, keys._tried = {"known": sentinel}, 50.0, 0.0
    asking = threading.Thread(target=lambda: keys.key("unknown"))
    asking.start()
    entered.wait(10)
    assert keys.key("known") is sentinel
    go.set()
    asking.join()


def test_G10_an_answer_that_drips_is_given_up() -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listening.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            pass
        connection.close()

    thread = threading.Thread(target=drip)
    thread.start()
    with pytest.raises(ValueError, match="took longer"):
        fetch_over_http(f"http://127.0.0.1:{listening.getsockname()[1]}/jwks", 0.3)
    listening.close()
    thread.join()


def test_an_answer_that_is_too_long_is_given_up() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=b"x" * 1000))
    with (
        httpx.Client(transport=transport) as client,
        client.stream("GET", "http://x") as response,
        pytest.raises(ValueError, match="more than 10 bytes"),
    ):
        read_bounded(response, 10, 1.0)
