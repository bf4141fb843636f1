# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads that are the chain's alone carry an ETag of the block they are as of, and are not read again without need.

Whoever asks with If-None-Match for what the head still is gets 304 before a thread or the database is troubled. The
answer of an initiative at a block is the same bytes each time, so that the tag is a strong one.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.wire import AsOf

#: A new version may write the same facts in another way.
_VERSION = importlib.metadata.version("urna")
#: What depends on nothing but the chain: no texts that this gateway may or may not hold, nothing of a person.
_OF_THE_CHAIN = re.compile(
    r"/v1/(?:initiatives(?:/[^/]+(?:/(?:leaves/[^/]+|nodes|slots/[^/]+|counts))?)?|entities(?:/[^/]+)?)\Z"
)

_seen: ContextVar[list[AsOf] | None] = ContextVar("as_of", default=None)


def is_of_the_chain(path: str) -> bool:
    return _OF_THE_CHAIN.match(path) is not None


def note(as_of: AsOf) -> None:
    """An answer is being made as of this block."""
    seen = _seen.get()
    if seen is not None:
        seen.append(as_of)


def etag(as_of: AsOf) -> str:
    return f'"{as_of.block}-{as_of.hash.hex()[:16]}-{int(as_of.stale)}-{_VERSION}"'


class Conditional:
    """`head` is the block that a read now would be as of, told without waiting; None where it is not known."""

    def __init__(self, app: ASGIApp, head: Callable[[], AsOf | None]) -> None:
        self._app = app
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not is_of_the_chain(scope["path"]):
            await self._app(scope, receive, send)
            return
        asked = b",".join(value for name, value in scope["headers"] if name == b"if-none-match").decode("latin-1")
        head = self._head() if asked else None
        if head is not None and etag(head) in _tags(asked):
            headers = [(b"etag", etag(head).encode()), (b"cache-control", b"no-cache")]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        seen: list[AsOf] = []
        token = _seen.set(seen)

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200 and len(set(seen)) == 1:
                headers = MutableHeaders(scope=message)
                headers["ETag"] = etag(seen[0])
                headers["Cache-Control"] = "no-cache"
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        finally:
            _seen.reset(token)


def _tags(header: str) -> set[str]:
    """A weak tag may have been made of ours on the way, by a proxy that compresses."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
