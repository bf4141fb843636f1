# SPDX-License-Identifier: AGPL-3.0-or-later
"""Records, entries, slots: what is parsed, what is refused and as what (B2, B3, B6)."""

from collections import Counter

import pytest
import urna_native
from hypothesis import given
from hypothesis import strategies as st

from protocol.ballot import (
    SEQUENCE_MAX,
    BallotError,
    Channel,
    Entry,
    InvalidChannel,
    InvalidEntryPoint,
    NullifierOutOfRange,
    Record,
    SequenceOutOfRange,
    WrongBallotLength,
    ballot_hash,
    ballot_scope,
    encode_entries,
    encode_records,
    entry_bytes,
    is_on_twist,
    next_sequence,
    parse_entries,
    parse_entry,
    parse_records,
    skip_reason,
    slot_of,
    slot_sequence,
)
from protocol.bn254 import BASE_FIELD, GENERATOR, SCALAR_FIELD, g1_mul
from protocol.hashing import keccak
from protocol.types import CastSkipReason, G1Point, Nullifier
from tests.protocol.blobs import Blobs

WORDS = 2


def record(seed: int = 1, **changes: object) -> Record:
    fields: dict[str, object] = {
        "nullifier": Nullifier(seed),
        "sequence": 1,
        "channel": Channel.OWN_DEVICE,
        "point": g1_mul(GENERATOR, seed + 1),
        "ciphertext": keccak(bytes((seed,))) * WORDS,
        **changes,
    }
    return Record(**fields)  # type: ignore[arg-type]


def entry(seed: int = 1, **changes: object) -> Entry:
    return Entry(Blobs(seed, WORDS).proof(), record(seed, **changes))


records = st.builds(
    Record,
    nullifier=st.integers(0, SCALAR_FIELD - 1).map(Nullifier),
    sequence=st.integers(0, SEQUENCE_MAX),
    channel=st.sampled_from(Channel),
    point=st.integers(1, SCALAR_FIELD - 1).map(lambda k: g1_mul(GENERATOR, k)),
    ciphertext=st.binary(min_size=32 * WORDS, max_size=32 * WORDS),
)


@given(st.lists(records, min_size=1, max_size=4))
def test_records_and_entries_come_back_as_they_were(batch: list[Record]) -> None:
    proof = Blobs(7, WORDS).proof()
    entries = tuple(Entry(proof, one) for one in batch)
    assert parse_records(encode_records(batch), WORDS) == tuple(batch)
    assert parse_entries(encode_entries(entries), WORDS) == entries


def test_the_layout_is_the_page_s() -> None:
    one = record(3, sequence=0x01020304, channel=Channel.ASSISTED)
    point = one.point.x.to_bytes(32, "big") + one.point.y.to_bytes(32, "big")
    assert one.encode() == bytes(31) + b"\3" + b"\1\2\3\4" + b"\1" + point + one.ciphertext
    assert Entry(b"\5" * 256, one).encode() == b"\5" * 256 + one.encode()
    scope = ballot_scope(31337, b"\x11" * 20, 9)
    address = bytes(12) + b"\x11" * 20
    assert scope == keccak(keccak(b"urna/scope/v1") + (31337).to_bytes(32, "big") + address + (9).to_bytes(32, "big"))
    assert ballot_hash(scope, one) == keccak(scope + one.encode())
    slot = slot_of(7, bytes(range(32)))
    assert slot.to_bytes(32, "big") == b"\0\0\0\7" + bytes(range(28))
    assert slot_sequence(slot) == 7
    assert slot_sequence(0) == 0


@pytest.mark.parametrize("nullifier", [SCALAR_FIELD, SCALAR_FIELD + 1, (1 << 256) - 1])
def test_B2_a_nullifier_has_one_name(nullifier: int) -> None:
    assert parse_records(record(nullifier=Nullifier(SCALAR_FIELD - 1)).encode(), WORDS)
    with pytest.raises(NullifierOutOfRange):
        parse_records(record(nullifier=Nullifier(nullifier)).encode(), WORDS)
    with pytest.raises(NullifierOutOfRange):
        parse_entries(entry(nullifier=Nullifier(nullifier)).encode(), WORDS)


BAD_POINTS = [
    G1Point(0, 0),
    G1Point(1, 3),
    G1Point(1 + BASE_FIELD, 2),
    G1Point(1, 2 + BASE_FIELD),
    G1Point(BASE_FIELD, BASE_FIELD),
    G1Point((1 << 256) - 1, 2),
]


@pytest.mark.parametrize("point", BAD_POINTS)
def test_B3_a_point_that_is_none_is_refused_wherever_it_stands(point: G1Point) -> None:
    with pytest.raises(InvalidEntryPoint) as refused:
        parse_records(record().encode() + record(point=point).encode(), WORDS)
    assert (refused.value.index, refused.value.point) == (1, "R")
    good, bad = entry(), point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    for name, at in (("A", 0), ("C", 192)):
        broken = Entry(good.proof[:at] + bad + good.proof[at + 64 :], good.record)
        with pytest.raises(InvalidEntryPoint) as refused:
            parse_entries(good.encode() + broken.encode(), WORDS)
        assert (refused.value.index, refused.value.point) == (1, name)


@pytest.mark.parametrize("place", range(4))
def test_B3_each_coordinate_of_b_is_canonical_and_on_the_twist(place: int) -> None:
    good = entry()
    at = 64 + 32 * place
    value = int.from_bytes(good.proof[at : at + 32], "big")
    for wrong in (value + BASE_FIELD, value ^ 1):
        proof = good.proof[:at] + wrong.to_bytes(32, "big") + good.proof[at + 32 :]
        with pytest.raises(InvalidEntryPoint) as refused:
            parse_entries(Entry(proof, good.record).encode(), WORDS)
        assert refused.value.point == "B"
    proof = good.proof[:64] + bytes(128) + good.proof[192:]
    with pytest.raises(InvalidEntryPoint):
        parse_entries(Entry(proof, good.record).encode(), WORDS)


