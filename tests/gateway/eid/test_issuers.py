# SPDX-License-Identifier: AGPL-3.0-or-later
"""An issuer's keys and description: how often it is asked (J2), and what an outage does (J5)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import problems
from gateway.eid.cache import WAITERS
from gateway.eid.claims import NAMES
from gateway.eid.issuers import Issuer, IssuerSettings, KeysUnavailable, parse_keys
from gateway.eid.tokens import TokenVerifier
from tests.gateway.eid.test_tokens import EC_KEY, ISS, KEY_SET, NONCE, NOW, claims, jwk, sign

HOUR, DAY = 3600.0, 86_400.0
DESCRIPTION = json.dumps({"issuer": ISS, "jwks_uri": f"{ISS}/the-keys"}).encode()


class Remote:
    """The issuer's server: serves what `content` holds by URL, or raises; says what it was asked."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {
            f"{ISS}/.well-known/openid-configuration": DESCRIPTION,
            f"{ISS}/the-keys": KEY_SET,
        }
        self.asked: list[str] = []
        self.down = False
        self.wait: threading.Event | None = None
        self.entered = threading.Event()

    def __call__(self, url: str, timeout: float) -> bytes:
        self.asked.append(url)
        self.entered.set()
        if self.wait is not None:
            assert self.wait.wait(20)
        if self.down:
            raise httpx.ConnectError("down")
        return self.content[url]


class World:
    def __init__(self, **settings: Any) -> None:
        self.remote = Remote()
        self.now = float(NOW)
        self.later: list[Callable[[], None]] = []
        given = IssuerSettings(**{"iss": ISS, "audiences": ["urna"], **settings})
        self.issuer = Issuer(given, self.remote, clock=lambda: self.now, background=self.later.append)
        self.verifier = TokenVerifier({ISS: self.issuer}, now=lambda: NOW)

    def background(self) -> None:
        """Run what was put off."""
        while self.later:
            self.later.pop(0)()

    def verify(self, **header: Any) -> None:
        self.verifier.verify(sign(claims(), **header), NONCE)

    def keys_asked(self) -> int:
        return sum(url.endswith("keys") for url in self.remote.asked)


@pytest.fixture
def world() -> World:
    return World()


def test_keys_are_found_by_discovery_and_kept(world: World) -> None:
    for _ in range(5):
        world.verify()
    assert world.remote.asked == [f"{ISS}/.well-known/openid-configuration", f"{ISS}/the-keys"]
    assert world.issuer.discovery().jwks_uri == f"{ISS}/the-keys"


def test_an_address_in_the_settings_needs_no_discovery() -> None:
    world = World(jwks_uri=f"{ISS}/the-keys")
    world.verify()
    assert world.remote.asked == [f"{ISS}/the-keys"]


@pytest.mark.parametrize(
    "description",
    [
        b"{}",
        json.dumps({"issuer": "https://other.example", "jwks_uri": f"{ISS}/the-keys"}).encode(),
        json.dumps({"issuer": ISS, "jwks_uri": "http://eid.example/the-keys"}).encode(),
    ],
)
def test_a_description_that_is_not_this_issuers_gives_no_keys(world: World, description: bytes) -> None:
    world.remote.content[f"{ISS}/.well-known/openid-configuration"] = description
    with pytest.raises(KeysUnavailable, match=r"eid\.example"):
        world.verify()
    assert world.keys_asked() == 0


def test_J2_unknown_key_id_asks_the_issuer_once_a_minute(world: World) -> None:
    world.verify()
    before = world.keys_asked()
    for second in range(1, 121):
        world.now = NOW + float(second)
        with pytest.raises(problems.TokenSignature):
            world.verify(kid=f"unknown-{second}")
    assert world.keys_asked() - before == 2


def test_J2_known_keys_never_wait_for_an_unknown_one(world: World) -> None:
    """A flood of unknown ids while the issuer hangs: a few wait, the others are told to come back, all else goes on."""
    world.verify()
    world.now += 100
    world.remote.entered.clear()
    world.remote.wait, go = threading.Event(), threading.Event()
    refused = {"unavailable": 0, "signature": 0}

    def hostile(number: int) -> None:
        try:
            world.verify(kid=f"unknown-{number}")
        except KeysUnavailable:
            refused["unavailable"] += 1
            if refused["unavailable"] == 40 - 1 - WAITERS:
                go.set()
        except problems.TokenSignature:
            refused["signature"] += 1

    with ThreadPoolExecutor(40) as pool:
        for number in range(40):
            pool.submit(hostile, number)
        assert world.remote.entered.wait(20)
        assert go.wait(20)
        world.verify()
        world.remote.wait.set()
    assert refused == {"unavailable": 39 - WAITERS, "signature": 1 + WAITERS}
    assert world.keys_asked() == 2


