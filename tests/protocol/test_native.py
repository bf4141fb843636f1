# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Rust extension against the readable reference and against the JavaScript libraries' vectors."""

import random
import threading
from collections.abc import Callable, Iterator

import pytest
import urna_native
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reference import babyjub, bn254, lean_imt, poseidon
from tests.reference.vectors import data, load, word

R, P = bn254.R, bn254.P
SEED = bytes(32)
CHECKS: dict[str, tuple[Callable[[bytes], None], Callable[[bytes], str]]] = {
    "g1": (urna_native.check_g1, bn254.g1_reason),
    "g2": (urna_native.check_g2, bn254.g2_reason),
    "proof": (urna_native.check_proof, bn254.proof_reason),
}


def reason(check: Callable[[bytes], None], blob: bytes) -> str:
    try:
        check(blob)
    except urna_native.NativeError as refused:
        return refused.args[0]
    return ""


# Poseidon and identities


def test_poseidon_equals_the_vectors_and_the_reference() -> None:
    for case in load("poseidon")["cases"]:
        assert urna_native.poseidon2(data(case["a"]), data(case["b"])) == data(case["hash"])
    for case in load("poseidon")["cases"][:20]:
        assert poseidon.poseidon2(int(case["a"], 16), int(case["b"], 16)) == int(case["hash"], 16)


@given(st.integers(0, R - 1), st.integers(0, R - 1))
@settings(max_examples=30)
def test_poseidon_equals_the_reference(a: int, b: int) -> None:
    assert urna_native.poseidon2(word(a), word(b)) == word(poseidon.poseidon2(a, b))


@pytest.mark.parametrize("bad", [R, P, 2**256 - 1])
def test_poseidon_refuses_what_is_not_below_r(bad: int) -> None:
    with pytest.raises(urna_native.NativeError) as refused:
        urna_native.poseidon2(word(1), word(bad))
    assert refused.value.args == ("scalar-range", "b", None)


def test_identities_equal_the_vectors_and_the_reference() -> None:
    for case in load("identity")["cases"]:
        secret = data(case["secret"])
        assert urna_native.identity_public_key(secret) == data(case["x"]) + data(case["y"])
        assert urna_native.identity_commitment(secret) == data(case["commitment"])
    for case in load("identity")["cases"][:6]:
        assert babyjub.commitment(int(case["secret"], 16)) == int(case["commitment"], 16)


@pytest.mark.parametrize("secret", [0, babyjub.ORDER, R])
def test_secrets_outside_the_subgroup_are_refused(secret: int) -> None:
    with pytest.raises(urna_native.NativeError, match="scalar-range"):
        urna_native.identity_commitment(word(secret))
    with pytest.raises(urna_native.NativeError, match="scalar-range"):
        urna_native.nullifier(word(1), word(secret))


# LeanIMT


@given(st.lists(st.integers(1, R - 1), min_size=1, max_size=24), st.data())
@settings(max_examples=40)
def test_tree_equals_the_reference_after_any_updates(leaves: list[int], draw: st.DataObject) -> None:
    tree = urna_native.LeanImt()
    cut = draw.draw(st.integers(0, len(leaves)))
    tree.insert_many(b"".join(map(word, leaves[:cut])))
    tree.insert_many(b"".join(map(word, leaves[cut:])))
    for _ in range(draw.draw(st.integers(0, 3))):
        index = draw.draw(st.integers(0, len(leaves) - 1))
        leaves[index] = draw.draw(st.integers(1, R - 1))
        tree.update(index, word(leaves[index]))
    assert tree.root() == word(lean_imt.root(leaves))
    assert tree.leaves() == b"".join(map(word, leaves))
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path, siblings = lean_imt.proof(leaves, index)
    assert tree.proof(index) == ([word(s) for s in siblings], path)
    assert urna_native.lean_imt_proof(tree.leaves(), index) == ([word(s) for s in siblings], path)


