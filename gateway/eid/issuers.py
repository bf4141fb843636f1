# SPDX-License-Identifier: AGPL-3.0-or-later
"""The issuers an entity trusts, and their keys.

A key is only ever fetched from the address in the settings: nothing in a token (`jku`, `x5u`, `jwk`) causes a request.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import jwt
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

MAX_JWKS_BYTES = 256 * 1024
MAX_KEYS = 64

#: Asymmetric only: with a symmetric algorithm a public key would pass for a secret.
ALLOWED_ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


class IssuerSettings(BaseModel):
    """One eID issuer, by configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iss: str = Field(min_length=1, max_length=512)
    jwks_uri: HttpUrl
    audience: str = Field(min_length=1, max_length=256)
    #: Issuers that know a person by the same subject share a namespace.
    namespace: str = Field(default="", max_length=512)
    #: The issuer's `acr` values, to eIDAS levels (`low`, `substantial`, `high`). An unknown value is no level.
    assurance: dict[str, str] = Field(
        default_factory=lambda: {"low": "low", "substantial": "substantial", "high": "high"}
    )
    leeway: int = Field(default=5, ge=0, le=120)
    timeout: float = Field(default=5.0, gt=0, le=30)


class KeysUnavailable(Exception):
    """The issuer's keys could not be had: its name and the reason."""


@dataclass
class Jwks:
    """An issuer's keys, refreshed when they are old, and at most once a minute for an unknown key id."""

    issuer: IssuerSettings
    fetch: Callable[[str, float], bytes]
    clock: Callable[[], float] = time.monotonic
    max_age: float = 3600.0
    min_interval: float = 60.0
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _tried: float | None = None
    _fetched: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, or None where the issuer has none. Raises KeysUnavailable before any key was ever had."""
        with self._lock:
            now = self.clock()
            old = self._fetched is None or now - self._fetched > self.max_age
            allowed = self._tried is None or now - self._tried >= self.min_interval
            if (old or kid not in self._keys) and (allowed or self._fetched is None):
                self._refresh(now)
            return self._keys.get(kid)

    def _refresh(self, now: float) -> None:
        self._tried = now
        try:
            keys = parse_keys(self.fetch(str(self.issuer.jwks_uri), self.issuer.timeout))
        except (httpx.HTTPError, ValueError) as error:
            if self._fetched is None:
                raise KeysUnavailable(f"{self.issuer.iss}: {error}") from error
            return  # the keys at hand serve on; the next try is a minute away
        self._keys, self._fetched = keys, now


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


def fetch_over_http(url: str, timeout: float) -> bytes:
    """GET without redirects, bounded in time and size."""
    with httpx.Client(timeout=timeout, follow_redirects=False) as client, client.stream("GET", url) as response:
        response.raise_for_status()
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_JWKS_BYTES:
                raise ValueError("the key set is too large")
        return body
