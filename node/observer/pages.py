# SPDX-License-Identifier: AGPL-3.0-or-later
"""The report for people: a table in the terminal, and one page without scripts or remote resources."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.observer.report import InitiativeFigures, Report
from protocol.checks import Outcome

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_VERIFIABLE: "yellow"}
_SHOWN_OPTIONS = 30


def print_report(console: Console, report: Report) -> None:
    """Checks, initiatives, verdict."""
    table = Table(title="Checks", title_justify="left")
    for name in ("check", "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("detail", overflow="fold")
    for check in report.checks:
        style = _STYLES[check.outcome]
        detail = escape(check.detail) if check.outcome is not Outcome.FAILED else f"[bold]{escape(check.detail)}[/]"
        table.add_row(check.id, f"[{style}]{check.outcome}[/]", detail)
    console.print(table)
    for number, one in report.initiatives.items():
        _print_initiative(console, number, one)
    if report.figures is not None:
        seen = report.figures
        console.print(
            f"Chain {seen.chain_id}: {seen.blocks} blocks, {seen.transactions} transactions, {seen.events} events, "
            f"to block {seen.head} ({moment(seen.last_time)}), verified in {seen.seconds:.1f} s"
        )
    console.print(f"[{'green' if report.ok else 'bold red'}]{verdict(report)}[/]")


def _print_initiative(console: Console, number: int, one: InitiativeFigures) -> None:
    console.print(f"[bold]Initiative {number}: {escape(one.title)}[/] — {one.phase}")
    console.print(
        f"  {one.registered} registered, {one.distinct} voted ({one.cast} ballots cast, {one.skipped} skipped); "
        f"{one.valid} valid, {one.blank} blank, {one.null} null"
    )
    if one.options:
        table = Table()
        for name in ("option", "score", "support", "cost", "won"):
            table.add_column(name, justify="right")
        best = sorted(one.options, key=lambda option: (not option.won, -option.score, option.option))
        for option in best[:_SHOWN_OPTIONS]:
            won = "[green]yes[/]" if option.won else ""
            table.add_row(str(option.option), str(option.score), str(option.support), str(option.cost), won)
        console.print(table)
        if len(best) > _SHOWN_OPTIONS:
            console.print(f"  and {len(best) - _SHOWN_OPTIONS} more; --json and --html list them all")


def moment(timestamp: int) -> str:
    """A block's time, in UTC."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} s"


def verdict(report: Report) -> str:
    """The report in a sentence."""
    open_ends = sum(check.outcome is Outcome.NOT_VERIFIABLE for check in report.checks)
    if report.failed:
        names = ", ".join(check.id for check in report.failed)
        return f"FAILED: {names}. What this source says must not be believed."
    if report.gaps:
        names = ", ".join(check.id for check in report.gaps)
        return f"INCOMPLETE: {names} could not be verified, and should have been. Something may be hidden there."
    if not report.ok:
        return "FAILED: there were no events to verify."
    return f"Everything that could be verified holds; {open_ends} of {len(report.checks)} checks were not verifiable."


def html_page(report: Report) -> str:
    """One page; each plot is made of plain elements and stands beside its figures."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        verdict=verdict(report),
        moment=moment,
        top={n: max((o.score for o in one.options), default=0) or 1 for n, one in report.initiatives.items()},
    )