@pytest.mark.parametrize("header", [{}, {"jwk": jwk(EC_KEY, "ec", "ES256")}, {"jku": "https://evil.example/keys"}])
def test_J2_a_key_id_of_many_looks_is_only_looked_up(world: World, header: dict[str, Any]) -> None:
    world.verify()
    before = list(world.remote.asked)
    for kid in ("../../etc/passwd", "https://evil.example/keys", "' OR 1=1 --", "__proto__", "ec "):
        with pytest.raises(problems.TokenSignature):
            world.verify(kid=kid, **header)
    assert world.remote.asked == before


def test_J5_a_new_key_is_found_at_the_first_token_that_names_it(world: World) -> None:
    world.verify()
    new = ec.generate_private_key(ec.SECP256R1())
    both = {"keys": [jwk(new, "new", "ES256"), jwk(EC_KEY, "ec", "ES256")]}
    world.remote.content[f"{ISS}/the-keys"] = json.dumps(both).encode()
    token = sign(claims(), new, kid="new")

    world.now += 59
    with pytest.raises(problems.TokenSignature):
        world.verifier.verify(token, NONCE)
    world.now += 1
    assert world.verifier.verify(token, NONCE).subject == "person"
    world.verify()  # the old key is published still

    world.remote.content[f"{ISS}/the-keys"] = json.dumps({"keys": both["keys"][:1]}).encode()
    world.now += HOUR + 1
    world.verify()  # renewed behind this request
    world.background()
    with pytest.raises(problems.TokenSignature):
        world.verify()


def test_J5_keys_serve_on_through_an_outage_and_not_for_ever(world: World) -> None:
    world.verify()
    world.remote.down = True
    for hours in range(1, 24):
        world.now = NOW + hours * HOUR + 1
        world.verify()
        world.background()
    world.now = NOW + DAY
    world.verify()
    world.background()
    world.now = NOW + DAY + 1
    with pytest.raises(KeysUnavailable, match=r"eid\.example.*down"):
        world.verify()

    world.remote.down = False
    world.now += 2
    world.verify()


def test_J5_while_there_are_no_keys_the_issuer_is_asked_every_two_seconds(world: World) -> None:
    world.remote.down = True
    for tenth in range(100):
        world.now = NOW + tenth / 10
        with pytest.raises(KeysUnavailable):
            world.verify()
    described = [url for url in world.remote.asked if url.endswith("configuration")]
    assert len(described) == 5
    world.remote.down = False
    world.now += 2
    world.verify()


def test_the_first_keys_are_waited_for_together(world: World) -> None:
    world.remote.wait = threading.Event()
    with ThreadPoolExecutor(WAITERS) as pool:
        all_ = [pool.submit(world.verify) for _ in range(WAITERS)]
        assert world.remote.entered.wait(20)
        world.remote.wait.set()
        for one in all_:
            one.result(20)
    assert world.keys_asked() == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys":[]}', b"x" * 300_000])
def test_unusable_key_sets_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="key set"):
        parse_keys(body)


def test_claims_are_mapped_from_the_issuers_words(world: World) -> None:
    world = World(
        claims={
            "birthdate": "date_of_birth",
            "residence": {"paths": [["address", "municipality"], ["address", "parish"]], "prefix": "PT-"},
            "nationality": "https://claims.example/nationality",
        },
        assurance_claim="loa",
        assurance={"eidas2": "substantial"},
    )
    token = claims(
        date_of_birth="1990-01-01",
        address={"municipality": "1106", "parish": ["110655"], "street": "secret"},
        employer="unmapped",
        loa="eidas2",
        acr="high",
        **{"https://claims.example/nationality": ["PT", "BR"]},
    )
    assert dict(world.verifier.verify(sign(token), NONCE).claims) == {
        "birthdate": "1990-01-01",
        "residence": ["PT-1106", "PT-110655"],
        "nationality": ["PT", "BR"],
        "acr": "substantial",
    }


@pytest.mark.parametrize(
    "odd", [{"residence": 1106}, {"residence": ["a", 1]}, {"residence": {"a": "b"}}, {"residence": ["x"] * 65}]
)
def test_claims_of_another_form_are_as_if_missing(world: World, odd: dict[str, Any]) -> None:
    assert "residence" not in world.verifier.verify(sign(claims(**odd)), NONCE).claims


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"audiences": []}, "audiences"),
        ({"jwks_uri": "http://eid.example/keys"}, "over https"),
        ({"assurance": {"a": "huge"}}, "is no level"),
        ({"claims": {"shoe_size": "x"}}, "shoe_size"),
        ({"claims": {"employer": {"paths": []}}}, "paths"),
        ({"audience": "urna"}, "audience"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        IssuerSettings(**{"iss": ISS, "audiences": ["urna"], **wrong})


def test_an_issuer_in_the_clear_is_never_asked() -> None:
    plain = "http://eid.example"
    remote = Remote()
    with pytest.raises(KeysUnavailable, match="https"):
        Issuer(IssuerSettings(iss=plain, audiences=("urna",)), remote).keys()
    assert remote.asked == []


def test_every_claim_of_a_scope_can_be_mapped() -> None:
    from protocol.scope import _CODE_LISTS

    assert set(NAMES) == {"birthdate", *_CODE_LISTS}
