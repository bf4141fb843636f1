# SPDX-License-Identifier: AGPL-3.0-or-later
"""A publisher's draft of an initiative: the rules in words, as JSON.

    {"title": "…", "kind": "participatory-budget", "scope": {"residence": ["PT-1106"]},
     "windows": {"registration-opens": 1790000000, "registration-closes": …, "voting-opens": …, "voting-closes": …,
                 "challenge-period": 3600, "max-extension": 0, "ceremony-step": 600},
     "ballot": {"type": "approval", "min-length": 1, "max-length": 5},
     "allocation": {"rule": "equal-shares-add1", "tie-break": "option-number", "budget": "100000"},
     "registrars": [1, 2, 3], "registrar-threshold": 2, "trustees": [1, 2, 3], "trustee-threshold": 2,
     "minimum-anonymity": 20, "proposals-per-person": 1, "issuers": ["https://eid.example.org"]}

Times are Unix seconds of the chain, periods seconds; enums have their names of `protocol.types` in kebab-case; numbers
may be decimal strings. What a ballot type or rule does not use is left out. The pepper's hash is not in the draft.

A faulty draft is refused with everything that is wrong with it, not the first fault alone (`DraftError.faults`); what a
fault means and what to do about it says `protocol.words.advice`, in Portuguese and English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar, cast

from node.errors import DraftError, FieldFault
from protocol import jcs, scope
from protocol.hashing import keccak
from protocol.rules import Members, Rules, faults
from protocol.types import (
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    EntityId,
    Hash32,
    Kind,
    TieBreak,
    Windows,
)
from protocol.words.faults import advice, code_of, field_of

E = TypeVar("E", bound=IntEnum)
T = TypeVar("T")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,77})\Z", re.ASCII)
_NO_PEPPER = "InvalidRules: pepperHash is 0"
MAX_TITLE = 200
MAX_TITLE_BYTES = 256  # as Initiatives has it
MAX_FAULTS = 20  # of one list
MAX_SHOWN = 60
MAX_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that was read; `scope` is the canonical JSON. `rules` lack only the hash of the pepper (zeros)."""

    title: str
    scope: bytes
    rules: Rules


def read_draft(path: Path) -> Draft:
    """Reads a draft's file. Raises DraftError, which names every faulty field."""
    return parse_draft(read_document(path))


