# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ceremony: any t of n, every subset the same; bad dealings, bad shares, false complaints (B7, B8, B13)."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.bn254 import BASE_FIELD, GENERATOR, INFINITY, SCALAR_FIELD, g1_add, g1_mul
from protocol.ceremony import (
    BadProofOfKnowledge,
    BadShare,
    CeremonyError,
    Complaint,
    Epoch,
    InvalidDealing,
    InvalidDleq,
    InvalidShare,
    aggregate,
    check_release,
    combine,
    complain,
    deal,
    deal_polynomial,
    evaluate,
    is_share,
    judge,
    lagrange,
    prove_possession,
    public_share,
    receive_share,
    secret_share,
    trustee_key,
    verify_dealing,
    verify_possession,
)
from protocol.hashing import domain, keccak, words
from protocol.schnorr import challenge_of, coordinates
from protocol.types import Dealing, DleqProof, G1Point

EPOCH = Epoch(chain_id=31337, contract=b"\xce" * 20, initiative=3, epoch=0)
DECRYPTION = [int.from_bytes(keccak(b"decryption" + bytes((j,))), "big") % SCALAR_FIELD for j in range(7)]
SEEDS = [keccak(b"seed" + bytes((j,))) for j in range(7)]
KEYS = [trustee_key(key) for key in DECRYPTION]


def dealings(n: int, t: int, epoch: Epoch = EPOCH) -> dict[int, Dealing]:
    return {i: deal(SEEDS[i - 1], epoch, i, t, KEYS[:n]) for i in range(1, n + 1)}


def spoiled(dealing: Dealing, receiver: int, flip: int = 1) -> Dealing:
    shares = list(dealing.shares)
    shares[receiver - 1] ^= flip
    return replace(dealing, shares=tuple(shares))


@pytest.mark.parametrize(("n", "t"), [(2, 2), (3, 2), (5, 3), (7, 4), (4, 2)])
def test_B7_any_t_shares_give_the_same_key(n: int, t: int) -> None:
    dealt = dealings(n, t)
    for dealer, dealing in dealt.items():
        verify_dealing(dealing, EPOCH, dealer, t, n)
    joint = aggregate(dealt.values())
    shares = {j: secret_share(dealt, EPOCH, j, DECRYPTION[j - 1]) for j in range(1, n + 1)}
    for j, share in shares.items():
        check_release(joint, j, share)
    secrets = {combine({j: shares[j] for j in subset}, joint) for subset in combinations(shares, t)}
    assert len(secrets) == 1
    secret = secrets.pop()
    assert g1_mul(GENERATOR, secret) == joint[0]
    assert combine(shares, joint) == secret
    with pytest.raises(CeremonyError):
        combine({j: shares[j] for j in list(shares)[: t - 1]}, joint)


def test_B7_fewer_than_t_shares_leave_every_secret_possible() -> None:
    """For one share of two, each candidate secret has a polynomial through it."""
    share = 12345
    for candidate in (0, 1, SCALAR_FIELD - 1):
        slope = (share - candidate) % SCALAR_FIELD
        assert evaluate([candidate, slope], 1) == share


def test_a_ceremony_goes_on_without_a_dealer() -> None:
    dealt = dealings(3, 2)
    del dealt[2]
    joint = aggregate(dealt.values())
    shares = {j: secret_share(dealt, EPOCH, j, DECRYPTION[j - 1]) for j in (1, 2, 3)}
    assert combine({2: shares[2], 3: shares[3]}, joint) == combine({1: shares[1], 2: shares[2]}, joint)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, SCALAR_FIELD - 1), min_size=1, max_size=5), st.integers(1, 255))
def test_the_commitments_bind_each_share(coefficients: list[int], trustee: int) -> None:
    commitments = [g1_mul(GENERATOR, coefficient) for coefficient in coefficients]
    share = sum(a * trustee**k for k, a in enumerate(coefficients)) % SCALAR_FIELD
    assert evaluate(coefficients, trustee) == share
    assert public_share(commitments, trustee) == g1_mul(GENERATOR, share)
    assert is_share(commitments, trustee, share)
    assert not is_share(commitments, trustee, (share + 1) % SCALAR_FIELD)
    assert not is_share(commitments, trustee, share + SCALAR_FIELD)


def test_lagrange_weights_sum_to_one() -> None:
    for trustees in ((1, 2), (2, 5, 9), (1, 3, 4, 255)):
        assert sum(lagrange(trustees, j) for j in trustees) % SCALAR_FIELD == 1


