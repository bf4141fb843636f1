# SPDX-License-Identifier: AGPL-3.0-or-later
"""Forged, stale and misdirected ID tokens (J1, J3, J4), against a verifier alone: each refusal and its code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import problems
from gateway.eid.issuers import Issuer, IssuerSettings
from gateway.eid.tokens import TokenVerifier

ISS = "https://eid.example"
NONCE = "n" * 43
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any, kid: str, algorithm: str) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if algorithm.startswith("RS") else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": algorithm, "use": "sig"}


KEY_SET = json.dumps({"keys": [jwk(RSA_KEY, "rsa", "RS256"), jwk(EC_KEY, "ec", "ES256")]}).encode()


class Counter:
    """Serves the key set and counts how often it was asked."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(self, url: str, timeout: float) -> bytes:
        self.urls.append(url)
        return KEY_SET


@pytest.fixture
def fetch() -> Counter:
    return Counter()


AUDIENCES = ("urna", "urna-b")
NOW = 1_800_000_000
LEEWAY = 5


@pytest.fixture
def clock() -> list[float]:
    return [float(NOW)]


@pytest.fixture
def verifier(fetch: Counter, clock: list[float]) -> TokenVerifier:
    issuer = IssuerSettings(iss=ISS, jwks_uri=f"{ISS}/jwks", audiences=AUDIENCES, leeway=LEEWAY)  # type: ignore[arg-type]  # pydantic parses the URL
    return TokenVerifier({ISS: Issuer(issuer, fetch, clock=lambda: clock[0])}, now=lambda: clock[0])


def claims(**changes: Any) -> dict[str, Any]:
    now = NOW
    base = {
        "iss": ISS,
        "aud": "urna",
        "sub": "person",
        "nonce": NONCE,
        "iat": now,
        "exp": now + 60,
        "acr": "substantial",
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def sign(payload: dict[str, Any], key: Any = EC_KEY, algorithm: str = "ES256", **header: Any) -> str:
    return jwt.api_jws.encode(json.dumps(payload).encode(), key, algorithm=algorithm, headers={"kid": "ec", **header})


def test_good_token_names_the_person(verifier: TokenVerifier) -> None:
    person = verifier.verify(sign(claims(birthdate="2000-01-01", address="secret street")), NONCE)
    assert (person.subject, person.namespace) == ("person", ISS)
    assert dict(person.claims) == {"birthdate": "2000-01-01", "acr": "substantial"}
    assert "person" not in repr(person).replace("Person(", "")


def unsigned(algorithm: str) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'kid': 'ec', 'typ': 'JWT'})}.{part(claims())}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_J1_unsigned_token_is_refused(verifier: TokenVerifier, fetch: Counter, algorithm: str) -> None:
    with pytest.raises(problems.TokenAlgorithm):
        verifier.verify(unsigned(algorithm), NONCE)
    assert fetch.urls == []


def hs256(secret: bytes) -> str:
    head, body, _ = unsigned("HS256").split(".")
    mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "secret",
    [
        RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk(RSA_KEY, "rsa", "RS256")).encode(),
        b"",
    ],
    ids=["pem", "jwk", "empty"],
)
def test_J1_public_key_as_shared_secret_is_refused(verifier: TokenVerifier, secret: bytes) -> None:
    with pytest.raises(problems.TokenAlgorithm):
        verifier.verify(hs256(secret), NONCE)


def test_J1_foreign_key_under_a_known_id_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(problems.TokenSignature):
        verifier.verify(sign(claims(), OTHER_KEY, "RS256", kid="rsa"), NONCE)


def test_J1_algorithm_of_another_key_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(problems.TokenAlgorithm):
        verifier.verify(sign(claims(), RSA_KEY, "RS256", kid="ec"), NONCE)


def test_J1_a_key_that_is_too_short_signs_nothing(clock: list[float]) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # what an issuer never should publish
    key_set = json.dumps({"keys": [jwk(short, "short", "RS256")]}).encode()
    issuer = IssuerSettings(iss=ISS, jwks_uri=f"{ISS}/jwks", audiences=AUDIENCES)  # type: ignore[arg-type]  # pydantic parses the URL
    verifier = TokenVerifier({ISS: Issuer(issuer, lambda url, timeout: key_set)}, now=lambda: clock[0])
    with warnings.catch_warnings(action="ignore"):
        token = sign(claims(), short, "RS256", kid="short")
    with pytest.raises(problems.TokenMalformed):
        verifier.verify(token, NONCE)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": jwk(OTHER_KEY, "rsa", "RS256")},
        {"jku": "https://attacker.example/jwks"},
        {"x5u": "https://attacker.example/cert"},
    ],
    ids=["jwk", "jku", "x5u"],
)
def test_J1_keys_named_in_the_token_are_ignored(
    verifier: TokenVerifier, fetch: Counter, header: dict[str, Any]
) -> None:
    with pytest.raises(problems.TokenSignature):
        verifier.verify(sign(claims(), OTHER_KEY, "RS256", kid="rsa", **header), NONCE)
    assert set(fetch.urls) <= {f"{ISS}/jwks"}


