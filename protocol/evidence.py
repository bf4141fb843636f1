# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stays of the ID tokens and texts on chain: their hashes (docs/protocol/encodings.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.jcs import JsonError, canonical
from protocol.types import Hash32

SALT_BYTES = 32


class EvidenceError(ProtocolError):
    """Nothing to hash, or something that cannot be hashed."""


def evidence_root(tokens: Sequence[str]) -> Hash32:
    """Root over the ID tokens of a batch (compact serialisation), in the batch's order.

    Raises:
        EvidenceError: no token, or one that is not ASCII.
    """
    if not tokens:
        raise EvidenceError("a batch has at least one token")
    try:
        level = [keccak(b"\0" + keccak(token.encode("ascii"))) for token in tokens]
    except UnicodeEncodeError:
        raise EvidenceError("a compact token is ASCII") from None
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [keccak(b"\1" + left + right) for left, right in pairs]
        level = above + level[len(above) * 2 :]
    return Hash32(level[0])


def content_document(content: Mapping[str, object], salt: bytes) -> bytes:
    """RFC 8785 JSON of a text with its salt: what is stored, and erased together.

    Raises:
        EvidenceError: a salt that does not have 32 bytes, or a value that canonical JSON does not know.
    """
    if len(salt) != SALT_BYTES:
        raise EvidenceError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    try:
        return canonical({"content": dict(content), "salt": "0x" + salt.hex()})
    except JsonError as error:
        raise EvidenceError(str(error)) from None


def content_hash(content: Mapping[str, object], salt: bytes) -> Hash32:
    """keccak of `content_document`; errors as there."""
    return Hash32(keccak(content_document(content, salt)))
