# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway as an application of one issuer: `node.oidc.flow`, within bounds, and with problems for its errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from gateway.sessions.problems import AuthorisationDenied, IssuerRefused, IssuerUnavailable
from node.oidc import flow
from node.oidc.discovery import Discovery
from node.plain import AS_IT_IS
from protocol.scope import Assurance

#: Exchanges under way at one issuer: one that hangs must not hold every thread of the gateway (G10).
MAX_EXCHANGES = 8
TURN = 1.0  # seconds that one waits for its turn
MAX_CODE = 2048


@dataclass(frozen=True)
class CodeClient:
    """This gateway at one issuer. `assurance` maps the issuer's `acr` values to eIDAS levels."""

    client: flow.Client
    discovery: Callable[[], Discovery]
    scope: str
    assurance: Mapping[str, str]
    timeout: float = 5.0
    _turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_EXCHANGES))

    def begin(self, nonce: str, level: Assurance | None) -> flow.Pending:
        """A new request, with its address for the browser. Raises IssuerUnavailable."""
        try:
            return flow.begin(
                self.discovery(), self.client, nonce, scope=self.scope, acr_values=self._acr_values(level)
            )
        except flow.FlowError as error:
            raise IssuerUnavailable("The eID issuer does not say where to log in; try again later.") from error

    def redeem(self, state: str, verifier: str, answer: Mapping[str, str]) -> str:
        """The ID token, unverified, for what came back with the browser.

        Raises AuthorisationDenied, IssuerRefused, IssuerUnavailable. An answer that is not the issuer's, or has no
        code, goes nowhere.
        """
        try:
            discovery = self.discovery()
            code = flow.code_of(discovery, state, answer)
            if len(code) > MAX_CODE:
                raise IssuerRefused("The eID issuer's code is too long.")
            return self._exchange(discovery, code, verifier)
        except flow.FlowError as error:
            if "error" in answer and error.code not in ("issuer", "state"):
                raise AuthorisationDenied("The log-in was not completed at the eID issuer.") from error
            if error.code == "no-answer":
                raise IssuerUnavailable("The eID issuer has a fault now; log in again in a moment.") from error
            raise IssuerRefused("The eID issuer did not confirm the log-in: begin again.") from error

    def _exchange(self, discovery: Discovery, code: str, verifier: str) -> str:
        if not self._turns.acquire(timeout=TURN):
            raise IssuerUnavailable("The eID issuer is slow to answer; log in again in a moment.")
        try:
            with httpx.Client(timeout=self.timeout, follow_redirects=False, trust_env=False, headers=AS_IT_IS) as http:
                return flow.redeem(http, discovery, self.client, code, verifier)
        finally:
            self._turns.release()

    def _acr_values(self, level: Assurance | None) -> list[str]:
        if level is None:
            return []
        enough = {each.name.lower() for each in Assurance if each >= level}
        return [value for value, name in self.assurance.items() if name in enough]