def test_a_dealing_follows_from_its_seed_and_place_alone() -> None:
    first = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    assert deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3]) == first
    others = [
        deal(SEEDS[1], EPOCH, 1, 2, KEYS[:3]),
        deal(SEEDS[0], replace(EPOCH, epoch=1), 1, 2, KEYS[:3]),
        deal(SEEDS[0], replace(EPOCH, initiative=4), 1, 2, KEYS[:3]),
        deal(SEEDS[0], replace(EPOCH, chain_id=1), 1, 2, KEYS[:3]),
        deal(SEEDS[0], replace(EPOCH, contract=b"\xcf" * 20), 1, 2, KEYS[:3]),
        deal(SEEDS[0], EPOCH, 1, 3, KEYS[:3]),
        deal(SEEDS[0], EPOCH, 1, 2, KEYS[:4]),
    ]
    points = [point for dealing in (first, *others) for point in (*dealing.commitments, dealing.ephemeral)]
    assert len(set(points)) == len(points)


def test_the_derivation_is_the_page_s() -> None:
    dealing = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    trustees = keccak(b"".join(c.to_bytes(32, "big") for key in KEYS[:3] for c in (key.x, key.y)))

    def scalar(name: bytes, k: int) -> int:
        head = keccak(name) + SEEDS[0] + (31337).to_bytes(32, "big") + bytes(12) + b"\xce" * 20
        head += b"".join(value.to_bytes(32, "big") for value in (3, 0, 2)) + trustees + k.to_bytes(32, "big")
        wide = keccak(head + bytes(32)) + keccak(head + bytes(31) + b"\1")
        return int(wide.hex(), 16) % (SCALAR_FIELD - 1) + 1

    assert dealing.commitments == tuple(g1_mul(GENERATOR, scalar(b"urna/coefficient/v1", k)) for k in (0, 1))
    assert dealing.ephemeral == g1_mul(GENERATOR, scalar(b"urna/ephemeral/v1", 0))


@pytest.mark.parametrize(
    ("seed", "dealer", "threshold", "keys"),
    [
        (b"short", 1, 2, KEYS[:3]),
        (SEEDS[0], 0, 2, KEYS[:3]),
        (SEEDS[0], 4, 2, KEYS[:3]),
        (SEEDS[0], 1, 0, KEYS[:3]),
        (SEEDS[0], 1, 4, KEYS[:3]),
        (SEEDS[0], 1, 2, [KEYS[0], INFINITY]),
        (SEEDS[0], 1, 2, [KEYS[0], G1Point(1, 3)]),
    ],
)
def test_no_dealing_from_senseless_input(seed: bytes, dealer: int, threshold: int, keys: list[G1Point]) -> None:
    with pytest.raises(CeremonyError):
        deal(seed, EPOCH, dealer, threshold, keys)


# B13: dealings that must not qualify


def test_B13_a_dealing_that_reuses_another_s_ephemeral_cannot_prove_it() -> None:
    theirs = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    mine = deal(SEEDS[1], EPOCH, 2, 2, KEYS[:3])
    copied = replace(mine, ephemeral=theirs.ephemeral, ephemeral_proof=theirs.ephemeral_proof)
    with pytest.raises(BadProofOfKnowledge, match="ephemeral"):
        verify_dealing(copied, EPOCH, 2, 2, 3)
    kept = replace(mine, ephemeral=theirs.ephemeral)
    with pytest.raises(BadProofOfKnowledge, match="ephemeral"):
        verify_dealing(kept, EPOCH, 2, 2, 3)


def test_B13_a_dealing_that_comes_again_elsewhere_is_refused() -> None:
    dealing = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    verify_dealing(dealing, EPOCH, 1, 2, 3)
    for epoch, dealer in (
        (replace(EPOCH, epoch=1), 1),
        (replace(EPOCH, initiative=4), 1),
        (replace(EPOCH, chain_id=1), 1),
        (replace(EPOCH, contract=b"\xcf" * 20), 1),
        (EPOCH, 2),
    ):
        with pytest.raises(BadProofOfKnowledge, match="constant"):
            verify_dealing(dealing, epoch, dealer, 2, 3)


def test_B13_the_two_proofs_of_a_dealing_do_not_serve_for_each_other() -> None:
    scalar = 99
    dealing = deal_polynomial([scalar, 5], scalar, EPOCH, 1, KEYS[:3])
    verify_dealing(dealing, EPOCH, 1, 2, 3)
    for swapped in (
        replace(dealing, constant_proof=dealing.ephemeral_proof),
        replace(dealing, ephemeral_proof=dealing.constant_proof),
    ):
        with pytest.raises(BadProofOfKnowledge):
            verify_dealing(swapped, EPOCH, 1, 2, 3)


