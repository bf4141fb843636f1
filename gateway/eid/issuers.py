# SPDX-License-Identifier: AGPL-3.0-or-later
"""The issuers an entity trusts, and their keys.

A key is only ever fetched from the address in the settings, or from the one that the issuer itself names under its
own address: nothing in a token (`jku`, `x5u`, `jwk`) causes a request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import jwt
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator

from gateway.eid.cache import Kept, Pace, Unavailable, in_background
from gateway.eid.claims import PLAIN, Mapped, Name
from node.oidc import discovery, fetch
from node.oidc.discovery import Discovery
from protocol.scope import Assurance

MAX_JWKS_BYTES = 256 * 1024
MAX_KEYS = 64

#: Asymmetric only: with a symmetric algorithm a public key would pass for a secret.
ALLOWED_ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}

LEVELS = {level.name.lower(): level.name.lower() for level in Assurance}


class IssuerSettings(BaseModel):
    """One eID issuer, by configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iss: str = Field(min_length=1, max_length=512)
    #: The clients whose tokens count here: this entity's own first, then the other members' clients of the same sector,
    #: because a citizen's token is held against every registrar.
    audiences: tuple[str, ...] = Field(min_length=1, max_length=64)
    #: Of this entity's client; None is a public client, which PKCE alone protects.
    client_secret: SecretStr | None = None
    #: The `scope` of authorisation requests: whatever makes the issuer put the attributes into the ID token.
    client_scope: str = Field(
        default="openid eligibility", pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$", max_length=512
    )
    #: Where its keys are; else where its discovery document says.
    jwks_uri: HttpUrl | None = None
    #: Where it describes itself, if not below its own name: a broker's name is no address.
    discovery_uri: HttpUrl | None = None
    #: Issuers that know a person by the same subject share a namespace.
    namespace: str = Field(default="", max_length=512)
    #: The issuer's claims, by the scope's names: a claim's name, or paths and a prefix.
    claims: dict[Name, Mapped] = Field(default_factory=lambda: dict(PLAIN))
    #: The claim that says how strong the log-in was, and its values in eIDAS levels (`low`, `substantial`, `high`).
    #: An unknown value is no level.
    assurance_claim: str = Field(default="acr", min_length=1, max_length=128)
    assurance: dict[str, str] = Field(default_factory=lambda: dict(LEVELS))
    #: Seconds by which the issuer's clock and this one may differ.
    leeway: int = Field(default=5, ge=0, le=120)
    #: Seconds for one answer of the issuer.
    timeout: float = Field(default=5.0, gt=0, le=30)
    #: Seconds after which keys are fetched again; for which they are used at most while the issuer is away; and that
    #: pass at least between two requests for a key id that nobody knows.
    refresh: int = Field(default=3600, ge=1, le=86_400)
    max_age: int = Field(default=86_400, ge=1, le=604_800)
    renew: int = Field(default=60, ge=1, le=3600)

    @field_validator("jwks_uri", "discovery_uri")
    @classmethod
    def _secure(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value is not None and not fetch.is_secure(str(value)):
            raise ValueError("an issuer is asked over https (http only on this machine)")
        return value

    @field_validator("assurance")
    @classmethod
    def _levels(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := set(value.values()) - set(LEVELS):
            raise ValueError(f"{sorted(unknown)[0]!r} is no level: low, substantial or high")
        return value


class KeysUnavailable(Exception):
    """The issuer's keys could not be had: its name and the reason."""


def fetch_keys(url: str, timeout: float) -> bytes:
    """GET without redirects, bounded in size and, as a whole, in time (about twice `timeout`, seconds)."""
    return fetch.get(url, timeout, MAX_JWKS_BYTES)


class Issuer:
    """An issuer, its description and its keys, fetched when they are first needed and kept.

    Keys are renewed in the background when they are old, and at most once a minute for an unknown key id; requests
    with known keys never wait for that. While the issuer is away, keys serve on until `max_age`.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        get: Callable[[str, float], bytes] = fetch_keys,
        clock: Callable[[], float] = time.monotonic,
        background: Callable[[Callable[[], None]], None] = in_background,
    ) -> None:
        self.settings = settings
        self._get = get
        pace = Pace(refresh=settings.refresh, max_age=settings.max_age, renew=settings.renew)
        self._description = Kept(settings.iss, self._discover, pace, clock, background)
        self._keys = Kept(settings.iss, self._fetch, pace, clock, background)

    def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, or None where the issuer has none. Raises KeysUnavailable."""
        if (known := self.keys().get(kid)) is not None:
            return known
        try:
            return self._keys.newer().get(kid)
        except Unavailable as error:
            raise KeysUnavailable(str(error)) from error

    def keys(self) -> dict[str, jwt.PyJWK]:
        """All of them, by id. Raises KeysUnavailable."""
        try:
            return self._keys.get()
        except Unavailable as error:
            raise KeysUnavailable(str(error)) from error

    def discovery(self) -> Discovery:
        """What the issuer says of itself. Raises KeysUnavailable."""
        try:
            return self._description.get()
        except Unavailable as error:
            raise KeysUnavailable(str(error)) from error

    def _discover(self) -> Discovery:
        iss, uri = self.settings.iss, self.settings.discovery_uri
        if uri is None and not fetch.is_secure(iss):
            raise ValueError("an issuer that is asked for its description has an https address")
        return discovery.parse(self._get(str(uri or discovery.url_of(iss)), self.settings.timeout), iss)

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        uri = self.settings.jwks_uri
        return parse_keys(self._get(str(uri) if uri else self._described(), self.settings.timeout))

    def _described(self) -> str:
        try:
            return self._description.get().jwks_uri
        except Unavailable as error:
            raise ValueError(str(error)) from error


def parse_keys(body: bytes) -> dict[str, jwt.PyJWK]:
    """Signature keys by id. Raises ValueError where the set is none or too large."""
    if len(body) > MAX_JWKS_BYTES:
        raise ValueError("the key set is too large")
    try:
        document = json.loads(body)
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise ValueError("not an object with keys")
        keys = jwt.PyJWKSet.from_dict(document).keys
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise ValueError(f"no key set: {error}") from error
    if len(keys) > MAX_KEYS:
        raise ValueError("the key set has too many keys")
    return {
        key.key_id: key
        for key in keys
        if key.key_id and key.key_type in ALLOWED_ALGORITHMS.values() and key.public_key_use in (None, "sig")
    }
