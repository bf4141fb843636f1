# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna run`: a whole election on this machine."""

from __future__ import annotations

import json
import signal
import time
from contextlib import closing
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.markup import escape

from node.cli import EXIT_FAILED
from node.errors import NodeError
from node.run.consortium import RunConsortium
from node.run.driver import BUNDLE, Driver
from node.run.outcome import Outcome
from node.run.plan import PlanError, make_plan
from node.run.progress import Reporter
from node.run.report import html_report, print_outcome
from node.run.summary import outcome_of, recount
from node.run.texts import TEXTS, Language
from protocol.pabulib import Election, PbError, read_pb, write_pb

SAMPLE = Path(__file__).resolve().parents[2] / "scripts" / "sample" / "vila_nova_2026.pb"
COUNT = click.IntRange(min=0)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--voters", type=click.IntRange(min=1), metavar="N", help="Only the first N voters of the file.")
@click.option("--revotes", type=COUNT, default=0, metavar="N", help="N of the voters vote twice; the last one counts.")
@click.option("--null", "nulls", type=COUNT, default=0, metavar="N", help="N more voters cast a null ballot.")
@click.option("--blank", "blanks", type=COUNT, default=0, metavar="N", help="N more voters cast a blank ballot.")
@click.option("--seed", type=int, help="Voters' secrets, and who votes twice, follow from it (development only).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where everything goes; continues a run.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The result for machines.",
)
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, until Ctrl-C; prints the addresses.")
@click.option(
    "--lang", type=click.Choice(["en", "pt"]), default="en", show_default=True, help="Language of progress and report."
)
@click.option(
    "--provers", type=click.IntRange(1, 2), default=2, show_default=True, help="Processes that prove ballots."
)
def run(
    file: Path | None,
    voters: int | None,
    revotes: int,
    nulls: int,
    blanks: int,
    seed: int | None,
    out: Path | None,
    json_file: Path | None,
    keep: bool,
    lang: Language,
    provers: int,
) -> None:
    """Hold the election of FILE.pb (Pabulib's format) on this machine, and have an observer verify it.

    Starts a chain, an eID issuer and three entities; registers one person per voter; casts each voter's ballot,
    sealed and proved; opens, counts and allocates; then replays the chain and recomputes everything. Without FILE it
    takes the small sample that comes with Urna.

    Exit code 0 only if the observer passes, the count equals a plain count of the ballots, and the winners are the
    published ones (where the file has them, and exactly its voters took part). An --out folder of a run that was
    broken off continues it.

    \b
    Examples:
      urna run
      urna run assen_2024.pb --out assen --json assen.json
      urna run swiecie_2023.pb --voters 300 --revotes 5 --null 2 --blank 2
    """
    path = file or SAMPLE
    try:
        content, election = _read(path)
        plan = make_plan(election, voters=voters, revotes=revotes, nulls=nulls, blanks=blanks, seed=seed or 0)
    except (PbError, PlanError) as error:  # wrong input, not a failed run
        raise click.ClickException(str(error)) from error
    folder = (out or Path("urna-out") / f"{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    reporter = Reporter(console, lang)
    figures = {
        "election": escape(election.name),
        "voters": plan.persons,
        "projects": len(election.projects),
        "folder": folder,
    }
    reporter.say(TEXTS[lang]["begin"].format(**figures))
    consortium = RunConsortium(folder)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with closing(Driver(consortium, plan, content, seed, reporter)) as driver:
            held = driver.hold(provers)
        supervisor = consortium.supervisor
        outcome = outcome_of(
            plan,
            held,
            times=reporter.times,
            peak_memory=supervisor.peak_memory,
            peak_processes=supervisor.peak_processes,
            paths=_paths(folder),
            addresses=_addresses(consortium) if keep else {},
        )
        totals, allocation = recount(plan)
        (folder / "recount.pb").write_text(
            write_pb(plan.election, totals=totals, allocation=allocation), encoding="utf-8"
        )
        (folder / "result.json").write_text(held.result["document"], encoding="utf-8")
        _write(outcome, folder, json_file, lang)
        print_outcome(console, outcome, lang)
        if keep:
            _wait(console, lang)
    finally:
        consortium.stop()
    if not outcome.ok:
        raise click.exceptions.Exit(EXIT_FAILED)


def _read(path: Path) -> tuple[bytes, Election]:
    """Raises PbError with file, line and column; NodeError where there is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NodeError(f"{path} cannot be read: {error}.") from error
    return content, read_pb(content, path.name)


def _paths(folder: Path) -> dict[str, str]:
    names = {
        "report": "report.html",
        "result": "result.json",
        "recount": "recount.pb",
        "observer's report": "observer.html",
        "observer's bundle": BUNDLE,
        "deployment": "deployment.json",
        "chain state": "chain",
        "logs": "logs",
    }
    return {name: str(folder / file) for name, file in names.items()}


def _addresses(consortium: RunConsortium) -> dict[str, str]:
    gateways = {f"gateway of {entity.name}": entity.endpoint for entity in consortium.entities}
    return {"RPC": consortium.rpc, "eID issuer": consortium.issuer, **gateways}


def _write(outcome: Outcome, folder: Path, json_file: Path | None, language: Language) -> None:
    (folder / "report.html").write_text(html_report(outcome, language), encoding="utf-8")
    document = json.dumps(outcome.document(), ensure_ascii=False, indent=2)
    (folder / "outcome.json").write_text(document, encoding="utf-8")
    if json_file is not None:
        json_file.write_text(document, encoding="utf-8")


def _wait(console: Console, language: Language) -> None:
    console.print(TEXTS[language]["kept"])
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print(TEXTS[language]["ending"])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """TERM ends a run as Ctrl-C does: in order."""
    raise KeyboardInterrupt
