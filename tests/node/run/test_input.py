# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `urna run` says of files and options that cannot be run: one sentence, exit code 2, and nothing is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli import EXIT_USAGE, main
from node.cli.run import SAMPLE
from node.errors import NodeError
from node.run.plan import PlanError, make_plan
from node.run.processes import hold_folder
from protocol.pabulib import read_pb

LINES = SAMPLE.read_text(encoding="utf-8").splitlines()


def line_of(start: str) -> int:
    """From 1."""
    return next(number for number, line in enumerate(LINES, 1) if line.startswith(start))


def changed(start: str, line: str) -> str:
    return "\n".join(line if each.startswith(start) else each for each in LINES) + "\n"


@pytest.mark.parametrize(
    ("text", "place", "named"),
    [
        (changed("rule;", "rule;lottery"), f"{line_of('rule;')}:6", "lottery"),
        (changed("vote_type;", "vote_type;shouting"), f"{line_of('vote_type;')}:11", "shouting"),
        (changed("max_length;", "max_length;many"), f"{line_of('max_length;')}:12", "many"),
        (changed("min_length;", "min_sum_of_smiles;3"), f"{line_of('min_length;')}:1", "min_sum_of_smiles"),
        (changed("budget;", "budget;1,5,0"), f"{line_of('budget;')}:8", "1,5,0"),
        ("\n".join(LINES[: line_of("PROJECTS") - 1]) + "\n", f"{line_of('PROJECTS')}:1", "PROJECTS"),
        ("", "1:1", "META"),
    ],
    ids=["rule", "vote type", "limit", "unknown limit", "budget", "cut off", "empty"],
)
def test_a_malformed_file_is_named_with_line_and_column(
    text: str, place: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.pb"
    file.write_text(text, encoding="utf-8")
    assert main(["run", str(file), "--out", str(tmp_path / "out")]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert f"given.pb:{place}: " in said
    assert named in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--voters", "1"], "at least 2 voters"),
        (["--voters", "3", "--revotes", "4"], "4 voters are to vote twice, and there are 3"),
        (["--voters", "0"], "--voters"),
        (["no-such-file.pb"], "no-such-file.pb"),
    ],
)
def test_options_that_make_no_election_are_refused(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *options, "--out", str(tmp_path / "out")]) == EXIT_USAGE
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_extras_are_voters_too() -> None:
    election = read_pb(SAMPLE.read_bytes(), SAMPLE.name)
    plan = make_plan(election, voters=1, revotes=0, nulls=1, blanks=0, seed=0)
    assert (plan.persons, plan.complete) == (2, False)
    with pytest.raises(PlanError):
        make_plan(election, voters=1, revotes=0, nulls=0, blanks=0, seed=0)


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    with hold_folder(tmp_path), pytest.raises(NodeError, match="Another run"):
        hold_folder(tmp_path)
    hold_folder(tmp_path).close()
