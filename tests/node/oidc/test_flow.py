# SPDX-License-Identifier: AGPL-3.0-or-later
"""The client's side of the authorization code flow: what it asks, and which answers it does not take."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from node.oidc import flow
from node.oidc.discovery import Discovery
from node.oidc.flow import Client, FlowError

ISSUER = "https://eid.example.org"
DISCOVERY = Discovery(ISSUER, f"{ISSUER}/jwks", f"{ISSUER}/auth?realm=a", f"{ISSUER}/token", None, True)
CLIENT = Client("urna", "https://urna.example.org/callback")
STATE = "s" * 43


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    assert (
        flow.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_a_request_says_everything_and_no_two_are_alike() -> None:
    pending = flow.begin(DISCOVERY, CLIENT, "n" * 43, acr_values=["substantial", "high"], max_age=0, prompt="login")
    query = dict(parse_qsl(urlsplit(pending.url).query))

    assert query == {
        "realm": "a",
        "response_type": "code",
        "client_id": "urna",
        "redirect_uri": CLIENT.redirect_uri,
        "scope": "openid eligibility",
        "state": pending.state,
        "nonce": "n" * 43,
        "code_challenge": flow.challenge(pending.verifier),
        "code_challenge_method": "S256",
        "acr_values": "substantial high",
        "max_age": "0",
        "prompt": "login",
    }
    again = flow.begin(DISCOVERY, CLIENT, "n" * 43)
    assert again.state != pending.state
    assert again.verifier != pending.verifier
    assert pending.verifier not in repr(pending)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"code": "c", "iss": ISSUER}, "state"),
        ({"code": "c", "iss": ISSUER, "state": "t" * 43}, "state"),
        ({"code": "c", "iss": ISSUER, "state": "é"}, "state"),
        ({"code": "c", "state": STATE}, "issuer"),
        ({"code": "c", "state": STATE, "iss": ISSUER + "/"}, "issuer"),
        ({"error": "access_denied", "state": STATE, "iss": ISSUER}, "access_denied"),
        ({"state": STATE, "iss": ISSUER}, "no-code"),
    ],
)
def test_answers_that_are_not_taken(answer: dict[str, str], code: str) -> None:
    with pytest.raises(FlowError) as refused:
        flow.code_of(DISCOVERY, STATE, answer)
    assert refused.value.code == code


def test_an_issuer_that_never_names_itself_need_not() -> None:
    silent = Discovery(ISSUER, f"{ISSUER}/jwks", f"{ISSUER}/auth", f"{ISSUER}/token")
    assert flow.code_of(silent, STATE, {"code": "c", "state": STATE}) == "c"


def redeemed(answer: Callable[[httpx.Request], httpx.Response], client: Client = CLIENT) -> str:
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        return flow.redeem(http, DISCOVERY, client, "c", "v")


def test_a_secret_goes_into_the_header_and_nowhere_else() -> None:
    """RFC 6749, section 2.3.1: both parts are form-encoded first."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id_token": "a.b.c"})

    assert redeemed(answer) == "a.b.c"
    assert redeemed(answer, Client("urna", CLIENT.redirect_uri, "a:b/c")) == "a.b.c"
    public, confidential = seen
    assert "authorization" not in public.headers
    assert b"client_id=urna" in public.content
    assert base64.b64decode(confidential.headers["authorization"].split()[1]) == b"urna:a%3Ab%2Fc"
    assert b"a%3Ab" not in confidential.content


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "invalid_grant"),
        (httpx.Response(200, json={"access_token": "x"}), "no-token"),
        (httpx.Response(200, json=["x"]), "no-token"),
        (httpx.Response(200, content=b"<html>"), "no-token"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), "no-token"),
        (httpx.Response(503, content=b"down"), "no-answer"),
        (httpx.Response(200, content=json.dumps({"id_token": "x" * 70_000}).encode()), "no-answer"),
    ],
)
def test_token_answers_that_are_not_taken(response: httpx.Response, code: str) -> None:
    with pytest.raises(FlowError) as refused:
        redeemed(lambda _: response)
    assert refused.value.code == code


def test_an_issuer_that_does_not_answer() -> None:
    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    with pytest.raises(FlowError) as refused:
        redeemed(down)
    assert refused.value.code == "no-answer"
