# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who an initiative is for: a public predicate over the claims of an ID token (docs/protocol/encodings.md).

Everything that is not said in plain words denies: a missing claim, a claim of another form, a criterion nobody knows.

Errors:
    ScopeError     the predicate itself is invalid
    OutOfScope     a person does not meet it; `criterion` names which
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import partial
from itertools import pairwise
from typing import NoReturn

from protocol import jcs
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import Hash32

MAX_AGE = 150
MAX_BYTES = 8192
MAX_CODES = 256
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE_LISTS = ("employer", "nationality", "profession", "residence")


class ScopeError(ProtocolError):
    """A predicate that means nothing, or not one thing."""


class OutOfScope(ProtocolError):
    """The claims do not meet a criterion. The message holds no claim: it may be logged."""

    def __init__(self, criterion: str, reason: str, missing: bool = False) -> None:
        super().__init__(f"{criterion}: {reason}")
        self.criterion = criterion
        self.reason = reason
        self.missing = missing  # there is no such claim, or it has another form


class Assurance(IntEnum):
    """Levels of eIDAS, ascending."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class AgeRange:
    """Completed years on a date, both ends inclusive; None is no bound."""

    on: date
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The criteria that are present must all be met. Code lists: at least one of the codes; None is no criterion."""

    age: AgeRange | None = None
    assurance: Assurance | None = None
    employer: tuple[str, ...] | None = None
    nationality: tuple[str, ...] | None = None
    profession: tuple[str, ...] | None = None
    residence: tuple[str, ...] | None = None


def canonical(scope: Scope) -> bytes:
    """RFC 8785 JSON of the predicate, as it is emitted at creation.

    Raises:
        ScopeError: `parse` would refuse it.
    """
    document: dict[str, object] = {}
    if scope.age is not None:
        bounds = {"max": scope.age.maximum, "min": scope.age.minimum}
        age: dict[str, object] = {"on": scope.age.on.isoformat()}
        document["age"] = age | {name: bound for name, bound in bounds.items() if bound is not None}
    if scope.assurance is not None:
        document["assurance"] = scope.assurance.name.lower()
    for name in _CODE_LISTS:
        codes = getattr(scope, name)
        if codes is not None:
            document[name] = list(codes)
    _read(document)
    return jcs.canonical(document)


def scope_hash(data: bytes) -> Hash32:
    """keccak of the canonical JSON."""
    return Hash32(keccak(data))


