# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keccak-256, words and domains: the notation of docs/protocol/encodings.md."""

from functools import cache

from eth_hash.auto import keccak as _keccak

WORD_BYTES = 32
WORD_MAX = (1 << 256) - 1


def keccak(data: bytes) -> bytes:
    """Keccak-256 (not SHA3-256) of `data`; 32 bytes."""
    return bytes(_keccak(data))


def word(value: int | bytes) -> bytes:
    """A 32-byte big-endian word. Bytes (an address, a hash) are left-padded.

    Raises:
        OverflowError: a negative integer, or one of more than 256 bits.
        ValueError: more than 32 bytes.
    """
    if isinstance(value, int):
        return value.to_bytes(WORD_BYTES, "big")
    if len(value) > WORD_BYTES:
        raise ValueError(f"a word has at most {WORD_BYTES} bytes, not {len(value)}")
    return value.rjust(WORD_BYTES, b"\0")


def words(*values: int | bytes) -> bytes:
    """The words joined; for static types this is Solidity's `abi.encode`."""
    return b"".join(word(value) for value in values)


@cache
def domain(name: str) -> bytes:
    """Separator of one use of the hash from every other: keccak of the ASCII string."""
    return keccak(name.encode("ascii"))


def signal(data: bytes) -> int:
    """Semaphore's reduction of a 32-byte message or scope to a public input: `keccak(data) >> 8`."""
    return int.from_bytes(keccak(data), "big") >> 8
