# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a language writes times, periods, numbers and lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Literal

Language = Literal["en", "pt"]
LANGUAGES: tuple[Language, ...] = ("en", "pt")

_PERIODS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Grammar:
    """`units` gives each period's name, one and many; `day` is a format of day, month's name and year."""

    months: tuple[str, ...]
    day: str
    units: dict[str, tuple[str, str]]
    thousands: str
    conjunction: str
    disjunction: str

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", self.thousands)

    def date(self, value: date) -> str:
        return self.day.format(day=value.day, month=self.months[value.month - 1], year=value.year)

    def time(self, seconds: int, zone: tzinfo = UTC) -> str:
        """A moment with its zone; what lies beyond the calendar stays a number."""
        try:
            moment = datetime.fromtimestamp(seconds, zone)
        except (ValueError, OverflowError, OSError):
            return f"{seconds} s"
        return f"{self.date(moment)}, {moment:%H:%M} {moment.tzname()}"

    def period(self, seconds: int) -> str:
        """Days, hours, minutes and seconds, without those that are zero."""
        parts = []
        for unit, size in _PERIODS:
            count, seconds = divmod(seconds, size)
            if count:
                one, many = self.units[unit]
                parts.append(f"{self.number(count)} {one if count == 1 else many}")
        return self.all_of(parts) if parts else f"0 {self.units['second'][1]}"

    def all_of(self, items: Sequence[str]) -> str:
        """`a, b and c`."""
        return self._joined(items, self.conjunction)

    def one_of(self, items: Sequence[str]) -> str:
        """`a, b or c`."""
        return self._joined(items, self.disjunction)

    def _joined(self, items: Sequence[str], last: str) -> str:
        return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


GRAMMARS: dict[Language, Grammar] = {
    "en": Grammar(
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        day="{day} {month} {year}",
        units={
            "day": ("day", "days"),
            "hour": ("hour", "hours"),
            "minute": ("minute", "minutes"),
            "second": ("second", "seconds"),
        },
        thousands=",",
        conjunction="and",
        disjunction="or",
    ),
    "pt": Grammar(
        months=(
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ),
        day="{day} de {month} de {year}",
        units={
            "day": ("dia", "dias"),
            "hour": ("hora", "horas"),
            "minute": ("minuto", "minutos"),
            "second": ("segundo", "segundos"),
        },
        thousands="\N{NO-BREAK SPACE}",
        conjunction="e",
        disjunction="ou",
    ),
}
