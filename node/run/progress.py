# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live progress: bars with rates and remaining time on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from node.run.outcome import PhaseTime
from node.run.texts import TEXTS, Language, named

QUIET_INTERVAL = 10.0


class RateColumn(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="dim")


@dataclass
class Step:
    """One part of the run with a known number of items."""

    name: str
    total: int
    done: int = 0
    _began: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)
    _progress: Progress | None = None
    _task: int = 0
    _console: Console | None = None
    _language: Language = "en"

    def advance(self, by: int = 1) -> None:
        self.reach(self.done + by)

    def reach(self, done: int) -> None:
        """So many are done in all."""
        self.done = max(self.done, done)
        if self._progress is not None:
            self._progress.update(self._task, completed=self.done)  # type: ignore[arg-type]  # rich's TaskID is an int
        elif self._console is not None and time.monotonic() - self._said > QUIET_INTERVAL:
            self._said = time.monotonic()
            rate = self.done / max(time.monotonic() - self._began, 1e-9)
            left = (self.total - self.done) / rate if rate else 0
            waits = TEXTS[self._language]["left"].format(seconds=left)
            name = named(self.name, self._language)
            self._console.print(f"  {name}: {self.done}/{self.total}, {rate:.1f}/s, {waits}")


class Reporter:
    """Names the parts of a run as they go, and keeps how long each took."""

    def __init__(self, console: Console, language: Language = "en") -> None:
        self._console = console
        self._language: Language = language
        self._seconds: dict[str, float] = {}

    @property
    def times(self) -> tuple[PhaseTime, ...]:
        return tuple(PhaseTime(name, seconds) for name, seconds in self._seconds.items())

    def say(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)

    @contextmanager
    def part(self, name: str, total: int = 0) -> Iterator[Step]:
        """A part of the run; with a total it has a bar."""
        began = time.monotonic()
        step, shown = Step(name, total, _language=self._language), named(name, self._language)
        if total and self._console.is_terminal:
            columns = (
                TextColumn("  {task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                RateColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=self._console, transient=True) as progress:
                step._progress = progress
                step._task = progress.add_task(shown, total=total)
                yield step
        else:
            step._console = self._console if total else None
            yield step
        seconds = time.monotonic() - began
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds
        count = f" ({total}, {total / max(seconds, 1e-9):.1f}/s)" if total else ""
        self.say(f"[green]✓[/] {shown}{count}: {seconds:.1f} s")
