# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna run` on Assen 2024, from nothing to the observed result, as a newcomer types it."""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from scripts.benchmarks.measure import ROOT, Figure, Options, Part

FILE = "assen_2024.pb"
GOAL = 180.0


def measure(options: Options) -> Part:
    """Once; the command's own figures say where the time went."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "outcome.json"
        command = [str(ROOT / ".venv/bin/urna"), "run", str(options.data / FILE), "--json", str(answer)]
        if options.quick:
            command += ["--voters", "12"]
        begun, spent = time.monotonic(), _processor()
        done = subprocess.run(
            [*command, "--out", str(Path(folder) / "out")], capture_output=True, text=True, check=False
        )
        seconds, spent = time.monotonic() - begun, _processor() - spent
        if done.returncode != 0:
            raise RuntimeError(f"urna run ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        outcome = json.loads(answer.read_text(encoding="utf-8"))
    figures = [
        Figure(f"urna run {FILE}, {outcome['registered']} voters", seconds, "s", GOAL, note="from the command line on"),
        Figure("processor time, all processes", spent, "s", note="by which the cores were busy with it"),
        Figure("peak memory, all processes", outcome["peak_memory"] / 2**20, "MiB"),
        Figure("peak number of processes", outcome["peak_processes"], "", 10),
    ]
    return Part(figures, _split(outcome["times"], seconds))


def _processor() -> float:
    """Seconds of this process's children and theirs, once they ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _split(times: list[dict[str, float | str]], seconds: float) -> str:
    rows = [(str(one["name"]), float(one["seconds"])) for one in times]
    rows.append(("everything else (interpreter, waiting between the steps, end)", seconds - sum(s for _, s in rows)))
    lines = ["| step | s | share |", "|---|--:|--:|"]
    return "\n".join(lines + [f"| {name} | {taken:.1f} | {taken / seconds:.0%} |" for name, taken in rows])
