# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a citizen's client does over HTTP: talks to any member's gateway, and to another where one does not answer.

docs/api.md is the interface. Nothing here knows a gateway's code.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from node.errors import NodeError

TRANSIENT = frozenset({429, 502, 503, 504})


class GatewayRefused(NodeError):
    """A gateway's problem document: `code` is stable, `status` the HTTP status."""

    def __init__(self, code: str, status: int, detail: str, document: Mapping[str, Any]) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code
        self.status = status
        self.document = document


class GatewayUnreachable(NodeError):
    """No gateway answered within the time allowed."""


class Gateways:
    """The members' gateways. A call goes to the preferred one first, then round the others, while patience lasts."""

    def __init__(self, endpoints: Sequence[str], patience: float = 60.0, timeout: float = 30.0) -> None:
        self._endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self._patience = patience
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._http = httpx.Client(timeout=timeout, limits=limits, trust_env=False)
        self._alone = httpx.Client(timeout=timeout, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    def __len__(self) -> int:
        return len(self._endpoints)

    def close(self) -> None:
        self._http.close()
        self._alone.close()

    def get(self, path: str, prefer: int = 0) -> dict[str, Any]:
        return self._call("GET", path, None, prefer)

    def post(self, path: str, body: Mapping[str, Any], prefer: int = 0) -> dict[str, Any]:
        """Safe to repeat: every write of the gateways is idempotent. Raises GatewayRefused, GatewayUnreachable."""
        return self._call("POST", path, body, prefer)

    def post_alone(self, path: str, body: Mapping[str, Any], prefer: int = 0) -> dict[str, Any]:
        """As `post`, over a connection of its own: nothing shows who else it may come from."""
        return self._call("POST", path, body, prefer, alone=True)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, prefer: int, *, alone: bool = False
    ) -> dict[str, Any]:
        http = self._alone if alone else self._http
        limit = time.monotonic() + self._patience
        attempt, last = 0, "nothing was tried"
        while True:
            endpoint = self._endpoints[(prefer + attempt) % len(self._endpoints)]
            try:
                http.cookies.clear()  # a member must not mark who comes back
                response = http.request(method, endpoint + path, json=body)
                if response.status_code not in TRANSIENT:
                    return _answer(response)
                last = f"{endpoint} answered {response.status_code}: {response.text[:200]}"
            except httpx.TransportError as error:
                last = f"{endpoint}: {error!r}"
            attempt += 1
            if time.monotonic() > limit:
                raise GatewayUnreachable(f"no gateway took {method} {path} within {self._patience:.0f} s; last: {last}")
            if attempt % len(self._endpoints) == 0:
                time.sleep(min(0.2 * 2 ** (attempt // len(self._endpoints)), 2.0))


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError as error:
        raise NodeError(f"{response.url} answered {response.status_code} without JSON") from error
    if not isinstance(document, dict):
        raise NodeError(f"{response.url} answered no JSON object")
    if response.status_code >= 400:
        code, detail = str(document.get("code", "unknown")), str(document.get("detail", response.reason_phrase))
        raise GatewayRefused(code, response.status_code, detail, document)
    return document
