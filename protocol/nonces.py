# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nonces of ID tokens, which make an issuer's signature cover a commitment or a text (docs/protocol/encodings.md)."""

import base64

from protocol.errors import ProtocolError
from protocol.hashing import domain, keccak, words
from protocol.types import Address, Commitment, Hash32, InitiativeId

SALT_BYTES = 32


class NonceError(ProtocolError):
    """A salt that does not have 32 bytes."""


def _nonce(
    name: str, chain_id: int, contract: Address, initiative: InitiativeId, bound: int | bytes, salt: bytes
) -> str:
    if len(salt) != SALT_BYTES:
        raise NonceError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    digest = keccak(words(domain(name), chain_id, contract, initiative, bound, salt))
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def elector_nonce(
    chain_id: int, electorate: Address, initiative: InitiativeId, commitment: Commitment, salt: bytes
) -> str:
    """Of the token that registers a commitment; 43 characters.

    Raises:
        NonceError: the salt does not have 32 bytes.
    """
    return _nonce("urna/nonce/elector/v1", chain_id, electorate, initiative, commitment, salt)


def replacement_nonce(
    chain_id: int, electorate: Address, initiative: InitiativeId, new_commitment: Commitment, salt: bytes
) -> str:
    """Of the token that replaces a commitment by a new one; as `elector_nonce`."""
    return _nonce("urna/nonce/replacement/v1", chain_id, electorate, initiative, new_commitment, salt)


def author_nonce(chain_id: int, proposals: Address, initiative: InitiativeId, content_hash: Hash32, salt: bytes) -> str:
    """Of the token that submits a proposal; as `elector_nonce`."""
    return _nonce("urna/nonce/author/v1", chain_id, proposals, initiative, content_hash, salt)
