# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log-in, put together: who asks issuers, who remembers sessions, and under which address browsers come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.authorisations.client import CodeClient
from gateway.authorisations.service import AuthorisationService
from gateway.eid.issuers import Issuer, KeysUnavailable
from gateway.eid.tokens import TokenVerifier
from gateway.index.reads import Reads
from gateway.index.view import ChainView
from gateway.journal import Journal
from gateway.officers.appointments import Appointments
from gateway.officers.repository import Officers
from gateway.officers.service import OfficerService
from gateway.profile.repository import Candidates
from gateway.profile.service import ProfileService
from gateway.sessions.cookies import AUTHORISATION_PATH, Cookies, Origin
from gateway.sessions.problems import IssuerUnavailable
from gateway.sessions.repository import Sessions
from node.deployment import Deployment
from node.oidc.discovery import Discovery
from node.oidc.flow import Client

SWEEP_INTERVAL = 15.0


@dataclass(frozen=True, slots=True)
class LogIn:
    """The parts that endpoints for people use."""

    origin: Origin
    cookies: Cookies
    sessions: Sessions
    authorisations: AuthorisationService
    officers: OfficerService
    profiles: ProfileService

    def sweep(self) -> None:
        """Forget the sessions, authorisations and tokens that are over."""
        self.sessions.sweep()
        self.authorisations.sweep()


def assemble(
    endpoint: str,
    issuers: Mapping[str, Issuer],
    verifier: TokenVerifier,
    sessions: Sessions,
    view: ChainView,
    deployment: Deployment,
    journal: Journal,
    reads: Reads,
) -> LogIn:
    """`endpoint` is the entity's address in the consortium, where issuers send browsers back to."""
    origin = Origin.of(endpoint)
    clients = {iss: _client(issuer, origin) for iss, issuer in issuers.items()}
    authorisations = AuthorisationService(clients, verifier, sessions, view, deployment)
    profiles = ProfileService(Candidates(reads))
    officers = OfficerService(journal, Officers(journal), Appointments(journal), sessions)
    return LogIn(origin, Cookies(origin), sessions, authorisations, officers, profiles)


def _client(issuer: Issuer, origin: Origin) -> CodeClient:
    settings = issuer.settings
    secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()

    def discovery() -> Discovery:
        try:
            return issuer.discovery()
        except KeysUnavailable as error:
            raise IssuerUnavailable("The eID issuer could not be asked; log in again in a moment.") from error

    return CodeClient(
        Client(settings.audiences[0], f"{origin.url}{AUTHORISATION_PATH}/callback", secret),
        discovery,
        settings.client_scope,
        settings.assurance,
        settings.timeout,
    )
