# SPDX-License-Identifier: AGPL-3.0-or-later
"""The electorate's tree against zk-kit's."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.bn254 import SCALAR_FIELD
from protocol.electorate import MAX_SIZE, ElectorateTree, MerkleProof, electorate_root
from protocol.errors import InvalidLeaf, InvalidScalar
from protocol.hashing import keccak
from protocol.types import Commitment
from tests.reference.vectors import integer, load

commitments = st.integers(1, SCALAR_FIELD - 1).map(Commitment)


def leaves(size: int) -> list[Commitment]:
    """As scripts/vectors makes them."""
    return [Commitment(int.from_bytes(keccak(f"leaf/{i}".encode()), "big") % SCALAR_FIELD) for i in range(size)]


@pytest.mark.parametrize("case", load("lean_imt")["cases"], ids=lambda c: c["size"])
def test_roots_and_paths_equal_zk_kits(case: dict[str, Any]) -> None:
    tree = ElectorateTree(leaves(case["size"]))
    assert tree.root() == electorate_root(leaves(case["size"])) == integer(case["root"])
    for expected in case["proofs"]:
        siblings = tuple(integer(s) for s in expected["siblings"])
        proof = tree.proof(expected["index"])
        assert proof == MerkleProof(tree.leaves()[expected["index"]], expected["path"], siblings)
        assert proof.root() == tree.root()


@pytest.mark.parametrize("case", load("lean_imt")["updates"], ids=lambda c: c["size"])
def test_roots_after_replacements_equal_zk_kits(case: dict[str, Any]) -> None:
    tree = ElectorateTree(leaves(case["size"]))
    for step in case["steps"]:
        tree.replace(step["index"], Commitment(integer(step["leaf"])))
        assert tree.root() == integer(step["root"])


@given(st.lists(commitments, min_size=1, max_size=30), st.lists(st.integers(1, 5), max_size=30))
@settings(max_examples=40)
def test_the_root_does_not_depend_on_the_batches(members: list[Commitment], sizes: list[int]) -> None:
    tree, rest = ElectorateTree(), members
    for size in sizes:
        tree.append(rest[:size])
        rest = rest[size:]
    tree.append(rest)
    assert len(tree) == len(members)
    assert tree.leaves() == members
    assert tree.root() == electorate_root(members)


@given(st.lists(commitments, min_size=2, max_size=30, unique=True), st.data())
@settings(max_examples=40)
def test_a_path_leads_to_the_root_for_its_leaf_only(members: list[Commitment], draw: st.DataObject) -> None:
    tree = ElectorateTree(members)
    index = draw.draw(st.integers(0, len(members) - 1))
    proof = tree.proof(index)
    assert proof.root() == tree.root()
    other = draw.draw(st.sampled_from([m for m in members if m != members[index]]))
    assert MerkleProof(other, proof.index, proof.siblings).root() != tree.root()


@pytest.mark.parametrize(
    ("bad", "error"), [(0, InvalidLeaf), (SCALAR_FIELD, InvalidScalar), (-1, InvalidScalar), (2**256, InvalidScalar)]
)
def test_a_refused_commitment_changes_nothing(bad: int, error: type[Exception]) -> None:
    tree = ElectorateTree(leaves(5))
    root = tree.root()
    with pytest.raises(error) as refused:
        tree.append([*leaves(2), Commitment(bad)])
    assert refused.value.index == 2  # type: ignore[attr-defined]
    with pytest.raises(error):
        tree.replace(1, Commitment(bad))
    assert (len(tree), tree.root()) == (5, root)


@pytest.mark.parametrize("index", [-1, 5, 2**70])
def test_a_place_without_leaf_is_refused(index: int) -> None:
    tree = ElectorateTree(leaves(5))
    with pytest.raises(InvalidLeaf, match="index-range"):
        tree.proof(index)
    with pytest.raises(InvalidLeaf, match="index-range"):
        tree.replace(index, Commitment(7))


def test_an_empty_electorate_has_no_root() -> None:
    with pytest.raises(InvalidLeaf, match="empty-tree"):
        ElectorateTree().root()


def test_one_leaf_too_many_is_refused() -> None:
    tree = ElectorateTree(leaves(3))
    with pytest.raises(InvalidLeaf, match="full-tree"):
        tree.append([Commitment(1)] * (MAX_SIZE - 2))
    assert len(tree) == 3
