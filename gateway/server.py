# SPDX-License-Identifier: AGPL-3.0-or-later
"""The HTTP server under the application: what bounds connections before there is a request to bound.

uvicorn gives a sender as long as it likes for its headers, and a reader as long as it likes for the answer; both hold a
connection open. Here they do not, and what is refused this early gets its reason as well.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.observed import STREAM
from gateway.problems import MEDIA_TYPE, HeadersTooLarge, Problem, TooSlow, UriTooLong

HEADER_TIMEOUT = 10.0  # seconds from a connection, or a request's first byte, to the end of its headers
WRITE_TIMEOUT = 30.0  # seconds for a reader to make room in a full buffer
KEEP_ALIVE = 15  # seconds between two requests
MAX_HEADERS = 16 * 1024
MAX_URL = 2048
MAX_CONNECTIONS = 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `_header_timer` runs while headers are awaited, `_write_timer` while nobody reads."""

    header_timeout = HEADER_TIMEOUT
    write_timeout = WRITE_TIMEOUT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # it names addresses and paths; whatever others do to uvicorn's loggers
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._awaits_headers = True
        self._header_bytes = 0

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._header_timer = self.loop.call_later(self.header_timeout, self._headers_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._awaits_headers:
            # Counted before they are parsed: the parser keeps what it gets. A body's first part may come along.
            self._header_bytes += min(len(data), MAX_HEADERS)
            if self._header_timer is None:
                self._header_timer = self.loop.call_later(self.header_timeout, self._headers_late)
        super().data_received(data)
        if self._awaits_headers and self._header_bytes >= MAX_HEADERS and not self.transport.is_closing():
            self._refuse(HeadersTooLarge(f"The headers have at most {MAX_HEADERS} bytes.", limit=MAX_HEADERS))

    # Parser

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL and not self.transport.is_closing():
            self._refuse(UriTooLong(f"An address here has at most {MAX_URL} bytes.", limit=MAX_URL))

    def on_headers_complete(self) -> None:
        self._stop_header_timer()
        self._awaits_headers, self._header_bytes = False, 0
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaits_headers = True
        if self.cycle is not None:
            super().on_message_complete()

    # Flow

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() and self._write_timer is None:
            # Closing waits until everything is read: not for ever.
            self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Idle, or with an answer that nobody fetched."""
        self.transport.abort()

    def shutdown(self) -> None:
        """A stream would never end by itself: it ends now, and its reader asks another member, or here again."""
        super().shutdown()
        answering: Any = self.cycle  # None before the first request, whatever uvicorn's type says
        if answering is not None and not answering.response_complete and answering.scope["path"] == STREAM:
            self.transport.close()

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _headers_late(self) -> None:
        self._header_timer = None
        if self.transport.is_closing():
            return
        if self._header_bytes == 0:
            self.transport.abort()
        else:
            self._refuse(TooSlow(f"The headers did not arrive within {self.header_timeout:.0f} s."))

    def _refuse(self, problem: Problem) -> None:
        body = json.dumps(problem.document()).encode()
        head = STATUS_LINE[problem.status] + (
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\ncache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        ).encode("ascii")
        self.transport.write(head + body)
        self.transport.close()
        self._write_timer = self._write_timer or self.loop.call_later(self.write_timeout, self.transport.abort)


def config(app: Any, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How every gateway is served. uvicorn's own log of requests names addresses: it stays off."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=30,
        limit_concurrency=MAX_CONNECTIONS,
    )
