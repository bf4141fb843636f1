# SPDX-License-Identifier: AGPL-3.0-or-later
"""Values as the interface writes them: bytes as lower-case hex with 0x, big integers as decimal strings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*\Z", re.ASCII)
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,77})\Z", re.ASCII)

MAX_TOKEN = 8192


class Body(BaseModel):
    """A request's body: unknown members are refused, values are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _parse_hex(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not _HEX.match(value):
        raise ValueError("bytes are written as 0x and lower-case hex digits, two a byte")
    return bytes.fromhex(value[2:])


def _parse_decimal(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError("a number is written as a decimal string")
    if isinstance(value, int):
        return value
    return _parse_decimal_string(value)


def _parse_decimal_string(value: object) -> int:
    if not isinstance(value, str) or not _DECIMAL.match(value):
        raise ValueError("a number is written as a decimal string")
    return int(value)


def _of_length(length: int) -> AfterValidator:
    def check(value: bytes) -> bytes:
        if len(value) != length:
            raise ValueError(f"{length} bytes are wanted, not {len(value)}")
        return value

    return AfterValidator(check)


def _as_hex(value: bytes) -> str:
    return "0x" + value.hex()


def _described(pattern: str) -> WithJsonSchema:
    """How the interface's description says it."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


HexBytes = Annotated[bytes, BeforeValidator(_parse_hex), PlainSerializer(_as_hex), _described("^0x([0-9a-f]{2})*$")]
Hex32 = Annotated[HexBytes, _of_length(32), _described("^0x[0-9a-f]{64}$")]
#: As citizens' clients write it: never a JSON number, which many of them would round.
DecimalString = Annotated[
    int, BeforeValidator(_parse_decimal_string), PlainSerializer(str), _described("^(0|[1-9][0-9]{0,77})$")
]
Decimal = Annotated[int, BeforeValidator(_parse_decimal), PlainSerializer(str), _described("^(0|[1-9][0-9]*)$")]
Token = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN)]


class AsOf(BaseModel):
    """The block that an answer holds for. `stale`: the chain was not heard since, or no source of it is honest."""

    model_config = ConfigDict(frozen=True)

    block: int
    hash: HexBytes
    timestamp: int
    stale: bool = False