@pytest.mark.parametrize("kid", ["", "x" * 129, "a\nb"])
def test_J2_hostile_key_id_causes_no_request(verifier: TokenVerifier, fetch: Counter, kid: str) -> None:
    with pytest.raises(problems.TokenSignature):
        verifier.verify(sign(claims(), kid=kid), NONCE)
    assert fetch.urls == []


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"exp": NOW - 3600}, problems.TokenExpired),
        ({"exp": None}, problems.TokenNoExpiry),
        ({"nbf": NOW + 3600}, problems.TokenNotYetValid),
        ({"iat": NOW + 3600}, problems.TokenNotYetValid),
        ({"iss": "https://other.example"}, problems.TokenIssuer),
        ({"iss": None}, problems.TokenIssuer),
        ({"aud": "other"}, problems.TokenAudience),
        ({"aud": ["urna", "other"]}, problems.TokenAudience),
        ({"aud": ["urna", "other"], "azp": "urna"}, problems.TokenAudience),
        ({"aud": ["urna", "urna-b"]}, problems.TokenAudience),
        ({"aud": "urna", "azp": "other"}, problems.TokenAudience),
        ({"aud": []}, problems.TokenAudience),
        ({"aud": {"urna": 1}}, problems.TokenAudience),
        ({"iss": [ISS]}, problems.TokenIssuer),
        ({"iat": None}, problems.TokenMalformed),
        ({"iat": True}, problems.TokenMalformed),
        ({"exp": float("inf")}, problems.TokenMalformed),
        ({"sub": 7}, problems.TokenMalformed),
        ({"sub": "x" * 256}, problems.TokenMalformed),
        ({"aud": None}, problems.TokenAudience),
        ({"sub": None}, problems.TokenMalformed),
        ({"sub": ""}, problems.TokenMalformed),
        ({"exp": "soon"}, problems.TokenMalformed),
        ({"nonce": None}, problems.TokenNonce),
        ({"nonce": ["n"]}, problems.TokenNonce),
    ],
)
def test_J3_each_wrong_claim_has_its_code(
    verifier: TokenVerifier, payload: dict[str, Any], expected: type[problems.Problem]
) -> None:
    with pytest.raises(problems.Problem) as caught:
        verifier.verify(sign(claims(**payload)), NONCE)
    assert type(caught.value) is expected


def test_J3_access_token_is_no_id_token(verifier: TokenVerifier) -> None:
    with pytest.raises(problems.TokenMalformed):
        verifier.verify(sign(claims(), typ="at+jwt"), NONCE)


@pytest.mark.parametrize(
    "payload",
    [{"aud": "urna-b"}, {"aud": ["urna"]}, {"aud": "urna", "azp": "urna"}, {"aud": list(AUDIENCES), "azp": "urna"}],
)
def test_J3_a_token_for_another_members_client_of_the_sector_is_good(
    verifier: TokenVerifier, payload: dict[str, Any]
) -> None:
    assert verifier.verify(sign(claims(**payload)), NONCE).subject == "person"


#: (claim, seconds from now, which problem): the last moment on each side of the leeway.
BOUNDARIES: list[tuple[str, int, type[problems.Problem] | None]] = [
    ("exp", -LEEWAY + 1, None),
    ("exp", -LEEWAY, problems.TokenExpired),
    ("exp", -LEEWAY - 1, problems.TokenExpired),
    ("nbf", LEEWAY, None),
    ("nbf", LEEWAY + 1, problems.TokenNotYetValid),
    ("iat", LEEWAY, None),
    ("iat", LEEWAY + 1, problems.TokenNotYetValid),
]


@pytest.mark.parametrize(("claim", "offset", "expected"), BOUNDARIES)
def test_J3_times_are_judged_to_the_second_with_the_leeway(
    verifier: TokenVerifier, claim: str, offset: int, expected: type[problems.Problem] | None
) -> None:
    token = sign(claims(**{claim: NOW + offset}))
    if expected is None:
        assert verifier.verify(token, NONCE).subject == "person"
    else:
        with pytest.raises(expected):
            verifier.verify(token, NONCE)


def test_J3_unknown_level_of_assurance_is_none(verifier: TokenVerifier) -> None:
    assert "acr" not in verifier.verify(sign(claims(acr="gold")), NONCE).claims


def test_J4_token_for_another_commitment_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(problems.TokenNonce):
        verifier.verify(sign(claims(nonce="m" * 43)), NONCE)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "é" * 10, "x" * 9000, "." * 5000, "e30.e30."])
def test_garbage_is_malformed(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises((problems.TokenMalformed, problems.TokenAlgorithm)):
        verifier.verify(token, NONCE)
