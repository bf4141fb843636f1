# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check `code.source`: what runs on the chain is what the published source compiles to, put together as it must be.

The creation transactions say most: their data are the compiled creation code, linked, with exactly the arguments that
follow from the deployment. What such a transaction leaves on a chain is fixed. The runtime code that the source of the
bundle gives for each address must then agree, its immutables included.
"""

from __future__ import annotations

from collections.abc import Mapping

import rlp
from eth_abi.abi import encode

from node.observer.deployment import SUITE, DeployedContract, DeploymentFacts, PublishedContract, PublishedSource
from node.observer.replay import Replay
from protocol.checks import CheckFailed
from protocol.eip712 import domain_separator
from protocol.errors import InvalidProof
from protocol.events import EntityAdmitted, MinimumAnonymityChanged
from protocol.hashing import keccak, word, words
from protocol.proof import VerifyingKey
from protocol.types import Address

_CHECK = "code.source"
_EIP712_NAMES = {"Electorate": "Urna Electorate", "Proposals": "Urna Proposals"}
_FOUNDERS = ("(string,string,address[5])[]", "uint32")


def pointer(facts: DeploymentFacts) -> Address:
    """The contract whose code is the verifying key: the first that the ballot box created (EIP-161: nonce 1)."""
    return Address(keccak(rlp.encode([facts.contracts["BallotBox"].address, 1]))[12:])


def verifying_key(facts: DeploymentFacts, code: Mapping[Address, bytes], pinned: bytes) -> VerifyingKey:
    """The ballot box's key. Raises CheckFailed unless it is the pinned one."""
    data = code.get(pointer(facts), b"")
    if data[:1] != b"\0" or keccak(data[1:]) != pinned or facts.verifying_key_hash != pinned:
        raise CheckFailed(_CHECK, "the ballot box's verifying key is not the pinned one")
    try:
        return VerifyingKey(data[1:])
    except InvalidProof as error:
        raise CheckFailed(_CHECK, f"the verifying key: {error}") from None


def verify(replay: Replay, published: PublishedSource, code: Mapping[Address, bytes], pinned: bytes) -> str:
    """All contracts of the deployment. Raises CheckFailed, naming the contract."""
    facts = replay.facts
    if dict(facts.compiler) != dict(published.compiler):
        raise CheckFailed(_CHECK, "the deployment was compiled with other settings or sources than the published ones")
    key = verifying_key(facts, code, pinned)
    named = {one.address for one in facts.contracts.values()} | {pointer(facts)}
    if set(code) != named:
        raise CheckFailed(_CHECK, "the code is not that of the deployment's contracts and their verifying key")
    if facts.block != min(one.block for one in facts.contracts.values()):
        raise CheckFailed(_CHECK, f"block {facts.block} is not the first of the deployment")
    for name, deployed in facts.contracts.items():
        contract = published.contracts.get(f"{deployed.unit}:{name}")
        if contract is None or contract.source_hash != deployed.source_hash:
            raise CheckFailed(_CHECK, f"{name} is not from the published source {deployed.unit}")
        _require_runtime(facts, name, deployed, contract, code[deployed.address], key)
        _require_creation(replay, name, deployed, contract, key)
    return f"{len(facts.contracts)} contracts, verifying key 0x{pinned.hex()}"


def _linked(template: bytes, places: Mapping[str, tuple[int, ...]], facts: DeploymentFacts, name: str) -> bytearray:
    linked = bytearray(template)
    for library, offsets in places.items():
        if library not in facts.contracts:
            raise CheckFailed(_CHECK, f"{name} needs {library}, which is not deployed")
        for offset in offsets:
            linked[offset : offset + 20] = facts.contracts[library].address
    return linked


def _is_library(contract: PublishedContract) -> bool:
    """Its code begins with PUSH20 of its own address, zeros until it is deployed (solc, call protection)."""
    return contract.runtime[:23] == b"\x73" + bytes(20) + b"\x30\x14"


def _require_runtime(
    facts: DeploymentFacts,
    name: str,
    deployed: DeployedContract,
    contract: PublishedContract,
    code: bytes,
    key: VerifyingKey,
) -> None:
    masked = bytearray(code)
    values = set()
    for start, length in contract.immutables:
        values.add(bytes(masked[start : start + length]))
        masked[start : start + length] = bytes(length)
    if _is_library(contract):
        if code[1:21] != deployed.address:
            raise CheckFailed(_CHECK, f"the library {name} takes itself to be elsewhere")
        masked[1:21] = bytes(20)
    places = {link.library: link.runtime for link in contract.links}
    if masked != _linked(contract.runtime, places, facts, name):
        raise CheckFailed(_CHECK, f"the code of {name} is not what the published source compiles to")
    if keccak(code) != deployed.code_hash or keccak(bytes(masked)) != deployed.masked_code_hash:
        raise CheckFailed(_CHECK, f"the code of {name} is not the one that the deployment recorded")
    if not values <= _immutables(facts, name, deployed, key):
        raise CheckFailed(_CHECK, f"an immutable of {name} is none that it can have")


def _immutables(facts: DeploymentFacts, name: str, deployed: DeployedContract, key: VerifyingKey) -> set[bytes]:
    """Every value that an immutable of the contract may have, as a word."""
    expected = {word(facts.contracts[part].address) for part in ("Consortium", *SUITE)}
    if name == "BallotBox":
        expected |= {word(pointer(facts)), key.key_hash()}
    if name in _EIP712_NAMES:
        title = _EIP712_NAMES[name]
        expected |= {domain_separator(title, facts.chain_id, deployed.address), word(facts.chain_id)}
        expected |= {keccak(text.encode()) for text in (title, "1")}
        # OpenZeppelin's ShortString: the text, and its length in the last byte.
        expected |= {text.encode().ljust(31, b"\0") + bytes((len(text),)) for text in (title, "1")}
    return expected


def _require_creation(
    replay: Replay, name: str, deployed: DeployedContract, contract: PublishedContract, key: VerifyingKey
) -> None:
    creation = replay.creations.get(deployed.address)
    if creation is None or not creation.ok:
        raise CheckFailed(_CHECK, f"no transaction created {name} at 0x{deployed.address.hex()}")
    if (creation.transaction, creation.block) != (deployed.transaction, deployed.block):
        raise CheckFailed(_CHECK, f"{name} was created in block {creation.block} by 0x{creation.transaction.hex()}")
    places = {link.library: link.creation for link in contract.links}
    expected = bytes(_linked(contract.creation, places, replay.facts, name)) + _arguments(replay, name, key)
    if creation.data != expected:
        raise CheckFailed(_CHECK, f"{name} was created from other code, or with other arguments, than it must be")


def _arguments(replay: Replay, name: str, key: VerifyingKey) -> bytes:
    """What the constructor must have been given; a library's has none."""
    facts = replay.facts
    if name == "Consortium":
        admitted = [one for one in replay.founding if isinstance(one, EntityAdmitted)]
        minimum = [one.minimum for one in replay.founding if isinstance(one, MinimumAnonymityChanged)]
        if minimum != [facts.minimum_anonymity]:
            raise CheckFailed(_CHECK, f"the consortium began with the minimum {minimum}, not {facts.minimum_anonymity}")
        founders = [(one.name, one.endpoint, [*one.accounts]) for one in admitted]
        return encode(_FOUNDERS, [founders, facts.minimum_anonymity])
    if name not in SUITE:
        return b""
    head = words(facts.consortium, *(facts.contracts[part].address for part in SUITE))
    if name != "BallotBox":
        return head
    return head + word(len(head) + 32) + word(len(key.data)) + key.data
