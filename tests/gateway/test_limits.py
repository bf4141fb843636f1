# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounds on requests: slow ones, many at a time (G9, G10)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway.eid.issuers import Issuer, IssuerSettings, KeysUnavailable, fetch_keys
from gateway.limits import MAX_DEPTH, MAX_MEMBER_BODY, MAX_NAMES, SHARES, Bounds, kind_of, too_intricate
from node.oidc.fetch import read_bounded
from node.plain import AS_IT_IS
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

    asyncio.run(app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send))
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


def test_G10_one_kind_of_request_does_not_take_the_threads_of_the_others() -> None:
    """All that wait for a slow issuer together hold their own share, and the reads go on."""
    entered: list[str] = []

    async def scenario() -> tuple[list[int], int]:
        go, statuses = asyncio.Event(), list[int]()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            entered.append(scope["path"])
            if scope["path"] != "/v1/initiatives":
                await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        app = Bounds(slow, turn_timeout=0.2)

        async def one(path: str, method: str) -> None:
            async def receive() -> Any:
                return part(b"", False)

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            await app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)

        share = SHARES["persons"]
        slow_ones = [asyncio.create_task(one("/v1/initiatives/1/registrations", "POST")) for _ in range(share + 5)]
        await asyncio.sleep(0.05)
        held = len(entered)
        await one("/v1/initiatives", "GET")
        await asyncio.sleep(0.3)
        refused = statuses.count(429)
        go.set()
        await asyncio.gather(*slow_ones)
        return [held, refused], statuses.count(200)

    (held, refused), served = asyncio.run(scenario())
    assert held == SHARES["persons"]
    assert refused == 5
    assert served == SHARES["persons"] + 1


def test_G9_no_kind_of_request_fills_the_house() -> None:
    app: Any = Bounds(served, in_flight=4)
    app._free_of["ballots"] = 0
    assert ask(app, [part(b"", False)], path="/v1/initiatives/1/ballots")[0] == 429
    assert ask(app, [part(b"", False)], path="/v1/initiatives/1/registrations")[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "kind"),
    [
        ("/v1/initiatives/1/ballots", "POST", "ballots"),
        ("/v1/initiatives/1/slots/a", "GET", "reads"),
        ("/v1/initiatives/1/registrations", "POST", "persons"),
        ("/v1/initiatives", "GET", "reads"),
        ("/members/peppers", "POST", "members"),
        ("/v1/authorisations", "POST", "log-in"),
        ("/v1/authorisations/callback", "GET", "log-in"),
        ("/v1/profile", "GET", "reads"),
        ("/health/ready", "GET", "health"),
    ],
)
def test_whose_threads_a_request_takes(path: str, method: str, kind: str) -> None:
    assert kind_of({"path": path, "method": method}) == kind


@pytest.mark.parametrize(
    ("body", "deep"),
    [
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, False),
        (b"[" * (MAX_DEPTH + 1), True),
        (b'{"a":' * (MAX_DEPTH + 1), True),
        (b"[" + b"[]," * 1000 + b"[]]", False),
        (json.dumps(["[" * 100, '"' + "{" * 100, "\\" + "[" * 100]).encode(), False),
        (b'"' + b"[" * 100, False),
        (b"", False),
        (b"[{" * 40 + b"}]" * 40, True),
        (b"[" + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b",1]", True),
        (b"[" * 40 + b"}" * 40, True),
    ],
)
def test_JSON_may_be_wide_and_not_deep(body: bytes, deep: bool) -> None:
    assert (too_intricate(body) is not None) is deep


@pytest.mark.parametrize(
    ("body", "wide"),
    [
        (b"{" + b",".join(b'"%d":":::"' % name for name in range(MAX_NAMES)) + b"}", False),
        (b"{" + b",".join(b'"%d":1' % name for name in range(MAX_NAMES + 1)) + b"}", True),
        (b"[" + b"[]," * 40_000 + b"1]", True),
        (b"[" + b'"",' * 40_000 + b"1]", True),
    ],
)
def test_G9_what_would_take_a_parser_long_is_refused_before(body: bytes, wide: bool) -> None:
    assert (too_intricate(body) is not None) is wide


def test_hostile_strings_are_looked_through_quickly() -> None:
    """On the event loop: what takes a tenth of a second here stops everybody, ballots too, for so long."""
    hostile = [
        *(b'"\\' * 60_000 + b"[" * 100, b"[" * 40 + b'"' * 120_000, b'\\"' * 60_000 + b"{" * 40),
        *(b'"' + b"\\" * MAX_MEMBER_BODY, b'{"":' * 20_000, b"[]" * (MAX_MEMBER_BODY // 2), b"[{" * 10_000),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)) * 300,
    ]
    for body in hostile:
        begun = time.process_time()
        too_intricate(body[:MAX_MEMBER_BODY])
        assert time.process_time() - begun < 0.1


def test_what_nests_too_deep_is_malformed(consortium: Consortium) -> None:
    for path in ("/v1/initiatives/1/ballots", "/v1/initiatives/1/proposals"):
        response = consortium.clients["A"].post(path, content=b'{"a":' * 5000 + b"1" + b"}" * 5000)
        assert (response.status_code, response.json()["code"]) == (400, "malformed-request")


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


def jwks(fetch: Callable[[str, float], bytes], clock: Callable[[], float]) -> Issuer:
    settings = IssuerSettings(iss="https://eid", jwks_uri="https://eid/jwks", audiences=("urna",))  # type: ignore[arg-type]  # pydantic parses the URL
    return Issuer(settings, fetch, clock=clock)


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
        fetch_keys(f"http://127.0.0.1:{listening.getsockname()[1]}/jwks", 0.3)
    listening.close()
    thread.join()


def test_G10_a_compressed_answer_is_refused_before_it_is_inflated() -> None:
    """Twice compressed, 800 bytes are 400 megabytes: the first chunk would be too many."""
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)))
    asked: list[httpx.Request] = []

    class Socketlike(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield bomb

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=Socketlike())

    with (
        httpx.Client(transport=httpx.MockTransport(answer), headers=AS_IT_IS) as client,
        client.stream("GET", "http://x") as response,
        pytest.raises(ValueError, match="compressed"),
    ):
        read_bounded(response, 2 << 20, 1.0)
    assert asked[0].headers["accept-encoding"] == "identity"


def test_an_answer_that_is_too_long_is_given_up() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=b"x" * 1000))
    with (
        httpx.Client(transport=transport) as client,
        client.stream("GET", "http://x") as response,
        pytest.raises(ValueError, match="more than 10 bytes"),
    ):
        read_bounded(response, 10, 1.0)
