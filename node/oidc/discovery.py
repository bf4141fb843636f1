# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an issuer says of itself (OpenID Connect Discovery 1.0, section 4)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from node.errors import NodeError
from node.oidc import fetch

MAX_BYTES = 64 * 1024
_PATH = "/.well-known/openid-configuration"


class DiscoveryError(NodeError):
    """An issuer does not describe itself, or not as itself: which, and why."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The parts of an issuer's description that Urna uses; an address is https, or on this machine."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    #: The issuer puts its name into the answer to the redirect address (RFC 9207).
    names_itself: bool = False


def url_of(issuer: str) -> str:
    return issuer.rstrip("/") + _PATH


def discover(issuer: str, timeout: float = 5.0) -> Discovery:
    """Asks the issuer, once. Raises DiscoveryError."""
    if not fetch.is_secure(issuer):
        raise DiscoveryError(f"{issuer}: an issuer's address is https")
    try:
        return parse(fetch.get(url_of(issuer), timeout, MAX_BYTES), issuer)
    except (httpx.HTTPError, ValueError) as error:
        raise DiscoveryError(f"{issuer}: {error}") from error


def parse(body: bytes, issuer: str) -> Discovery:
    """The description, which must be this very issuer's. Raises DiscoveryError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DiscoveryError(f"{issuer}: its description is no JSON") from error
    if not isinstance(document, dict):
        raise DiscoveryError(f"{issuer}: its description is no JSON object")
    if document.get("issuer") != issuer:
        raise DiscoveryError(f"{issuer}: the description there is another issuer's")
    jwks_uri = _address(document, "jwks_uri", issuer)
    if jwks_uri is None:
        raise DiscoveryError(f"{issuer}: it names no jwks_uri")
    return Discovery(
        issuer,
        jwks_uri,
        _address(document, "authorization_endpoint", issuer),
        _address(document, "token_endpoint", issuer),
        _address(document, "end_session_endpoint", issuer),
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(document: dict[str, Any], name: str, issuer: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 2048 or not fetch.is_secure(value):
        raise DiscoveryError(f"{issuer}: its {name} is no https address")
    return value
