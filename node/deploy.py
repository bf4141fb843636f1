# SPDX-License-Identifier: AGPL-3.0-or-later
"""Deploys the consortium and the suite.

The contracts of a suite know each other from their constructors on, so the addresses are predicted from the deployer's
nonces. The deployer is a fresh account that owns nothing afterwards; a broken-off deployment leaves nothing to undo.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import rlp

from node.compiler import Artefact, Build, build
from node.contracts import decode_error, encode_values
from node.deployment import SUITE, Deployed, Deployment, link_known, masked, require_pinned_key
from node.entity import PublicEntity
from node.errors import DeploymentError
from node.keys import Call, Key, new_account_secret
from node.rpc import Receipt, RpcClient
from node.sender import EMBEDDED_FINALITY, Sender
from protocol.hashing import keccak
from protocol.proof import PINNED_KEY_HASH, VerifyingKey
from protocol.types import Role

__all__ = ["PINNED_KEY_FILE", "Plan", "created_address", "deploy", "pinned_key", "require_pinned_key"]

PINNED_KEY_FILE = Path(__file__).resolve().parent.parent / "node_modules/@zk-kit/semaphore-artifacts/semaphore-20.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to deploy. `test_key` replaces the ceremony's verifying key, in tests and benchmarks only."""

    founders: Sequence[PublicEntity]
    minimum_anonymity: int
    network: str
    finality: float = EMBEDDED_FINALITY
    test_key: VerifyingKey | None = None