def parse(data: bytes) -> Scope:
    """The predicate of its canonical JSON.

    Raises:
        ScopeError: not JSON, not canonical, without criteria, or with one that is unknown or malformed.
    """
    # As Initiatives bounds it; and some libraries raise the recursion limit so far that deep JSON overflows C's stack.
    if len(data) > MAX_BYTES:
        raise ScopeError(f"a scope has at most {MAX_BYTES} bytes")
    try:
        document = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ScopeError(f"the scope is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ScopeError("the scope is no JSON object")
    scope = _read(document)
    if canonical(scope) != data:
        raise ScopeError("the scope's JSON is not canonical")
    return scope


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ScopeError("a member of the scope's JSON is named twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ScopeError(f"{constant} is no JSON")


def _read(document: dict[str, object]) -> Scope:
    unknown = document.keys() - {"age", "assurance", *_CODE_LISTS}
    if unknown:
        raise ScopeError(f"unknown criterion {sorted(unknown)[0]!r}")
    if not document:
        raise ScopeError("a scope needs at least one criterion")
    return Scope(
        age=_age_range(document["age"]) if "age" in document else None,
        assurance=_assurance(document["assurance"]) if "assurance" in document else None,
        **{name: _codes(name, document[name]) for name in _CODE_LISTS if name in document},
    )


def _age_range(value: object) -> AgeRange:
    if not isinstance(value, dict) or value.keys() - {"max", "min", "on"} or "on" not in value or len(value) < 2:
        raise ScopeError("age needs `on`, and `min` or `max`, and nothing else")
    day = _date(value["on"])
    if day is None:
        raise ScopeError("age.on is no date like 2024-04-15")
    bounds = {name: value[name] for name in ("min", "max") if name in value}
    if any(type(bound) is not int or not 0 <= bound <= MAX_AGE for bound in bounds.values()):
        raise ScopeError(f"age.min and age.max are whole numbers up to {MAX_AGE}")
    minimum, maximum = bounds.get("min"), bounds.get("max")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ScopeError("age.min is more than age.max")
    return AgeRange(day, minimum, maximum)


def _assurance(value: object) -> Assurance:
    for level in Assurance:
        if value == level.name.lower():
            return level
    raise ScopeError("assurance is low, substantial or high")


def _codes(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CODES:
        raise ScopeError(f"{name} is a list of 1 to {MAX_CODES} codes")
    if not all(isinstance(code, str) and code and code.isprintable() and code == code.strip() for code in value):
        raise ScopeError(f"a code of {name} is no printable text")
    if any(left >= right for left, right in pairwise(value)):
        raise ScopeError(f"the codes of {name} do not ascend")
    return tuple(value)


def _date(value: object) -> date | None:
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def age_on(birthdate: date, day: date) -> int:
    """Completed years on a day; negative before birth. Who was born on 29 February completes a year on 1 March."""
    return day.year - birthdate.year - ((day.month, day.day) < (birthdate.month, birthdate.day))


def require(scope: Scope, claims: Mapping[str, object]) -> None:
    """Whether the claims of a verified token meet every criterion.

    Raises:
        OutOfScope: the first that they do not meet, in the alphabet's order.
    """
    for fault in _unmet(scope, claims):
        raise fault


def unmet(scope: Scope, claims: Mapping[str, object]) -> list[OutOfScope]:
    """Every criterion that the claims do not meet, in the alphabet's order; none where `require` is content."""
    return list(_unmet(scope, claims))


def _unmet(scope: Scope, claims: Mapping[str, object]) -> Iterator[OutOfScope]:
    if scope == Scope():
        yield OutOfScope("scope", "there are no criteria")
    checks: list[Callable[[], None]] = []
    if scope.age is not None:
        checks.append(partial(_require_age, scope.age, claims.get("birthdate")))
    if scope.assurance is not None:
        checks.append(partial(_require_assurance, scope.assurance, claims.get("acr")))
    for name in _CODE_LISTS:
        wanted = getattr(scope, name)
        if wanted is not None:
            checks.append(partial(_require_code, name, wanted, claims.get(name)))
    for check in checks:
        try:
            check()
        except OutOfScope as fault:
            yield fault


def _require_age(wanted: AgeRange, claim: object) -> None:
    birthdate = _date(claim)
    if birthdate is None:
        raise OutOfScope("age", "no date of birth", missing=True)
    age = age_on(birthdate, wanted.on)
    if wanted.minimum is not None and age < wanted.minimum:
        raise OutOfScope("age", f"younger than {wanted.minimum} on {wanted.on.isoformat()}")
    if wanted.maximum is not None and age > wanted.maximum:
        raise OutOfScope("age", f"older than {wanted.maximum} on {wanted.on.isoformat()}")
    if age < 0:
        raise OutOfScope("age", f"not born on {wanted.on.isoformat()}")


def _require_assurance(wanted: Assurance, claim: object) -> None:
    level = next((level for level in Assurance if claim == level.name.lower()), None)
    if level is None or level < wanted:
        raise OutOfScope("assurance", f"below {wanted.name.lower()}")


def _require_code(name: str, wanted: tuple[str, ...], claim: object) -> None:
    if not set(wanted) & set(_claimed(name, claim)):
        raise OutOfScope(name, "none of the codes asked for")


def _claimed(name: str, claim: object) -> tuple[str, ...]:
    if isinstance(claim, str):
        return (claim,)
    if isinstance(claim, list) and all(isinstance(code, str) for code in claim):
        return tuple(claim)
    raise OutOfScope(name, "no such claim", missing=True)
