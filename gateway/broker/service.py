# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log-ins under way at the broker: an OpenID provider's code flow towards the gateways, the eID's own upstream.

All of it is in memory and short-lived; who is logging in when the broker starts again begins again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

from gateway.broker.attributes import claims, identifier
from gateway.broker.settings import BrokerSettings
from gateway.broker.signing import BrokerSigner
from gateway.broker.upstream import Upstream, UpstreamError
from node.oidc.flow import challenge

PENDING, CODE = 600.0, 60.0  # seconds
MAX_PENDING = 10_000
MAX_UPSTREAM = 16
"""Log-ins that wait for the eID's attributes at the same time; each holds a thread."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_NONCE = re.compile(r"[\x21-\x7e]{16,128}", re.ASCII)

T = TypeVar("T")


class NoClient(Exception):
    """Not a request of an application that is known here: nobody is sent back. The message may be shown."""


class BadState(Exception):
    """This browser has no such log-in under way."""


class TokenRefused(Exception):
    """RFC 6749, section 5.2: `code` is the error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Shelf(Generic[T]):
    """Things that are taken once, or forgotten after `lifetime` seconds; at most `limit` of them."""

    def __init__(self, lifetime: float, clock: Callable[[], float], limit: int = MAX_PENDING) -> None:
        self._lifetime, self._clock, self._limit = lifetime, clock, limit
        self._things: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def put(self, thing: T) -> str | None:
        """The key to it; None where the shelf is full."""
        with self._lock:
            now = self._clock()
            for key, (ends, _) in list(self._things.items()):  # in the order of putting
                if ends > now:
                    break
                del self._things[key]
            if len(self._things) >= self._limit:
                return None
            key = secrets.token_urlsafe(32)
            self._things[key] = (now + self._lifetime, thing)
            return key

    def take(self, key: str) -> T | None:
        with self._lock:
            found = self._things.pop(key, None)
            return found[1] if found is not None and found[0] > self._clock() else None


@dataclass(frozen=True, slots=True)
class Request:
    """A gateway's authorization request, and the browser that brought it."""

    redirect_uri: str
    state: str = field(repr=False)
    nonce: str
    challenge: str
    browser: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A person who logged in, until the gateway fetches the token."""

    request: Request
    subject: str = field(repr=False)
    claims: Mapping[str, str | list[str]] = field(repr=False)
    since: float


class Broker:
    def __init__(
        self,
        settings: BrokerSettings,
        signer: BrokerSigner,
        upstream: Upstream,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.signer = signer
        self._upstream = upstream
        self._clock = clock
        self._pending: Shelf[Request] = Shelf(PENDING, clock)
        self._codes: Shelf[Granted] = Shelf(CODE, clock)
        self._turns = threading.BoundedSemaphore(MAX_UPSTREAM)

    def begin(self, query: Mapping[str, str]) -> tuple[str, str]:
        """Where the browser goes, upstream or back with an error, and its cookie. Raises NoClient."""
        browser = secrets.token_urlsafe(32)
        redirect_uri = query.get("redirect_uri", "")
        if query.get("client_id") != self.signer.audience or redirect_uri not in self.settings.redirect_uris:
            raise NoClient("No application of this name and address is known here.")
        request = Request(
            redirect_uri,
            query.get("state", ""),
            query.get("nonce", ""),
            query.get("code_challenge", ""),
            _digest(browser),
        )
        if error := _fault(query, request):
            return self._back(request, error=error), ""
        key = self._pending.put(request)
        if key is None:
            return self._back(request, error="temporarily_unavailable"), ""
        return self._upstream.authorisation(key), f"{key}.{browser}"

    def finish(self, state: str, cookie: str, token: str, error: str) -> str:
        """Back from upstream, with a token or an error: where the browser goes. Raises BadState.

        The eID may leave out `state` with an error: then the cookie alone says it. A token without it could be
        anybody's, brought by a page that wants this browser to be logged in as somebody else.
        """
        key, _, browser = cookie.partition(".")
        if not state and error and not token:
            state = key
        if not hmac.compare_digest(state.encode(), key.encode()):
            raise BadState
        request = self._pending.take(key)
        if request is None or not hmac.compare_digest(request.browser, _digest(browser)):
            raise BadState
        if error or not token:
            return self._back(request, error="access_denied")
        if not self._turns.acquire(blocking=False):
            return self._back(request, error="temporarily_unavailable")
        try:
            values = self._upstream.attributes(token)
        except UpstreamError as failure:
            return self._back(request, error="temporarily_unavailable" if failure.away else "access_denied")
        finally:
            self._turns.release()
        person = identifier(self.settings, values)
        if person is None:  # without it there is no telling two log-ins of one person apart
            return self._back(request, error="access_denied")
        granted = Granted(request, self.signer.subject(person), claims(self.settings, values), self._clock())
        code = self._codes.put(granted)
        return self._back(request, error="temporarily_unavailable") if code is None else self._back(request, code=code)

    def redeem(self, form: Mapping[str, str]) -> str:
        """The ID token for a code. Raises TokenRefused."""
        if form.get("grant_type") != "authorization_code":
            raise TokenRefused("unsupported_grant_type")
        if form.get("client_id") != self.signer.audience:
            raise TokenRefused("invalid_client")
        granted = self._codes.take(form.get("code", ""))
        verifier = form.get("code_verifier", "")
        if (
            granted is None
            or form.get("redirect_uri") != granted.request.redirect_uri
            or not _VERIFIER.fullmatch(verifier)
            or not hmac.compare_digest(challenge(verifier).encode(), granted.request.challenge.encode())
        ):
            raise TokenRefused("invalid_grant")
        return self.signer.token(
            granted.subject, granted.request.nonce, self.settings.level, granted.claims, granted.since
        )

    def description(self) -> dict[str, object]:
        """The discovery document: it is at this broker's address, and names the issuer as the chain knows it."""
        base = self.settings.base
        return {
            "issuer": self.signer.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": ["openid"],
            "acr_values_supported": [self.settings.level],
            "claims_supported": ["sub", "acr", "auth_time", *self.settings.claims],
            "authorization_response_iss_parameter_supported": True,
        }

    def _back(self, request: Request, **answer: str) -> str:
        given = {**answer, "iss": self.signer.issuer}
        if request.state:
            given["state"] = request.state
        joint = "&" if "?" in request.redirect_uri else "?"
        return f"{request.redirect_uri}{joint}{urlencode(given, quote_via=quote)}"


def _fault(query: Mapping[str, str], request: Request) -> str | None:
    """RFC 6749, section 4.1.2.1."""
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope"
    is_s256 = query.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(request.challenge)
    if not is_s256 or not _NONCE.fullmatch(request.nonce) or len(request.state) > 512:
        return "invalid_request"
    if "none" in query.get("prompt", "").split():
        return "login_required"
    return None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
