# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers as they stand in cells. Nothing is rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol.pabulib.text import Row, Table

MAX_DECIMALS = 6
_WHOLE = re.compile(r"([0-9]{1,18})(?:[.]0{1,18})?")
_MONEY = re.compile(r"([0-9]{1,18})(?:[.]([0-9]{1,18})|,([0-9]{1,2}))?")
_NEGATIVE = re.compile(r"[-−][0-9]")


def whole(table: Table, row: Row, place: int, what: str, *, text: str | None = None, offset: int = 0) -> int:
    """A whole number of 0 or more from a cell, or from `text`, a part of it at `offset`."""
    word = row.text(place) if text is None else text
    match = _WHOLE.fullmatch(word)
    if match is None:
        if _NEGATIVE.match(word):
            raise table.error(row, place, f"{what} is negative: {shown(word)}", "Give 0 or more", offset)
        raise table.error(row, place, f"{what} is not a whole number: {shown(word)}", "Give digits only", offset)
    return int(match[1])


def shown(word: str) -> str:
    """The word in quotes, cut where it is long, for a message."""
    return repr(word if len(word) <= 40 else word[:37] + "…")


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `digits / 10**decimals`, without trailing zeros after the point."""

    digits: int
    decimals: int

    def minor(self, unit: int) -> int:
        """In minor units, `unit` of them to one; unit is a power of ten that suffices."""
        scale: int = 10**self.decimals
        return self.digits * unit // scale


def money(table: Table, row: Row, place: int, what: str) -> Money:
    """An amount of 0 or more; a decimal point, or a decimal comma before one or two digits."""
    word = row.text(place)
    match = _MONEY.fullmatch(word)
    if match is None:
        if not word:
            raise table.error(row, place, f"{what} is missing", "Give an amount")
        if _NEGATIVE.match(word):
            raise table.error(row, place, f"{what} is negative: {shown(word)}", "Give 0 or more")
        raise table.error(row, place, f"{what} is not an amount: {shown(word)}", "Give digits, no thousands separators")
    fraction = (match[2] or match[3] or "").rstrip("0")
    if len(fraction) > MAX_DECIMALS:
        raise table.error(row, place, f"{what} has more than {MAX_DECIMALS} decimals", "Round it")
    return Money(int(match[1] + fraction), len(fraction))
