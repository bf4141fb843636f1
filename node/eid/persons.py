# SPDX-License-Identifier: AGPL-3.0-or-later
"""Test persons: what the development provider knows of somebody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.errors import NodeError

SHIPPED = Path(__file__).with_name("persons.json")
LEVELS = ("low", "substantial", "high")
CODES = ("residence", "nationality", "employer", "profession")
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class PersonsInvalid(NodeError):
    """A file of test persons that cannot be used: which entry, and why."""


@dataclass(frozen=True, slots=True)
class Person:
    """`claims`: birthdate (YYYY-MM-DD), and residence, nationality, employer, profession, each a code or a list."""

    id: str
    name: str
    acr: str = "substantial"
    claims: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "acr": self.acr, "claims": dict(self.claims)}


def load(path: Path) -> list[Person]:
    """Raises PersonsInvalid naming the file, the entry and the reason."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PersonsInvalid(f"{path}: not a JSON file of persons: {error}") from error
    if not isinstance(listed, list) or not listed:
        raise PersonsInvalid(f"{path}: a list with at least one person is needed")
    persons = [_person(f"{path}, person {number}", entry) for number, entry in enumerate(listed, 1)]
    if len({person.id for person in persons}) != len(persons):
        raise PersonsInvalid(f"{path}: an id stands twice")
    return persons


def save(path: Path, persons: Sequence[Person]) -> None:
    """Replaces the file at once; a running provider reads it again."""
    draft = path.with_suffix(".part")
    documents = ",\n".join(json.dumps(person.document(), ensure_ascii=False) for person in persons)
    draft.write_text(f"[\n{documents}\n]\n", encoding="utf-8")
    draft.replace(path)


def _person(where: str, entry: object) -> Person:
    if (
        not isinstance(entry, dict)
        or entry.keys() - {"id", "name", "acr", "claims"}
        or not {"id", "name"} <= set(entry)
    ):
        raise PersonsInvalid(f"{where}: needs id and name, may have acr and claims, and nothing else")
    identifier, name, acr, claims = entry["id"], entry["name"], entry.get("acr", "substantial"), entry.get("claims", {})
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise PersonsInvalid(f"{where}: id is 1 to 128 letters, digits, points, dashes or underscores")
    if not isinstance(name, str) or not name.strip():
        raise PersonsInvalid(f"{where}: name is a text")
    if acr not in LEVELS:
        raise PersonsInvalid(f"{where}: acr is one of {', '.join(LEVELS)}")
    if not isinstance(claims, dict):
        raise PersonsInvalid(f"{where}: claims is an object")
    for claim, value in claims.items():
        _check_claim(f"{where}: {claim}", claim, value)
    return Person(identifier, name, acr, claims)


def _check_claim(where: str, name: str, value: object) -> None:
    if name == "birthdate":
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise PersonsInvalid(f"{where} is a date like 1990-01-31")
    elif name not in CODES:
        raise PersonsInvalid(f"{where} is none of birthdate, {', '.join(CODES)}")
    elif not all(isinstance(code, str) and code for code in (value if isinstance(value, list) else [value])):
        raise PersonsInvalid(f"{where} is a code, or a list of codes")
