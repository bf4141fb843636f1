# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads JSON objects strictly: every field there, in its one form, and none besides."""

from __future__ import annotations

import re
from collections.abc import Mapping

from node.observer.errors import MalformedBundle

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)\Z", re.ASCII)
_WORD = 66


def octets(value: object, name: str, length: int | None = None) -> bytes:
    """Lower-case hex with 0x. Raises MalformedBundle."""
    try:
        raw = bytes.fromhex(value[2:]) if isinstance(value, str) else b""
    except ValueError:
        raw = b""
    if value != "0x" + raw.hex():  # faster than a pattern over megabytes
        raise MalformedBundle(f"{name} is not lower-case hex with 0x")
    if length is not None and len(raw) != length:
        raise MalformedBundle(f"{name} has {len(raw)} bytes instead of {length}")
    return raw


def number(value: object, name: str) -> int:
    """A JSON number, whole and not negative. Raises MalformedBundle."""
    if type(value) is not int or value < 0:
        raise MalformedBundle(f"{name} is no whole number")
    return value


def decimal(value: object, name: str) -> int:
    """A whole number as a string of decimal digits. Raises MalformedBundle."""
    if not isinstance(value, str) or not _DECIMAL.match(value) or len(value) > _WORD + 12:
        raise MalformedBundle(f"{name} is no string of decimal digits")
    return int(value)


def mapping(value: object, name: str) -> Mapping[str, object]:
    """A JSON object. Raises MalformedBundle."""
    if not isinstance(value, dict):
        raise MalformedBundle(f"{name} is no object")
    return value


def listing(value: object, name: str) -> list[object]:
    """A JSON list. Raises MalformedBundle."""
    if not isinstance(value, list):
        raise MalformedBundle(f"{name} is no list")
    return value


class Form:
    """The fields of one object, each of which must be asked for; `done` refuses the rest."""

    def __init__(self, content: object, name: str) -> None:
        self._name = name
        self._rest = dict(mapping(content, name))

    def raw(self, field: str) -> object:
        """The value, whatever it is."""
        if field not in self._rest:
            raise MalformedBundle(f"{self._name}.{field} is missing")
        return self._rest.pop(field)

    def text(self, field: str) -> str:
        value = self.raw(field)
        if not isinstance(value, str):
            raise MalformedBundle(f"{self._name}.{field} is no text")
        return value

    def number(self, field: str) -> int:
        return number(self.raw(field), f"{self._name}.{field}")

    def decimal(self, field: str) -> int:
        return decimal(self.raw(field), f"{self._name}.{field}")

    def real(self, field: str) -> float:
        value = self.raw(field)
        if type(value) not in (int, float) or not 0 <= float(str(value)) < float("inf"):
            raise MalformedBundle(f"{self._name}.{field} is no number")
        return float(str(value))

    def octets(self, field: str, length: int | None = None) -> bytes:
        return octets(self.raw(field), f"{self._name}.{field}", length)

    def items(self, field: str) -> Mapping[str, object]:
        return mapping(self.raw(field), f"{self._name}.{field}")

    def listing(self, field: str) -> list[object]:
        return listing(self.raw(field), f"{self._name}.{field}")

    def done(self) -> None:
        """Raises MalformedBundle where a field is left that nobody asked for."""
        if self._rest:
            raise MalformedBundle(f"{self._name} has an unknown field {sorted(self._rest)[0]!r}")
