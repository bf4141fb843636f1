# SPDX-License-Identifier: AGPL-3.0-or-later
"""A browser for tests: keeps cookies by path, says where a request comes from, and goes where it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.gateway.consortium import Consortium


@dataclass
class Browser:
    """At one gateway; `client` is its jar of cookies."""

    consortium: Consortium
    client: httpx.Client
    origin: str

    def begin(self, purpose: str = "session", **body: Any) -> dict[str, Any]:
        response = self.post("/v1/authorisations", {"purpose": purpose, "issuer": self.consortium.iss, **body})
        assert response.status_code == 201, response.text
        return dict(response.json())

    def consent(self, url: str) -> str:
        """At the issuer; where it sends the browser back to."""
        response = httpx.get(url, trust_env=False)
        assert response.status_code == 303, response.text
        return response.headers["location"]

    def log_in(self, **body: Any) -> httpx.Response:
        """The whole way; what the callback answered."""
        return self.client.get(self.consent(self.begin(**body)["url"]))

    def token(self, **body: Any) -> str:
        """By an authorisation for one act."""
        begun = self.begin(**body)
        assert self.client.get(self.consent(begun["url"])).status_code == 200
        response = self.post(f"/v1/authorisations/{begun['authorisation']}/token")
        assert response.status_code == 200, response.text
        return str(response.json()["id_token"])

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.client.post(path, json=body, headers={"Origin": self.origin, **headers})

    def delete(self, path: str, **headers: str) -> httpx.Response:
        return self.client.delete(path, headers={"Origin": self.origin, **headers})


def browser(consortium: Consortium, name: str = "A") -> Browser:
    url = consortium.served[name].url
    return Browser(consortium, httpx.Client(base_url=url, timeout=30, trust_env=False), url)
