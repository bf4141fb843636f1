# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plaintexts: round trips, and agreement with a naive reader written from the page alone (B9)."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from protocol.plaintext import (
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Decoded,
    InvalidChoice,
    Knapsack,
    Null,
    NullReason,
    Ordered,
    SingleChoice,
    Valid,
    WrongPlaintextLength,
    YesNoAbstain,
    decode,
    encode,
    fault,
    layout,
    null_plaintext,
    words,
)
from protocol.tally import scores
from protocol.types import BallotRules, BallotType
from tests.protocol.papers import choices, papers

Verdict = tuple[str, dict[int, int]]


def rules(kind: BallotType, shortest: int = 0, longest: int = 3, **more: int | tuple[int, ...]) -> BallotRules:
    fields: dict[str, object] = {
        "min_points": 0,
        "max_points": 0,
        "min_sum_points": 0,
        "max_sum_points": 0,
        "max_cost": 0,
        "points_per_rank": (),
        **more,
    }
    return BallotRules(ballot_type=kind, min_length=shortest, max_length=longest, **fields)  # type: ignore[arg-type]


# The naive reader: bits as a string, words as the page has them.


def naive_bitmap_words(options: int) -> int:
    count, room = 1, 184
    while room < options:
        count, room = count + 1, room + 256
    return count


def naive_words(paper: BallotPaper) -> int:
    kind, options, longest = paper.rules.ballot_type.name, len(paper.costs), paper.rules.max_length
    if kind == "SINGLE_CHOICE":
        return 1
    if kind in ("APPROVAL", "KNAPSACK", "YES_NO_ABSTAIN"):
        return naive_bitmap_words(options) * (2 if kind == "YES_NO_ABSTAIN" else 1)
    size, count = 9 + longest * {"CUMULATIVE": 4, "ORDERED": 2}[kind], 0
    while 32 * count < size:
        count += 1
    return count


def naive_bitmap(bitmap: list[str], options: int) -> set[int] | None:
    """Marked options; `bitmap` is one string of 256 digits a word, the most significant first."""
    marked = set()
    for number, digits in enumerate(bitmap):
        for bit, digit in enumerate(reversed(digits)):
            if digit == "1":
                if number == 0 and bit >= 184:
                    return None
                option = bit if number == 0 else 184 + 256 * (number - 1) + bit
                if option >= options:
                    return None
                marked.add(option)
    return marked


def naive(plaintext: bytes, paper: BallotPaper) -> Verdict:
    limits, options = paper.rules, len(paper.costs)
    kind, null = limits.ballot_type.name, ("null", dict[int, int]())
    if list(plaintext[:8]) != [0] * 8:
        return null
    if plaintext[8] == 1 and set(plaintext[9:]) <= {0}:
        return "blank", {}
    if plaintext[8] != 0:
        return null
    digits = [f"{int(plaintext[at : at + 32].hex(), 16):0256b}" for at in range(0, len(plaintext), 32)]
    given: dict[int, int] = {}
    named = 0
    if kind == "SINGLE_CHOICE":
        number = plaintext[9] * 256 + plaintext[10]
        if not 1 <= number <= options or set(plaintext[11:]) > {0} or any(plaintext[11:]):
            return null
        named, given = 1, {number - 1: 1}
    elif kind in ("APPROVAL", "KNAPSACK"):
        marked = naive_bitmap(digits, options)
        if marked is None:
            return null
        named, given = len(marked), dict.fromkeys(marked, 1)
        if kind == "KNAPSACK":
            spent = 0
            for option in marked:
                spent += paper.costs[option]
            if spent > limits.max_cost:
                return null
    elif kind == "YES_NO_ABSTAIN":
        half = len(digits) // 2
        yes, no = naive_bitmap(digits[:half], options), naive_bitmap(digits[half:], options)
        if yes is None or no is None or yes & no:
            return null
        named = len(yes) + len(no)
        given = dict.fromkeys(yes, 1) | dict.fromkeys(no, -1)
    else:
        width = 4 if kind == "CUMULATIVE" else 2
        rest = plaintext[9:]
        while any(rest):
            slot, rest = rest[:width], rest[width:]
            if len(slot) < width:
                return null
            option = slot[0] * 256 + slot[1] - 1
            if not 0 <= option < options or option in given:
                return null
            if kind == "CUMULATIVE" and given and option < max(given):
                return null
            if kind == "ORDERED" and named >= limits.max_length:
                return null
            given[option] = slot[2] * 256 + slot[3] if kind == "CUMULATIVE" else limits.points_per_rank[named]
            named += 1
        if kind == "CUMULATIVE":
            if any(points < limits.min_points or points > limits.max_points for points in given.values()):
                return null
            if sum(given.values()) < limits.min_sum_points or sum(given.values()) > limits.max_sum_points:
                return null
    if named < limits.min_length or named > limits.max_length:
        return null
    return "valid", given


