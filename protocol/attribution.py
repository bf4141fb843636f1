# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of an entity's officers did an act: 32 bytes behind the call's arguments, in the layout of ERC-8021.

`call ‖ attribution (32) ‖ 0x75 ‖ 0x8021 × 8`. Contracts do not read what follows the arguments, and the transaction's
signature covers it: an act and its attribution stand or fall together. The 32 bytes are the salted hash of a record
that the entity keeps; who is shown record and salt can hold them against the transaction, and nobody else learns
anything (docs/protocol/encodings.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol.errors import ProtocolError
from protocol.evidence import content_hash
from protocol.hashing import keccak
from protocol.types import Address, Hash32

MARKER: Final = bytes.fromhex("8021" * 8)
SCHEMA: Final = 0x75
_TAIL = bytes((SCHEMA,)) + MARKER
SUFFIX_BYTES: Final = 32 + len(_TAIL)


class AttributionError(ProtocolError):
    """A call that is no selector with whole words behind it, or an attribution that does not have 32 bytes."""


@dataclass(frozen=True, slots=True)
class OfficerAct:
    """The record: an officer's pseudonym, the role in which the officer acted, chain, contract, keccak of the call."""

    officer: str
    role: str
    chain_id: int
    contract: Address
    call_hash: Hash32

    def content(self) -> dict[str, object]:
        """The record as JSON; kept, and erased, with its salt."""
        return {
            "call": "0x" + self.call_hash.hex(),
            "chainId": str(self.chain_id),
            "contract": "0x" + self.contract.hex(),
            "officer": self.officer,
            "role": self.role,
        }

    def attribution(self, salt: bytes) -> Hash32:
        """What stands behind the call. The salt has 32 random bytes, for officers and acts are few and guessable.

        Raises:
            protocol.evidence.EvidenceError: a salt of another length, or a text that is no Unicode.
        """
        return content_hash(self.content(), salt)

    def is_of(self, chain_id: int, contract: bytes | None, data: bytes, salt: bytes) -> bool:
        """Whether this transaction is the act, and names this record."""
        call, attribution = split(data)
        here = (self.chain_id, self.contract, self.call_hash) == (chain_id, contract, keccak(call))
        return here and attribution == self.attribution(salt)


def attributed(call: bytes, attribution: bytes) -> bytes:
    """The call with its attribution behind it.

    Raises:
        AttributionError: it could not be found there again.
    """
    if len(attribution) != 32 or len(call) % 32 != 4:
        raise AttributionError(f"an attribution of {len(attribution)} bytes behind a call of {len(call)}")
    return call + attribution + _TAIL


def split(data: bytes) -> tuple[bytes, Hash32 | None]:
    """A transaction's call, and its attribution where it has one.

    A call in the ABI's own encoding has four bytes and whole words: its arguments can look like no attribution.
    """
    if len(data) % 32 != (4 + SUFFIX_BYTES) % 32 or len(data) < 4 + SUFFIX_BYTES or not data.endswith(_TAIL):
        return data, None
    return data[:-SUFFIX_BYTES], Hash32(data[-SUFFIX_BYTES : -len(_TAIL)])
