# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `urna observe` and `urna export` share: the compiled source in the observer's own types, and a progress bar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from node.compiler import Artefact, Build, build
from node.observer import Linked, PublishedContract, PublishedSource


def published(compiled: Build | None = None) -> PublishedSource:
    """What this repository's contracts compile to. Raises CompilerError."""
    compiled = build() if compiled is None else compiled
    settings = compiled.settings
    compiler: dict[str, object] = {
        "version": settings.version,
        "evmVersion": settings.evm_version,
        "optimizerRuns": settings.optimizer_runs,
        "viaIR": settings.via_ir,
        "remappings": list(settings.remappings),
        "inputHash": compiled.input_hash.hex(),
    }
    contracts = {f"{one.unit}:{one.name}": _contract(one) for one in compiled.artefacts}
    return PublishedSource(compiler, contracts)


def _contract(one: Artefact) -> PublishedContract:
    links = tuple(Linked(link.library.rpartition(":")[2], link.creation, link.runtime) for link in one.links)
    return PublishedContract(one.name, one.unit, one.bytecode, one.runtime, links, one.immutables, one.source_hash)


def deployment_json(path: Path) -> dict[str, Any]:
    """The deployment file's content; what is in it the observer judges."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path} cannot be read as a deployment file: {error}") from None
    if not isinstance(content, dict):
        raise click.UsageError(f"{path} is no deployment file; urna deploy writes one.")
    return content


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


class Bar:
    """Shows an observer's progress on a terminal."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task("", visible=False)

    def begin(self, stage: str, total: int | None) -> None:
        self._shown.remove_task(self._task)
        self._task = self._shown.add_task(stage, total=total)

    def advance(self, steps: int) -> None:
        self._shown.advance(self._task, steps)


@contextmanager
def progress() -> Iterator[Bar]:
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        yield Bar(shown)
