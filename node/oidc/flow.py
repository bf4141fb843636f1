# SPDX-License-Identifier: AGPL-3.0-or-later
"""The authorization code flow of a client (OpenID Connect Core 1.0, section 3.1), always with PKCE S256 (RFC 7636).

`begin` gives the address that the person's browser goes to, `code_of` reads what comes back at the redirect address,
`redeem` changes the code for the ID token. Who verifies the token is the caller's business.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import httpx

from node.errors import NodeError
from node.oidc.discovery import Discovery
from node.oidc.fetch import read_bounded

MAX_ANSWER = 64 * 1024  # bytes of a token response
DEFAULT_SCOPE = "openid eligibility"


class FlowError(NodeError):
    """A log-in that did not succeed. `code` is the issuer's error (RFC 6749, section 4.1.2.1 and 5.2) or one of
    `state`, `issuer`, `no-code`, `no-token`, `no-answer`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Client:
    """How an application is registered at an issuer. Without a secret it is a public client."""

    id: str
    redirect_uri: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A log-in under way. `state` and `verifier` stay with the one who began it."""

    url: str
    nonce: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(
    discovery: Discovery,
    client: Client,
    nonce: str,
    *,
    scope: str = DEFAULT_SCOPE,
    acr_values: Sequence[str] = (),
    max_age: int | None = None,
    prompt: str | None = None,
    ui_locales: str | None = None,
) -> Pending:
    """A new authorization request. Raises FlowError where the issuer has no authorization endpoint."""
    if discovery.authorization_endpoint is None:
        raise FlowError("issuer", f"{discovery.issuer} names no authorization endpoint.")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "scope": scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        "acr_values": " ".join(acr_values) or None,
        "max_age": None if max_age is None else str(max_age),
        "prompt": prompt,
        "ui_locales": ui_locales,
    }
    given = urlencode({name: value for name, value in query.items() if value is not None}, quote_via=quote)
    joint = "&" if "?" in discovery.authorization_endpoint else "?"
    return Pending(f"{discovery.authorization_endpoint}{joint}{given}", nonce, state, verifier)


def challenge(verifier: str) -> str:
    """PKCE's S256 of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def code_of(discovery: Discovery, state: str, answer: Mapping[str, str]) -> str:
    """The code in the query at the redirect address. Raises FlowError."""
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise FlowError("state", "The answer does not belong to the log-in that was begun.")
    if ("iss" in answer or discovery.names_itself) and answer.get("iss") != discovery.issuer:
        raise FlowError("issuer", "The answer is not of the issuer that was asked.")
    if "error" in answer:
        raise FlowError(answer["error"][:64], f"The issuer refused the log-in: {answer['error'][:64]}.")
    if not answer.get("code"):
        raise FlowError("no-code", "The issuer's answer holds no code.")
    return answer["code"]


def redeem(http: httpx.Client, discovery: Discovery, client: Client, code: str, verifier: str) -> str:
    """The ID token for a code. Raises FlowError; `no-answer` where the issuer may answer later."""
    if discovery.token_endpoint is None:
        raise FlowError("issuer", f"{discovery.issuer} names no token endpoint.")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"accept": "application/json"}
    if client.secret is None:
        form["client_id"] = client.id
    else:
        pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    try:
        with http.stream("POST", discovery.token_endpoint, data=form, headers=headers) as response:
            body = read_bounded(response, MAX_ANSWER, 10.0)
    except (httpx.HTTPError, ValueError) as error:
        raise FlowError("no-answer", f"{discovery.issuer} gives no token: {error}.") from error
    return _token(discovery, response.status_code, body)


def _token(discovery: Discovery, status: int, body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        document = {}
    if status == httpx.codes.OK and isinstance(document.get("id_token"), str):
        return str(document["id_token"])
    if status >= 500:
        raise FlowError("no-answer", f"{discovery.issuer} answered {status}.")
    code = str(document.get("error", "no-token"))[:64]
    raise FlowError(code, f"{discovery.issuer} gives no token: {code}.")
