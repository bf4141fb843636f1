# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounds on requests, before anything reads them: how large, how slow, how many at a time."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import MalformedRequest, Problem, TooLarge, TooMany, TooSlow, respond

MAX_BODY = 128 * 1024
#: A batch for co-signing carries up to 200 tokens of 8 kB.
MAX_MEMBER_BODY = 2 * 1024 * 1024
MAX_IN_FLIGHT = 256
BODY_TIMEOUT = 15.0  # seconds for a whole body


class Bounds:
    """Reads the whole body, up to a bound, and hands it on. What is out of bounds gets a problem document.

    Larger bodies are for members; who does not even claim to be one is held to the bound of everybody.
    """

    def __init__(self, app: ASGIApp, in_flight: int = MAX_IN_FLIGHT, timeout: float = BODY_TIMEOUT) -> None:
        self._app = app
        self._free = in_flight
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._free <= 0:
            await respond(TooMany("Too many requests at a time; try again in a moment."))(scope, receive, send)
            return
        self._free -= 1
        try:
            await self._bounded(scope, receive, send)
        finally:
            self._free += 1

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                body = await _body(scope, receive)
        except TimeoutError:
            await _refuse(TooSlow(f"The request did not arrive within {self._timeout:.0f} s."), scope, receive, send)
            return
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        if body is None:
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """The rest of the body is not waited for: the connection ends, or its sender could go on for ever."""
    response = respond(problem)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None where the sender went away. Raises TooLarge, MalformedRequest."""
    if b"\0" in scope["path"].encode("utf-8", "surrogatepass"):
        raise MalformedRequest("The path holds a NUL.")
    headers = dict(scope["headers"])
    is_member = scope["path"].startswith("/members/") and b"x-urna-signature" in headers
    bound = MAX_MEMBER_BODY if is_member else MAX_BODY
    too_large = TooLarge(f"A request here has at most {bound} bytes.", limit=bound)
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > bound:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > bound:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
