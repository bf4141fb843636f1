# SPDX-License-Identifier: AGPL-3.0-or-later
"""The electorate's tree: a LeanIMT of commitments (zk-kit), Poseidon in its nodes, at most 2^20 leaves.

A node without a right sibling is carried up unchanged, so that the depth follows the number of leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import urna_native

from protocol.bn254 import encode_scalar, encode_scalars, refusing
from protocol.errors import InvalidLeaf
from protocol.hashing import WORD_BYTES
from protocol.types import Commitment

MAX_DEPTH = 20
MAX_SIZE = 1 << MAX_DEPTH


@dataclass(frozen=True, slots=True)
class MerkleProof:
    """A way from a leaf to the root.

    `siblings` go from the leaf upwards and leave out the levels where the node has none; bit i of `index` says that
    the node is the right one beside `siblings[i]`. That is how the Semaphore circuit takes them.
    """

    leaf: Commitment
    index: int
    siblings: tuple[int, ...]

    def root(self) -> int:
        """The root that this path leads to.

        Raises:
            InvalidScalar: a node of r or more.
        """
        node = encode_scalar(self.leaf, "leaf")
        for level, sibling in enumerate(self.siblings):
            other = encode_scalar(sibling, "sibling")
            pair = (other, node) if self.index >> level & 1 else (node, other)
            node = urna_native.poseidon2(*pair)
        return int.from_bytes(node, "big")


class ElectorateTree:
    """Grows by appending; a leaf may be replaced. What is refused changes nothing."""

    def __init__(self, commitments: Sequence[Commitment] = ()) -> None:
        """Errors as `append`."""
        self._tree = urna_native.LeanImt()
        self.append(commitments)

    def __len__(self) -> int:
        return len(self._tree)

    def append(self, commitments: Sequence[Commitment]) -> None:
        """Adds leaves on the right.

        Raises:
            InvalidScalar: a commitment of r or more, with its index.
            InvalidLeaf: a commitment of zero, or more than 2^20 leaves.
        """
        data = encode_scalars(commitments, "leaf")
        with refusing():
            self._tree.insert_many(data)

    def replace(self, index: int, commitment: Commitment) -> None:
        """Puts another leaf in a place.

        Raises:
            InvalidLeaf: no leaf there, or a commitment of zero.
            InvalidScalar: a commitment of r or more.
        """
        with refusing():
            self._tree.update(self._place(index), encode_scalar(commitment, "leaf"))

    def root(self) -> int:
        """The root.

        Raises:
            InvalidLeaf: a tree without leaves has none.
        """
        with refusing():
            return int.from_bytes(self._tree.root(), "big")

    def leaves(self) -> list[Commitment]:
        """All leaves, in order."""
        return [Commitment(value) for value in _integers(self._tree.leaves())]

    def proof(self, index: int) -> MerkleProof:
        """The path of the leaf at `index`.

        Raises:
            InvalidLeaf: no leaf there.
        """
        place = self._place(index)
        with refusing():
            siblings, path = self._tree.proof(place)
        leaf = Commitment(int.from_bytes(self._tree.leaf(place), "big"))
        return MerkleProof(leaf, path, tuple(int.from_bytes(sibling, "big") for sibling in siblings))

    def _place(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise InvalidLeaf("index-range", "leaf", index)
        return index


def electorate_root(commitments: Sequence[Commitment]) -> int:
    """The root over all leaves at once; errors as `ElectorateTree`."""
    data = encode_scalars(commitments, "leaf")
    with refusing():
        return int.from_bytes(urna_native.lean_imt_root(data), "big")


def _integers(data: bytes) -> Iterable[int]:
    return (int.from_bytes(data[at : at + WORD_BYTES], "big") for at in range(0, len(data), WORD_BYTES))