def test_B13_every_changed_value_of_a_proof_breaks_it() -> None:
    dealing = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    other = g1_mul(GENERATOR, 42)
    for name in ("constant_proof", "ephemeral_proof"):
        proof = getattr(dealing, name)
        for broken in (
            replace(proof, s=(proof.s + 1) % SCALAR_FIELD),
            replace(proof, t=other),
            replace(proof, s=proof.s + SCALAR_FIELD),
            replace(proof, t=INFINITY),
            replace(proof, t=G1Point(proof.t.x, proof.t.y + BASE_FIELD)),
        ):
            with pytest.raises(BadProofOfKnowledge):
                verify_dealing(replace(dealing, **{name: broken}), EPOCH, 1, 2, 3)
    for moved in (
        replace(dealing, commitments=(other, dealing.commitments[1])),
        replace(dealing, ephemeral=other),
    ):
        with pytest.raises(BadProofOfKnowledge):
            verify_dealing(moved, EPOCH, 1, 2, 3)


def test_a_dealing_has_its_sizes_and_points() -> None:
    dealing = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    for broken in (
        replace(dealing, commitments=dealing.commitments[:1]),
        replace(dealing, commitments=(*dealing.commitments, GENERATOR)),
        replace(dealing, shares=dealing.shares[:2]),
        replace(dealing, shares=(*dealing.shares, 1)),
        replace(dealing, commitments=(dealing.commitments[0], INFINITY)),
        replace(dealing, commitments=(dealing.commitments[0], G1Point(1, 3))),
        replace(dealing, ephemeral=INFINITY),
    ):
        with pytest.raises(InvalidDealing):
            verify_dealing(broken, EPOCH, 1, 2, 3)


# B8: shares and complaints


def test_B8_a_bad_share_is_noticed_and_the_complaint_upheld() -> None:
    good = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    for flip in (1, 1 << 255, (1 << 256) - 1):
        bad = spoiled(good, 2, flip)
        verify_dealing(bad, EPOCH, 1, 2, 3)
        with pytest.raises(BadShare) as noticed:
            receive_share(bad, EPOCH, 1, 2, DECRYPTION[1])
        assert (noticed.value.dealer, noticed.value.receiver) == (1, 2)
        complaint = complain(bad, EPOCH, 1, 2, DECRYPTION[1])
        assert judge(complaint, bad, EPOCH, 1, 2, KEYS[1]) is True
        # The others' shares of the same dealing stay good.
        assert receive_share(bad, EPOCH, 1, 3, DECRYPTION[2]) == receive_share(good, EPOCH, 1, 3, DECRYPTION[2])


def test_B8_a_share_plus_r_is_bad() -> None:
    good = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    share = receive_share(good, EPOCH, 1, 2, DECRYPTION[1])
    bad = spoiled(good, 2, share ^ (share + SCALAR_FIELD))
    with pytest.raises(BadShare):
        receive_share(bad, EPOCH, 1, 2, DECRYPTION[1])
    assert judge(complain(bad, EPOCH, 1, 2, DECRYPTION[1]), bad, EPOCH, 1, 2, KEYS[1]) is True


def test_B8_a_false_complaint_is_false() -> None:
    good = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    assert judge(complain(good, EPOCH, 1, 2, DECRYPTION[1]), good, EPOCH, 1, 2, KEYS[1]) is False


def test_B8_a_complaint_over_another_point_is_refused() -> None:
    good = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    other = deal(SEEDS[2], EPOCH, 3, 2, KEYS[:3])
    honest = complain(good, EPOCH, 1, 2, DECRYPTION[1])
    proof = honest.proof
    lies = [
        (replace(honest, shared=g1_mul(GENERATOR, 7)), 1, 2, KEYS[1]),
        (replace(honest, shared=INFINITY), 1, 2, KEYS[1]),
        (replace(honest, shared=G1Point(1, 3)), 1, 2, KEYS[1]),
        (replace(honest, proof=replace(proof, s=(proof.s + 1) % SCALAR_FIELD)), 1, 2, KEYS[1]),
        (replace(honest, proof=replace(proof, s=proof.s + SCALAR_FIELD)), 1, 2, KEYS[1]),
        (replace(honest, proof=replace(proof, t1=proof.t2)), 1, 2, KEYS[1]),
        (replace(honest, proof=replace(proof, t2=proof.t1)), 1, 2, KEYS[1]),
        (replace(honest, proof=replace(proof, t2=INFINITY)), 1, 2, KEYS[1]),
        (complain(other, EPOCH, 3, 2, DECRYPTION[1]), 1, 2, KEYS[1]),  # of another dealing
        (complain(good, EPOCH, 1, 3, DECRYPTION[2]), 1, 2, KEYS[1]),  # by another trustee
        (honest, 1, 3, KEYS[2]),
        (honest, 3, 2, KEYS[1]),
        (complain(good, replace(EPOCH, epoch=1), 1, 2, DECRYPTION[1]), 1, 2, KEYS[1]),
    ]
    assert judge(honest, good, EPOCH, 1, 2, KEYS[1]) is False
    for complaint, dealer, complainant, key in lies:
        with pytest.raises(InvalidDleq):
            judge(complaint, good, EPOCH, dealer, complainant, key)


