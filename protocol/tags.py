# SPDX-License-Identifier: AGPL-3.0-or-later
"""A person's tag: one per initiative and purpose, unlinkable without the pepper (docs/protocol/encodings.md)."""

import hmac
from enum import StrEnum

from protocol.errors import ProtocolError
from protocol.hashing import keccak, word
from protocol.types import Hash32, InitiativeId, Tag

PEPPER_BYTES = 32
_DOMAIN = b"urna/person/v1"
_INITIATIVE_BYTES = 8


class TagError(ProtocolError):
    """A pepper of another length, or a subject or namespace that is empty."""


class Purpose(StrEnum):
    """What a tag is for. Never shared, or a signed proposal would point at a leaf."""

    ELECTOR = "elector"
    AUTHOR = "author"


def pepper_hash(pepper: bytes) -> Hash32:
    """What the rules hold of an initiative's pepper.

    Raises:
        TagError: not 32 bytes.
    """
    if len(pepper) != PEPPER_BYTES:
        raise TagError(f"a pepper has {PEPPER_BYTES} bytes, not {len(pepper)}")
    return Hash32(keccak(pepper))


def person_tag(
    pepper: bytes, purpose: Purpose, chain_id: int, initiative: InitiativeId, namespace: str, subject: str
) -> Tag:
    """`HMAC-SHA256(pepper, message)`.

    Args:
        pepper: the initiative's 32 random bytes.
        namespace: the issuers that know a person by the same subject; of an issuer that stands alone its `iss`.
        subject: the token's `sub`.

    Raises:
        TagError: a pepper of another length; an empty namespace or subject.
    """
    pepper_hash(pepper)
    if not namespace or not subject:
        raise TagError("a tag needs a namespace and a subject")
    initiative_bytes = initiative.to_bytes(_INITIATIVE_BYTES, "big")
    parts = (purpose.value.encode(), word(chain_id), initiative_bytes, namespace.encode(), subject.encode())
    message = _DOMAIN + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return Tag(hmac.digest(pepper, message, "sha256"))
