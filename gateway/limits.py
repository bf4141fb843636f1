# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounds on requests, before anything reads them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import MalformedRequest, TooLarge, respond

MAX_BODY = 128 * 1024
#: A batch for co-signing carries up to 200 tokens.
MAX_MEMBER_BODY = 4 * 1024 * 1024


class BodyLimit:
    """Reads the whole body, up to a bound, and hands it on; a longer one is refused with 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = MAX_MEMBER_BODY if scope["path"].startswith("/members/") else MAX_BODY
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > bound:
                await respond(TooLarge(f"A request here has at most {bound} bytes."))(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        if b"\0" in scope["path"].encode("utf-8", "surrogatepass"):
            await respond(MalformedRequest("The path holds a NUL."))(scope, receive, send)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)
