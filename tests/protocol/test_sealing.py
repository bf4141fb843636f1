# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sealing and opening: what a seal binds, and that a copy is worthless (B1)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.ballot import Channel, Record
from protocol.bn254 import BASE_FIELD, GENERATOR, INFINITY, SCALAR_FIELD, g1_mul
from protocol.errors import InvalidScalar
from protocol.hashing import keccak
from protocol.plaintext import Approval, BallotPaper, Null, Valid, decode, encode
from protocol.sealing import SealError, fresh_scalar, open_sealed, seal
from protocol.tally import open_ballots
from protocol.types import BallotRules, BallotType, G1Point, Nullifier

SECRET = 0x1F2E3D4C5B6A798897A6B5C4D3E2F101112131415161718191A1B1C1D1E1F20
KEY = g1_mul(GENERATOR, SECRET)
SCOPE = keccak(b"a scope")
PAPER = BallotPaper(
    BallotRules(
        ballot_type=BallotType.APPROVAL,
        min_length=1,
        max_length=3,
        min_points=0,
        max_points=0,
        min_sum_points=0,
        max_sum_points=0,
        max_cost=0,
        points_per_rank=(),
    ),
    (1,) * 200,
)
VOTE = Approval((0, 183, 199))


def sealed(nullifier: int = 5, sequence: int = 1, **more: object) -> Record:
    fields: dict[str, object] = {
        "scope": SCOPE,
        "nullifier": Nullifier(nullifier),
        "sequence": sequence,
        "channel": Channel.OWN_DEVICE,
        "joint_key": KEY,
        **more,
    }
    return seal(encode(VOTE, PAPER), **fields)  # type: ignore[arg-type]


def naive_add(left: tuple[int, int] | None, right: tuple[int, int] | None) -> tuple[int, int] | None:
    """The group's law as a textbook has it; None is infinity."""
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % BASE_FIELD == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, BASE_FIELD) if left == right else (y2 - y1) * pow(x2 - x1, -1, BASE_FIELD)
    x3 = (slope * slope - x1 - x2) % BASE_FIELD
    return x3, (slope * (x1 - x3) - y1) % BASE_FIELD


def naive_mul(point: tuple[int, int], scalar: int) -> tuple[int, int]:
    total = None
    for digit in bin(scalar)[2:]:
        total = naive_add(total, total)
        if digit == "1":
            total = naive_add(total, point)
    assert total is not None
    return total


@settings(max_examples=25, deadline=None)
@given(st.integers(1, SCALAR_FIELD - 1), st.integers(0, SCALAR_FIELD - 1), st.integers(1, (1 << 32) - 1))
def test_a_seal_is_what_the_page_says(r: int, nullifier: int, sequence: int) -> None:
    plaintext = encode(VOTE, PAPER)
    record = sealed(nullifier, sequence, randomness=lambda: r)
    point, shared = naive_mul((1, 2), r), naive_mul((KEY.x, KEY.y), r)
    assert (record.point.x, record.point.y) == point
    for k in range(2):
        message = [int.from_bytes(SCOPE, "big"), nullifier, sequence, *point, *shared, k]
        mask = keccak(keccak(b"urna/seal/v1") + b"".join(value.to_bytes(32, "big") for value in message))
        word = bytes(a ^ b for a, b in zip(plaintext[32 * k : 32 * k + 32], mask, strict=True))
        assert record.ciphertext[32 * k : 32 * k + 32] == word


def test_the_holder_of_the_key_opens_it_and_rust_agrees() -> None:
    records = [sealed(number, number + 1, channel=Channel(number % 2)) for number in range(300)]
    plaintexts = list(open_ballots(SECRET, SCOPE, records, PAPER.words))
    assert plaintexts == [open_sealed(SECRET, SCOPE, record) for record in records]
    assert {decode(plaintext, PAPER) for plaintext in plaintexts} == {Valid(VOTE)}


def test_B1_a_copied_ciphertext_is_worthless() -> None:
    record = sealed()
    assert decode(open_sealed(SECRET, SCOPE, record), PAPER) == Valid(VOTE)
    for copy in (
        replace(record, nullifier=Nullifier(6)),
        replace(record, sequence=2),
        replace(record, point=g1_mul(record.point, 2)),
    ):
        assert isinstance(decode(open_sealed(SECRET, SCOPE, copy), PAPER), Null)
        assert isinstance(decode(next(open_ballots(SECRET, SCOPE, [copy], PAPER.words)), PAPER), Null)
    assert isinstance(decode(open_sealed(SECRET, keccak(b"another scope"), record), PAPER), Null)
    assert isinstance(decode(open_sealed(SECRET + 1, SCOPE, record), PAPER), Null)


def test_two_seals_of_one_vote_have_nothing_in_common() -> None:
    first, second = sealed(), sealed()
    assert first.point != second.point
    assert first.ciphertext != second.ciphertext
    assert len({fresh_scalar() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "change",
    [
        {"joint_key": INFINITY},
        {"joint_key": G1Point(1, 3)},
        {"joint_key": G1Point(1 + BASE_FIELD, 2)},
        {"nullifier": SCALAR_FIELD},
        {"nullifier": -1},
        {"sequence": 0},
        {"sequence": 1 << 32},
        {"randomness": lambda: 0},
        {"randomness": lambda: SCALAR_FIELD},
    ],
)
def test_B2_B3_nothing_that_cannot_count_is_sealed(change: dict[str, object]) -> None:
    with pytest.raises(SealError):
        sealed(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_plaintext_has_whole_words(length: int) -> None:
    with pytest.raises(SealError):
        seal(
            bytes(length),
            scope=SCOPE,
            nullifier=Nullifier(1),
            sequence=1,
            channel=Channel.OWN_DEVICE,
            joint_key=KEY,
        )


def test_a_key_out_of_range_opens_nothing() -> None:
    with pytest.raises(InvalidScalar):
        list(open_ballots(SCALAR_FIELD, SCOPE, [sealed()], PAPER.words))
