# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the interfaces and Types.sol declare, read from their text: the mirror that tests compare with."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

CONTRACTS = Path(__file__).parents[2] / "contracts"
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_VALUE_TYPE = re.compile(r"type (\w+) is (\w+);")
_ENUM = re.compile(r"enum (\w+) \{([^}]*)\}")
_STRUCT = re.compile(r"struct (\w+) \{([^}]*)\}")
_EVENT = re.compile(r"event (\w+)\(([^)]*)\)")


@cache
def sources() -> dict[str, str]:
    files = [CONTRACTS / "Types.sol", *sorted((CONTRACTS / "interfaces").glob("I*.sol"))]
    return {file.stem: _COMMENT.sub("", file.read_text()) for file in files}


@cache
def enums() -> dict[str, list[str]]:
    found = (match for text in sources().values() for match in _ENUM.finditer(text))
    return {match[1]: [name.strip() for name in match[2].split(",")] for match in found}


def _declared() -> dict[str, list[tuple[str, ...]]]:
    found = (match for text in sources().values() for match in _STRUCT.finditer(text))
    return {match[1]: [tuple(part.split()) for part in match[2].split(";") if part.strip()] for match in found}


def structs() -> dict[str, list[tuple[str, str]]]:
    """Fields as (ABI type, name)."""
    declared = _declared()
    return {name: [(_resolve(kind, declared), field) for kind, field in parts] for name, parts in declared.items()}


def events() -> dict[str, list[tuple[str, list[tuple[str, bool, str]]]]]:
    """By interface: name, and fields as (ABI type, indexed, name)."""
    declared = _declared()
    found: dict[str, list[tuple[str, list[tuple[str, bool, str]]]]] = {}
    for interface, text in sources().items():
        for match in _EVENT.finditer(text):
            parts = [part.split() for part in match[2].split(",")]
            listed = [(_resolve(part[0], declared), "indexed" in part, part[-1]) for part in parts]
            found.setdefault(interface, []).append((match[1], listed))
    return found


def _resolve(kind: str, declared: dict[str, list[tuple[str, ...]]]) -> str:
    """The ABI type of a type's name."""
    bare, suffix = re.fullmatch(r"(\w+)((?:\[\d*\])*)", kind).groups()  # type: ignore[union-attr]
    values = {match[1]: match[2] for text in sources().values() for match in _VALUE_TYPE.finditer(text)}
    if bare in values:
        return values[bare] + suffix
    if bare in enums():
        return "uint8" + suffix
    if bare in declared:
        return f"({','.join(_resolve(part[0], declared) for part in declared[bare])}){suffix}"
    return bare + suffix
