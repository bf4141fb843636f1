# SPDX-License-Identifier: AGPL-3.0-or-later
"""The root of the Merkle-Patricia trie over a list, as blocks commit to transactions and receipts (Yellow Paper, D).

The keys are RLP(0), RLP(1), …; nothing is inserted one by one: the trie is built from its sorted keys at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import rlp

from protocol.hashing import keccak

EMPTY_ROOT = keccak(b"\x80")


def list_root(values: Sequence[bytes]) -> bytes:
    """Root of the trie that maps RLP(i) to values[i]; 32 bytes."""
    if not values:
        return EMPTY_ROOT
    pairs = sorted((_nibbles(rlp.encode(index)), value) for index, value in enumerate(values))
    return keccak(rlp.encode(_node(pairs, 0)))


_Node = list[object]


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _path(nibbles: bytes, leaf: bool) -> bytes:
    """Hex-prefix encoding (Yellow Paper, C)."""
    flag = 2 * leaf + len(nibbles) % 2
    padded = bytes((flag,)) + nibbles if len(nibbles) % 2 else bytes((flag, 0)) + nibbles
    return bytes(padded[at] << 4 | padded[at + 1] for at in range(0, len(padded), 2))


def _node(pairs: list[tuple[bytes, bytes]], depth: int) -> _Node:
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_path(first[depth:], True), pairs[0][1]]
    shared = depth
    while first[shared] == last[shared]:  # no key is another's prefix, so that they part before either ends
        shared += 1
    if shared > depth:
        return [_path(first[depth:shared], False), _reference(_node(pairs, shared))]
    branch: _Node = [b""] * 17
    start = 0
    while start < len(pairs):
        nibble, end = pairs[start][0][depth], start
        while end < len(pairs) and pairs[end][0][depth] == nibble:
            end += 1
        branch[nibble] = _reference(_node(pairs[start:end], depth + 1))
        start = end
    return branch


def _reference(node: _Node) -> object:
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)
