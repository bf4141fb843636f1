# SPDX-License-Identifier: AGPL-3.0-or-later
"""A choice as bytes, before it is sealed and after it was opened (docs/protocol/ballot.md, Plaintext)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from protocol.choice import (
    FIRST_WORD_OPTIONS,
    HEADER_BYTES,
    OPTION_BYTES,
    POINTS_BYTES,
    WORD_OPTIONS,
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Knapsack,
    NullReason,
    Ordered,
    SingleChoice,
    Vote,
    YesNoAbstain,
    fault,
    named_options,
    words,
)
from protocol.errors import ProtocolError
from protocol.hashing import WORD_BYTES
from protocol.types import BallotType

__all__ = [
    "Approval",
    "BallotPaper",
    "Blank",
    "Choice",
    "Cumulative",
    "Decoded",
    "InvalidChoice",
    "Knapsack",
    "Null",
    "NullReason",
    "Ordered",
    "PlaintextError",
    "SingleChoice",
    "Valid",
    "Vote",
    "WrongPlaintextLength",
    "YesNoAbstain",
    "decode",
    "encode",
    "fault",
    "layout",
    "named_options",
    "null_plaintext",
    "words",
]

_PAIR_BYTES = OPTION_BYTES + POINTS_BYTES
_TAG_BYTES = 8
_VOTE, _BLANK = 0, 1


class PlaintextError(ProtocolError):
    """A choice that the rules do not allow, or bytes that are no plaintext of this initiative."""


class WrongPlaintextLength(PlaintextError):
    """Not as many words as the rules and the number of options give."""


class InvalidChoice(PlaintextError):
    """The choice would count as null; `reason` says why."""

    def __init__(self, reason: NullReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Valid:
    """A plaintext that is exactly a vote within the rules."""

    vote: Vote


@dataclass(frozen=True, slots=True)
class Null:
    """A plaintext that is neither a vote within the rules nor a blank."""

    reason: NullReason


Decoded: TypeAlias = Valid | Blank | Null


class _Broken(Exception):
    """Inside `decode` only."""

    def __init__(self, reason: NullReason) -> None:
        self.reason = reason


def null_plaintext(word_count: int) -> bytes:
    """A plaintext that counts as null and is meant to: a tag of ones, then zeros."""
    return (b"\xff" * _TAG_BYTES).ljust(WORD_BYTES * word_count, b"\0")


def encode(choice: Choice, paper: BallotPaper) -> bytes:
    """The plaintext of a choice, 32·W bytes.

    Raises:
        InvalidChoice: it would count as null.
    """
    if not isinstance(choice, Blank):
        reason = fault(choice, paper)
        if reason is not None:
            raise InvalidChoice(reason)
    return layout(choice, paper)


def layout(choice: Choice, paper: BallotPaper) -> bytes:
    """As `encode`, without the rules: the bytes of a choice that may count as null.

    Raises:
        OverflowError: it cannot be written at all (an option or points beyond their bytes or bits).
    """
    size = WORD_BYTES * paper.words
    match choice:
        case Blank():
            return (bytes(_TAG_BYTES) + bytes((_BLANK,))).ljust(size, b"\0")
        case Approval(options) | Knapsack(options):
            return _bitmap(options, paper.words)
        case YesNoAbstain(yes, no):
            return _bitmap(yes, paper.words // 2) + _bitmap(no, paper.words // 2)
        case SingleChoice(option):
            body = (option + 1).to_bytes(OPTION_BYTES, "big")
        case Ordered(options):
            body = b"".join((option + 1).to_bytes(OPTION_BYTES, "big") for option in options)
        case Cumulative(points):
            body = b"".join(
                (option + 1).to_bytes(OPTION_BYTES, "big") + amount.to_bytes(POINTS_BYTES, "big")
                for option, amount in points
            )
    if HEADER_BYTES + len(body) > size:
        raise OverflowError(f"{len(body)} bytes do not fit into {paper.words} words")
    return (bytes(HEADER_BYTES) + body).ljust(size, b"\0")


def _bitmap(options: Iterable[int], word_count: int) -> bytes:
    capacity = FIRST_WORD_OPTIONS + WORD_OPTIONS * (word_count - 1)
    bits = 0
    for option in options:
        if not 0 <= option < capacity:
            raise OverflowError(f"option {option} does not fit into {word_count} words")
        bits |= 1 << option
    first = bits & ((1 << FIRST_WORD_OPTIONS) - 1)
    rest = bits >> FIRST_WORD_OPTIONS
    parts = [first.to_bytes(WORD_BYTES, "big")]
    for _ in range(word_count - 1):
        parts.append((rest & ((1 << WORD_OPTIONS) - 1)).to_bytes(WORD_BYTES, "big"))
        rest >>= WORD_OPTIONS
    return b"".join(parts)


def decode(plaintext: bytes, paper: BallotPaper) -> Decoded:
    """What an opened ballot counts as.

    Raises:
        WrongPlaintextLength: not 32·W bytes; never of a ballot that was opened from a record of the right length.
    """
    if len(plaintext) != WORD_BYTES * paper.words:
        raise WrongPlaintextLength(f"{len(plaintext)} bytes, not {paper.words} words")
    if any(plaintext[:_TAG_BYTES]):
        return Null(NullReason.TAG)
    kind, body = plaintext[_TAG_BYTES], plaintext[HEADER_BYTES:]
    if kind == _BLANK:
        return Null(NullReason.STRAY) if any(body) else Blank()
    if kind != _VOTE:
        return Null(NullReason.KIND)
    try:
        vote = _read(plaintext, paper)
    except _Broken as broken:
        return Null(broken.reason)
    reason = fault(vote, paper)
    return Valid(vote) if reason is None else Null(reason)


def _read(plaintext: bytes, paper: BallotPaper) -> Vote:
    rules, half = paper.rules, len(plaintext) // 2
    match rules.ballot_type:
        case BallotType.SINGLE_CHOICE:
            if any(plaintext[HEADER_BYTES + OPTION_BYTES :]):
                raise _Broken(NullReason.STRAY)
            return SingleChoice(int.from_bytes(plaintext[HEADER_BYTES : HEADER_BYTES + OPTION_BYTES], "big") - 1)
        case BallotType.APPROVAL:
            return Approval(_marked(plaintext, paper.options))
        case BallotType.KNAPSACK:
            return Knapsack(_marked(plaintext, paper.options))
        case BallotType.YES_NO_ABSTAIN:
            return YesNoAbstain(_marked(plaintext[:half], paper.options), _marked(plaintext[half:], paper.options))
        case BallotType.ORDERED:
            slots = _slots(plaintext, OPTION_BYTES, rules.max_length)
            return Ordered(tuple(int.from_bytes(slot, "big") - 1 for slot in slots))
        case BallotType.CUMULATIVE:
            pairs = _slots(plaintext, _PAIR_BYTES, rules.max_length)
            return Cumulative(
                tuple((int.from_bytes(pair[:2], "big") - 1, int.from_bytes(pair[2:], "big")) for pair in pairs)
            )


def _marked(bitmap: bytes, options: int) -> tuple[int, ...]:
    if any(bitmap[:HEADER_BYTES]):
        raise _Broken(NullReason.STRAY)
    bits = int.from_bytes(bitmap[:WORD_BYTES], "big")
    for place, at in enumerate(range(WORD_BYTES, len(bitmap), WORD_BYTES)):
        bits |= int.from_bytes(bitmap[at : at + WORD_BYTES], "big") << (FIRST_WORD_OPTIONS + WORD_OPTIONS * place)
    if bits >> options:
        raise _Broken(NullReason.UNKNOWN_OPTION)
    return tuple(_ones(bits))


def _ones(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _slots(plaintext: bytes, size: int, count: int) -> list[bytes]:
    """The full slots; all that follows the first empty one must be zero."""
    end = HEADER_BYTES + size * count
    slots = [plaintext[at : at + size] for at in range(HEADER_BYTES, end, size)]
    full = next((place for place, slot in enumerate(slots) if not any(slot)), count)
    if any(plaintext[end:]):
        raise _Broken(NullReason.STRAY)
    if any(map(any, slots[full:])):
        raise _Broken(NullReason.GAP)
    return slots[:full]
