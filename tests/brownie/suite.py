# SPDX-License-Identifier: AGPL-3.0-or-later
"""A consortium of three and a listed suite on Brownie's anvil, with a verifying key whose trapdoor is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from brownie import accounts, chain, web3
from curve import G, Point, R, mul, scalar, schnorr, words
from eth_account import Account
from eth_utils import keccak

MEMBER, PUBLISHER, REGISTRAR, GATEWAY, TRUSTEE = range(5)
ENTITIES = (1, 2, 3)
THRESHOLD = 2
SCOPE = '{"residence":["PT-1106"]}'

# The generator of G2 as the precompile takes it: imaginary parts first.
G2 = bytes.fromhex(
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
)
_ALPHA = scalar("alpha")
_IC = [scalar("ic", j) for j in range(5)]


def verifying_key() -> bytes:
    """β = γ = δ = G2, so that a proof is an equation between scalars."""
    return words(mul(G, _ALPHA)) + G2 * 3 + b"".join(words(mul(G, c)) for c in _IC)


def simulate_proof(signals: tuple[int, int, int, int], seed: int) -> bytes:
    """A = a·G, B = G2, C = (a - α - v)·G, v the logarithm of the combined signals."""
    a = scalar("a", seed)
    v = _IC[0] + sum(c * s for c, s in zip(_IC[1:], signals, strict=True))
    return words(mul(G, a)) + G2 + words(mul(G, (a - _ALPHA - v) % R))


def private_key(entity: int, role: int) -> bytes:
    return keccak(words("account", entity, role))


def trustee_secret(entity: int) -> int:
    return scalar("trustee", entity)


def sign(entity: int, digest: bytes) -> tuple[int, bytes]:
    """By the entity's registrar: (entity, signature)."""
    return entity, bytes(Account.unsafe_sign_hash(digest, private_key(entity, REGISTRAR)).signature)


@dataclass(frozen=True, slots=True)
class Suite:
    consortium: Any
    initiatives: Any
    electorate: Any
    proposals: Any
    ceremony: Any
    ballot_box: Any
    tally: Any
    follow_up: Any

    def account(self, entity: int, role: int) -> Any:
        return accounts.at(Account.from_key(private_key(entity, role)).address)

    def motion(self, target: Any, data: str) -> None:
        """Entities 1 and 2 are the majority of three."""
        tx = self.consortium.propose(target, data, {"from": self.account(1, MEMBER)})
        self.consortium.approve(tx.events["MotionProposed"]["motion"], {"from": self.account(2, MEMBER)})


def set_time(timestamp: int) -> None:
    """The next block's, exactly."""
    answer = web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])
    assert "error" not in answer, answer


@cache
def key_of(entity: int) -> Point:
    return mul(G, trustee_secret(entity))


def deploy(project: Any) -> Suite:
    for entity in ENTITIES:
        for role in range(5):
            accounts.add(private_key(entity, role))
    deployer = {"from": accounts[0]}
    drafts = [
        (f"Entity {e}", f"https://entity-{e}.example", [Account.from_key(private_key(e, r)).address for r in range(5)])
        for e in ENTITIES
    ]
    project.PoseidonT3.deploy(deployer)
    consortium = project.Consortium.deploy(drafts, 2, deployer)
    nonce = accounts[0].nonce
    parts = [accounts[0].get_deployment_address(nonce + i) for i in range(7)]
    suite = Suite(
        consortium,
        project.Initiatives.deploy(consortium, parts, deployer),
        project.Electorate.deploy(consortium, parts, deployer),
        project.Proposals.deploy(consortium, parts, deployer),
        project.Ceremony.deploy(consortium, parts, deployer),
        project.BallotBox.deploy(consortium, parts, verifying_key(), deployer),
        project.Tally.deploy(consortium, parts, deployer),
        project.FollowUp.deploy(consortium, parts, deployer),
    )
    for entity in ENTITIES:
        proof = schnorr(trustee_secret(entity), "urna/trustee-key/v1", chain.id, consortium.address, entity)
        consortium.registerTrusteeKey(key_of(entity), proof, {"from": suite.account(entity, TRUSTEE)})
    suite.motion(consortium, consortium.addSuite.encode_input(parts))
    assert consortium.suiteCount() == 1
    return suite
