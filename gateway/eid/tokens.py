# SPDX-License-Identifier: AGPL-3.0-or-later
"""ID tokens (OpenID Connect Core 1.0, section 3.1.3.7), each for one act: the nonce binds what it is for.

Order of the checks: size and form, algorithm, issuer, key and signature, audience, times, nonce. The first that fails
is named.
"""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.types import Options

from gateway.eid.brokers import Brokers
from gateway.eid.claims import PLAIN, Name, Source, scope_claims
from gateway.eid.issuers import ALLOWED_ALGORITHMS, LEVELS, Issuer, KeysUnavailable
from gateway.problems import (
    TokenAlgorithm,
    TokenAudience,
    TokenExpired,
    TokenIssuer,
    TokenMalformed,
    TokenNoExpiry,
    TokenNonce,
    TokenNotYetValid,
    TokenSignature,
)
from protocol.types import InitiativeId

MAX_TOKEN_BYTES = 8192
MAX_KID = 128
BROKER_LEEWAY = 5

_SIGNATURE_ALONE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody an issuer vouches for. The claims are what the scope is held against; they are never stored."""

    issuer: str
    namespace: str
    subject: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Terms:
    """Under which a token of an issuer is good, and what it says."""

    iss: str
    audiences: Sequence[str]
    leeway: int
    namespace: str
    mapping: Mapping[Name, Source]
    assurance_claim: str
    assurance: Mapping[str, str]


class TokenVerifier:
    """Verifies tokens of the configured issuers, by their `iss`, and of the consortium's brokers."""

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        brokers: Brokers | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = issuers
        self._brokers = brokers
        self._now = now

    def without_keys(self) -> list[str]:
        """The issuers whose keys cannot be had now. May wait for their time-outs."""
        missing = []
        for iss, issuer in self._issuers.items():
            try:
                issuer.keys()
            except KeysUnavailable:
                missing.append(iss)
        return missing

    def verify(self, token: str, nonce: str, initiative: InitiativeId | None = None) -> Person:
        """The person, where the token is good and was issued for `nonce`; else a TokenProblem.

        A broker's token is good for an `initiative` under the key that stood when that was created; without one,
        under the key that stands. Raises KeysUnavailable where the issuer's keys cannot be had.
        """
        header, claims = _unverified(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALLOWED_ALGORITHMS:
            raise TokenAlgorithm("The token must be signed with one of " + ", ".join(ALLOWED_ALGORITHMS) + ".")
        if str(header.get("typ", "JWT")).lower() != "jwt":
            raise TokenMalformed("This is another kind of token than an ID token.")
        iss = claims.get("iss")
        terms, key = self._issuer(iss if isinstance(iss, str) else "", header, algorithm, initiative)
        verified = _decode(token, algorithm, key)
        _check_audience(verified, terms.audiences)
        self._check_times(verified, terms.leeway)
        given = verified.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise TokenNonce("The token was not issued for this commitment in this initiative.")
        return Person(terms.iss, terms.namespace, _subject(verified), _claims(verified, terms))

    def _issuer(
        self, iss: str, header: Mapping[str, Any], algorithm: str, initiative: InitiativeId | None
    ) -> tuple[_Terms, jwt.PyJWK]:
        broker = None if self._brokers is None else self._brokers.find(iss)
        if self._brokers is not None and broker is not None:
            key = _fitting(self._brokers.key(broker, initiative), algorithm)
            return _Terms(iss, (self._brokers.audience,), BROKER_LEEWAY, iss, PLAIN, "acr", LEVELS), key
        issuer = self._issuers.get(iss)
        if issuer is None:
            raise TokenIssuer("The token's issuer is not one of those this entity accepts.")
        settings = issuer.settings
        terms = _Terms(
            iss,
            settings.audiences,
            settings.leeway,
            settings.namespace or iss,
            settings.claims,
            settings.assurance_claim,
            settings.assurance,
        )
        return terms, _fitting(_named(header, issuer), algorithm)

    def _check_times(self, claims: Mapping[str, Any], leeway: int) -> None:
        """RFC 7519, section 4.1.4 to 4.1.6, with the leeway on each side."""
        now = self._now()
        if "exp" not in claims:
            raise TokenNoExpiry("The token has no time of expiry.")
        if now >= _seconds(claims, "exp") + leeway:
            raise TokenExpired("The token has expired: ask for a new one.")
        for name in ("iat", "nbf"):
            if name in claims and now < _seconds(claims, name) - leeway:
                raise TokenNotYetValid("The token is not valid yet: check the clocks.")
        if "iat" not in claims:
            raise TokenMalformed("The token has no claim iat.")


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(token) > MAX_TOKEN_BYTES or not token.isascii():
        raise TokenMalformed(f"A token has at most {MAX_TOKEN_BYTES} ASCII characters.")
    try:
        parts = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenMalformed("This is no JSON Web Token.") from error
    return parts["header"], parts["payload"]


def _named(header: Mapping[str, Any], issuer: Issuer) -> jwt.PyJWK:
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise TokenSignature("The token names no usable key.")
    key = issuer.key(kid)
    if key is None:
        raise TokenSignature("The issuer has no key of the id that the token names.")
    return key


def _fitting(key: jwt.PyJWK, algorithm: str) -> jwt.PyJWK:
    if key.key_type != ALLOWED_ALGORITHMS[algorithm] or key.algorithm_name != algorithm:
        raise TokenAlgorithm("The key that the token names is not one for its algorithm.")
    return key


def _decode(token: str, algorithm: str, key: jwt.PyJWK) -> dict[str, Any]:
    """The signature alone: each claim is checked here, with a problem of its own."""
    try:
        return jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ALONE)
    except jwt.InvalidSignatureError as error:
        raise TokenSignature("The signature does not verify with the issuer's key.") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenMalformed("The token's claims are not well formed.") from error


def _check_audience(claims: Mapping[str, Any], audiences: Sequence[str]) -> None:
    """For clients that are known here and nobody else; who asked for a token for several is named by `azp`."""
    given = claims.get("aud")
    named = [given] if isinstance(given, str) else given
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise TokenAudience("The token names no audience.")
    azp = claims.get("azp")
    if not set(named) <= set(audiences):
        raise TokenAudience("The token was issued for another client.")
    if (len(named) > 1 or azp is not None) and azp not in audiences:
        raise TokenAudience("The token was asked for by another client.")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenMalformed(f"The token's {name} is no time.")
    return value


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise TokenMalformed("The token's subject is not well formed.")
    return subject


def _claims(claims: Mapping[str, Any], terms: _Terms) -> dict[str, Any]:
    """The claims a scope may ask for, the level of assurance in eIDAS's words (absent where it is none)."""
    level = terms.assurance.get(str(claims.get(terms.assurance_claim)))
    found = scope_claims(claims, terms.mapping)
    return found if level is None else {**found, "acr": level}
