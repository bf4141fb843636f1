# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an issuer's claims to those that a scope asks for, in the words of the scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAMES = ("birthdate", "residence", "nationality", "employer", "profession")
Name = Literal["birthdate", "residence", "nationality", "employer", "profession"]

_MAX_CODES = 64


class Source(BaseModel):
    """Where a claim comes from: paths into the token (each a list of member names), all of whose codes count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: tuple[Annotated[tuple[str, ...], Field(min_length=1, max_length=8)], ...] = Field(min_length=1, max_length=8)
    #: Put before each code: an issuer's `1106` is `PT-1106` in the scopes.
    prefix: str = Field(default="", max_length=32)


def _source(value: object) -> object:
    """A claim's name alone is the usual case."""
    return {"paths": [[value]]} if isinstance(value, str) else value


Mapped = Annotated[Source, BeforeValidator(_source)]

#: An issuer that uses the scopes' own names.
PLAIN: dict[Name, Source] = {name: Source(paths=((name,),)) for name in NAMES}  # type: ignore[misc]  # NAMES are Name


def scope_claims(claims: Mapping[str, Any], mapping: Mapping[Name, Source]) -> dict[str, Any]:
    """The claims that the mapping names and the token holds. What has another form than a scope expects is left out:
    to the scope it is as if it were missing, which denies."""
    found: dict[str, Any] = {}
    for name, source in mapping.items():
        values = [value for path in source.paths for value in _values(claims, path)]
        if name == "birthdate":
            if len(values) == 1:
                found[name] = values[0]
        elif values and len(values) <= _MAX_CODES:
            codes = [source.prefix + value for value in values]
            found[name] = codes[0] if len(codes) == 1 else codes
    return found


def _values(claims: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    value: Any = claims
    for member in path:
        if not isinstance(value, Mapping) or member not in value:
            return []
        value = value[member]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(code, str) for code in value):
        return value
    return []
