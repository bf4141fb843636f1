# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log lines: form, and what must not get into them (P1)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway import logs
from gateway.problems import OutOfScope


@pytest.fixture
def root() -> Iterator[None]:
    names = ("", *logs.FOREIGN, *logs.OURS)
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers


def lines(format_: str, level: str = "debug") -> io.StringIO:
    logs.configure("json" if format_ == "json" else "text", level)
    stream = io.StringIO()
    handler = logging.root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    return stream


def fail(secret: str) -> None:
    raise ValueError(f"invalid literal: {secret!r}")


@pytest.mark.parametrize("format_", ["text", "json"])
def test_P1_a_foreign_errors_text_is_not_written(root: None, format_: str) -> None:
    stream = lines(format_)
    log = logging.getLogger("gateway.relay.worker")
    try:
        fail("a-token-nobody-may-see")
    except ValueError:
        log.exception("relay round failed")
    told = stream.getvalue()
    assert "a-token-nobody-may-see" not in told
    assert "ValueError" in told
    assert "test_logs.py" in told
    assert "relay round failed" in told


def test_an_error_of_our_own_speaks(root: None) -> None:
    stream = lines("json")
    try:
        raise OutOfScope("The initiative is not open to this person.")
    except OutOfScope:
        logging.getLogger("gateway").exception("refused")
    line = json.loads(stream.getvalue())
    assert (line["error"], line["says"]) == ("OutOfScope", "The initiative is not open to this person.")


def test_json_lines_are_one_object_each(root: None) -> None:
    stream = lines("json")
    logging.getLogger("gateway.app").info("two\nlines", extra={"route": "/v1/initiatives", "status": 200, "path": "x"})
    (line,) = stream.getvalue().splitlines()
    parsed = json.loads(line)
    assert parsed["message"] == "two\nlines"
    assert (parsed["route"], parsed["status"], parsed["level"]) == ("/v1/initiatives", 200, "info")
    assert "path" not in parsed
    assert parsed["time"].endswith("Z")


def test_a_message_cannot_fake_a_line_of_text(root: None) -> None:
    stream = lines("text")
    logging.getLogger("gateway").info("said: %s", "x\n2026-01-01 ERROR all lost")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("name", logs.FOREIGN)
def test_P1_other_libraries_tell_no_requests_and_statements(root: None, name: str) -> None:
    stream = lines("text", "debug")
    logging.getLogger(name).info("GET /v1/registrations/0123")
    logging.getLogger(f"{name}.engine").debug("INSERT INTO ballot")
    assert stream.getvalue() == ""
