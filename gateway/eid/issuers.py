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
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

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
    #: Of the client that `audience` names; None is a public client, which PKCE alone protects.
    client_secret: SecretStr | None = None
    #: The `scope` of authorisation requests: whatever makes the issuer put the attributes into the ID token.
    client_scope: str = Field(
        default="openid eligibility", pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$", max_length=512
    )
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
    """An issuer's keys, refreshed when they are old, and at most once a minute for an unknown key id.

    While there are none yet, the issuer is asked again at most every `retry_interval` seconds, so that an issuer that
    hangs does not hold up every request for its time-out.
    """

    issuer: IssuerSettings
    fetch: Callable[[str, float], bytes]
    clock: Callable[[], float] = time.monotonic
    max_age: float = 3600.0
    min_interval: float = 60.0
    retry_interval: float = 2.0
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _tried: float | None = None
    _fetched: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, or None where the issuer has none. Raises KeysUnavailable before any key was ever had."""
        if self._is_fresh() and (key := self._keys.get(kid)) is not None:
            return key
        with self._lock:
            if (not self._is_fresh() or kid not in self._keys) and self._may_try():
                self._refresh()
            if self._fetched is None:
                raise KeysUnavailable(f"{self.issuer.iss}: no keys were had yet")
            return self._keys.get(kid)

    def require(self) -> None:
        """Fetch the keys where there are none, or old ones. Raises KeysUnavailable where there are none then."""
        with self._lock:
            if not self._is_fresh() and self._may_try():
                self._refresh()
            if self._fetched is None:
                raise KeysUnavailable(f"{self.issuer.iss}: no keys were had yet")

    def _is_fresh(self) -> bool:
        return self._fetched is not None and self.clock() - self._fetched <= self.max_age

    def _may_try(self) -> bool:
        pause = self.retry_interval if self._fetched is None else self.min_interval
        return self._tried is None or self.clock() - self._tried >= pause

    def _refresh(self) -> None:
        try:
            keys = parse_keys(self.fetch(str(self.issuer.jwks_uri), self.issuer.timeout))
        except (httpx.HTTPError, ValueError) as error:
            if self._fetched is None:
                raise KeysUnavailable(f"{self.issuer.iss}: {error}") from error
            return  # the keys at hand serve on; the next try is a minute away
        finally:
            self._tried = self.clock()
        self._keys, self._fetched = keys, self._tried


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
    """GET without redirects, bounded in size and, as a whole, in time (about twice `timeout`, seconds)."""
    with httpx.Client(timeout=timeout, follow_redirects=False) as client, client.stream("GET", url) as response:
        response.raise_for_status()
        return read_bounded(response, MAX_JWKS_BYTES, timeout)


def read_bounded(response: httpx.Response, limit: int, timeout: float) -> bytes:
    """The body of a streamed response. Raises ValueError where it is longer than `limit` bytes or drips in for longer
    than `timeout` seconds: httpx itself only bounds the time between two chunks."""
    body, end = bytearray(), time.monotonic() + timeout
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise ValueError(f"the answer has more than {limit} bytes")
        if time.monotonic() > end:
            raise ValueError(f"the answer took longer than {timeout:.0f} s")
    return bytes(body)