def test_parallel_levels_equal_sequential_ones() -> None:
    leaves = b"".join(word(i + 1) for i in range(1500))
    grown = urna_native.LeanImt()
    for at in range(0, len(leaves), 32 * 7):
        grown.insert_many(leaves[at : at + 32 * 7])
    assert grown.root() == urna_native.lean_imt_root(leaves)


def test_a_tree_takes_no_more_than_its_depth_allows() -> None:
    tree = urna_native.LeanImt(word(1) + word(2))
    root = tree.root()
    with pytest.raises(urna_native.NativeError, match="full-tree"):
        tree.insert_many(word(3) * ((1 << 20) - 1))
    assert (len(tree), tree.root()) == (2, root)


def test_a_refused_insertion_changes_nothing() -> None:
    tree = urna_native.LeanImt(word(1) + word(2))
    root = tree.root()
    for leaves, expected in [
        (word(3) + word(0), ("zero-leaf", "leaf", 1)),
        (word(3) + word(4) + word(R), ("scalar-range", "leaf", 2)),
        (word(3)[:-1], ("wrong-length", "leaf", None)),
    ]:
        with pytest.raises(urna_native.NativeError) as refused:
            tree.insert_many(leaves)
        assert refused.value.args == expected
    with pytest.raises(urna_native.NativeError) as refused:
        tree.update(2, word(5))
    assert refused.value.args == ("index-range", "leaf", 2)
    assert (len(tree), tree.root()) == (2, root)


def test_an_empty_tree_has_no_root() -> None:
    with pytest.raises(urna_native.NativeError, match="empty-tree"):
        urna_native.lean_imt_root(b"")


# Points


@pytest.mark.parametrize("case", load("points")["encodings"], ids=lambda c: f"{c['kind']}: {c['name']}")
def test_B3_encodings_of_the_vectors(case: dict[str, str]) -> None:
    native, reference = CHECKS[case["kind"]]
    assert reason(native, data(case["blob"])) == case["reason"]
    assert reference(data(case["blob"])) == case["reason"]


def blobs(kind: str, count: int) -> Iterator[bytes]:
    """Seeded: random words, mutated good points, words near p and r, wrong lengths."""
    rng = random.Random(f"B3 {kind}")
    good = [
        data(c["blob"])
        for c in load("points")["encodings"]
        if c["kind"] == kind and c["reason"] in ("", "outside-subgroup")
    ]
    size = len(good[0])
    edges = [0, 1, 2, R, P - 1, P, P + 1, 2**256 - 1]
    for _ in range(count):
        style = rng.randrange(6)
        if style == 0:
            yield rng.randbytes(size)
            continue
        blob = bytearray(rng.choice(good))
        if style == 1:
            blob[rng.randrange(size)] ^= 1 << rng.randrange(8)
        elif style == 2:
            at = 32 * rng.randrange(size // 32)
            blob[at : at + 32] = word(rng.choice(edges))
        elif style == 3:
            at = 32 * rng.randrange(size // 32)
            value = int.from_bytes(blob[at : at + 32], "big")
            blob[at : at + 32] = word(rng.choice([value, P - value, value + P]) % 2**256)
        elif style == 4:
            at, length = rng.choice([(0, 64), (64, 128), (192, 64)]) if kind == "proof" else (0, size)
            blob[at : at + length] = bytes(length)
        else:
            blob = blob[: rng.randrange(size + 1)] if rng.random() < 0.5 else blob + rng.randbytes(rng.randrange(3))
        yield bytes(blob)


def test_B3_ten_thousand_blobs_are_judged_as_by_the_reference() -> None:
    seen: set[str] = set()
    for kind, count in (("g1", 4000), ("g2", 2000), ("proof", 4000)):
        native, reference = CHECKS[kind]
        for blob in blobs(kind, count):
            expected = reference(blob)
            assert reason(native, blob) == expected, (kind, blob.hex())
            seen.add(expected)
    assert seen == {"", "wrong-length", "coordinate-range", "off-curve", "infinity", "outside-subgroup"}


def test_products_and_sums_equal_the_vectors() -> None:
    products, sums = load("points")["products"], load("points")["sums"]
    for case in products:
        assert urna_native.g1_mul(data(case["point"]), data(case["scalar"])) == data(case["product"])
    for case in sums:
        assert urna_native.g1_add(data(case["left"]), data(case["right"])) == data(case["sum"])


def test_msm_is_the_sum_of_the_products() -> None:
    cases = load("points")["products"]
    total = bytes(64)
    for case in cases:
        total = bn254.g1_add(total, data(case["product"]))
    points, scalars = (b"".join(data(case[name]) for case in cases) for name in ("point", "scalar"))
    assert urna_native.g1_msm(points, scalars) == total
    assert urna_native.g1_msm(b"", b"") == bytes(64)
    bad = points[:64] + word(1) + word(1) + points[128:]
    with pytest.raises(urna_native.NativeError) as refused:
        urna_native.g1_msm(bad, scalars)
    assert refused.value.args == ("off-curve", "point", 1)


# Batches of proofs


def statements(count: int, label: int = 0) -> bytes:
    return b"".join(word(label * 10**9 + 4 * i + j) for i in range(count) for j in range(4))


@pytest.fixture(scope="module")
def made() -> tuple[bytes, bytes]:
    return urna_native.make_trapdoor_key(b"\x05" * 32)


def test_simulated_proofs_satisfy_the_equation_of_the_reference(made: tuple[bytes, bytes]) -> None:
    key, trapdoor = made
    proof = urna_native.simulate_proofs(trapdoor, statements(1), SEED)
    assert bn254.holds(key, proof, bn254.words(statements(1)))
    assert not bn254.holds(key, proof, bn254.words(statements(1, label=1)))


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 33, 100])
def test_a_batch_of_good_proofs_holds(made: tuple[bytes, bytes], count: int) -> None:
    key, trapdoor = made
    proofs = urna_native.simulate_proofs(trapdoor, statements(count), SEED)
    assert len(set(bn254.words(proofs))) == 8 * count
    assert urna_native.verify_batch(key, proofs, statements(count), SEED) is None


