# SPDX-License-Identifier: AGPL-3.0-or-later
"""LeanIMT, level by level."""

from tests.reference.poseidon import poseidon2


def levels(leaves: list[int]) -> list[list[int]]:
    """From the leaves to the root; a node without a right sibling is carried up."""
    out = [leaves]
    while len(out[-1]) > 1:
        below = out[-1]
        pairs = [below[i : i + 2] for i in range(0, len(below), 2)]
        out.append([poseidon2(*pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return out


def root(leaves: list[int]) -> int:
    return levels(leaves)[-1][0]


def proof(leaves: list[int], index: int) -> tuple[int, list[int]]:
    """Path (bit i: right child at the i-th level with a sibling) and siblings."""
    path = 0
    siblings: list[int] = []
    for level in levels(leaves)[:-1]:
        if index ^ 1 < len(level):
            path |= (index & 1) << len(siblings)
            siblings.append(level[index ^ 1])
        index >>= 1
    return path, siblings
