# SPDX-License-Identifier: AGPL-3.0-or-later
"""The eID upstream: OAuth 2's implicit grant (RFC 6749, section 4.2), and an attribute service.

    GET  /oauth/askauthorization?…&response_type=token     the person logs in, and comes back with #access_token=…
    POST /oauthresourceserver/api/AttributeManager          {token, attributesName} → {token, authenticationContextId}
    GET  /oauthresourceserver/api/AttributeManager?…        [{name, value, state}], some of them pending at first

Everything is bounded: each answer in bytes and time, all of them together by `patience`. Nothing is logged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from gateway.broker.settings import BrokerSettings
from node.oidc.fetch import read_bounded
from node.plain import AS_IT_IS

MAX_ANSWER = 256 * 1024
MAX_TOKEN = 4096
_AVAILABLE, _PENDING = "available", "pending"


class UpstreamError(Exception):
    """The eID gave no attributes. `away`: it may later; else it refused this token. The message names no person."""

    def __init__(self, message: str, *, away: bool) -> None:
        super().__init__(message)
        self.away = away


class Upstream:
    def __init__(
        self,
        settings: BrokerSettings,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._base = str(settings.upstream).rstrip("/")
        self._manager = f"{self._base}/oauthresourceserver/api/AttributeManager"
        self._clock = clock
        self._pause = pause

    def authorisation(self, state: str) -> str:
        """Where the person's browser goes."""
        query = {
            "redirect_uri": f"{self._settings.base}/return",
            "client_id": self._settings.client_id,
            "response_type": "token",
            "scope": " ".join(self._settings.wanted),
            "state": state,
        }
        if self._settings.authentication_level is not None:
            query["authentication_level"] = str(self._settings.authentication_level)
        return f"{self._base}/oauth/askauthorization?{urlencode(query, quote_via=quote)}"

    def attributes(self, token: str) -> dict[str, str]:
        """The values by attribute, of those that the eID has. Raises UpstreamError."""
        if not 0 < len(token) <= MAX_TOKEN or not token.isascii() or not token.isprintable():
            raise UpstreamError("the token is of no use", away=False)
        end = self._clock() + self._settings.patience
        wanted = list(self._settings.wanted)
        with httpx.Client(
            timeout=self._settings.timeout, follow_redirects=False, trust_env=False, headers=AS_IT_IS
        ) as http:
            begun = self._ask(http, "POST", json={"token": token, "attributesName": wanted})
            query = {"token": token, "authenticationContextId": _context(begun)}
            if isinstance(begun.get("token"), str):
                query["token"] = begun["token"]
            while True:
                values, pending = _values(self._ask(http, "GET", params=query), wanted)
                if not pending or self._clock() + self._settings.poll > end:
                    return values
                self._pause(self._settings.poll)

    def _ask(self, http: httpx.Client, method: str, **given: Any) -> Any:
        try:
            with http.stream(method, self._manager, **given) as response:
                body = read_bounded(response, MAX_ANSWER, self._settings.timeout)
        except (httpx.HTTPError, ValueError) as error:
            # Never the error's own text: it may hold the address, and that the token.
            raise UpstreamError(f"it does not answer ({type(error).__name__})", away=True) from None
        if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise UpstreamError(f"it answered {response.status_code}", away=True)
        if response.status_code != httpx.codes.OK:
            raise UpstreamError(f"it answered {response.status_code}", away=False)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise UpstreamError("its answer is no JSON", away=True) from None


def _context(begun: object) -> str:
    context = begun.get("authenticationContextId") if isinstance(begun, dict) else None
    if not isinstance(context, str) or not 0 < len(context) <= 256:
        raise UpstreamError("it began no attribute request", away=False)
    return context


def _values(answer: object, wanted: list[str]) -> tuple[dict[str, str], bool]:
    """What is available, and whether something that was asked for is pending."""
    if not isinstance(answer, list) or len(answer) > 256:
        raise UpstreamError("its attributes are of another form", away=True)
    values, pending = {}, False
    names = {name.lower(): name for name in wanted}
    for entry in answer:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise UpstreamError("its attributes are of another form", away=True)
        name, value, state = names.get(entry["name"].lower()), entry.get("value"), entry.get("state")
        if name is None:
            continue
        known = str(state).lower()
        pending = pending or known == _PENDING
        if known == _AVAILABLE and isinstance(value, str):
            values[name] = value
    return values, pending
