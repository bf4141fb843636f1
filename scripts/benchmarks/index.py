# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index at the size of a country: folding anew, memory, and reads under fifty readers, on both databases."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote

import psutil
from sqlalchemy.engine import URL

from gateway.database import INDEX, locate
from gateway.index.export import digest
from gateway.index.folding import Folding
from gateway.index.reads import Reads
from gateway.index.store import IndexStore, insert_blocks
from gateway.initiatives import listing
from gateway.initiatives.endpoints import SUMMARY
from gateway.initiatives.listing import Filters
from protocol.types import Kind, Phase
from scripts.benchmarks.history import CHAIN_ID, CONSORTIUM, SUITE, History, Sizes
from scripts.benchmarks.measure import ROOT, Figure, Options, Part
from scripts.benchmarks.read_server import ORIGIN
from scripts.benchmarks.readers import Answers, read
from tests.gateway.postgres import new_database, open_server

READERS, THINK = 50, 1.0
LIST_GOAL, REBUILD_GOAL = 20.0, 20_000.0
FULL = Sizes(entities=18_000, initiatives=100_000, elections=200, ballots=3_900)
QUICK = Sizes(entities=500, initiatives=2_000, elections=4, ballots=500)
_LISTS = (
    "",
    "?phase=announced",
    "?phase=registration&kind=consultation",
    "?phase=void&kind=contest&limit=20",
    "?kind=school-vote",
    "?entity={entity}",
    "?area=PT-{district:02}{place:02}",
    "?text=" + quote("orcam"),
    "?text=" + quote("ciclovia praça") + "&phase=review",
    "?area=PT-{district:02}{place:02}&phase=registration",
)


def measure(options: Options) -> Part:
    """Both databases one after the other; each is filled, folded anew, read."""
    sizes = QUICK if options.quick else FULL
    part, digests = Part(), set()
    for name in ("SQLite", "PostgreSQL"):
        with _place(name) as (folder, url):
            events, figures = _fold(name, locate(folder, url, INDEX), sizes)
            part.figures += figures
            with IndexReader(folder, url) as port:
                part.figures += _reads(name, port, sizes, 5.0 if options.quick else 40.0)
            store = IndexStore(locate(folder, url, INDEX), ORIGIN)
            part.figures.append(_page(name, store, sizes, options.size(2_000, 200)))
            digests.add(digest(store.database))
            store.close()
    assert len(digests) == 1, "the two databases differ"
    part.profile = (
        f"{events:,} events, {sizes.entities:,} entities, {sizes.initiatives:,} initiatives, {sizes.elections} "
        f"elections of {sizes.ballots:,} ballots; made at the seam where verified blocks come in. Both databases end "
        f"with the same canonical SHA-256. {READERS} readers ask over HTTP, a connection each, and wait {THINK:.0f} s "
        "on average (exponentially) before they ask again; the times are theirs, to the last byte. Readers, server and "
        "database share the cores. Processor time of a list is that of the page alone, in one thread."
    )
    return part


@contextmanager
def _place(name: str) -> Iterator[tuple[Path, URL | None]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="urna-bench-")))
        url = new_database(stack.enter_context(open_server())) if name == "PostgreSQL" else None
        yield folder, url