def read_document(path: Path) -> object:
    """The JSON of a draft's file, whatever it says. Raises DraftError where it is none."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise _refusal(f"file {path}", "file-too-long", limit=str(MAX_FILE))
        document: object = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except (OSError, ValueError, RecursionError) as error:
        raise _refusal(f"file {path}", "unreadable", reason=str(error)) from error
    return document


def parse_draft(document: object) -> Draft:
    """The draft in a parsed JSON document. Raises DraftError, which names every faulty field."""
    top = _Fields(document, "")
    title = top.take("title", _title)
    scope_json = top.take("scope", _scope)
    rules = Rules(
        scope_hash=Hash32(keccak(scope_json or b"")),
        pepper_hash=Hash32(bytes(32)),
        kind=top.take("kind", _label(Kind)),
        windows=top.take("windows", _windows),
        ballot=top.take("ballot", _ballot),
        allocation=top.take("allocation", _allocation),
        registrars=top.take("registrars", _entities),
        registrar_threshold=top.take("registrar-threshold", _number(8)),
        trustees=top.take("trustees", _entities),
        trustee_threshold=top.take("trustee-threshold", _number(8)),
        min_anonymity=top.take("minimum-anonymity", _number(32)),
        proposals_per_person=top.take("proposals-per-person", _number(16)),
        issuers=top.take("issuers", _list(_text)),
    )
    top.close()
    return Draft(title, scope_json, rules)


def check_draft(draft: Draft, now: int, members: Members) -> tuple[FieldFault, ...]:
    """What the contract would refuse if the draft were published at `now`; none where it may be. Pure."""
    found = []
    for fault in faults(draft.rules, now, members):
        code = code_of(fault)
        if code != _NO_PEPPER:  # made at publication
            found.append(FieldFault(field_of(fault), code, {"floor": str(members.minimum_anonymity)}))
    return tuple(found)


def refusal(found: Sequence[FieldFault]) -> DraftError:
    """The error that says all of these, in English."""
    sentences = []
    for fault in found:
        said = advice(fault.code, "en", fault.parameters)
        sentences.append(f"{fault.path} {said.wrong} ({said.remedy.rstrip('.')})")
    if len(sentences) == 1:
        message = sentences[0].removeprefix(f"{found[0].path} ")
    else:
        message = f"is one of {len(sentences)} fields at fault: " + "; ".join(sentences)
    return DraftError(found[0].path, message, found)


Reader = Callable[[object, str], T]


class _Fields:
    """An object whose fields are each taken once; what is left over is an error.

    Faults are gathered, and told by `close`; until then a faulty field's value is None, which nobody must look at.
    """

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _refusal(path or "document", "not-an-object")
        self._left: dict[str, Any] = dict(value)
        self._path = path
        self._faults: list[FieldFault] = []

    def take(self, name: str, reader: Reader[T]) -> T:
        try:
            if name not in self._left:
                raise _refusal(self._at(name), "missing")
            return reader(self._left.pop(name), self._at(name))
        except DraftError as error:
            self._faults.extend(error.faults)
            return cast(T, None)

    def maybe(self, name: str, reader: Reader[T], default: T) -> T:
        return self.take(name, reader) if name in self._left else default

    def close(self) -> None:
        """Raises DraftError with everything that was wrong."""
        self._faults.extend(FieldFault(self._at(name), "unknown") for name in sorted(self._left, key=str))
        if self._faults:
            raise refusal(self._faults)

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else str(name)


def _windows(value: object, path: str) -> Windows:
    fields = _Fields(value, path)
    time, period = _number(64), _number(32)
    result = Windows(
        registration_opens=fields.take("registration-opens", time),
        registration_closes=fields.take("registration-closes", time),
        voting_opens=fields.take("voting-opens", time),
        voting_closes=fields.take("voting-closes", time),
        challenge_period=fields.take("challenge-period", period),
        max_extension=fields.maybe("max-extension", period, 0),
        ceremony_step=fields.take("ceremony-step", period),
    )
    fields.close()
    return result


def _ballot(value: object, path: str) -> BallotRules:
    fields = _Fields(value, path)
    short, long = _number(16), _number(32)
    result = BallotRules(
        ballot_type=fields.take("type", _label(BallotType)),
        min_length=fields.take("min-length", short),
        max_length=fields.take("max-length", short),
        min_points=fields.maybe("min-points", short, 0),
        max_points=fields.maybe("max-points", short, 0),
        min_sum_points=fields.maybe("min-sum-points", long, 0),
        max_sum_points=fields.maybe("max-sum-points", long, 0),
        max_cost=fields.maybe("max-cost", _number(256), 0),
        points_per_rank=fields.maybe("points-per-rank", _list(short), ()),
    )
    fields.close()
    return result


def _allocation(value: object, path: str) -> AllocationRules:
    fields = _Fields(value, path)
    result = AllocationRules(
        rule=fields.take("rule", _label(AllocationRule)),
        tie_break=fields.maybe("tie-break", _label(TieBreak), TieBreak.OPTION_NUMBER),
        budget=fields.maybe("budget", _number(256), 0),
        threshold=fields.maybe("threshold", _number(256), 0),
        winners=fields.maybe("winners", _number(32), 0),
        quorum=fields.maybe("quorum", _number(256), 0),
    )
    fields.close()
    return result


def _scope(value: object, path: str) -> bytes:
    if not isinstance(value, Mapping):
        raise _refusal(path, "not-an-object")
    try:
        canonical = jcs.canonical(value)
        scope.parse(canonical)
    except (scope.ScopeError, jcs.JsonError) as error:
        raise _refusal(path, "no-scope", reason=str(error)) from error
    return canonical


def _entities(value: object, path: str) -> tuple[EntityId, ...]:
    return tuple(EntityId(entity) for entity in _list(_number(32))(value, path))


def _list(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    def read(value: object, path: str) -> tuple[T, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _refusal(path, "not-a-list")
        found: list[T] = []
        wrong: list[FieldFault] = []
        for place, one in enumerate(value):
            try:
                found.append(reader(one, f"{path}[{place}]"))
            except DraftError as error:
                wrong.extend(error.faults)
        if wrong:
            raise refusal(wrong[:MAX_FAULTS])
        return tuple(found)

    return read


def _number(bits: int) -> Reader[int]:
    def read(value: object, path: str) -> int:
        if isinstance(value, str) and _NUMBER.match(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
            raise _refusal(path, "not-a-number", bits=str(bits))
        return value

    return read


def _label(enum: type[E]) -> Reader[E]:
    names = {member.name.lower().replace("_", "-"): member for member in enum}

    def read(value: object, path: str) -> E:
        if not isinstance(value, str) or value not in names:
            raise _refusal(path, "not-one-of", value=repr(value)[:MAX_SHOWN], names=", ".join(names))
        return names[value]

    return read


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TITLE or not value.isprintable():
        raise _refusal(path, "not-a-text", limit=str(MAX_TITLE))
    return value


def _title(value: object, path: str) -> str:
    title = _text(value, path)
    if len(title.encode(errors="surrogatepass")) > MAX_TITLE_BYTES:
        raise _refusal(path, "too-many-bytes", limit=str(MAX_TITLE_BYTES))
    return title


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is named twice")
    return found


def _refusal(path: str, code: str, **parameters: str) -> DraftError:
    return refusal([FieldFault(path, code, parameters)])
