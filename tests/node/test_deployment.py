# SPDX-License-Identifier: AGPL-3.0-or-later
"""Deployment on a real chain, its file, and what is refused: other keys, other code, other chains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.compiler import Build
from node.contracts import decode_error
from node.deploy import PINNED_KEY_FILE, Plan, created_address, deploy, pinned_key, require_pinned_key
from node.deployment import SUITE, Deployment
from node.engine import EmbeddedEngine
from node.entity import EntityFolder
from node.errors import ContractError, DeploymentError, EntityError
from node.member import Member
from node.motions import Step, add_suite, motions
from node.rpc import RpcClient
from protocol.hashing import keccak
from protocol.proof import PINNED_KEY_HASH
from tests.node.town import trapdoor


@pytest.fixture(scope="module")
def rpc(engine: EmbeddedEngine) -> Iterator[RpcClient]:
    with RpcClient.connect(engine.url) as client:
        yield client


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[EntityFolder]:
    base = tmp_path_factory.mktemp("founders")
    return [EntityFolder.create(base / name, name, f"https://{name}.example".lower(), 1) for name in "ABC"]


@pytest.fixture(scope="module")
def deployment(rpc: RpcClient, folders: list[EntityFolder]) -> Deployment:
    return deploy(rpc, Plan([one.public for one in folders], 5, "test", finality=0.0))


@pytest.fixture
def file(deployment: Deployment, tmp_path: Path) -> Path:
    deployment.save(tmp_path / "deployments" / "test.json")
    return tmp_path / "deployments" / "test.json"


def test_the_deployment_is_read_back_and_is_what_the_sources_compile_to(
    deployment: Deployment, file: Path, rpc: RpcClient, contracts: Build
) -> None:
    assert Deployment.load(file) == deployment
    deployment.check(rpc)
    deployment.check_source(rpc, contracts)
    require_pinned_key(rpc, deployment)
    assert deployment.verifying_key_hash == PINNED_KEY_HASH
    assert deployment.contract("Consortium").read(rpc, "minimumAnonymity") == 5
    receipt = rpc.receipt(deployment.contracts["Tally"].transaction)
    assert receipt is not None
    assert receipt.contract == deployment.address("Tally")
    assert receipt.block_number >= deployment.block


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("schema",), "urna/deployment/v0"),
        (("chainId",), "x"),
        (("genesisHash",), "0x12"),
        (("contracts", "Tally"), {}),
        (("contracts", "Tally", "address"), "0x" + "1" * 38),
        (("contracts",), {}),
    ],
)
def test_a_malformed_file_is_a_typed_error(file: Path, path: tuple[str, ...], to: Any) -> None:
    content = json.loads(file.read_text())
    at = content
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    file.write_text(json.dumps(content))

    with pytest.raises(DeploymentError, match="malformed"):
        Deployment.load(file)


def test_another_chain_or_genesis_is_refused(deployment: Deployment, rpc: RpcClient) -> None:
    for other in (replace(deployment, chain_id=1), replace(deployment, genesis_hash=b"\x01" * 32)):
        with pytest.raises(DeploymentError, match="give the other --rpc or --deployment"):
            other.check(rpc)


def test_other_code_at_an_address_is_refused(deployment: Deployment, rpc: RpcClient, contracts: Build) -> None:
    moved = {**deployment.contracts, "Tally": replace(deployment.contracts["Tally"], address=b"\x07" * 20)}
    with pytest.raises(DeploymentError, match="Tally"):
        replace(deployment, contracts=moved).check(rpc)

    one = contracts["contracts/Ceremony.sol:Ceremony"]
    changed = replace(one, runtime=one.runtime[:-1] + bytes([one.runtime[-1] ^ 1]))
    others = tuple(changed if artefact is one else artefact for artefact in contracts.artefacts)
    with pytest.raises(DeploymentError, match="Ceremony"):
        deployment.check_source(rpc, replace(contracts, artefacts=others))


def test_any_other_verifying_key_is_refused(
    rpc: RpcClient, folders: list[EntityFolder], deployment: Deployment, tmp_path: Path
) -> None:
    fake = deploy(rpc, Plan([one.public for one in folders], 5, "fake", finality=0.0, test_key=trapdoor()[0]))
    lying = replace(fake, verifying_key_hash=PINNED_KEY_HASH)

    for one in (fake, lying):
        with pytest.raises(DeploymentError, match="another key"):
            require_pinned_key(rpc, one)
        with pytest.raises(DeploymentError, match="another key"):
            Member.open(folders[0].path, rpc, one)
    document = json.loads(PINNED_KEY_FILE.read_text())
    document["IC"][0], document["IC"][1] = document["IC"][1], document["IC"][0]
    (tmp_path / "key.json").write_text(json.dumps(document))
    with pytest.raises(DeploymentError, match="not the pinned one"):
        pinned_key(tmp_path / "key.json")
    with pytest.raises(DeploymentError, match="npm ci"):
        pinned_key(tmp_path / "none.json")
    require_pinned_key(rpc, deployment)


def test_a_constructor_that_refuses_is_a_typed_error(rpc: RpcClient, folders: list[EntityFolder]) -> None:
    with pytest.raises(ContractError) as caught:
        deploy(rpc, Plan([one.public for one in folders], 0, "test", finality=0.0))
    assert caught.value.name == "InvalidMinimumAnonymity"
    twice = [folders[0].public, folders[1].public, replace(folders[2].public, name="A")]
    with pytest.raises(DeploymentError, match="same name"):
        deploy(rpc, Plan(twice, 5, "test", finality=0.0))


def test_a_majority_lists_the_suite(rpc: RpcClient, folders: list[EntityFolder], deployment: Deployment) -> None:
    members = [Member.open(one.path, rpc, deployment) for one in folders]

    assert [member.entity for member in members] == [1, 2, 3]
    assert add_suite(members[0]) == Step(1, "Proposed motion 1.", False)
    assert add_suite(members[0]) == Step(1, "Motion 1 was approved by this entity already.", False)
    assert add_suite(members[1]) == Step(1, "Approved motion 1.", True)
    assert add_suite(members[2]) == Step(0, "Nothing was left to do.", True)
    suite = deployment.contract("Consortium").read(rpc, "suite", 0)
    assert tuple(suite.values()) == tuple(deployment.address(name) for name in SUITE)
    assert [(one.call, one.executed) for one in motions(rpc, deployment)] == [("Consortium.addSuite", True)]


def test_a_stranger_is_no_member(rpc: RpcClient, deployment: Deployment, tmp_path: Path) -> None:
    stranger = EntityFolder.create(tmp_path, "D", "https://d.example", 1)

    with pytest.raises(EntityError, match="no active member"):
        Member.open(stranger.path, rpc, deployment)


def test_addresses_are_predicted_as_the_chain_makes_them() -> None:
    """The example of the Ethereum wiki on CREATE: this sender's first two contracts."""
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")

    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


def test_errors_are_decoded_by_the_compiled_interfaces() -> None:
    data = keccak(b"AlreadyDealt(uint8)")[:4] + (3).to_bytes(32, "big")

    error = decode_error(data, "the dealing")

    assert (error.name, error.arguments) == ("AlreadyDealt", {"dealer": 3})
    assert str(error) == "The contract refused the dealing: AlreadyDealt(dealer=3)."
    assert decode_error(data[:10], "x").name == "Unexplained"
    assert decode_error(b"", "x").name == "Unexplained"
    overflow = bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")
    assert decode_error(overflow, "x").arguments["meaning"] == "overflow"
