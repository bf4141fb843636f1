# SPDX-License-Identifier: AGPL-3.0-or-later
"""A deployment of the contracts: chain, addresses and code; its file, and its comparison with a chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node import contracts
from node.compiler import Artefact, Build, link
from node.contracts import Contract
from node.errors import DeploymentError
from node.keys import write_private
from node.rpc import RpcClient
from protocol.hashing import keccak
from protocol.proof import PINNED_KEY_HASH

SCHEMA = "urna/deployment/v1"
SUITE = ("Initiatives", "Electorate", "Proposals", "Ceremony", "BallotBox", "Tally", "FollowUp")
"""The contracts of a suite, in the order of `Types.Suite`."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One contract as it was deployed.

    `code_hash` is keccak of the code on chain, `masked_code_hash` the same with its immutables (and a library's own
    address) as zeros, `source_hash` keccak of its source file.
    """

    address: bytes
    transaction: bytes
    block: int
    code_hash: bytes
    masked_code_hash: bytes
    source_hash: bytes
    unit: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `urna deploy` wrote. `block` is the first that holds anything of it; `finality` is in seconds (BFT: 0)."""

    network: str
    chain_id: int
    genesis_hash: bytes
    block: int
    finality: float
    verifying_key_hash: bytes
    minimum_anonymity: int
    compiler: Mapping[str, Any]
    contracts: Mapping[str, Deployed]

    def address(self, name: str) -> bytes:
        """The contract's address, 20 bytes, by its name without the I: `Consortium`, `Tally`, …"""
        return self.contracts[name].address

    def contract(self, name: str) -> Contract:
        """The contract, bound to its interface."""
        return contracts.at("I" + name, self.address(name))

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """Of the consortium and the suite: everything whose events count."""
        return tuple(self.address(name) for name in ("Consortium", *SUITE))

    @property
    def suite(self) -> tuple[bytes, ...]:
        """The suite's addresses, in the order of `Types.Suite`."""
        return tuple(self.address(name) for name in SUITE)

    def save(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, json.dumps(self.to_json(), indent=2).encode() + b"\n")
        path.chmod(0o644)

    def to_json(self) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "network": self.network,
            "chainId": self.chain_id,
            "genesisHash": _hex(self.genesis_hash),
            "block": self.block,
            "finalitySeconds": self.finality,
            "verifyingKeyHash": _hex(self.verifying_key_hash),
            "minimumAnonymity": self.minimum_anonymity,
            "compiler": dict(self.compiler),
            "contracts": {name: _deployed_to_json(one) for name, one in self.contracts.items()},
        }

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Raises DeploymentError when the file is missing or malformed. The chain is not asked: see `check`."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DeploymentError(f"The deployment file {path} cannot be read; urna deploy writes it.") from error
        try:
            return cls._from_json(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeploymentError(f"The deployment file {path} is malformed: {error!r}.") from error

    @classmethod
    def _from_json(cls, content: Mapping[str, Any]) -> Deployment:
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r} instead of {SCHEMA!r}")
        found = cls(
            network=str(content["network"]),
            chain_id=int(content["chainId"]),
            genesis_hash=_bytes(content["genesisHash"], 32),
            block=int(content["block"]),
            finality=float(content["finalitySeconds"]),
            verifying_key_hash=_bytes(content["verifyingKeyHash"], 32),
            minimum_anonymity=int(content["minimumAnonymity"]),
            compiler=dict(content["compiler"]),
            contracts={name: _deployed_from_json(one) for name, one in content["contracts"].items()},
        )
        missing = [name for name in ("Consortium", *SUITE) if name not in found.contracts]
        if missing:
            raise ValueError(f"no address of {', '.join(missing)}")
        return found

    def check(self, rpc: RpcClient) -> None:
        """Whether this is the chain, and the recorded code stands at the addresses. Raises DeploymentError."""
        chain_id, genesis = rpc.chain_id(), rpc.block(0).hash
        if (chain_id, genesis) != (self.chain_id, self.genesis_hash):
            raise DeploymentError(
                f"The deployment {self.network!r} is on chain {self.chain_id} with genesis {_hex(self.genesis_hash)}, "
                f"but the node serves chain {chain_id} with genesis {_hex(genesis)}; "
                "give the other --rpc or --deployment."
            )
        for name, one in self.contracts.items():
            if keccak(rpc.code(one.address)) != one.code_hash:
                raise DeploymentError(f"The code of {name} at {_hex(one.address)} is not the one that was deployed.")

    def check_source(self, rpc: RpcClient, build: Build) -> None:
        """Whether the code on chain is what these sources compile to, immutables aside. Raises DeploymentError."""
        libraries = {name: one.address for name, one in self.contracts.items()}
        for name, one in self.contracts.items():
            artefact = link_known(build[f"{one.unit}:{name}"], libraries)
            if masked(rpc.code(one.address), artefact, one.address) != artefact.runtime:
                raise DeploymentError(f"The code of {name} at {_hex(one.address)} is not compiled from these sources.")


def require_pinned_key(rpc: RpcClient, deployment: Deployment) -> None:
    """Refuses a deployment with any but the ceremony's key, whatever its file says. Raises DeploymentError."""
    key_hash = deployment.contract("BallotBox").read(rpc, "keyHash")
    if key_hash != PINNED_KEY_HASH or deployment.verifying_key_hash != PINNED_KEY_HASH:
        raise DeploymentError(
            f"The ballot box at 0x{deployment.address('BallotBox').hex()} verifies proofs with another key than "
            "Semaphore's ceremony made; its results mean nothing."
        )


def link_known(artefact: Artefact, libraries: Mapping[str, bytes]) -> Artefact:
    """The artefact with its libraries linked; `libraries` may hold more than it needs."""
    names = [reference.library.rpartition(":")[2] for reference in artefact.links]
    return link(artefact, {name: _hex(libraries[name]) for name in names})


def masked(code: bytes, artefact: Artefact, address: bytes) -> bytes:
    """The code with immutables, and the address that a library keeps of itself, as zeros."""
    result = bytearray(code)
    for start, length in artefact.immutables:
        result[start : start + length] = bytes(length)
    if _is_library(artefact) and code[:21] == b"\x73" + address:
        result[1:21] = bytes(20)
    return bytes(result)


def _is_library(artefact: Artefact) -> bool:
    """A library's code begins with PUSH20 of its own address, zeros until it is deployed (solc, call protection)."""
    return artefact.runtime[:23] == b"\x73" + bytes(20) + b"\x30\x14"


def _deployed_to_json(one: Deployed) -> dict[str, object]:
    return {
        "address": _hex(one.address),
        "transaction": _hex(one.transaction),
        "block": one.block,
        "codeHash": _hex(one.code_hash),
        "maskedCodeHash": _hex(one.masked_code_hash),
        "sourceHash": _hex(one.source_hash),
        "unit": one.unit,
    }


def _deployed_from_json(content: Mapping[str, Any]) -> Deployed:
    return Deployed(
        address=_bytes(content["address"], 20),
        transaction=_bytes(content["transaction"], 32),
        block=int(content["block"]),
        code_hash=_bytes(content["codeHash"], 32),
        masked_code_hash=_bytes(content["maskedCodeHash"], 32),
        source_hash=_bytes(content["sourceHash"], 32),
        unit=str(content["unit"]),
    )


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str, length: int) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) != length:
        raise ValueError(f"{value!r} has not {length} bytes")
    return raw
