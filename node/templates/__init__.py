# SPDX-License-Identifier: AGPL-3.0-or-later
"""Templates of drafts: data files, each choice with its reason in Portuguese and English.

A template becomes a draft by `Template.draft`: times are counted from a start, and what only the entity knows (title,
entities, issuers, codes, budget) stays empty or is given. What is still empty is named by `node.draft.parse_draft`.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from node.errors import DraftError
from protocol.words import Language

_PERIOD = re.compile(r"(\+?)([0-9]{1,6})([smhd])\Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
Text = Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Template:
    """`why` has the reason of each choice, by the path of the draft's field."""

    id: str
    title: Text
    about: Text
    why: Mapping[str, Text]
    _document: Mapping[str, Any]

    def draft(
        self,
        start: int,
        *,
        title: str = "",
        entities: Sequence[int] = (),
        issuers: Sequence[str] = (),
        budget: int | None = None,
        scope: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, Any]:
        """A draft's document whose times follow from `start` (Unix seconds).

        `entities` become registrars and trustees, with thresholds of more than half; `scope` fills the lists of codes.
        """
        document: dict[str, Any] = copy.deepcopy(dict(self._document))
        document["windows"] = {name: _seconds(text, start) for name, text in document["windows"].items()}
        age = document["scope"].get("age")
        if age is not None and age["on"] == "start":
            age["on"] = datetime.fromtimestamp(start, UTC).date().isoformat()
        for criterion, codes in (scope or {}).items():
            document["scope"][criterion] = sorted(set(codes))
        if title:
            document["title"] = title
        if issuers:
            document["issuers"] = list(issuers)
        if entities:
            members = sorted(set(entities))
            document |= {"registrars": members, "trustees": members}
            document["registrar-threshold"] = max(2, len(members) // 2 + 1)
            document["trustee-threshold"] = max(2, (len(members) + 1) // 2)
        if budget is not None and "budget" in document["allocation"]:
            document["allocation"]["budget"] = str(budget)
        return document


@cache
def templates() -> tuple[Template, ...]:
    """All templates, by id."""
    return tuple(_read(path) for path in sorted(Path(__file__).parent.glob("*.toml")))


def template(id_: str) -> Template:
    """Raises DraftError, naming those there are."""
    for one in templates():
        if one.id == id_:
            return one
    known = ", ".join(one.id for one in templates())
    raise DraftError("template", f"{id_[:60]!r} does not exist; there are {known}")


def _read(path: Path) -> Template:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    about = content["template"]
    return Template(path.stem, about["title"], about["about"], content["why"], content["draft"])


def _seconds(text: str, start: int) -> int:
    """`+3d` after the start, `1h` as a period."""
    match = _PERIOD.match(text)
    assert match is not None, f"a template's period is written like +3d or 1h, not {text}"
    relative, amount, unit = match.groups()
    return int(amount) * _SECONDS[unit] + (start if relative else 0)