def _fold(name: str, url: URL, sizes: Sizes) -> tuple[int, list[Figure]]:
    store = IndexStore(url, ORIGIN)
    events = 0
    for block in History(sizes).blocks():
        with store.database.transaction() as db:
            insert_blocks(db, [block])
        events += len(block[1])
    folding = Folding(CHAIN_ID, CONSORTIUM, SUITE, store)
    folding.load()
    gc.collect()
    process = psutil.Process()
    begun, worked, resident = time.monotonic(), time.process_time(), []
    more = True
    while more:
        more = folding.catch_up()
        resident.append(process.memory_info().rss / (1 << 20))
    seconds, processor = time.monotonic() - begun, time.process_time() - worked
    held = sum(len(one.ballots.latest) for one in [folding.lazy[number] for number in list(folding.lazy)])
    folding = Folding(CHAIN_ID, CONSORTIUM, SUITE, store)
    started = time.monotonic()
    folding.load()
    start = time.monotonic() - started
    store.close()
    note = f"{processor:.0f} s of processor, {events / processor:,.0f}/s of it"
    goal = REBUILD_GOAL if name == "SQLite" else None
    half = len(resident) // 2
    return events, [
        Figure(f"{name}: projections rebuilt", events / seconds, "events/s", goal=goal, at_least=True, note=note),
        Figure(f"{name}: memory after a tenth", resident[len(resident) // 10], "MiB"),
        Figure(f"{name}: memory, most in the first half", max(resident[:half]), "MiB"),
        Figure(f"{name}: memory, most in the second half", max(resident[half:]), "MiB", note=f"{held:,} ballots held"),
        Figure(f"{name}: start with the whole index", start, "s", note="the consortium alone is folded"),
    ]


def _page(name: str, store: IndexStore, sizes: Sizes, repeats: int) -> Figure:
    """Without HTTP, and whatever else the machine does: the processor's time of this thread for a page."""
    reads, dice, taken = Reads(store, lambda: False), random.Random(1), []
    for _ in range(repeats):
        filters = Filters(
            phase=dice.choice((None, *Phase)),
            kind=dice.choice((None, *Kind)),
            entity=dice.choice((None, None, dice.randint(1, sizes.entities))),
            area=dice.choice((None, f"PT-{dice.randint(1, 18):02}{dice.randint(1, 17):02}")),
            text=dice.choice((None, "orcam", "ciclovia praça", "escola", f"{dice.randint(1, sizes.initiatives)}")),
        )
        begun = time.thread_time()
        with reads.snapshot() as now:
            listing.page(now, SUMMARY, filters, None, 50)
        taken.append(time.thread_time() - begun)
    p50, p95, p99 = (quantiles(taken, n=100, method="inclusive")[place] * 1000 for place in (49, 94, 98))
    note = f"p50 {p50:.1f}, p99 {p99:.1f} ms; filters drawn together, {repeats} pages"
    return Figure(f"{name}: list, processor time, p95", p95, "ms", goal=LIST_GOAL, note=note)


class IndexReader:
    """The reads in a process of their own."""

    def __init__(self, folder: Path, url: URL | None) -> None:
        self._arguments = [str(folder)] + ([] if url is None else [url.render_as_string(hide_password=False)])

    def __enter__(self) -> int:
        command = [sys.executable, "-m", "scripts.benchmarks.read_server", *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def _reads(name: str, port: int, sizes: Sizes, seconds: float) -> list[Figure]:
    def ask(dice: random.Random) -> tuple[str, str]:
        kind = dice.choices(("list", "one", "leaves", "slots", "entities"), (60, 20, 5, 5, 10))[0]
        election = dice.randint(1, sizes.elections)
        match kind:
            case "list":
                query = dice.choice(_LISTS).format(
                    entity=dice.randint(1, sizes.entities), district=dice.randint(1, 18), place=dice.randint(1, 17)
                )
                return kind, f"/v1/initiatives{query}"
            case "one":
                return kind, f"/v1/initiatives/{dice.randint(1, sizes.initiatives)}"
            case "leaves":
                return kind, f"/v1/initiatives/{election}/leaves/0"
            case "slots":
                return kind, f"/v1/initiatives/{election}/slots/{dice.choice('0123')}"
            case _:
                return kind, "/v1/entities?limit=100"

    read(port, 5, 0.05, 2.0, ask)  # connections and caches
    answers = read(port, READERS, THINK, seconds, ask)
    return [
        figure for kind in ("list", "one", "leaves", "slots", "entities") for figure in _figures(name, kind, answers)
    ]


def _figures(name: str, kind: str, answers: Answers) -> Iterator[Figure]:
    p50, p95, p99 = answers.percentiles(kind)
    note = (
        f"p50 {p50:.1f}, p99 {p99:.1f} ms; {len(answers.seconds[kind])} answers, up to {answers.octets[kind]:,} bytes"
    )
    yield Figure(f"{name}: {kind}, p95", p95, "ms", goal=LIST_GOAL if kind == "list" else None, note=note)
