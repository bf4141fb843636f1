# SPDX-License-Identifier: AGPL-3.0-or-later
"""Heavy arithmetic of the protocol on bn254 (arkworks), the interpreter's lock released.

Encodings: integers are 32-byte big-endian words; a point of G1 is x | y (64 bytes), of G2 x.c1 | x.c0 | y.c1 | y.c0
as the EVM's precompiles take them. Lists are concatenations. "Scalar" means below r, the order of bn254's groups.
Every function raises `NativeError` for what it refuses, and only that.
"""

from typing import Self, final

class NativeError(ValueError):
    """`args` = (reason, what, index): a stable code, the thing that was read, its place in the list or None.

    Reasons: wrong-length, coordinate-range (>= p), off-curve, infinity, outside-subgroup, scalar-range, zero-leaf,
    index-range, empty-tree, full-tree, bad-key-file.
    """

    args: tuple[str, str, int | None]

def poseidon2(a: bytes, b: bytes) -> bytes:
    """Poseidon of two scalars, circomlib's parameters."""

def identity_public_key(secret: bytes) -> bytes:
    """`secret · Base8` on Baby Jubjub, x | y; 0 < secret < order of the subgroup."""

def identity_commitment(secret: bytes) -> bytes:
    """Poseidon of the public key's coordinates."""

def nullifier(scope_signal: bytes, secret: bytes) -> bytes:
    """Poseidon of scope signal and secret, as the Semaphore v4 circuit computes it."""

def lean_imt_root(leaves: bytes) -> bytes:
    """Root over 1 to 2^20 non-zero scalars."""

def lean_imt_proof(leaves: bytes, index: int) -> tuple[list[bytes], int]:
    """Siblings from the leaf upwards; the index as the circuit takes it (levels without sibling left out)."""

@final
class LeanImt:
    """The tree itself, for incremental use. An operation that fails changes nothing."""

    def __new__(cls, leaves: bytes = b"") -> Self: ...
    def __len__(self) -> int: ...
    def insert_many(self, leaves: bytes) -> None: ...
    def update(self, index: int, leaf: bytes) -> None: ...
    def leaf(self, index: int) -> bytes: ...
    def leaves(self) -> bytes: ...
    def root(self) -> bytes: ...
    def proof(self, index: int) -> tuple[list[bytes], int]: ...

def check_g1(point: bytes) -> None:
    """On the curve, coordinates below p, not infinity."""

def check_g2(point: bytes) -> None:
    """As `check_g1`, and of order r."""

def check_proof(proof: bytes) -> None:
    """Length 256, then A, B, C in this order, each for range, infinity, curve and subgroup: the first fault counts."""

def check_key(key: bytes) -> None:
    """A verifying key: alpha | beta | gamma | delta | IC0..IC4, 768 bytes."""

def g1_add(left: bytes, right: bytes) -> bytes:
    """Sum; infinity is 64 zero bytes, in and out."""

def g1_mul(point: bytes, scalar: bytes) -> bytes:
    """Product; infinity is 64 zero bytes, in and out."""

def g1_msm(points: bytes, scalars: bytes) -> bytes:
    """Sum of products."""

def verify_one(key: bytes, proof: bytes, publics: bytes) -> bool:
    """One Groth16 proof for four public inputs (128 bytes)."""

def verify_batch(key: bytes, proofs: bytes, publics: bytes, seed: bytes) -> list[int] | None:
    """None if all proofs hold, else the indexes of those that do not, ascending.

    Random linear combination with 128-bit coefficients drawn from the seed and all that is checked. A proof or input
    whose encoding is refused raises, with its index, before any pairing.
    """

def open_batch(secret_key: bytes, scope: bytes, records: bytes, words: int) -> bytes:
    """Plaintexts of `words` words each, in order.

    A record is nullifier(32) | sequence(4) | channel(1) | R(64) | ciphertext(32·words); word k is masked with
    keccak256(keccak256("urna/seal/v1") | scope | nullifier | sequence | R | S | k), every part in whole words.
    """

def make_trapdoor_key(seed: bytes) -> tuple[bytes, bytes]:
    """(verifying key, trapdoor) for tests and benchmarks: whoever has the trapdoor can prove anything."""

def simulate_proofs(trapdoor: bytes, publics: bytes, seed: bytes) -> bytes:
    """A valid proof for each statement under the trapdoor's key."""

@final
class ProvingKey:
    """A snarkjs Groth16 proving key (`.zkey`)."""

    def __new__(cls, zkey: bytes) -> Self: ...
    @property
    def signals(self) -> int:
        """Values in a witness."""

    @property
    def publics(self) -> int:
        """Public inputs."""

    def prove(self, witness: bytes, blinding: bytes) -> bytes:
        """Proof for a witness (little-endian words); `blinding` is two uniform scalars, never used twice.

        The result is not checked: a witness that breaks the circuit gives a proof that does not verify.
        """
