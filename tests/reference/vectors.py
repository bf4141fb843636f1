# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reading of tests/vectors/*.json."""

import json
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


@cache
def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def data(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def integer(text: str) -> int:
    return int(text, 16)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")
