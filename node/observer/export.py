# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes the bundle of a live node. The result documents are recomputed while the blocks pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.blocks import RawBlock
from node.observer import bundle
from node.observer.deployment import DeploymentFacts
from node.observer.observe import SILENT, Progress
from node.observer.replay import Replay
from node.observer.source import Source
from protocol.result import ResultError, compute


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    blocks: int
    transactions: int
    results: int


def export(source: Source, path: Path, progress: Progress = SILENT) -> Exported:
    """Writes `path`, whole or not at all. A chain that fails its checks is exported all the same, for others to see.

    Raises RpcError, OSError.
    """
    replay = Replay.begin(DeploymentFacts.read(dict(source.deployment)), source.head)
    results: dict[int, bytes] = {}

    def passing() -> Iterator[RawBlock]:
        progress.begin("blocks", source.head.number + 1)
        for raw in source.blocks():
            replay.step(raw)
            progress.advance(1)
            yield raw
        results.update(_documents(replay))

    bundle.write(path, source, passing(), results)
    figures = replay.chain.figures
    return Exported(figures.blocks, figures.transactions, len(results))


def _documents(replay: Replay) -> Iterator[tuple[int, bytes]]:
    for number, initiative in replay.state.initiatives.items():
        if initiative.count.is_complete:
            try:
                yield number, compute(replay.state, number).document
            except ResultError:
                continue  # the observer will say what is wrong