@pytest.mark.parametrize(
    ("known", "shared_by"), [(0, 1), (1, 1)], ids=["second equation fails", "first equation fails"]
)
def test_B8_one_equation_of_a_complaint_is_not_enough(known: int, shared_by: int) -> None:
    """A point that is not theirs, with a proof made by the book from the true secret, and from the one that fits it."""
    good = deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3])
    shared = g1_mul(good.ephemeral, DECRYPTION[1] + shared_by)
    nonce, secret = 77, DECRYPTION[1] + known
    t1, t2 = g1_mul(GENERATOR, nonce), g1_mul(good.ephemeral, nonce)
    context = words(domain("urna/complaint/v1"), EPOCH.chain_id, EPOCH.contract, EPOCH.initiative, EPOCH.epoch, 1, 2)
    challenge = challenge_of(context, coordinates(KEYS[1], good.ephemeral, shared, t1, t2))
    s = (nonce + challenge * secret) % SCALAR_FIELD
    first = g1_mul(GENERATOR, s) == g1_add(t1, g1_mul(KEYS[1], challenge))
    second = g1_mul(good.ephemeral, s) == g1_add(t2, g1_mul(shared, challenge))
    assert (first, second) == (known == 0, known == 1)
    with pytest.raises(InvalidDleq):
        judge(Complaint(shared, DleqProof(t1, t2, s)), good, EPOCH, 1, 2, KEYS[1])


def test_B8_a_bad_share_at_the_opening_is_named() -> None:
    dealt = dealings(3, 2)
    joint = aggregate(dealt.values())
    shares = {j: secret_share(dealt, EPOCH, j, DECRYPTION[j - 1]) for j in (1, 2, 3)}
    for wrong in ((shares[2] + 1) % SCALAR_FIELD, shares[2] + SCALAR_FIELD, 0, shares[1]):
        with pytest.raises(InvalidShare, match="trustee 2"):
            check_release(joint, 2, wrong)
        with pytest.raises(InvalidShare, match="trustee 2"):
            combine({1: shares[1], 2: wrong}, joint)


# Possession of a trustee's key


def test_a_trustee_proves_its_key_for_its_own_entity_only() -> None:
    consortium = b"\xc0" * 20
    proof = prove_possession(DECRYPTION[0], 31337, consortium, 1)
    assert verify_possession(KEYS[0], proof, 31337, consortium, 1)
    assert not verify_possession(KEYS[1], proof, 31337, consortium, 1)
    assert not verify_possession(KEYS[0], proof, 1, consortium, 1)
    assert not verify_possession(KEYS[0], proof, 31337, b"\xc1" * 20, 1)
    assert not verify_possession(KEYS[0], proof, 31337, consortium, 2)
    assert not verify_possession(INFINITY, proof, 31337, consortium, 1)
    assert not verify_possession(KEYS[0], replace(proof, s=proof.s + SCALAR_FIELD), 31337, consortium, 1)
    assert not verify_possession(KEYS[0], replace(proof, t=INFINITY), 31337, consortium, 1)


@pytest.mark.parametrize("key", [0, -1, SCALAR_FIELD])
def test_a_decryption_key_is_in_range(key: int) -> None:
    with pytest.raises(CeremonyError):
        trustee_key(key)


def test_dealings_that_do_not_belong_together_make_no_key() -> None:
    with pytest.raises(CeremonyError):
        aggregate([])
    with pytest.raises(CeremonyError):
        aggregate([deal(SEEDS[0], EPOCH, 1, 2, KEYS[:3]), deal(SEEDS[1], EPOCH, 2, 3, KEYS[:3])])