@given(st.sets(st.integers(0, 69), min_size=1, max_size=69), st.binary(min_size=32, max_size=32))
@example({0}, SEED)
@example({69}, SEED)
@example(set(range(70)), SEED)
@example({15, 16}, SEED)
@settings(max_examples=25)
def test_bisection_names_exactly_the_bad_proofs(bad: set[int], seed: bytes) -> None:
    key, trapdoor = urna_native.make_trapdoor_key(b"\x05" * 32)
    publics = bytearray(statements(70))
    proofs = urna_native.simulate_proofs(trapdoor, bytes(publics), SEED)
    for index in bad:
        publics[128 * index + 127] ^= 1
    assert urna_native.verify_batch(key, proofs, bytes(publics), seed) == sorted(bad)


def test_errors_that_cancel_in_a_plain_sum_are_found(made: tuple[bytes, bytes]) -> None:
    key, trapdoor = made
    publics = statements(2)
    proofs = urna_native.simulate_proofs(trapdoor, publics, SEED)
    shift = urna_native.g1_mul(word(1) + word(2), word(7))
    minus = shift[:32] + word(P - int.from_bytes(shift[32:], "big"))
    forged = bytearray(proofs)
    forged[192:256] = urna_native.g1_add(proofs[192:256], shift)
    forged[448:512] = urna_native.g1_add(proofs[448:512], minus)
    assert urna_native.verify_batch(key, bytes(forged), publics, SEED) == [0, 1]


def test_one_and_batch_agree(made: tuple[bytes, bytes]) -> None:
    key, trapdoor = made
    proof = urna_native.simulate_proofs(trapdoor, statements(1), SEED)
    assert urna_native.verify_one(key, proof, statements(1)) is True
    assert urna_native.verify_one(key, proof, statements(1, label=1)) is False


