# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers at their gateways, and an initiative's way through the back office."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.officers.roles import Role
from tests.gateway.browser import browser
from tests.gateway.consortium import Consortium, until

OFFICE = "/v1/back-office"
ENDED = ("final", "failed")
OPENED: list[httpx.Client] = []


@dataclass
class Desk:
    """One officer, logged in at one entity's gateway."""

    client: httpx.Client
    headers: Mapping[str, str]
    officer: str

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.client.get(OFFICE + path, headers=self.headers, params=parameters)

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": key or secrets.token_hex(16)}
        return self.client.post(OFFICE + path, headers=headers, json={} if body is None else body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.client.put(OFFICE + path, headers=self.headers, json=body)

    def act(self, path: str, body: Any = None, key: str | None = None) -> dict[str, Any]:
        """Orders an act and waits for its end."""
        ordered = self.post(path, body, key)
        assert ordered.status_code == 202, ordered.text
        return self.ended(ordered.json()["act"])

    def ended(self, act: str) -> dict[str, Any]:
        until(lambda: self.get(f"/acts/{act}").json()["status"] in ENDED)
        answer = self.get(f"/acts/{act}").json()
        assert isinstance(answer, dict)
        return answer


def desk(consortium: Consortium, name: str, *roles: str) -> Desk:
    """Somebody new with these roles, invited by the entity, logged in with the eID."""
    person = f"person-{secrets.token_hex(6)}"
    consortium.provider.person = person
    one = browser(consortium, name)
    OPENED.append(one.client)
    assert one.log_in().status_code == 200
    consortium.provider.reset()
    officers = consortium.gateways[name].services.log_in.officers
    pseudonym, code, _ = officers.invite(None, person, [Role(role) for role in roles])
    assert one.post(f"{OFFICE}/invitations/accept", {"code": code}).status_code == 200
    return Desk(one.client, {"Origin": one.origin}, pseudonym)


def document(consortium: Consortium, **changes: Any) -> dict[str, Any]:
    """A draft's document whose windows begin now: registration in 60 s, an hour each for every phase."""
    opens = consortium.town.now() + 60
    made: dict[str, Any] = {
        "title": f"Budget {secrets.token_hex(4)}",
        "kind": "participatory-budget",
        "scope": {"residence": ["PT-1106"]},
        "windows": {
            "registration-opens": opens,
            "registration-closes": opens + 3600,
            "voting-opens": opens + 7200,
            "voting-closes": opens + 7200 + 2 * 86400,
            "challenge-period": 3600,
            "max-extension": 86400,
            "ceremony-step": 600,
        },
        "ballot": {"type": "approval", "min-length": 1, "max-length": 3},
        "allocation": {"rule": "greedy", "budget": "100"},
        "registrars": [1, 2, 3],
        "registrar-threshold": 2,
        "trustees": [1, 2, 3],
        "trustee-threshold": 2,
        "minimum-anonymity": 3,
        "proposals-per-person": 10,
        "issuers": [consortium.iss],
    }
    return made | changes


def approved(consortium: Consortium, writer: Desk, second: Desk, **changes: Any) -> str:
    """A draft that one officer wrote and another approved."""
    made = writer.post("/drafts", {"document": document(consortium, **changes)})
    assert made.status_code == 201, made.text
    id_ = str(made.json()["draft"])
    assert made.json()["faults"] == []
    assert writer.post(f"/drafts/{id_}/submission").status_code == 200
    assert second.post(f"/drafts/{id_}/approval", {"version": 1}).status_code == 200
    return id_


def published(consortium: Consortium, writer: Desk, second: Desk, **changes: Any) -> int:
    """The initiative of a draft; every registrar has its pepper."""
    id_ = approved(consortium, writer, second, **changes)
    assert second.act(f"/drafts/{id_}/publication")["status"] == "final"
    found = second.get(f"/drafts/{id_}").json()
    assert found["state"] == "published", found
    until(lambda: peppers(second, id_) == {2: None, 3: None})
    consortium.await_current()
    return int(found["initiative"])


def peppers(one: Desk, id_: str) -> dict[int, str | None]:
    return {row["entity"]: row["problem"] for row in one.get(f"/drafts/{id_}").json()["peppers"]}
