# SPDX-License-Identifier: AGPL-3.0-or-later
"""Figures, the machine that they were taken on, and how they are taken."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

import psutil

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `goal` is the design's (section 10) or the issue's, None where neither names one."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Run:
    """A part's figures, with the circumstances: load is the average of the minute before and of the minute after.

    `profile` is Markdown that shows where the time goes.
    """

    part: str
    figures: tuple[Figure, ...]
    profile: str
    date: str
    commit: str
    machine: str
    load_before: float
    load_after: float
    seconds: float
    quick: bool


@dataclass(slots=True)
class Part:
    """What a part hands back."""

    figures: list[Figure] = field(default_factory=list)
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is to be measured: `repeats` of each timing, and whether sizes are cut down."""

    quick: bool
    data: Path

    @property
    def repeats(self) -> int:
        return 1 if self.quick else 5

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def carry_out(name: str, measure: Callable[[Options], Part], options: Options) -> Run:
    """Runs a part and notes the circumstances."""
    before, begun = os.getloadavg()[0], time.monotonic()
    part = measure(options)
    return Run(
        part=name,
        figures=tuple(part.figures),
        profile=part.profile,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        machine=_machine(),
        load_before=before,
        load_after=os.getloadavg()[0],
        seconds=time.monotonic() - begun,
        quick=options.quick,
    )


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of several repetitions. On a busy machine the least is nearest to what the work takes.

    all: wall time. processor: of all threads of this process, the least; 0 where the work was another process's.
    """

    all: tuple[float, ...]
    processor: float = 0.0

    @property
    def least(self) -> float:
        return min(self.all)

    @property
    def middle(self) -> float:
        return median(self.all)

    def note(self, scale: float = 1.0, unit: str = "s") -> str:
        """For a figure that names the least."""
        told = f"least of {len(self.all)}, median {self.middle * scale:.3g} {unit}" if len(self.all) > 1 else "once"
        return f"{told}; processor time {self.processor * scale:.3g} {unit}" if self.processor else told


def timed(work: Callable[[], T], repeats: int) -> tuple[Timing, T]:
    """Repeats the work; the result of the last time."""
    taken, processor = [], []
    for _ in range(repeats):
        begun, spent = time.perf_counter(), time.process_time()
        result = work()
        taken.append(time.perf_counter() - begun)
        processor.append(time.process_time() - spent)
    return Timing(tuple(taken), min(processor)), result


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "contracts", "protocol", "node", "gateway")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def _machine() -> str:
    gigabytes = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {gigabytes:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
