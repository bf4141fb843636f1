# SPDX-License-Identifier: AGPL-3.0-or-later
"""A citizen's identity in one initiative (Semaphore v4; docs/protocol/ballot.md, Identity)."""

from __future__ import annotations

from dataclasses import dataclass, field

import urna_native

from protocol.bn254 import encode_scalar, refusing
from protocol.errors import InvalidScalar, WrongLength
from protocol.hashing import WORD_BYTES, domain, keccak, signal, words
from protocol.types import Commitment, Nullifier

SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
"""l, the order of Baby Jubjub's prime subgroup (EIP-2494)."""

DOMAIN = "urna/identity/v1"


def derive_secret(master: bytes, chain_id: int, initiatives: bytes, initiative: int, attempt: int) -> int:
    """The secret scalar for one initiative, so that commitments in two of them cannot be linked.

    `block(i) = keccak256(words(keccak256("urna/identity/v1"), master, chainId, initiatives, initiative, attempt, i))`:
    seven words of 32 bytes, integers big-endian, the address left-padded. The secret is
    `(block(0) ‖ block(1) as one 512-bit big-endian integer) mod (l − 1) + 1`; 512 bits leave a bias of about 2^-261.

    Args:
        master: the citizen's 32-byte master secret.
        initiatives: address of the `Initiatives` contract, 20 bytes.
        attempt: 0 at first, 1 and 2 for replacements.

    Returns:
        An integer in 1 … l − 1.

    Raises:
        WrongLength: master or address of another length.
        InvalidScalar: a negative integer, or one of more than 256 bits.
    """
    if len(master) != WORD_BYTES:
        raise WrongLength("wrong-length", "master secret")
    if len(initiatives) != 20:
        raise WrongLength("wrong-length", "initiatives address")
    for what, value in (("chain id", chain_id), ("initiative", initiative), ("attempt", attempt)):
        if not 0 <= value < 1 << 256:
            raise InvalidScalar("scalar-range", what)
    head = words(domain(DOMAIN), master, chain_id, initiatives, initiative, attempt)
    wide = b"".join(keccak(head + words(block)) for block in (0, 1))
    return int.from_bytes(wide, "big") % (SUBGROUP_ORDER - 1) + 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A secret scalar in 1 … l − 1 and what follows from it.

    Raises:
        InvalidScalar: a secret out of range.
    """

    secret: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.secret < SUBGROUP_ORDER:
            raise InvalidScalar("scalar-range", "identity secret")

    @classmethod
    def derive(cls, master: bytes, chain_id: int, initiatives: bytes, initiative: int, attempt: int = 0) -> Identity:
        """As `derive_secret`."""
        return cls(derive_secret(master, chain_id, initiatives, initiative, attempt))

    def commitment(self) -> Commitment:
        """`Poseidon(secret·Base8)`, the leaf in the electorate."""
        return Commitment(int.from_bytes(urna_native.identity_commitment(encode_scalar(self.secret)), "big"))

    def nullifier(self, scope: bytes) -> Nullifier:
        """`Poseidon(signal(scope), secret)`, the same for every ballot of this person in this scope (32 bytes)."""
        if len(scope) != WORD_BYTES:
            raise WrongLength("wrong-length", "scope")
        with refusing():
            return Nullifier(
                int.from_bytes(urna_native.nullifier(encode_scalar(signal(scope)), encode_scalar(self.secret)), "big")
            )