def pinned_key(path: Path = PINNED_KEY_FILE) -> VerifyingKey:
    """Semaphore's verifying key from its npm package. Raises DeploymentError unless it is the pinned one."""
    try:
        key = VerifyingKey.from_snarkjs(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DeploymentError(f"The verifying key {path} cannot be read; run npm ci, or scripts/run.") from error
    if key.key_hash() != PINNED_KEY_HASH:
        raise DeploymentError(f"The verifying key in {path} is not the pinned one; run npm ci to restore it.")
    return key


def deploy(rpc: RpcClient, plan: Plan) -> Deployment:
    """Deploys everything, waits until it is final, and reads it back.

    Raises DeploymentError, ContractError (a constructor refused), CompilerError, RpcError, SendError.
    """
    if len({founder.name for founder in plan.founders}) != len(plan.founders):
        raise DeploymentError("Two of the founding entities have the same name; each founder is named once.")
    key = plan.test_key or pinned_key()
    compiled = build()
    with tempfile.TemporaryDirectory() as outbox:
        deployer = Key(new_account_secret())
        with Sender(rpc, deployer, Path(outbox), decode=decode_error, finality=plan.finality) as sender:
            work = _Work(sender, rpc, compiled)
            work.all(plan, key)
            sender.await_final()
    first = min(one.block for one in work.done.values())
    result = Deployment(
        network=plan.network,
        chain_id=rpc.chain_id(),
        genesis_hash=rpc.block(0).hash,
        block=first,
        finality=plan.finality,
        verifying_key_hash=key.key_hash(),
        minimum_anonymity=plan.minimum_anonymity,
        compiler=_compiler(compiled),
        contracts=work.done,
    )
    result.check(rpc)
    result.check_source(rpc, compiled)
    _check_key(rpc, result)
    return result


def created_address(sender: bytes, nonce: int) -> bytes:
    """Where a transaction with this nonce creates its contract (Yellow Paper, section 7)."""
    return keccak(rlp.encode([sender, nonce]))[12:]


class _Work:
    """The steps of one deployment, by one deployer."""

    def __init__(self, sender: Sender, rpc: RpcClient, compiled: Build) -> None:
        self._sender = sender
        self._rpc = rpc
        self._build = compiled
        self._nonce = 0
        self.done: dict[str, Deployed] = {}

    def all(self, plan: Plan, key: VerifyingKey) -> None:
        artefacts = {name: self._contract(name) for name in ("Consortium", *SUITE)}
        for library in self._libraries(artefacts.values()):
            self._create(library, b"")
        drafts = [
            (founder.name, founder.endpoint, [founder.accounts[role] for role in Role]) for founder in plan.founders
        ]
        consortium = artefacts["Consortium"]
        self._create(
            consortium, self._arguments(consortium, {"EntityDraft[]": drafts, "minimum": plan.minimum_anonymity})
        )
        suite = tuple(created_address(self._sender.address, self._nonce + place) for place in range(len(SUITE)))
        for name in SUITE:
            known = {"IConsortium": self.done["Consortium"].address, "Suite": suite, "verifyingKey": key.data}
            self._create(artefacts[name], self._arguments(artefacts[name], known))

    def _contract(self, name: str) -> Artefact:
        return self._build[f"contracts/{name}.sol:{name}"]

    def _libraries(self, artefacts: Iterable[Artefact]) -> Iterator[Artefact]:
        """Every library that the contracts link, and that those link, in an order in which they can be deployed."""
        seen: set[str] = set()
        for artefact in artefacts:
            for reference in artefact.links:
                if reference.library not in seen:
                    library = self._build[reference.library]
                    for deeper in self._libraries([library]):
                        if f"{deeper.unit}:{deeper.name}" not in seen:
                            seen.add(f"{deeper.unit}:{deeper.name}")
                            yield deeper
                    seen.add(reference.library)
                    yield library

    def _arguments(self, artefact: Artefact, known: Mapping[str, Any]) -> bytes:
        """The constructor's arguments, looked up by their types in the source, or else by their names."""
        entries = cast(Sequence[Mapping[str, Any]], artefact.abi)
        inputs: Sequence[Mapping[str, Any]] = next((e["inputs"] for e in entries if e["type"] == "constructor"), [])
        values = []
        for part in inputs:
            kind = str(part["internalType"]).rpartition(" ")[2]
            if kind not in known and part["name"] not in known:
                raise DeploymentError(
                    f"The constructor of {artefact.name} asks for {kind} {part['name']}: unknown here."
                )
            values.append(known[kind] if kind in known else known[part["name"]])
        return encode_values(inputs, values)

    def _create(self, artefact: Artefact, arguments: bytes) -> None:
        linked = link_known(artefact, {name: one.address for name, one in self.done.items()})
        expected = created_address(self._sender.address, self._nonce)
        receipt = self._sender.call(Call(None, linked.bytecode + arguments, f"the creation of {artefact.name}"))
        if receipt.contract != expected:
            raise DeploymentError(f"The contract {artefact.name} was not created where it was expected.")
        self._nonce += 1
        self.done[artefact.name] = self._read_back(linked, expected, receipt)

    def _read_back(self, linked: Artefact, address: bytes, receipt: Receipt) -> Deployed:
        code = self._rpc.code(address)
        if masked(code, linked, address) != linked.runtime:
            raise DeploymentError(f"The code of {linked.name} on the chain is not the one that was sent.")
        return Deployed(
            address=address,
            transaction=receipt.transaction_hash,
            block=receipt.block_number,
            code_hash=keccak(code),
            masked_code_hash=keccak(masked(code, linked, address)),
            source_hash=linked.source_hash,
            unit=linked.unit,
        )


def _compiler(compiled: Build) -> dict[str, object]:
    settings = compiled.settings
    return {
        "version": settings.version,
        "evmVersion": settings.evm_version,
        "optimizerRuns": settings.optimizer_runs,
        "viaIR": settings.via_ir,
        "remappings": list(settings.remappings),
        "inputHash": compiled.input_hash.hex(),
    }


def _check_key(rpc: RpcClient, deployment: Deployment) -> None:
    key_hash = deployment.contract("BallotBox").read(rpc, "keyHash")
    if key_hash != deployment.verifying_key_hash:
        raise DeploymentError("The ballot box holds another verifying key than it was given.")
