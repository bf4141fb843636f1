# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions and what waits for a browser: how they end, and how many there may be."""

from __future__ import annotations

import pickle

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.authorisations.repository import Authorisation, Purpose, Shelf
from gateway.eid.tokens import Person
from gateway.problems import TooMany
from gateway.sessions.cookies import Cookies, Origin
from gateway.sessions.repository import MAX_PER_PERSON, Sessions
from protocol.scope import Assurance


def person(subject: str = "ana", **claims: str) -> Person:
    return Person("https://eid", "https://eid", subject, {"acr": "substantial", **claims})


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(idle=900, lifetime=3600, limit=20, clock=clock)


def test_an_unused_session_ends(sessions: Sessions, clock: Clock) -> None:
    secret, opened = sessions.open(person())
    assert (opened.expires, opened.ends) == (clock.now + 900, clock.now + 3600)
    clock.now += 899.9
    assert sessions.use(secret) is not None
    clock.now += 900
    assert sessions.use(secret) is None
    assert len(sessions) == 0


def test_a_used_session_ends_all_the_same(sessions: Sessions, clock: Clock) -> None:
    secret, _ = sessions.open(person())
    for _ in range(5):
        clock.now += 700
        assert sessions.use(secret) is not None
    clock.now += 100
    assert sessions.use(secret) is None


def test_attributes_are_forgotten_though_nobody_asks(sessions: Sessions, clock: Clock) -> None:
    sessions.open(person())
    clock.now += 901
    sessions.sweep()
    assert len(sessions) == 0


def test_a_session_is_found_by_its_secret_alone(sessions: Sessions) -> None:
    secret, opened = sessions.open(person())
    assert len(secret) == 43
    assert sessions.use(secret) == opened
    for other in ("", "A" * 43, secret[:-1], secret + "A", "\udc80"):
        assert sessions.use(other) is None
    sessions.end(secret)
    assert sessions.use(secret) is None


def test_the_secret_is_not_kept(sessions: Sessions) -> None:
    secret, _ = sessions.open(person())
    assert secret.encode() not in pickle.dumps(sessions._entries)


def test_the_oldest_of_a_persons_sessions_gives_way(sessions: Sessions) -> None:
    secrets = [sessions.open(person())[0] for _ in range(MAX_PER_PERSON + 1)]
    other, _ = sessions.open(person("bela"))
    assert [sessions.use(secret) is not None for secret in secrets] == [False] + [True] * MAX_PER_PERSON
    assert sessions.end_all("https://eid", "ana") == MAX_PER_PERSON
    assert not any(sessions.use(secret) for secret in secrets)
    assert sessions.use(other) is not None


def test_G9_sessions_are_bounded_and_what_is_over_makes_room(sessions: Sessions, clock: Clock) -> None:
    for number in range(20):
        sessions.open(person(f"p{number}"))
    with pytest.raises(TooMany):
        sessions.open(person("late"))
    clock.now += 901
    sessions.open(person("late"))


def test_a_level_that_is_none_is_none(sessions: Sessions) -> None:
    assert sessions.open(person())[1].level is Assurance.SUBSTANTIAL
    assert sessions.open(person(acr="gold"))[1].level is None


def test_nothing_personal_is_printed(sessions: Sessions) -> None:
    secret, opened = sessions.open(person("a-subject", residence="PT-1106"))
    begun = Authorisation(Purpose.SESSION, "https://eid", None, "n" * 43, "s" * 43, "v" * 64)
    printed = repr(opened) + repr(begun)
    for hidden in (secret, "a-subject", "PT-1106", begun.state, begun.nonce, begun.verifier, begun.browser):
        assert hidden not in printed


# What waits for a browser


def test_a_thing_is_taken_once_and_waits_for_a_while(clock: Clock) -> None:
    shelf: Shelf[str] = Shelf(600, limit=3, clock=clock)
    shelf.put("a", "one")
    clock.now += 300
    shelf.put("b", "two")
    assert shelf.find("a") == shelf.take("a") == "one"
    assert shelf.take("a") is None
    clock.now += 599
    assert shelf.find("b") == "two"
    clock.now += 1
    assert shelf.take("b") is None
    shelf.put("c", "three")
    clock.now += 600
    shelf.sweep()
    assert len(shelf) == 0


def test_G9_authorisations_are_bounded(clock: Clock) -> None:
    shelf: Shelf[int] = Shelf(600, limit=3, clock=clock)
    for number in range(3):
        shelf.put(str(number), number)
    with pytest.raises(TooMany):
        shelf.put("3", 3)
    clock.now += 600
    shelf.put("3", 3)


# Cookies


@pytest.mark.parametrize(
    ("endpoint", "origin", "may_log_in"),
    [
        ("https://urna.example.org", "https://urna.example.org", True),
        ("https://URNA.example.org:443/", "https://urna.example.org", True),
        ("https://urna.example.org:8443", "https://urna.example.org:8443", True),
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700", True),
        ("http://[::1]:80", "http://[::1]", True),
        ("http://localhost:8700", "http://localhost:8700", True),
        ("http://urna.example.org", "http://urna.example.org", False),
        ("http://10.0.0.1:8700", "http://10.0.0.1:8700", False),
        ("https://example.org/urna", "https://example.org", False),
    ],
)
def test_cookies_need_TLS_but_on_loopback(endpoint: str, origin: str, may_log_in: bool) -> None:
    found = Origin.of(endpoint)
    assert (found.url, found.may_log_in) == (origin, may_log_in)


def test_with_TLS_cookies_are_secure_and_say_so() -> None:
    cookies = Cookies(Origin("https://urna.example.org"))
    response = Response()
    cookies.set_session(response, "A" * 43, 3600)
    cookies.set_authorisation(response, "1" * 32, "B" * 43, 600)

    sent = response.headers.getlist("set-cookie")
    assert all(each.startswith("__Secure-urna-") and "; Secure" in each and "HttpOnly" in each for each in sent)
    assert [each.partition("SameSite=")[2].partition(";")[0] for each in sent] == ["strict", "strict", "lax"]
    assert not any("Domain" in each for each in sent)
    assert not any("Path=/;" in each or "Path=/v1;" in each for each in sent)


def test_a_cookie_without_the_prefix_is_not_believed() -> None:
    cookies = Cookies(Origin("https://urna.example.org"))

    def read(header: str) -> str | None:
        return cookies.session(Request({"type": "http", "headers": [(b"cookie", header.encode("latin-1"))]}))

    assert read(f"a=b; __Secure-urna-session={'A' * 43}") == "A" * 43
    assert read(f"urna-session={'A' * 43}") is None
    assert read(f"__Secure-urna-session={'A' * 42}") is None
    assert read(f"__Secure-urna-session={'é' * 43}") is None
    assert read(f"__Secure-urna-session={'A' * 43}; __Secure-urna-session={'B' * 43}") is None
