# SPDX-License-Identifier: AGPL-3.0-or-later
"""The count, as the contract does it: open, decode, add up (docs/protocol/ballot.md, Count)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

import urna_native

from protocol.ballot import Channel, Record, encode_records
from protocol.bn254 import encode_scalar, refusing
from protocol.hashing import WORD_BYTES, WORD_MAX, keccak
from protocol.plaintext import (
    Approval,
    BallotPaper,
    Blank,
    Cumulative,
    Decoded,
    Knapsack,
    Null,
    Ordered,
    SingleChoice,
    Valid,
    Vote,
    YesNoAbstain,
    decode,
)
from protocol.types import BallotRules, BallotType, Outcome

OPENING_BATCH = 4096


@dataclass(frozen=True, slots=True)
class CountedBallot:
    """One opened ballot and what it counted as."""

    record: Record
    plaintext: bytes
    decoded: Decoded

    @property
    def outcome(self) -> Outcome:
        """Valid, blank or null."""
        return outcome_of(self.decoded)


@dataclass(frozen=True, slots=True)
class Tally:
    """The counters.

    `totals` are the scores by option number (yes/no/abstain: the yes of every option, then the no of every option),
    `support` the number of valid ballots that name the option (yes/no/abstain: with a yes), `accumulator` the
    order-independent sum over the plaintexts, mod 2²⁵⁶.
    """

    totals: tuple[int, ...]
    support: tuple[int, ...]
    valid: int
    blank: int
    nulls: int
    own_device: int
    assisted: int
    accumulator: int

    @property
    def counted(self) -> int:
        """Ballots counted, whatever they counted as."""
        return self.valid + self.blank + self.nulls


def outcome_of(decoded: Decoded) -> Outcome:
    """The contract's name of a decoded plaintext."""
    match decoded:
        case Valid():
            return Outcome.VALID
        case Blank():
            return Outcome.BLANK
        case Null():
            return Outcome.NULL
        case _:
            assert_never(decoded)


def open_ballots(secret_key: int, scope: bytes, records: Sequence[Record], word_count: int) -> Iterator[bytes]:
    """Plaintexts of the records, in order, opened in batches by the Rust extension.

    Raises:
        EncodingFault: the key or a record's point is out of range; a record that was parsed never is.
    """
    key, size = encode_scalar(secret_key, "secret key"), WORD_BYTES * word_count
    for start in range(0, len(records), OPENING_BATCH):
        batch = encode_records(records[start : start + OPENING_BATCH])
        with refusing():
            opened = urna_native.open_batch(key, scope, batch, word_count)
        yield from (opened[at : at + size] for at in range(0, len(opened), size))


def ballot_digest(record: Record, plaintext: bytes) -> int:
    """`keccak(nullifier ‖ sequence (4) ‖ channel ‖ plaintext)`: one ballot's part of the accumulator."""
    head = record.nullifier.to_bytes(WORD_BYTES, "big") + record.sequence.to_bytes(4, "big") + bytes((record.channel,))
    return int.from_bytes(keccak(head + plaintext), "big")


def scores(vote: Vote, rules: BallotRules) -> dict[int, int]:
    """What a valid vote gives to each option it names, as allocation takes it; a no is -1."""
    match vote:
        case SingleChoice(option):
            return {option: 1}
        case Approval(options) | Knapsack(options):
            return dict.fromkeys(options, 1)
        case Cumulative(points):
            return dict(points)
        case Ordered(options):
            return dict(zip(options, rules.points_per_rank, strict=False))
        case YesNoAbstain(yes, no):
            return dict.fromkeys(yes, 1) | dict.fromkeys(no, -1)
        case _:
            assert_never(vote)


def count(opened: Iterable[tuple[Record, bytes]], paper: BallotPaper) -> tuple[Tally, tuple[CountedBallot, ...]]:
    """Counts opened ballots; the order does not matter to the tally.

    Raises:
        protocol.plaintext.WrongPlaintextLength: a plaintext of another initiative.
    """
    ballots = tuple(CountedBallot(record, plaintext, decode(plaintext, paper)) for record, plaintext in opened)
    return tally(ballots, paper), ballots


def tally(ballots: Iterable[CountedBallot], paper: BallotPaper) -> Tally:
    """Adds up ballots that were opened and decoded."""
    sides = 2 if paper.rules.ballot_type is BallotType.YES_NO_ABSTAIN else 1
    totals, support = [0] * (sides * paper.options), [0] * paper.options
    outcomes, channels = dict.fromkeys(Outcome, 0), dict.fromkeys(Channel, 0)
    accumulator = 0
    for ballot in ballots:
        outcomes[ballot.outcome] += 1
        channels[ballot.record.channel] += 1
        accumulator = (accumulator + ballot_digest(ballot.record, ballot.plaintext)) & WORD_MAX
        if not isinstance(ballot.decoded, Valid):
            continue
        for option, score in scores(ballot.decoded.vote, paper.rules).items():
            if score < 0:
                totals[paper.options + option] += 1
            else:
                totals[option] += score
                support[option] += 1
    return Tally(
        totals=tuple(totals),
        support=tuple(support),
        valid=outcomes[Outcome.VALID],
        blank=outcomes[Outcome.BLANK],
        nulls=outcomes[Outcome.NULL],
        own_device=channels[Channel.OWN_DEVICE],
        assisted=channels[Channel.ASSISTED],
        accumulator=accumulator,
    )
