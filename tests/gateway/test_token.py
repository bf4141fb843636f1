# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway whose keys live in a PKCS #11 token: it signs everything there, and waits while the token is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pkcs11
import pytest
from eth_account import Account
from sqlalchemy import select

from gateway.journal.tables import TX
from node.engine import EmbeddedEngine
from node.errors import KeystoreError
from node.promises import Given, Outcome, check
from node.token import TokenKey, TokenUri, _token
from protocol.promise import SignedPromise
from protocol.types import Role
from tests.gateway.consortium import Consortium, landed, open_consortium, problem, until
from tests.token import new_token


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> TokenUri:
    return new_token(tmp_path_factory.mktemp("gateway-token"))


@pytest.fixture(scope="module")
def consortium(
    engine: EmbeddedEngine, token: TokenUri, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Consortium]:
    """Entity A's accounts are in the token: it created the initiative with it, too."""
    with open_consortium(engine, tmp_path_factory.mktemp("tokens"), {"A": token}) as opened:
        yield opened


def test_a_gateway_registers_with_signatures_from_its_token(consortium: Consortium) -> None:
    """As registrar, as a member towards others, as the lane's account, and for its promise."""
    initiative, folder = consortium.initiative(), consortium.town.members["A"].folder
    client = consortium.clients["A"]
    found = client.post(
        f"/v1/initiatives/{initiative}/registrations", json=consortium.registration(initiative, "quim")
    ).json()
    assert landed(client, f"/v1/registrations/{found['registration']}")["status"] == "final"
    assert isinstance(folder.key(Role.REGISTRAR), TokenKey)
    promise = Given(SignedPromise.from_json(found["promise"]))
    assert promise.signed.signer() == folder.public.accounts[Role.GATEWAY]
    (verdict,) = check(consortium.town.rpc, consortium.town.deployment, [promise])
    assert verdict.outcome is Outcome.KEPT
    raws = [row.raw for row in consortium.gateways["A"].journal.read(select(TX.c.raw))]
    assert raws
    assert {Account.recover_transaction(raw).lower() for raw in raws} <= {
        "0x" + one.hex() for one in folder.public.lanes
    }
    elsewhere = consortium.clients["B"].post(
        f"/v1/initiatives/{initiative}/registrations", json=consortium.registration(initiative, "raul")
    )
    path = f"/v1/registrations/{elsewhere.json()['registration']}"
    assert landed(consortium.clients["B"], path)["status"] == "final"  # A co-signs, or C


def test_while_the_token_is_away_nothing_is_promised_and_the_relay_waits(
    consortium: Consortium, token: TokenUri, monkeypatch: pytest.MonkeyPatch
) -> None:
    initiative = consortium.initiative()
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}/registrations"
    first = consortium.registration(initiative, "sofia")

    def gone(uri: TokenUri) -> Any:
        raise pkcs11.DeviceRemoved

    for worker in consortium.gateways["A"].workers:
        worker.stop()  # so that the token goes between acceptance and sending
    accepted = client.post(path, json=first).json()
    with monkeypatch.context() as away:
        away.setattr("node.token._open", gone)
        _token(token)._close()
        refused = problem(
            client.post(path, json=consortium.registration(initiative, "telmo")), 503, "signer-unavailable"
        )
        assert refused["detail"] == "This gateway cannot reach its key now; another member's can be asked."
        (worker, _) = consortium.gateways["A"].workers
        worker._stop.clear()
        with pytest.raises(KeystoreError, match="DeviceRemoved"):
            until(worker.round)
        status = client.get(f"/v1/registrations/{accepted['registration']}").json()
        assert (status["status"], status["problem"]) == ("accepted", None)
        assert client.get(f"/v1/initiatives/{initiative}").status_code == 200  # reads go on
    consortium.stop("A")
    consortium.start("A")
    assert landed(client, f"/v1/registrations/{accepted['registration']}")["status"] == "final"
