# SPDX-License-Identifier: AGPL-3.0-or-later
"""Begins authorisations, takes issuers' answers, and keeps a token for the one browser that may have it.

A token for an act goes back to the browser instead of being submitted here: the browser decides which member it brings
it to, so that a gateway that loses registrations can be passed by; and there is one way to register, not two.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.authorisations.client import CodeClient
from gateway.authorisations.repository import (
    PENDING_LIFETIME,
    TOKEN_LIFETIME,
    Authorisation,
    Purpose,
    Shelf,
)
from gateway.authorisations.schemas import AuthorisationBody
from gateway.eid.issuers import KeysUnavailable
from gateway.eid.tokens import Person, TokenVerifier
from gateway.index.view import ChainView
from gateway.problems import InvalidCommitment, MalformedRequest, Problem, TokenIssuer, UnknownRecord
from gateway.sessions.problems import (
    AuthorisationUnknown,
    IssuerUnavailable,
    UnknownIssuer,
)
from gateway.sessions.repository import Session, Sessions
from node.deployment import Deployment
from protocol.bn254 import SCALAR_FIELD
from protocol.nonces import author_nonce, elector_nonce, replacement_nonce
from protocol.scope import Assurance
from protocol.types import Address, Commitment, Hash32, InitiativeId, Phase

_PHASES = {
    Purpose.REGISTRATION: (Phase.REGISTRATION,),
    Purpose.REPLACEMENT: (Phase.REGISTRATION, Phase.REVIEW),
    Purpose.PROPOSAL: (Phase.REGISTRATION,),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A log-in has opened a session (its secret, and what it is), or a token waits, or a problem ended it."""

    authorisation: Authorisation
    opened: tuple[str, Session] | None = field(default=None, repr=False)
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class WaitingToken:
    """An ID token for an act, and the secret of the browser that may have it."""

    token: str = field(repr=False)
    browser: str = field(repr=False)


class AuthorisationService:
    """`clients` has one entry per issuer, by its name."""

    def __init__(
        self,
        clients: Mapping[str, CodeClient],
        verifier: TokenVerifier,
        sessions: Sessions,
        view: ChainView,
        deployment: Deployment,
    ) -> None:
        self._clients = clients
        self._verifier = verifier
        self._sessions = sessions
        self._view = view
        self._deployment = deployment
        self._pending: Shelf[Authorisation] = Shelf(PENDING_LIFETIME)
        self._tokens: Shelf[WaitingToken] = Shelf(TOKEN_LIFETIME)

    @property
    def issuers(self) -> list[str]:
        return list(self._clients)

    def begin(self, body: AuthorisationBody) -> tuple[Authorisation, str]:
        """A new authorisation, and the issuer's address for it. Raises a Problem; then nothing is kept."""
        client = self._clients.get(body.issuer)
        if client is None:
            raise UnknownIssuer("This gateway does not work with that issuer; GET /v1/authorisations/issuers tells.")
        purpose = Purpose(body.purpose)
        level = None if body.level is None else Assurance[body.level.upper()]
        request = client.begin(self._nonce(purpose, body), level)
        begun = Authorisation(purpose, body.issuer, body.return_to, request.nonce, request.state, request.verifier)
        self._pending.put(begun.state, begun)
        return begun, request.url

    def finish(self, answer: Mapping[str, str], browser: Callable[[str], str | None]) -> Outcome:
        """What an issuer's redirect, with these parameters, comes to; `browser` gives the cookie's secret for an
        authorisation's id.

        Raises AuthorisationUnknown where this browser began no such authorisation, or it was answered before: then
        nothing was sent to the issuer. Whatever goes wrong later is in the outcome: the authorisation is spent.
        """
        state = answer["state"]
        begun = self._pending.find(state)
        if begun is None or not _is_same(browser(begun.id), begun.browser) or self._pending.take(state) is None:
            raise AuthorisationUnknown("This browser began no such log-in, or it took too long: begin again.")
        try:
            return self._complete(begun, answer)
        except Problem as problem:
            return Outcome(begun, problem=problem)

    def token(self, id_: str, browser: str | None) -> str:
        """The token of a finished authorisation, once, for the browser that began it. Raises UnknownRecord."""
        waiting = self._tokens.find(id_)
        if waiting is None or not _is_same(browser, waiting.browser) or self._tokens.take(id_) is None:
            raise UnknownRecord("No token waits for this browser: it was fetched, or waited too long.")
        return waiting.token

    def sweep(self) -> None:
        """Forget what took too long."""
        self._pending.sweep()
        self._tokens.sweep()

    def _complete(self, begun: Authorisation, answer: Mapping[str, str]) -> Outcome:
        token = self._clients[begun.iss].redeem(begun.state, begun.verifier, answer)
        person = self._verified(token, begun)
        if begun.purpose is Purpose.SESSION:
            secret, session = self._sessions.open(person)
            return Outcome(begun, opened=(secret, session))
        self._tokens.put(begun.id, WaitingToken(token, begun.browser))
        return Outcome(begun)

    def _verified(self, token: str, begun: Authorisation) -> Person:
        try:
            person = self._verifier.verify(token, begun.nonce)
        except KeysUnavailable as error:
            raise IssuerUnavailable("The eID issuer's keys cannot be had now; log in again in a minute.") from error
        if person.issuer != begun.iss:
            raise TokenIssuer("The token is from another issuer than the one that was asked.")
        return person

    def _nonce(self, purpose: Purpose, body: AuthorisationBody) -> str:
        """For a log-in a random one, which fits one authorisation and can never register anybody (J4)."""
        bound = body.content_hash if purpose is Purpose.PROPOSAL else body.commitment
        other = body.commitment if purpose is Purpose.PROPOSAL else body.content_hash
        if purpose is Purpose.SESSION:
            if any(each is not None for each in (body.initiative, bound, other, body.salt)):
                raise MalformedRequest("A log-in names no initiative, commitment, content hash or salt.")
            return secrets.token_urlsafe(32)
        if body.initiative is None or bound is None or body.salt is None or other is not None:
            what = "content_hash" if purpose is Purpose.PROPOSAL else "commitment"
            raise MalformedRequest(f"A {purpose.value} names initiative, {what} and salt, and nothing else.")
        initiative = InitiativeId(body.initiative)
        self._view.require_phase(initiative, *_PHASES[purpose])
        if body.issuer not in self._view.rules(initiative).issuers:
            raise TokenIssuer("The initiative does not accept this eID issuer.")
        if isinstance(bound, bytes):
            return author_nonce(self._chain, self._address("Proposals"), initiative, Hash32(bound), body.salt)
        if not 0 < bound < SCALAR_FIELD:
            raise InvalidCommitment("A commitment is a number above zero and below the field's order.")
        nonce = elector_nonce if purpose is Purpose.REGISTRATION else replacement_nonce
        return nonce(self._chain, self._address("Electorate"), initiative, Commitment(bound), body.salt)

    @property
    def _chain(self) -> int:
        return self._deployment.chain_id

    def _address(self, name: str) -> Address:
        return Address(self._deployment.address(name))


def _is_same(given: str | None, kept: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), kept.encode())