def test_B3_the_twist_is_the_extension_s() -> None:
    blobs = Blobs(11, WORDS)
    for _ in range(50):
        data = blobs.proof()[64:192]
        x1, x0, y1, y0 = (int.from_bytes(data[at : at + 32], "big") for at in range(0, 128, 32))
        assert is_on_twist(x1, x0, y1, y0)
        assert is_on_twist(x1, x0, BASE_FIELD - y1, BASE_FIELD - y0)
        assert not is_on_twist(x0, x1, y0, y1)
        assert not is_on_twist(x1, x0, BASE_FIELD - y1, y0)


@pytest.mark.parametrize("channel", [2, 3, 128, 255])
def test_B3_a_channel_is_zero_or_one(channel: int) -> None:
    blob = bytearray(record().encode())
    blob[36] = channel
    with pytest.raises(InvalidChannel):
        parse_records(bytes(blob), WORDS)


@pytest.mark.parametrize("change", [-1, 1, 31, 32, -32])
def test_B3_a_wrong_length_is_refused_before_anything_else(change: int) -> None:
    for blob, parse in ((entry().encode(), parse_entries), (record().encode(), parse_records)):
        changed = blob[:change] if change < 0 else blob + bytes(change)
        with pytest.raises(WrongBallotLength):
            parse(changed, WORDS)
        with pytest.raises(WrongBallotLength):
            parse(b"", WORDS)
    with pytest.raises(WrongBallotLength):
        parse_entry(entry().encode() * 2, WORDS)


def test_a_client_s_entry_has_a_sequence() -> None:
    assert parse_entry(entry().encode(), WORDS) == entry()
    assert parse_entries(entry(sequence=0).encode(), WORDS)
    with pytest.raises(SequenceOutOfRange):
        parse_entry(entry(sequence=0).encode(), WORDS)


def by_the_extension(blob: bytes) -> str:
    """The verdict on a blob by Rust's decoding of points and bytes compared as bytes."""
    size, order = entry_bytes(WORDS), SCALAR_FIELD.to_bytes(32, "big")
    if len(blob) == 0 or len(blob) % size != 0:
        return "WrongLength"
    for at in range(0, len(blob), size):
        item = blob[at : at + size]
        if item[256:288] >= order:
            return "NullifierOutOfRange"
        if item[292] not in b"\0\1":
            return "InvalidChannel"
        points = (urna_native.check_g1, 293, 357), (urna_native.check_g1, 0, 64), (urna_native.check_g1, 192, 256)
        for check, start, end in (*points, (urna_native.check_g2, 64, 192)):
            try:
                check(item[start:end])
            except urna_native.NativeError as refused:
                if refused.args[0] != "outside-subgroup":  # that is left to the pairing
                    return "InvalidEntryPoint"
    return ""


def by_python(blob: bytes) -> str:
    try:
        parse_entries(blob, WORDS)
    except BallotError as refused:
        return type(refused).__name__.replace("WrongBallotLength", "WrongLength")
    return ""


def test_B3_python_and_the_extension_agree_on_ten_thousand_blobs() -> None:
    blobs, seen = Blobs(20261122, WORDS), Counter[str]()
    for _ in range(10_000):
        blob = blobs.any()
        verdict = by_python(blob)
        assert verdict == by_the_extension(blob), blob.hex()
        seen[verdict] += 1
    # Each class is met often, so that agreement means something.
    assert set(seen) == {"", "WrongLength", "NullifierOutOfRange", "InvalidChannel", "InvalidEntryPoint"}
    assert min(seen.values()) > 500, seen


@pytest.mark.parametrize(
    ("stored", "sequence", "reason"),
    [
        (0, 0, CastSkipReason.SEQUENCE_TOO_LOW),
        (0, 1, None),
        (0, 16, None),
        (0, 17, CastSkipReason.SEQUENCE_TOO_HIGH),
        (5, 5, CastSkipReason.SEQUENCE_TOO_LOW),
        (5, 4, CastSkipReason.SEQUENCE_TOO_LOW),
        (5, 21, None),
        (5, 22, CastSkipReason.SEQUENCE_TOO_HIGH),
        (SEQUENCE_MAX - 1, SEQUENCE_MAX, None),
        (SEQUENCE_MAX, SEQUENCE_MAX, CastSkipReason.SEQUENCE_TOO_LOW),
    ],
)
def test_B6_a_ballot_counts_within_sixteen_of_the_stored(
    stored: int, sequence: int, reason: CastSkipReason | None
) -> None:
    assert skip_reason(stored, sequence) is reason


@given(st.integers(0, SEQUENCE_MAX), st.integers(0, 20), st.booleans())
def test_B6_the_next_sequence_counts_and_is_new(stored: int, ahead: int, recovered: bool) -> None:
    signed = min(stored + ahead, SEQUENCE_MAX)
    step = 8 if recovered else 1
    try:
        sequence = next_sequence(stored, signed, recovered=recovered)
    except SequenceOutOfRange:
        assert signed + step > min(stored + 16, SEQUENCE_MAX)
        return
    assert sequence == signed + step
    assert skip_reason(stored, sequence) is None


def test_next_sequence_of_a_first_ballot_is_one() -> None:
    assert next_sequence(0) == 1
    assert next_sequence(0, recovered=True) == 8
    assert next_sequence(3, 1) == 4
