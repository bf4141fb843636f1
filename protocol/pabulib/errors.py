# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is wrong with a `.pb` file, and where."""

from __future__ import annotations

from protocol.errors import ProtocolError


class PbError(ProtocolError):
    """A `.pb` file that cannot be used. `line` and `column` count from 1, in characters; `remedy` says what to do."""

    def __init__(self, file: str, line: int, column: int, reason: str, remedy: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {reason}. {remedy}.")
        self.file = file
        self.line = line
        self.column = column
        self.reason = reason
        self.remedy = remedy
