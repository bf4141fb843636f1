# SPDX-License-Identifier: AGPL-3.0-or-later
"""Winners of Łódź 2022 by two rules, beside pabutools in an environment of its own; both must name the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from protocol.allocation import Rule, RuleParameters, allocate
from protocol.count import valid_ballots
from protocol.pabulib import Election, read_pb
from scripts.benchmarks.measure import CACHE, ROOT, Figure, Options, Part, timed

PABUTOOLS = "pabutools==1.2.3"
FILE = "lodz_2022.pb"


def measure(options: Options) -> Part:
    """Seconds from parsed ballots to winners. pabutools once, since it takes minutes; quickly, the plain rule only."""
    path = options.data / FILE
    election = read_pb(path.read_bytes(), path.name)
    ballots = valid_ballots(election)
    rules = {Rule.EQUAL_SHARES: None, Rule.EQUAL_SHARES_ADD1: 10.0, Rule.GREEDY: 0.5}
    compared = [rule.label for rule in rules if rule is Rule.EQUAL_SHARES or not options.quick]
    theirs = _pabutools(path, compared)
    figures = []
    for rule, goal in rules.items():
        given = RuleParameters(rule, election.allocation.tie_break, election.allocation.budget)
        timing, allocation = timed(lambda given=given: allocate(given, election.options, ballots), options.repeats)  # type: ignore[misc]  # bound per rule
        figures.append(Figure(f"{rule.label}, {_size(election)}", timing.least, "s", goal, note=timing.note()))
        if rule.label in theirs:
            seconds, chosen = theirs[rule.label]
            winners = frozenset(election.projects[number].project_id for number in allocation.winners)
            if winners != chosen:
                raise AssertionError(f"{rule.label}: only one of the two chose {sorted(winners ^ chosen)}")
            note = f"once; the same {len(winners)} winners"
            figures += [
                Figure(f"{rule.label} by pabutools", seconds, "s", note=note),
                Figure(f"pabutools / Urna, {rule.label}", seconds / timing.least, "×"),
            ]
    return Part(figures)


def _size(election: Election) -> str:
    return f"{len(election.votes):,} × {len(election.projects)}"


def _pabutools(path: Path, rules: Sequence[str]) -> dict[str, tuple[float, frozenset[str]]]:
    """Seconds and winners by rule."""
    script = ROOT / "scripts" / "benchmarks" / "pabutools_reference.py"
    command = [str(_environment()), str(script), str(path), *rules]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(answer.stdout)
    return {rule: (float(one["seconds"]), frozenset(one["winners"])) for rule, one in found.items()}


def _environment() -> Path:
    """The Python of the environment, made at first use."""
    folder = CACHE.parent / "pabutools-venv"
    python = folder / "bin" / "python"
    ready = folder / PABUTOOLS
    if not ready.exists():
        print(f"installing {PABUTOOLS} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PABUTOOLS]
        subprocess.run(install, check=True)
        ready.touch()
    return python