def verdict(decoded: Decoded, paper: BallotPaper) -> Verdict:
    match decoded:
        case Valid(vote):
            return "valid", scores(vote, paper.rules)
        case Blank():
            return "blank", {}
        case Null():
            return "null", {}


def mutate(draw: st.DrawFn, plaintext: bytes) -> bytes:
    data = bytearray(plaintext)
    place = draw(st.integers(0, len(data) - 1))
    match draw(st.sampled_from(["bit", "byte", "slot", "copy", "end", "noise"])):
        case "bit":
            data[place] ^= 1 << draw(st.integers(0, 7))
        case "byte":
            data[place] = draw(st.sampled_from([0, 1, 2, 255]))
        case "slot":
            at = 9 + 2 * draw(st.integers(0, (len(data) - 11) // 2))
            data[at : at + 2] = draw(st.integers(0, 12)).to_bytes(2, "big")
        case "copy":
            source = 9 + 4 * draw(st.integers(0, (len(data) - 13) // 4))
            target = 9 + 4 * draw(st.integers(0, (len(data) - 13) // 4))
            data[target : target + 4] = data[source : source + 4]
        case "end":
            data[-1] ^= draw(st.integers(1, 255))
        case "noise":
            data[:] = draw(st.binary(min_size=len(data), max_size=len(data)))
    return bytes(data)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[BallotPaper, bytes]:
    paper = draw(papers())
    plaintext = layout(draw(choices(paper)), paper)
    for _ in range(draw(st.integers(0, 3))):
        plaintext = mutate(draw, plaintext)
    return paper, plaintext


@settings(max_examples=1000, deadline=None)
@given(mutated())
def test_B9_every_plaintext_counts_as_the_page_says(case: tuple[BallotPaper, bytes]) -> None:
    paper, plaintext = case
    assert verdict(decode(plaintext, paper), paper) == naive(plaintext, paper)


@st.composite
def paper_and_choice(draw: st.DrawFn) -> tuple[BallotPaper, Choice]:
    paper = draw(papers())
    return paper, draw(choices(paper))


@settings(max_examples=400, deadline=None)
@given(paper_and_choice())
def test_what_can_be_encoded_is_decoded_to_the_same(case: tuple[BallotPaper, Choice]) -> None:
    paper, choice = case
    reason = None if isinstance(choice, Blank) else fault(choice, paper)
    if reason is not None:
        assert isinstance(decode(layout(choice, paper), paper), Null)
        with pytest.raises(InvalidChoice, match=reason.value):
            encode(choice, paper)
        return
    plaintext = encode(choice, paper)
    assert len(plaintext) == 32 * paper.words
    assert decode(plaintext, paper) == (choice if isinstance(choice, Blank) else Valid(choice))


@given(papers())
def test_words_follow_the_table(paper: BallotPaper) -> None:
    assert paper.words == words(paper.rules, paper.options) == naive_words(paper)


@given(papers())
def test_B9_a_deliberate_null_is_null_and_a_blank_is_blank(paper: BallotPaper) -> None:
    assert decode(null_plaintext(paper.words), paper) == Null(NullReason.TAG)
    assert decode(encode(Blank(), paper), paper) == Blank()


@given(papers(), st.integers(-33, 65))
def test_another_length_is_an_error_not_a_null(paper: BallotPaper, extra: int) -> None:
    assume(extra != 0)
    with pytest.raises(WrongPlaintextLength):
        decode(bytes(max(0, 32 * paper.words + extra)), paper)


APPROVAL = BallotPaper(rules(BallotType.APPROVAL, 1, 2), (1,) * 5)
SINGLE = BallotPaper(rules(BallotType.SINGLE_CHOICE, 1, 1), (1,) * 5)
KNAPSACK = BallotPaper(rules(BallotType.KNAPSACK, 1, 3, max_cost=10), (4, 6, 1, 10, 11))
CUMULATIVE = BallotPaper(
    rules(BallotType.CUMULATIVE, 1, 3, min_points=1, max_points=3, min_sum_points=2, max_sum_points=5), (1,) * 5
)
ORDERED = BallotPaper(rules(BallotType.ORDERED, 2, 3, points_per_rank=(3, 2, 1)), (1,) * 5)
YES_NO = BallotPaper(rules(BallotType.YES_NO_ABSTAIN, 1, 3), (1,) * 5)


@pytest.mark.parametrize(
    ("paper", "vote", "reason"),
    [
        (APPROVAL, Approval((0, 4)), None),
        (APPROVAL, Approval(()), NullReason.TOO_FEW),
        (APPROVAL, Approval((0, 1, 2)), NullReason.TOO_MANY),
        (APPROVAL, Approval((1, 1)), NullReason.REPEATED_OPTION),
        (APPROVAL, Approval((5,)), NullReason.UNKNOWN_OPTION),
        (APPROVAL, Approval((-1,)), NullReason.UNKNOWN_OPTION),
        (APPROVAL, Knapsack((1,)), NullReason.TYPE),
        (SINGLE, SingleChoice(4), None),
        (SINGLE, SingleChoice(5), NullReason.UNKNOWN_OPTION),
        (KNAPSACK, Knapsack((0, 1)), None),
        (KNAPSACK, Knapsack((0, 1, 2)), NullReason.COST),
        (KNAPSACK, Knapsack((3,)), None),
        (KNAPSACK, Knapsack((4,)), NullReason.COST),
        (CUMULATIVE, Cumulative(((0, 2), (3, 3))), None),
        (CUMULATIVE, Cumulative(((3, 3), (0, 2))), NullReason.NOT_ASCENDING),
        (CUMULATIVE, Cumulative(((0, 1),)), NullReason.SUM),
        (CUMULATIVE, Cumulative(((0, 3), (1, 3))), NullReason.SUM),
        (CUMULATIVE, Cumulative(((0, 4),)), NullReason.POINTS),
        (CUMULATIVE, Cumulative(((0, 0), (1, 2))), NullReason.POINTS),
        (CUMULATIVE, Cumulative(((0, 1), (0, 1))), NullReason.REPEATED_OPTION),
        (ORDERED, Ordered((4, 0)), None),
        (ORDERED, Ordered((4,)), NullReason.TOO_FEW),
        (ORDERED, Ordered((4, 4)), NullReason.REPEATED_OPTION),
        (YES_NO, YesNoAbstain((0,), (1, 2)), None),
        (YES_NO, YesNoAbstain((0, 1), (1,)), NullReason.REPEATED_OPTION),
        (YES_NO, YesNoAbstain((), ()), NullReason.TOO_FEW),
        (YES_NO, YesNoAbstain((0, 1), (2, 3)), NullReason.TOO_MANY),
    ],
)
def test_B9_each_limit_refuses_and_names_itself(paper: BallotPaper, vote: Choice, reason: NullReason | None) -> None:
    assert not isinstance(vote, Blank)
    assert fault(vote, paper) == reason
    if reason is None:
        assert decode(encode(vote, paper), paper) == Valid(vote)
    else:
        with pytest.raises(InvalidChoice) as refused:
            encode(vote, paper)
        assert refused.value.reason == reason


@pytest.mark.parametrize("option", [0, 183, 184, 439, 440, 1023])
def test_a_bitmap_puts_each_option_where_the_page_says(option: int) -> None:
    paper = BallotPaper(rules(BallotType.APPROVAL, 1, 1), (1,) * 1024)
    plaintext = encode(Approval((option,)), paper)
    word, bit = (0, option) if option < 184 else (1 + (option - 184) // 256, (option - 184) % 256)
    expected = [0] * paper.words
    expected[word] = 1 << bit
    assert plaintext == b"".join(value.to_bytes(32, "big") for value in expected)


@example(b"\1")
@given(st.binary(min_size=1, max_size=23))
def test_B9_a_blank_with_anything_else_is_null(body: bytes) -> None:
    plaintext = (bytes(8) + b"\1" + body).ljust(32, b"\0")
    assert decode(plaintext, SINGLE) == (Null(NullReason.STRAY) if any(body) else Blank())


def test_B9_an_empty_slot_before_a_full_one_is_null() -> None:
    good = encode(Ordered((1, 2)), ORDERED)
    gap = good[:11] + bytes(2) + good[11:13] + good[15:]
    assert decode(gap, ORDERED) == Null(NullReason.GAP)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(OverflowError):
        layout(Approval((184,)), APPROVAL)
    with pytest.raises(OverflowError):
        layout(Ordered(tuple(range(12))), ORDERED)
    with pytest.raises(OverflowError):
        layout(SingleChoice(65535), SINGLE)
