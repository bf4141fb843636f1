# SPDX-License-Identifier: AGPL-3.0-or-later
"""What registrars sign, trustees deal, and voters seal and prove, from the text of docs/protocol."""

from __future__ import annotations

from functools import cache
from typing import Any

from curve import G, Point, R, mul, scalar, schnorr, words
from eth_abi.packed import encode_packed
from eth_utils import keccak
from suite import ENTITIES, THRESHOLD, key_of, sign, simulate_proof

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
BATCH = (
    "RegistrationBatch(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32[] tags,"
    "uint256[] commitments,bytes32 evidenceRoot)"
)
REPLACEMENT = (
    "Replacement(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 tag,"
    "uint256 oldCommitment,uint256 newCommitment,bytes32 evidenceRoot)"
)
SUBMISSION = (
    "Submission(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 authorTag,"
    "bytes32 contentHash,bytes32 evidenceRoot)"
)


def _word(value: Any) -> bytes:
    if isinstance(value, list):
        return keccak(b"".join(_word(v) for v in value))
    return value if isinstance(value, bytes) else words(value)


def co_sign(name: str, verifier: Any, chain_id: int, kind: str, message: tuple[Any, ...]) -> list[tuple[int, bytes]]:
    """EIP-712, by registrars 1 and 2."""
    domain = keccak(words(_DOMAIN, keccak(text=name), keccak(text="1"), chain_id, verifier.address))
    struct = keccak(keccak(text=kind) + b"".join(_word(value) for value in message))
    digest = keccak(b"\x19\x01" + domain + struct)
    return [sign(entity, digest) for entity in ENTITIES[:THRESHOLD]]


def tag(person: int) -> bytes:
    return keccak(words("tag", person))


def commitment(number: int) -> int:
    return scalar("commitment", number)


# ── trustees ──


def _coefficient(initiative: int, dealer: int, k: int) -> int:
    return scalar("coefficient", initiative, dealer, k)


def _polynomial(initiative: int, dealer: int, x: int) -> int:
    return sum(_coefficient(initiative, dealer, k) * x**k for k in range(THRESHOLD)) % R


def share_of(initiative: int, dealers: list[int], trustee: int) -> int:
    return sum(_polynomial(initiative, dealer, trustee) for dealer in dealers) % R


@cache
def dealing(ceremony: str, chain_id: int, initiative: int, dealer: int) -> tuple[Any, ...]:
    """In epoch 0, as the contract's struct; `ceremony` is its address."""
    context = (chain_id, ceremony, initiative, 0, dealer)
    ephemeral = scalar("ephemeral", initiative, dealer)
    shares = []
    for receiver in ENTITIES:
        mask = keccak(words("urna/deal/share/v1", *context, receiver, mul(key_of(receiver), ephemeral)))
        shares.append(_polynomial(initiative, dealer, receiver) ^ int.from_bytes(mask, "big"))
    constant = _coefficient(initiative, dealer, 0)
    return (
        [mul(G, _coefficient(initiative, dealer, k)) for k in range(THRESHOLD)],
        mul(G, ephemeral),
        shares,
        schnorr(constant, "urna/deal/constant/v1", *context),
        schnorr(ephemeral, "urna/deal/ephemeral/v1", *context),
    )


# ── voters ──


def nullifier(voter: int) -> int:
    return scalar("nullifier", voter)


def ballot_hash(scope: bytes, record: bytes) -> bytes:
    return keccak(scope + record)


def slot(scope: bytes, record: bytes) -> int:
    return int.from_bytes(record[32:36], "big") << 224 | int.from_bytes(ballot_hash(scope, record), "big") >> 32


def seal(scope: bytes, key: Point, voter: int, sequence: int, channel: int, plaintext: int) -> bytes:
    """The record of a one-word ballot."""
    r = scalar("r", voter, sequence, channel, plaintext)
    ephemeral, shared = mul(G, r), mul(key, r)
    mask = keccak(words("urna/seal/v1", scope, nullifier(voter), sequence, ephemeral, shared, 0))
    return encode_packed(
        ["uint256", "uint32", "uint8", "uint256", "uint256", "uint256"],
        [nullifier(voter), sequence, channel, *ephemeral, plaintext ^ int.from_bytes(mask, "big")],
    )


def prove(scope: bytes, root: int, record: bytes) -> bytes:
    """The entry: a proof, made with the trapdoor, and the record."""

    def signal(value: bytes) -> int:
        return int.from_bytes(keccak(value), "big") >> 8

    signals = (root, int.from_bytes(record[:32], "big"), signal(ballot_hash(scope, record)), signal(scope))
    return simulate_proof(signals, int.from_bytes(keccak(record), "big")) + record
