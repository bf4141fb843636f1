# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounded reading of other people's servers: no redirects, no proxies, an end in bytes and in seconds."""

from __future__ import annotations

import time
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from node.plain import AS_IT_IS, is_compressed


def get(url: str, timeout: float, limit: int) -> bytes:
    """GET of at most `limit` bytes, as a whole within about twice `timeout` seconds.

    Raises httpx.HTTPError, also for any status but 200; ValueError where the answer is too long or drips in.
    """
    with (
        httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, headers=AS_IT_IS) as client,
        client.stream("GET", url) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise httpx.HTTPStatusError(
                f"{url} answered {response.status_code}", request=response.request, response=response
            )
        return read_bounded(response, limit, timeout)


def read_bounded(response: httpx.Response, limit: int, timeout: float) -> bytes:
    """The body of a streamed response. Raises ValueError where it is longer than `limit` bytes, compressed, or drips in
    for longer than `timeout` seconds: httpx itself only bounds the time between two chunks."""
    if is_compressed(response):
        raise ValueError("the answer is compressed, which was not asked for")
    body, end = bytearray(), time.monotonic() + timeout
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise ValueError(f"the answer has more than {limit} bytes")
        if time.monotonic() > end:
            raise ValueError(f"the answer took longer than {timeout:.0f} s")
    return bytes(body)


def is_secure(url: str) -> bool:
    """Whether it is https, or http to this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme != "http":
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
