# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of the addresses that members write onto the chain are asked (K2: a stolen member key)."""

from __future__ import annotations

import pytest

from node.addresses import may_be_asked

OWN, DEVELOPMENT = "https://urna.porto.example", "http://127.0.0.1:8700"


@pytest.mark.parametrize("endpoint", ["https://urna.example.org", "https://example.org:8443/urna", "https://192.0.2.7"])
def test_a_members_https_address_is_asked(endpoint: str) -> None:
    assert may_be_asked(endpoint, OWN)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://urna.example.org",
        "https://urna.example.org/delete?all=",
        "https://urna.example.org/?",
        "https://urna.example.org/#",
        "https://user:password@urna.example.org",
        "http://169.254.169.254/latest",
        "https://169.254.169.254",
        "https://[::1]:8545",
        "https://[::1",
        "https://urna.example.org\\x",
        "https://urna.example.org/\n",
        "file:///etc/passwd",
        "urna.example.org",
        "",
    ],
)
def test_K2_what_a_stolen_key_could_write_is_not_asked(endpoint: str) -> None:
    assert not may_be_asked(endpoint, OWN)
    assert not may_be_asked(endpoint, DEVELOPMENT) or endpoint.startswith("https://[::1]") or "169.254" in endpoint


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8545", "http://localhost:9000", "https://localhost", "https://127.8.8.8"]
)
def test_K2_this_machine_is_only_asked_by_who_is_on_it_alone(endpoint: str) -> None:
    assert not may_be_asked(endpoint, OWN)
    assert may_be_asked(endpoint, DEVELOPMENT)
