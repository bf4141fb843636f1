# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log-in, put together: who asks issuers, who remembers sessions, and under which address browsers come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.authorisations.client import CodeClient
from gateway.authorisations.discovery import KnownIssuer
from gateway.authorisations.service import AuthorisationService
from gateway.eid.issuers import IssuerSettings
from gateway.eid.tokens import TokenVerifier
from gateway.index.view import ChainView
from gateway.sessions.cookies import AUTHORISATION_PATH, Cookies, Origin
from gateway.sessions.repository import Sessions
from node.deployment import Deployment
from node.oidc.flow import Client

SWEEP_INTERVAL = 15.0


@dataclass(frozen=True, slots=True)
class LogIn:
    """The parts that endpoints for people use."""

    origin: Origin
    cookies: Cookies
    sessions: Sessions
    authorisations: AuthorisationService

    def sweep(self) -> None:
        """Forget the sessions, authorisations and tokens that are over."""
        self.sessions.sweep()
        self.authorisations.sweep()


def assemble(
    endpoint: str,
    issuers: Sequence[IssuerSettings],
    verifier: TokenVerifier,
    sessions: Sessions,
    view: ChainView,
    deployment: Deployment,
) -> LogIn:
    """`endpoint` is the entity's address in the consortium, where issuers send browsers back to."""
    origin = Origin.of(endpoint)
    clients = {issuer.iss: _client(issuer, origin) for issuer in issuers}
    authorisations = AuthorisationService(clients, verifier, sessions, view, deployment)
    return LogIn(origin, Cookies(origin), sessions, authorisations)


def _client(issuer: IssuerSettings, origin: Origin) -> CodeClient:
    secret = None if issuer.client_secret is None else issuer.client_secret.get_secret_value()
    return CodeClient(
        Client(issuer.audience, f"{origin.url}{AUTHORISATION_PATH}/callback", secret),
        KnownIssuer(issuer.iss, issuer.timeout).discovery,
        issuer.client_scope,
        issuer.assurance,
        issuer.timeout,
    )
