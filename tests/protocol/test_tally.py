# SPDX-License-Identifier: AGPL-3.0-or-later
"""The count against a naive one, whatever the order and the batches (B9)."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.ballot import Channel, Record
from protocol.bn254 import GENERATOR
from protocol.hashing import keccak
from protocol.plaintext import BallotPaper, Choice, layout, null_plaintext
from protocol.tally import Tally, count, tally
from protocol.types import BallotType, Nullifier
from tests.protocol.papers import choices, papers
from tests.protocol.test_plaintext import naive


@st.composite
def elections(draw: st.DrawFn) -> tuple[BallotPaper, list[tuple[Record, bytes]]]:
    paper = draw(papers())
    written: list[Choice] = draw(st.lists(choices(paper), max_size=12))
    plaintexts = [layout(choice, paper) for choice in written]
    plaintexts += [null_plaintext(paper.words)] * draw(st.integers(0, 2))
    opened = [
        (Record(Nullifier(number), number + 1, Channel(draw(st.integers(0, 1))), GENERATOR, b""), plaintext)
        for number, plaintext in enumerate(plaintexts)
    ]
    return paper, opened


def naive_tally(paper: BallotPaper, opened: list[tuple[Record, bytes]]) -> Tally:
    options = len(paper.costs)
    sides = 2 if paper.rules.ballot_type is BallotType.YES_NO_ABSTAIN else 1
    verdicts = [naive(plaintext, paper) for _, plaintext in opened]
    given_by_option = [[score.get(option) for kind, score in verdicts if kind == "valid"] for option in range(options)]
    yes = [sum(score for score in given if score is not None and score > 0) for given in given_by_option]
    no = [sum(1 for score in given if score == -1) for given in given_by_option]
    support = [sum(1 for score in given if score is not None and score >= 0) for given in given_by_option]
    accumulator = 0
    for record, plaintext in opened:
        head = record.nullifier.to_bytes(32, "big") + record.sequence.to_bytes(4, "big") + bytes([record.channel.value])
        accumulator += int(keccak(head + plaintext).hex(), 16)
    return Tally(
        totals=tuple(yes + no) if sides == 2 else tuple(yes),
        support=tuple(support),
        valid=[kind for kind, _ in verdicts].count("valid"),
        blank=[kind for kind, _ in verdicts].count("blank"),
        nulls=[kind for kind, _ in verdicts].count("null"),
        own_device=sum(1 for record, _ in opened if record.channel == 0),
        assisted=sum(1 for record, _ in opened if record.channel == 1),
        accumulator=accumulator % 2**256,
    )


@settings(max_examples=200, deadline=None)
@given(elections(), st.randoms(use_true_random=False))
def test_B9_the_count_is_the_naive_count_in_any_order(
    election: tuple[BallotPaper, list[tuple[Record, bytes]]], order: random.Random
) -> None:
    paper, opened = election
    expected = naive_tally(paper, opened)
    order.shuffle(opened)
    result, ballots = count(opened, paper)
    assert result == expected
    assert result.counted == len(opened)
    assert tally(reversed(ballots), paper) == expected
    assert [(ballot.record, ballot.plaintext) for ballot in ballots] == opened
