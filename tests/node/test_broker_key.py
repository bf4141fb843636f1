# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna entity broker-key`, against a real chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.deployment import Deployment
from node.rpc import RpcClient
from protocol.broker import parse_issuer, to_jwk
from protocol.types import P256Point
from tests.node.house import House, Run


def written(path: Path, curve: ec.EllipticCurve, *, private: bool = False) -> ec.EllipticCurvePublicKey:
    key = ec.generate_private_key(curve)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki)
    if private:
        secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, *secret)
    path.write_bytes(pem)
    return key.public_key()


def test_a_broker_is_registered_once_and_removed(house: House, run: Run, tmp_path: Path) -> None:
    numbers = written(tmp_path / "broker.pem", ec.SECP256R1()).public_numbers()
    deployment = Deployment.load(house.base / "net.json")
    consortium = deployment.contract("Consortium")

    with RpcClient.connect(house.url) as rpc:
        code, said, _ = run("entity", "broker-key", str(tmp_path / "broker.pem"), *house.at("B"))
        assert code == 0
        issuer = parse_issuer(said["issuer"])
        assert issuer is not None
        assert (issuer.chain_id, issuer.consortium) == (deployment.chain_id, consortium.address)
        assert said["key"] == to_jwk(P256Point(numbers.x, numbers.y))
        assert tuple(consortium.read(rpc, "brokerKeyOf", issuer.entity).values()) == (numbers.x, numbers.y)

        block = rpc.block_number()
        assert run("entity", "broker-key", str(tmp_path / "broker.pem"), *house.at("B"))[0] == 0
        assert rpc.block_number() == block, "it stands already: registered anew it would count for no open initiative"

        assert run("entity", "broker-key", "--remove", *house.at("B"))[1]["key"] is None
        assert tuple(consortium.read(rpc, "brokerKeyOf", issuer.entity).values()) == (0, 0)


@pytest.mark.parametrize("unfit", ["missing", "another curve", "private", "text"])
def test_what_is_no_public_key_of_the_curve_is_refused(house: House, run: Run, tmp_path: Path, unfit: str) -> None:
    path = tmp_path / "key.pem"
    if unfit == "another curve":
        written(path, ec.SECP256K1())
    elif unfit == "private":
        written(path, ec.SECP256R1(), private=True)
    elif unfit == "text":
        path.write_text("no key")
    code, said, _ = run("entity", "broker-key", str(path), *house.at("B"))
    assert code != 0
    assert "key.pem" in said["error"]["message"]


def test_a_key_or_its_removal_and_not_both(house: House, run: Run, tmp_path: Path) -> None:
    written(tmp_path / "broker.pem", ec.SECP256R1())
    assert run("entity", "broker-key", *house.at("B"))[0] != 0
    assert run("entity", "broker-key", str(tmp_path / "broker.pem"), "--remove", *house.at("B"))[0] != 0
