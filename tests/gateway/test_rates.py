# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests of one address: how many, whose address it is, and what is remembered of it (P1)."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from gateway import rates
from gateway.rates import RateLimits, Rates, forwarded


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def served(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(app: Any, client: str, path: str = "/v1/initiatives", method: str = "GET", forwarded_for: str = "") -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-forwarded-for", forwarded_for.encode())] if forwarded_for else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": (client, 1)}
    asyncio.run(app(scope, None, send))
    if sent[0]["status"] == 429:
        assert json.loads(sent[1]["body"])["code"] == "too-many"
        assert dict(sent[0]["headers"])[b"retry-after"]
    return int(sent[0]["status"])


def limits(clock: Clock, **options: Any) -> tuple[Any, Rates]:
    buckets = Rates(rate=1.0, burst=10.0, clock=clock)
    return RateLimits(served, buckets, **options), buckets


def test_who_floods_is_told_to_come_back_and_others_are_served() -> None:
    clock = Clock()
    app, _ = limits(clock)
    assert [ask(app, "192.0.2.1") for _ in range(11)] == [200] * 10 + [429]
    assert ask(app, "192.0.2.2") == 200
    clock.now += 1
    assert [ask(app, "192.0.2.1") for _ in range(2)] == [200, 429]


def test_a_write_costs_more() -> None:
    app, _ = limits(Clock())
    path = "/v1/initiatives/1/registrations"
    assert [ask(app, "192.0.2.1", path, "POST") for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("path", ["/v1/initiatives/1/ballots", "/v1/initiatives/1/slots/a"])
def test_P1_a_ballot_leaves_no_trace_of_an_address(path: str) -> None:
    app, buckets = limits(Clock())
    assert {ask(app, "192.0.2.1", path, "POST") for _ in range(30)} == {200}
    assert buckets.known() == 0


def test_P1_an_address_is_forgotten_within_the_hour_and_never_kept_as_it_is() -> None:
    clock = Clock()
    app, buckets = limits(clock)
    ask(app, "192.0.2.77")
    assert buckets.known() == 1
    assert "192.0.2.77" not in repr(vars(buckets))
    (before,) = buckets._buckets
    clock.now += rates.FORGET_AFTER
    ask(app, "192.0.2.78")
    ask(app, "192.0.2.77")
    assert before not in buckets._buckets


def test_no_more_addresses_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CLIENTS", 5)
    app, buckets = limits(Clock())
    for number in range(20):
        ask(app, f"192.0.2.{number}")
    assert buckets.known() == 5


def test_a_subscriber_is_one_whole_64_of_IPv6() -> None:
    app, _ = limits(Clock())
    answers = [ask(app, f"2001:db8::{number:x}") for number in range(1, 12)]
    assert answers == [200] * 10 + [429]
    assert ask(app, "2001:db8:0:1::1") == 200


def test_networks_of_ones_own_are_not_rationed() -> None:
    app, buckets = limits(Clock(), unlimited=[ip_network("127.0.0.0/8")])
    assert {ask(app, "127.0.0.1") for _ in range(50)} == {200}
    assert {ask(app, "::ffff:127.0.0.1") for _ in range(50)} == {200}
    assert buckets.known() == 0


def test_a_proxy_on_this_machine_that_is_not_named_lifts_nobodys_bounds() -> None:
    own = [ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24")]
    app, _ = limits(Clock(), unlimited=own)
    assert [ask(app, "127.0.0.1", forwarded_for="198.51.100.1") for _ in range(11)] == [200] * 10 + [429]
    named, _ = limits(Clock(), unlimited=own, proxies=own[:1])
    assert {ask(named, "127.0.0.1", forwarded_for="192.0.2.1") for _ in range(50)} == {200}


def test_a_forwarded_address_is_only_believed_of_a_proxy() -> None:
    clock = Clock()
    app, _ = limits(clock)
    assert [ask(app, "192.0.2.1", forwarded_for=f"198.51.100.{n}") for n in range(11)][-1] == 429
    behind, _ = limits(clock, proxies=[ip_network("10.0.0.0/8")])
    assert {ask(behind, "10.0.0.1", forwarded_for=f"198.51.100.{n}") for n in range(30)} == {200}
    assert [ask(behind, "10.0.0.1", forwarded_for=f"1.1.1.{n}, 198.51.100.99") for n in range(11)][-1] == 429


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("", "10.0.0.1"),
        ("198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("198.51.100.7, unknown", "10.0.0.1"),
        ("unknown, 10.0.0.2", "10.0.0.2"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("198.51.100.7:4711", "10.0.0.1"),
    ],
)
def test_the_right_most_address_that_is_not_ours_is_the_clients(header: str, client: str) -> None:
    assert forwarded(ip_address("10.0.0.1"), header, [ip_network("10.0.0.0/8")]) == ip_address(client)
