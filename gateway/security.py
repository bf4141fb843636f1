# SPDX-License-Identifier: AGPL-3.0-or-later
"""Headers by which browsers keep what we answer from doing, or telling others, more than it should."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Answers are data: nothing in them is to be loaded, run, framed or sent anywhere. A page brings a policy of its own.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    #: What says nothing else may be about a person.
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """Adds them to every answer that does not set them itself; `hsts` in seconds, 0 for none."""

    def __init__(self, app: ASGIApp, hsts: int = 0) -> None:
        self._app = app
        self._headers = {**HEADERS, **({"Strict-Transport-Security": f"max-age={hsts}"} if hsts else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
