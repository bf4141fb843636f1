# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounds on requests, before anything reads them: how large, how slow, how deep, how many at a time of which kind.

Endpoints run in threads. Each kind of request has its share of them, so that one slow dependency (an issuer for
registrations, other members for their signatures, the database for ballots) never takes the threads of the others.
"""

from __future__ import annotations

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.observed import STREAM, is_anonymous
from gateway.problems import MalformedRequest, Problem, TooLarge, TooMany, TooSlow, refuse

MAX_BODY = 128 * 1024
#: A batch for co-signing carries up to 200 tokens of 8 kB.
MAX_MEMBER_BODY = 2 * 1024 * 1024
#: A ballot's entry has 8 kB, twice that as hex.
MAX_BALLOT_BODY = 32 * 1024
#: Of JSON. What is refused for a name that nobody knows is told by each name, which takes longer than reading it.
MAX_DEPTH, MAX_NAMES, MAX_BRACKETS, MAX_QUOTES = 32, 2_000, 20_000, 60_000
MAX_IN_FLIGHT = 256
BODY_TIMEOUT = 15.0  # seconds for a whole body
TURN_TIMEOUT = 10.0  # seconds that a request waits for a thread of its kind

#: Threads of each kind. Health is asked when everything else stands still: it has some of its own. Ballots take none
#: (gateway/ballots/intake.py): of them this many wait for their verdict at a time.
SHARES = {"ballots": 192, "persons": 12, "log-in": 10, "members": 8, "reads": 16, "health": 4}
THREADS = sum(SHARES.values()) - SHARES["ballots"]
#: None of them may fill the house: this part of all requests under way at most.
LARGEST_PART = 0.75

#: A string, or the rest where it has no end; possessive, so that nothing is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_STRUCTURE = bytes(set(range(256)) - set(b"[]{}:"))


class Bounds:
    """Reads the whole body, up to a bound, waits for its turn, and hands it on. What is out of bounds gets a problem
    document.

    Larger bodies are for members; who does not even claim to be one is held to the bound of everybody.
    """

    def __init__(
        self,
        app: ASGIApp,
        in_flight: int = MAX_IN_FLIGHT,
        timeout: float = BODY_TIMEOUT,
        turn_timeout: float = TURN_TIMEOUT,
    ) -> None:
        self._app = app
        self._free = in_flight
        self._free_of = dict.fromkeys(SHARES, int(in_flight * LARGEST_PART))
        self._timeout = timeout
        self._turn_timeout = turn_timeout
        self._turns = {kind: asyncio.Semaphore(threads) for kind, threads in SHARES.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == STREAM:  # a stream lasts, and needs no thread; it has a bound of its own
            await self._app(scope, receive, send)
            return
        kind = kind_of(scope)
        if kind != "health" and (self._free <= 0 or self._free_of[kind] <= 0):
            problem = TooMany("Too many requests at a time; try again in a moment.")
            await refuse(problem, scope, receive, send, close=True)
            return
        self._free -= 1
        self._free_of[kind] -= 1
        try:
            await self._bounded(kind, scope, receive, send)
        finally:
            self._free += 1
            self._free_of[kind] += 1

    async def _bounded(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        # The rest of a body that is refused is not waited for: its sender could go on for ever.
        try:
            async with asyncio.timeout(self._timeout):
                body = await _body(scope, receive)
        except TimeoutError:
            problem: Problem = TooSlow(f"The request did not arrive within {self._timeout:.0f} s.")
            await refuse(problem, scope, receive, send, close=True)
            return
        except Problem as refused:
            await refuse(refused, scope, receive, send, close=True)
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

        try:
            async with asyncio.timeout(self._turn_timeout):
                await self._turns[kind].acquire()
        except TimeoutError:
            await refuse(TooMany("Others wait here already; try again in a moment."), scope, receive, send)
            return
        await self._in_turn(self._turns[kind], scope, replay, send)

    async def _in_turn(self, turn: asyncio.Semaphore, scope: Scope, receive: Receive, send: Send) -> None:
        """The turn ends when the answer begins: no thread is needed for who reads it slowly."""
        held = True

        def end() -> None:
            nonlocal held
            if held:
                held = False
                turn.release()

        async def ending(message: Message) -> None:
            if message["type"] == "http.response.start":
                end()
            await send(message)

        try:
            await self._app(scope, receive, ending)
        finally:
            end()


def kind_of(scope: Scope) -> str:
    """Whose share of the threads a request takes."""
    path: str = scope["path"]
    if path.startswith("/health"):
        return "health"
    if path.startswith("/v1/authorisations"):
        return "log-in"  # the callback, a GET, waits for an issuer
    if scope.get("method", "GET") in ("GET", "HEAD", "OPTIONS"):
        return "reads"
    if is_anonymous(path):
        return "ballots"
    return "members" if path.startswith("/members/") else "persons"


def too_intricate(body: bytes) -> str | None:
    """How JSON is more than parsers should be troubled with, before they are: a sentence, or None. What is no JSON at
    all is for them to refuse.

    Every request comes by here, on the event loop: there is no step in Python for each of its brackets.
    """
    if body.count(b'"') > MAX_QUOTES:
        return f"JSON here has at most {MAX_QUOTES} quotation marks."
    structure = _STRING.sub(b"", body).translate(None, _NO_STRUCTURE)
    if structure.count(b":") > MAX_NAMES:
        return f"JSON here has at most {MAX_NAMES} named values."
    brackets = structure.replace(b":", b"")
    if len(brackets) > MAX_BRACKETS:
        return f"JSON here has at most {MAX_BRACKETS} brackets."
    for _ in range(MAX_DEPTH):
        if not brackets:
            return None
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if b"[]" in brackets or b"{}" in brackets or brackets.count(b"[") + brackets.count(b"{") > MAX_DEPTH:
        return f"JSON here nests at most {MAX_DEPTH} deep."
    return None


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None where the sender went away. Raises TooLarge, MalformedRequest."""
    if b"\0" in scope["path"].encode("utf-8", "surrogatepass"):
        raise MalformedRequest("The path holds a NUL.")
    headers = dict(scope["headers"])
    is_member = scope["path"].startswith("/members/") and b"x-urna-signature" in headers
    bound = MAX_MEMBER_BODY if is_member else MAX_BALLOT_BODY if is_anonymous(scope["path"]) else MAX_BODY
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
            break
    whole = bytes(body)
    if (fault := too_intricate(whole)) is not None:
        raise MalformedRequest(fault)
    return whole
