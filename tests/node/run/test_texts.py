# SPDX-License-Identifier: AGPL-3.0-or-later
"""A run speaks Portuguese and English alike."""

from __future__ import annotations

import io
import re
import string
from pathlib import Path

from rich.console import Console

from node.cli import run
from node.run import driver
from node.run.progress import Reporter
from node.run.texts import NAMES, TEXTS, named


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["en"].keys() == TEXTS["pt"].keys()
    for key, english in TEXTS["en"].items():
        fields = [{field for _, field, _, _ in string.Formatter().parse(text)} for text in (english, TEXTS["pt"][key])]
        assert fields[0] == fields[1], key


def test_every_part_and_file_of_a_run_has_a_portuguese_name() -> None:
    parts = re.findall(r'part\("([^"]+)"', Path(driver.__file__).read_text(encoding="utf-8"))
    assert len(parts) > 10
    for name in (*parts, *run._paths(Path())):
        assert name in NAMES["pt"], name


def test_progress_is_said_in_the_language_that_was_asked_for() -> None:
    said = io.StringIO()
    reporter = Reporter(Console(file=said), "pt")

    with reporter.part("observe"):
        pass

    assert "observar" in said.getvalue()
    assert [time.name for time in reporter.times] == ["observe"]
    assert named("observe", "en") == "observe"
