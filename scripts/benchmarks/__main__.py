# SPDX-License-Identifier: AGPL-3.0-or-later
"""`scripts/bench`: measures, prints, keeps each part's latest figures in .cache/bench, writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.benchmarks import allocation, gas, index, replay, throughput, tree, verification, whole_run
from scripts.benchmarks.document import document, plain
from scripts.benchmarks.measure import CACHE, ROOT, Figure, Options, Part, Run, carry_out

PARTS: Mapping[str, Callable[[Options], Part]] = {
    "gas": gas.measure,
    "verification": verification.measure,
    "tree": tree.measure,
    "allocation": allocation.measure,
    "run": whole_run.measure,
    "throughput": throughput.measure,
    "replay": replay.measure,
    "index": index.measure,
}
DOCUMENT = ROOT / "docs" / "benchmarks.md"
NEEDS_DATA = ("allocation", "run")


def main() -> None:
    given = _arguments()
    options = Options(given.quick, Path(os.environ.get("URNA_SHARED_DATA", ROOT.parent / "shared" / "data")).resolve())
    names = given.parts or list(PARTS)
    if any(name in NEEDS_DATA for name in names) and not options.data.is_dir():
        raise SystemExit(f"There are no elections in {options.data}; say where with URNA_SHARED_DATA.")
    runs = []
    for name in names:
        run = carry_out(name, PARTS[name], options)
        print(plain(run), flush=True)
        runs.append(run)
        if not given.quick:
            _keep(run)
    if not given.quick:
        DOCUMENT.write_text(document(_kept()), encoding="utf-8")
        print(f"{DOCUMENT.relative_to(ROOT)} is written, with the latest figures of every part.")
    if given.json is not None:
        given.json.write_text(json.dumps([_plain(run) for run in runs], ensure_ascii=False, indent=2), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure Urna and write docs/benchmarks.md.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, once; prints only, the document stays")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for machines")
    return parser.parse_args()


def _plain(run: Run) -> dict[str, Any]:
    met = [figure.met for figure in run.figures]
    whole = asdict(run)
    whole["figures"] = [{**figure, "met": one} for figure, one in zip(whole["figures"], met, strict=True)]
    return whole


def _keep(run: Run) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / f"{run.part}.json").write_text(json.dumps(asdict(run), ensure_ascii=False), encoding="utf-8")


def _kept() -> list[Run]:
    """The latest run of each part that was ever measured here, in the parts' order."""
    found = []
    for name in PARTS:
        path = CACHE / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            figures = tuple(Figure(**figure) for figure in content.pop("figures"))
            found.append(Run(figures=figures, **content))
    return found


if __name__ == "__main__":
    main()
