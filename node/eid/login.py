# SPDX-License-Identifier: AGPL-3.0-or-later
"""A test person's browser at the development provider: chooses the person on its page, over plain HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from node.errors import NodeError
from node.oidc import flow
from node.oidc.discovery import Discovery, DiscoveryError, discover
from node.oidc.flow import Client, FlowError


class ProviderAway(NodeError):
    """The provider does not answer, or does not know this log-in any more: begin again."""


class PersonLogin:
    """Logs test persons in at one provider as one client. Safe to use from several threads; each log-in is a new
    browser, which knows nothing of the others."""

    def __init__(self, issuer: str, client: Client, timeout: float = 30.0) -> None:
        self._issuer = issuer
        self._client = client
        self._timeout = timeout
        self._transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=32, max_keepalive_connections=32))
        self._discovery: Discovery | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        self._transport.close()

    def token(self, person: str, nonce: str, *, acr_values: Sequence[str] = (), patience: float = 0.0) -> str:
        """An ID token with this nonce for the person; begun again for `patience` seconds while the provider is away.

        Raises ProviderAway; FlowError where it refuses.
        """
        limit = time.monotonic() + patience
        while True:
            try:
                pending = flow.begin(self._discovered(), self._client, nonce, acr_values=acr_values)
                return self.follow(pending, person)
            except ProviderAway:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.5)

    def follow(self, pending: flow.Pending, person: str) -> str:
        """The ID token of a log-in that was begun. Raises ProviderAway, FlowError."""
        discovery = self._discovered()
        with self.browser() as browser:
            answer = self.choose(browser, pending.url, person)
            try:
                code = flow.code_of(discovery, pending.state, answer)
                return flow.redeem(browser, discovery, self._client, code, pending.verifier)
            except FlowError as error:
                if error.code in ("no-answer", "invalid_grant"):  # it started again, and forgot the code
                    raise ProviderAway(str(error)) from error
                raise

    def browser(self) -> httpx.Client:
        """One with its own cookies, over the shared connections (which its end leaves open)."""
        return httpx.Client(transport=_Shared(self._transport), timeout=self._timeout, trust_env=False)

    def choose(self, browser: httpx.Client, url: str, person: str) -> dict[str, str]:
        """From the authorization request to the redirect address's query, whoever serves that address.

        Raises ProviderAway; FlowError where the provider shows a page of its own instead.
        """
        begun = False
        try:
            response = browser.get(url)
            for _ in range(6):
                if response.is_redirect:
                    target = urljoin(str(response.url), response.headers["location"])
                    if _without_query(target) == self._client.redirect_uri:
                        return dict(parse_qsl(urlsplit(target).query))
                    begun = True
                    if urlsplit(target).path.startswith("/log-in/"):
                        response = browser.post(target, data={"person": person})
                    else:
                        response = browser.get(target)
                else:
                    break
        except httpx.TransportError as error:
            raise ProviderAway(f"{self._issuer} does not answer: {error!r}.") from error
        if response.status_code == 422:
            raise FlowError("unknown-person", f"{self._issuer} knows no person {person}.")
        if response.status_code >= (400 if begun else 500):  # it started again, and forgot who was logging in
            raise ProviderAway(f"{self._issuer} answered {response.status_code} in the middle of a log-in.")
        raise FlowError("refused", f"{self._issuer} answered {response.status_code} to the authorization request.")

    def _discovered(self) -> Discovery:
        with self._lock:
            if self._discovery is None:
                try:
                    self._discovery = discover(self._issuer, self._timeout)
                except DiscoveryError as error:
                    raise ProviderAway(str(error)) from error
            return self._discovery


class _Shared(httpx.BaseTransport):
    """Closing a browser leaves the connections to the next."""

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()
