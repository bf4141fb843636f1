# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cursors of pages: opaque, so that clients only hand them back; one list's cursor is refused by another."""

from __future__ import annotations

import base64
import re

from gateway.problems import MalformedRequest

_CURSOR = re.compile(r"([a-z]+):([1-9][0-9]{0,17})\Z", re.ASCII)


def encode_cursor(of: str, last: int) -> str:
    """After the item with this number."""
    return base64.urlsafe_b64encode(f"{of}:{last}".encode()).decode().rstrip("=")


def decode_cursor(of: str, cursor: str) -> int:
    """Raises MalformedRequest."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    found = _CURSOR.match(text)
    if found is None or found[1] != of or encode_cursor(of, int(found[2])) != cursor:
        raise MalformedRequest("The cursor is none that this list gave: begin again without it.")
    return int(found[2])
