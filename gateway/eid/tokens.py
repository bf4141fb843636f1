# SPDX-License-Identifier: AGPL-3.0-or-later
"""ID tokens (OpenID Connect Core 1.0, section 3.1.3.7), each for one act: the nonce binds what it is for.

Order of the checks: size and form, algorithm, issuer, signature, audience, times, nonce. The first that fails is named.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from gateway.eid.issuers import ALLOWED_ALGORITHMS, IssuerSettings, Jwks, KeysUnavailable
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

MAX_TOKEN_BYTES = 8192
MAX_KID = 128


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody an issuer vouches for. The claims are what the scope is held against; they are never stored."""

    issuer: str
    namespace: str
    subject: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


class TokenVerifier:
    """Verifies tokens of the configured issuers. `jwks` has one entry per issuer, by its `iss`."""

    def __init__(self, jwks: Mapping[str, Jwks]) -> None:
        self._jwks = jwks

    def without_keys(self) -> list[str]:
        """The issuers whose keys cannot be had now. May wait for their time-outs."""
        missing = []
        for iss, jwks in self._jwks.items():
            try:
                jwks.require()
            except KeysUnavailable:
                missing.append(iss)
        return missing

    def verify(self, token: str, nonce: str) -> Person:
        """The person, where the token is good and was issued for `nonce`; else a TokenProblem.

        Raises KeysUnavailable where the issuer's keys cannot be had.
        """
        header, claims = _unverified(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALLOWED_ALGORITHMS:
            raise TokenAlgorithm("The token must be signed with one of " + ", ".join(ALLOWED_ALGORITHMS) + ".")
        if str(header.get("typ", "JWT")).lower() != "jwt":
            raise TokenMalformed("This is another kind of token than an ID token.")
        jwks = self._jwks.get(str(claims.get("iss")))
        if jwks is None:
            raise TokenIssuer("The token's issuer is not one of those this entity accepts.")
        verified = _decode(token, algorithm, _key(header, algorithm, jwks), jwks.issuer)
        given = verified.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise TokenNonce("The token was not issued for this commitment in this initiative.")
        return Person(
            issuer=jwks.issuer.iss,
            namespace=jwks.issuer.namespace or jwks.issuer.iss,
            subject=str(verified["sub"]),
            claims=_scope_claims(verified, jwks.issuer),
        )


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(token) > MAX_TOKEN_BYTES or not token.isascii():
        raise TokenMalformed(f"A token has at most {MAX_TOKEN_BYTES} ASCII characters.")
    try:
        parts = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenMalformed("This is no JSON Web Token.") from error
    return parts["header"], parts["payload"]


def _key(header: Mapping[str, Any], algorithm: str, jwks: Jwks) -> jwt.PyJWK:
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise TokenSignature("The token names no usable key.")
    key = jwks.key(kid)
    if key is None:
        raise TokenSignature("The issuer has no key of the id that the token names.")
    if key.key_type != ALLOWED_ALGORITHMS[algorithm] or key.algorithm_name != algorithm:
        raise TokenAlgorithm("The key that the token names is not one for its algorithm.")
    return key


def _decode(token: str, algorithm: str, key: jwt.PyJWK, issuer: IssuerSettings) -> dict[str, Any]:
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer.iss,
            audience=issuer.audience,
            leeway=issuer.leeway,
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "strict_aud": False},
        )
    except jwt.InvalidSignatureError as error:
        raise TokenSignature("The signature does not verify with the issuer's key.") from error
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired("The token has expired: ask for a new one.") from error
    except jwt.ImmatureSignatureError as error:
        raise TokenNotYetValid("The token is not valid yet: check the clocks.") from error
    except jwt.MissingRequiredClaimError as error:
        if error.claim == "exp":
            raise TokenNoExpiry("The token has no time of expiry.") from error
        if error.claim == "aud":
            raise TokenAudience("The token names no audience.") from error
        raise TokenMalformed(f"The token has no claim {error.claim}.") from error
    except jwt.InvalidAudienceError as error:
        raise TokenAudience("The token was issued for another client.") from error
    except jwt.InvalidIssuerError as error:
        raise TokenIssuer("The token's issuer is not the key's.") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenMalformed("The token's claims are not well formed.") from error
    audience = claims["aud"]
    # A token for several clients could be brought here by any of them.
    if isinstance(audience, list) and audience != [issuer.audience]:
        raise TokenAudience("The token was issued for other clients as well.")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise TokenMalformed("The token's subject is not well formed.")
    return dict(claims)


def _scope_claims(claims: Mapping[str, Any], issuer: IssuerSettings) -> dict[str, Any]:
    """The claims a scope may ask for, the level of assurance in eIDAS's words (absent where it is none)."""
    names = ("birthdate", "residence", "nationality", "employer", "profession")
    result = {name: claims[name] for name in names if name in claims}
    level = issuer.assurance.get(str(claims.get("acr")))
    return result if level is None else {**result, "acr": level}
