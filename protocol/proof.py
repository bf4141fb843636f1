# SPDX-License-Identifier: AGPL-3.0-or-later
"""The proof of a ballot: Groth16 over Semaphore's v4 circuit at depth 20 (docs/protocol/ballot.md, Proof).

The keys come from Semaphore's public ceremony, as npm's `@zk-kit/semaphore-artifacts` 4.13.0 carries them; what is
pinned here is that package's content. Keys differ per depth, so that there is exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import urna_native

from protocol.bn254 import encode_scalars, refusing
from protocol.errors import InvalidProof, WrongLength
from protocol.hashing import WORD_BYTES, keccak, signal
from protocol.types import Nullifier

PROOF_BYTES = 256
KEY_WORDS = 24
PUBLIC_SIGNALS = 4
DEPTH = 20

PINNED_KEY_HASH: Final = bytes.fromhex("d1d858833cd384ab58bca6e3c061bc2ce2a64bdd6543f3b8e07b2ec972292978")
"""keccak of the ceremony's verifying key; deployment and observer refuse any other."""

PINNED_ARTEFACTS: Final[Mapping[str, str]] = {
    "semaphore-20.wasm": "6f71e55586929e520e76027ebe067daac8b41e2f4b8057313a5fd0304e1e44ee",
    "semaphore-20.zkey": "33f9a067a80c7daf90e085449073613a9559a1904dd40aeb6d603afb7988c2cc",
    "semaphore-20.json": "6fda771369c19517c8f7575cb9f1d18a8846e46baa1dc0c032bac9492c29559e",
}
"""SHA-256 of the witness calculator, the proving key and the verifying key."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A Groth16 key for four public signals: alpha ‖ beta ‖ gamma ‖ delta ‖ IC₀ … IC₄, 24 words.

    That is `abi.encode` of a struct of these words, points of G2 in the order of the EVM's precompiles.

    Raises:
        InvalidProof: a wrong length, or a point that is none.
    """

    data: bytes

    def __post_init__(self) -> None:
        with refusing(InvalidProof):
            urna_native.check_key(self.data)

    @classmethod
    def from_snarkjs(cls, document: object) -> VerifyingKey:
        """From the parsed JSON of snarkjs' `verification_key.json`.

        Raises:
            InvalidProof: a field that is missing or malformed, another curve, protocol or number of signals.
        """
        try:
            return cls(_from_snarkjs(document))
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise InvalidProof("bad-key-file", f"verifying key ({error!r})") from None

    def key_hash(self) -> bytes:
        """keccak of the 24 words."""
        return keccak(self.data)

    def words(self) -> tuple[int, ...]:
        """The 24 words as integers, as a contract's constructor takes them."""
        return tuple(
            int.from_bytes(self.data[at : at + WORD_BYTES], "big") for at in range(0, len(self.data), WORD_BYTES)
        )


@dataclass(frozen=True, slots=True)
class ProofStatement:
    """The public signals, in the circuit's order. All are below r, or `encode` says which is not."""

    root: int
    nullifier: Nullifier
    message: int
    scope: int

    @classmethod
    def of_ballot(cls, root: int, nullifier: Nullifier, ballot_hash: bytes, scope: bytes) -> ProofStatement:
        """The statement for a ballot's hash and scope (32 bytes each), which enter through `signal`."""
        return cls(root, nullifier, signal(ballot_hash), signal(scope))

    def encode(self) -> bytes:
        """Four words.

        Raises:
            InvalidScalar: a signal that is negative, or r or more (B2).
        """
        return encode_scalars((self.root, self.nullifier, self.message, self.scope), "public signal")


def check_encoding(proof: bytes) -> None:
    """Whether the bytes are a proof in form: A ‖ B ‖ C, see `urna_native.check_proof`.

    Raises:
        InvalidProof: a length other than 256, a coordinate of p or more, off the curve or subgroup, infinity (B3).
    """
    with refusing(InvalidProof):
        urna_native.check_proof(proof)


def verify(key: VerifyingKey, proof: bytes, statement: ProofStatement) -> bool:
    """Whether one proof holds.

    Raises:
        InvalidProof: not a proof in form.
        InvalidScalar: a signal out of range.
    """
    publics = statement.encode()
    with refusing(InvalidProof):
        return urna_native.verify_one(key.data, proof, publics)


def bad_proofs(key: VerifyingKey, proofs: Sequence[bytes], statements: Sequence[ProofStatement]) -> list[int]:
    """Indexes of the proofs that do not hold, ascending; about 0.2 ms a proof on two cores.

    One random linear combination with coefficients of 128 bits drawn from all of the input; bisection if it fails.

    Raises:
        InvalidProof: not a proof in form, with its index.
        InvalidScalar: a signal out of range.
        WrongLength: not as many statements as proofs.
    """
    if len(proofs) != len(statements):
        raise WrongLength("wrong-length", "statements")
    for index, proof in enumerate(proofs):
        if len(proof) != PROOF_BYTES:
            raise InvalidProof("wrong-length", "proof", index)
    publics = b"".join(statement.encode() for statement in statements)
    with refusing(InvalidProof):
        return urna_native.verify_batch(key.data, b"".join(proofs), publics, bytes(WORD_BYTES)) or []


def _from_snarkjs(document: object) -> bytes:
    if not isinstance(document, dict):
        raise TypeError("not an object")
    form = (document["protocol"], document["curve"], document["nPublic"], len(document["IC"]))
    if form != ("groth16", "bn128", PUBLIC_SIGNALS, PUBLIC_SIGNALS + 1):
        raise ValueError(f"{form} instead of groth16 on bn128 with {PUBLIC_SIGNALS} signals")
    words = [*_g1(document["vk_alpha_1"])]
    for name in ("vk_beta_2", "vk_gamma_2", "vk_delta_2"):
        words += _g2(document[name])
    for point in document["IC"]:
        words += _g1(point)
    return b"".join(int(word).to_bytes(WORD_BYTES, "big") for word in words)


def _g1(point: list[str]) -> list[str]:
    x, y, one = point
    if one != "1":
        raise ValueError("a point that is not affine")
    return [x, y]


def _g2(point: list[list[str]]) -> list[str]:
    (x0, x1), (y0, y1), one = point
    if one != ["1", "0"]:
        raise ValueError("a point that is not affine")
    return [x1, x0, y1, y0]
