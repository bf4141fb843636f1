# SPDX-License-Identifier: AGPL-3.0-or-later
"""Handing an initiative's pepper to its registrars: what the sealed box is bound to (docs/protocol/encodings.md).

The box is HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, its `info` as
below; encapsulated key (32 bytes), then ciphertext and tag (48). `node.peppers` seals and opens it.
"""

from protocol.hashing import domain, words
from protocol.types import Address, EntityId, Hash32, InitiativeId

KEY_BYTES = 32
BOX_BYTES = 32 + 32 + 16


def box_info(
    chain_id: int, initiatives: Address, initiative: InitiativeId, pepper_hash: Hash32, receiver: EntityId
) -> bytes:
    """HPKE's `info`: a box opens for this chain, contract, initiative, pepper and registrar, and for nothing else."""
    return words(domain("urna/pepper/v1"), chain_id, initiatives, initiative, pepper_hash, receiver)
