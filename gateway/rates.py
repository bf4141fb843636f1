# SPDX-License-Identifier: AGPL-3.0-or-later
"""So many requests of one address, ballots apart: who floods is told to come back, and nobody is remembered for it.

An address is only kept as a keyed hash, in memory; the key is thrown away every hour, and the hashes with it. Of
ballots nothing at all is kept: they are bounded all together (gateway/limits.py).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.health.service import HealthService
from gateway.observed import is_anonymous
from gateway.problems import TooMany, refuse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORGET_AFTER = 3600.0
MOST_CLIENTS = 65_536
WRITE_COST = 5.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Token buckets by keyed hash. `rate` tokens a second, up to `burst`."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()
        self._key, self._since = os.urandom(32), clock()

    def take(self, client: str, cost: float) -> float:
        """0 where the client may go on, else the seconds after which it may."""
        now = self._clock()
        with self._lock:
            if now - self._since >= FORGET_AFTER:
                self._key, self._since = os.urandom(32), now
                self._buckets.clear()
            name = hashlib.blake2b(client.encode(), key=self._key, digest_size=16).digest()
            bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
            self._buckets[name] = bucket
            if len(self._buckets) > MOST_CLIENTS:
                self._buckets.popitem(last=False)
            if bucket.tokens < cost:
                return (cost - bucket.tokens) / self._rate
            bucket.tokens -= cost
            return 0.0

    def known(self) -> int:
        return len(self._buckets)


class RateLimits:
    """Rations every request but those about ballots and those from `unlimited` networks."""

    def __init__(
        self,
        app: ASGIApp,
        rates: Rates,
        proxies: Sequence[Network] = (),
        unlimited: Sequence[Network] = (),
        health: HealthService | None = None,
    ) -> None:
        self._app = app
        self._health = health
        self._rates = rates
        self._proxies = tuple(proxies)
        self._unlimited = tuple(unlimited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_anonymous(scope["path"]):
            wait = self._wait(scope)
            if wait:
                problem = TooMany("Too many requests from this address; go on more slowly.")
                await refuse(problem, scope, receive, send, close=True)
                return
        await self._app(scope, receive, send)

    def _wait(self, scope: Scope) -> float:
        client = self._client(scope)
        if client is None or (_within(client, self._unlimited) and not self._is_strange_proxy(scope)):
            return 0.0
        is_write = scope["method"] not in ("GET", "HEAD", "OPTIONS") and not scope["path"].startswith("/members/")
        return self._rates.take(_name(client), WRITE_COST if is_write else 1.0)

    def _is_strange_proxy(self, scope: Scope) -> bool:
        """Whether it brings others' requests without being trusted: a proxy on this machine, not named in the settings,
        would lift the bounds of everybody behind it."""
        peer = _parsed(scope["client"][0]) if scope.get("client") else None
        is_ours = peer is not None and _within(peer, self._proxies)
        return not is_ours and any(name == b"x-forwarded-for" for name, _ in scope["headers"])

    def _client(self, scope: Scope) -> Address | None:
        peer = None if not scope.get("client") else _parsed(scope["client"][0])
        headers = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if peer is None or not _within(peer, self._proxies):
            if headers and self._health is not None and peer is not None and peer.is_private:
                self._health.untrusted_proxy = True  # all its clients count as one
            return peer
        return forwarded(peer, b",".join(headers).decode("latin-1"), self._proxies)


def forwarded(peer: Address, header: str, proxies: Sequence[Network]) -> Address:
    """The right-most address in X-Forwarded-For that is no proxy of ours: what stands left of it anybody can write.

    The last proxy itself where something else than an address is there.
    """
    client = peer
    for part in reversed(header.split(",")):
        hop = _parsed(part.strip())
        if hop is None:
            return client
        client = hop
        if not _within(hop, proxies):
            return client
    return client


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _name(address: Address) -> str:
    """One subscriber has a whole /64 of IPv6."""
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)