def test_B3_a_batch_names_the_first_malformed_item(made: tuple[bytes, bytes]) -> None:
    key, trapdoor = made
    publics = statements(40)
    proofs = urna_native.simulate_proofs(trapdoor, publics, SEED)
    spoilt = bytearray(proofs)
    for index in (39, 21, 30):
        spoilt[256 * index + 31] ^= 1
    large = bytearray(publics)
    large[128 * 5 + 32 : 128 * 5 + 64] = word(R)
    for changed, expected in [
        ((bytes(spoilt), publics), ("off-curve", "proof A", 21)),
        ((proofs, bytes(large)), ("scalar-range", "public input", 5)),
        ((proofs + b"\0", publics), ("wrong-length", "proofs", None)),
        ((proofs, publics[:-1]), ("wrong-length", "public inputs", None)),
        ((proofs[:-256], publics), ("wrong-length", "public inputs", None)),
    ]:
        with pytest.raises(urna_native.NativeError) as refused:
            urna_native.verify_batch(key, *changed, SEED)
        assert refused.value.args == expected


def test_the_interpreter_runs_on_while_a_batch_is_verified(made: tuple[bytes, bytes]) -> None:
    key, trapdoor = made
    publics = statements(300)
    proofs = urna_native.simulate_proofs(trapdoor, publics, SEED)
    thread = threading.Thread(target=urna_native.verify_batch, args=(key, proofs, publics, SEED))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    assert turns > 1


# Opening


@given(st.integers(1, R - 1), st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_opening_equals_the_reference(secret: int, words: int, rng: random.Random) -> None:
    scope = rng.randbytes(32)
    records = []
    for sequence in range(3):
        point = urna_native.g1_mul(word(1) + word(2), word(rng.randrange(1, R)))
        records.append(
            rng.randbytes(32) + (sequence + 2**31).to_bytes(4, "big") + b"\1" + point + rng.randbytes(32 * words)
        )
    expected = b"".join(bn254.unseal(secret, scope, record) for record in records)
    assert urna_native.open_batch(word(secret), scope, b"".join(records), words) == expected


def test_opening_names_the_record_whose_point_is_none() -> None:
    point = word(1) + word(2)
    good, bad = (bytes(32) + b"\0\0\0\1\0" + p + bytes(32) for p in (point, word(1) + word(3)))
    with pytest.raises(urna_native.NativeError) as refused:
        urna_native.open_batch(word(5), bytes(32), good * 600 + bad + good + bad, 1)
    assert refused.value.args == ("off-curve", "ballot R", 600)
    for secret in (0, R):
        with pytest.raises(urna_native.NativeError, match="scalar-range"):
            urna_native.open_batch(word(secret), bytes(32), good, 1)
    with pytest.raises(urna_native.NativeError, match="wrong-length"):
        urna_native.open_batch(word(5), bytes(32), good, 2)
    with pytest.raises(urna_native.NativeError, match="wrong-length"):
        urna_native.open_batch(word(5), bytes(32), good, 2**63)


# Whatever comes


@given(st.data())
@settings(max_examples=300)
def test_nothing_but_NativeError_whatever_the_bytes(draw: st.DataObject) -> None:
    blob = st.one_of(st.binary(max_size=300), st.sampled_from([b"", bytes(32), bytes(64), bytes(256), b"\xff" * 128]))
    calls: list[tuple[Callable[..., object], int]] = [
        (urna_native.poseidon2, 2),
        (urna_native.identity_public_key, 1),
        (urna_native.identity_commitment, 1),
        (urna_native.nullifier, 2),
        (urna_native.lean_imt_root, 1),
        (urna_native.LeanImt, 1),
        (urna_native.check_g1, 1),
        (urna_native.check_g2, 1),
        (urna_native.check_proof, 1),
        (urna_native.check_key, 1),
        (urna_native.g1_add, 2),
        (urna_native.g1_mul, 2),
        (urna_native.g1_msm, 2),
        (urna_native.verify_one, 3),
        (urna_native.verify_batch, 4),
        (urna_native.make_trapdoor_key, 1),
        (urna_native.simulate_proofs, 3),
        (urna_native.ProvingKey, 1),
    ]
    function, arity = draw.draw(st.sampled_from(calls))
    try:
        function(*(draw.draw(blob) for _ in range(arity)))
    except urna_native.NativeError as refused:
        code, what, index = refused.args
        assert code
        assert what
        assert index is None or index >= 0
