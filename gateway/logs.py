# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log lines: as text or JSON, without addresses, user agents, paths with ids, or anything of a person or a ballot.

An exception's text may quote what was sent, so of foreign ones only the kind and the place are written.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Literal

from gateway.problems import Problem
from node.errors import NodeError
from protocol.errors import ProtocolError

#: Their own debug lines quote requests, statements and addresses.
FOREIGN = ("asyncio", "httpcore", "httpx", "sqlalchemy", "uvicorn", "alembic", "urllib3", "pkcs11")
OURS = ("gateway", "node", "protocol")
#: Errors whose text is written by this project and names no person (gateway/problems.py, node/errors.py).
SPEAKING = (NodeError, ProtocolError, Problem)
#: What `extra` may add to a line.
FIELDS = ("method", "route", "status", "milliseconds", "count")


def configure(format_: Literal["text", "json"], level: str) -> None:
    """Everything to standard error; ours from `level` on, other libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if format_ == "json" else TextLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    for name in FOREIGN:
        logging.getLogger(name).setLevel(logging.WARNING)


def failure(error: BaseException) -> dict[str, str | list[str]]:
    """Kind and place of an error, and its text where that is our own."""
    told: dict[str, str | list[str]] = {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)],
    }
    if isinstance(error, SPEAKING):
        told["says"] = str(error)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        told["because"] = type(cause).__name__
    return told


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line |= failure(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """For eyes."""

    def format(self, record: logging.LogRecord) -> str:
        # A line break in a message would look like a line of its own.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname} {record.name}: {message}"
        if record.exc_info and record.exc_info[1] is not None:
            told = failure(record.exc_info[1])
            at = told.pop("at")
            line += "".join(f"\n    {key}: {value}" for key, value in told.items())
            line += "".join(f"\n    at {frame}" for frame in at)
        return line


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
