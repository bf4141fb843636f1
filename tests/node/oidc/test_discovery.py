# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an issuer may say of itself, and what of it is not believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from node.oidc.discovery import MAX_BYTES, Discovery, DiscoveryError, discover, parse
from node.oidc.fetch import is_secure
from tests.eid import Provider

ISSUER = "https://eid.example.org"
GOOD = {
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/jwks",
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
}


def described(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not None}).encode()


def test_the_parts_that_are_used() -> None:
    assert parse(described(authorization_response_iss_parameter_supported=True), ISSUER) == Discovery(
        ISSUER, f"{ISSUER}/jwks", f"{ISSUER}/auth", f"{ISSUER}/token", None, True
    )
    assert parse(described(token_endpoint=None), ISSUER).token_endpoint is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (described(issuer="https://eid.example.net"), "another issuer's"),
        (described(issuer=ISSUER + "/"), "another issuer's"),
        (described(issuer=None), "another issuer's"),
        (described(jwks_uri=None), "no jwks_uri"),
        (described(jwks_uri="http://eid.example.org/jwks"), "jwks_uri is no https"),
        (described(jwks_uri="file:///etc/passwd"), "jwks_uri is no https"),
        (described(token_endpoint="http://169.254.169.254/"), "token_endpoint is no https"),
        (described(authorization_endpoint=7), "authorization_endpoint is no https"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON"),
        (b"[" * 50_000, "no JSON"),
    ],
)
def test_what_is_not_believed(body: bytes, reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        parse(body, ISSUER)


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://eid.example.org", True),
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://localhost.example.org/x", False),
        ("http://127.0.0.1.example.org/x", False),
        ("http://10.0.0.1/x", False),
        ("https://", False),
        ("http://[/", False),
        ("ftp://127.0.0.1/", False),
    ],
)
def test_only_https_or_this_machine(url: str, secure: bool) -> None:
    assert is_secure(url) is secure


def test_the_real_provider_describes_itself(provider: Provider) -> None:
    found = discover(provider.issuer)
    assert found.issuer == provider.issuer
    assert found.authorization_endpoint
    assert found.token_endpoint
    assert found.names_itself


@pytest.fixture
def answering() -> Iterator[dict[str, Any]]:
    """A server on loopback that answers with what the test puts into it, and says what was asked of it."""
    told: dict[str, Any] = {"asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told["asked"].append(self.path)
            self.send_response(told.get("status", 200))
            for name, value in told.get("headers", {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.get("body", b""))

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        told["issuer"] = f"http://127.0.0.1:{server.server_address[1]}"
        yield told
        server.shutdown()
        thread.join()


def test_redirects_are_not_followed_and_answers_are_bounded(answering: dict[str, Any]) -> None:
    issuer = answering["issuer"]
    answering.update(status=302, headers={"location": f"{issuer}/elsewhere"})
    with pytest.raises(DiscoveryError, match="answered 302"):
        discover(issuer)
    assert answering["asked"] == ["/.well-known/openid-configuration"]

    answering.update(status=200, headers={}, body=b" " * (MAX_BYTES + 1))
    with pytest.raises(DiscoveryError, match="more than"):
        discover(issuer)
    answering.update(body=described())
    with pytest.raises(DiscoveryError, match="another issuer's"):
        discover(issuer)


def test_an_issuer_in_the_clear_is_not_asked() -> None:
    with pytest.raises(DiscoveryError, match="is https"):
        discover("http://eid.example.org")
