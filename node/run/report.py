# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outcome for people: a table in the terminal, and a page with plots, in Portuguese or English."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from rich.console import Console
from rich.table import Table

from node.run.outcome import Outcome, ProjectRow
from node.run.texts import TEXTS, Language, named


def verdicts(outcome: Outcome, language: Language) -> list[tuple[bool, str]]:
    """What the exit code rests on, in sentences: (good, sentence)."""
    text = TEXTS[language]
    match = {True: "match", False: "mismatch", None: "no-match"}[outcome.winners_match]
    return [
        (outcome.winners_match is not False, text[match]),
        (outcome.recount_matches, text["recount" if outcome.recount_matches else "no-recount"]),
        (outcome.observer_passes, text["ok" if outcome.observer_passes else "not-ok"]),
    ]


def promise_line(outcome: Outcome, language: Language) -> str:
    """What came of the gateways' promises; released ones need not be kept, and count as kept."""
    counts = outcome.promises
    return TEXTS[language]["promise-outcomes"].format(
        kept=counts["kept"] + counts["released"], broken=counts["broken"] + counts["invalid"], due=counts["not-due"]
    )


def print_outcome(console: Console, outcome: Outcome, language: Language) -> None:
    """The table of projects, the observer's checks, and where everything lies."""
    text = TEXTS[language]
    table = Table(title=outcome.title, title_justify="left")
    for name, justify in (("", "right"), (text["project"], "left"), (text["votes"], "right"), (text["score"], "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich's literal type
    for name in (text["cost"], text["won"], text["published"]):
        table.add_column(name, justify="right")
    for project in by_score(outcome):
        published = "" if project.published is None else text["yes" if project.published else "no"]
        table.add_row(
            project.project_id,
            project.name[:60],
            str(project.support),
            str(project.score),
            outcome.money(project.cost),
            f"[bold green]{text['yes']}[/]" if project.won else text["no"],
            published,
        )
    console.print(table)
    figures = [
        f"{outcome.registered} {text['registered']}",
        f"{outcome.distinct} {text['ballots']}: {outcome.valid} {text['valid']}, "
        f"{outcome.blank} {text['blank']}, {outcome.null} {text['null']}",
        f"{text['spent']} {outcome.money(outcome.spent)} / {outcome.money(outcome.budget)}",
    ]
    console.print(" · ".join(figures))
    checks = Table(title=text["observer"], title_justify="left")
    for name in ("check", "outcome", "detail"):
        checks.add_column(text[name])
    colours = {"passed": "green", "failed": "bold red", "not-verifiable": "yellow"}
    for check in outcome.checks:
        checks.add_row(check.id, f"[{colours[check.outcome]}]{text[check.outcome]}[/]", check.detail)
    console.print(checks)
    for good, sentence in verdicts(outcome, language):
        console.print(f"[{'green' if good else 'bold red'}]{'✓' if good else '✗'}[/] {sentence}")
    spent = ", ".join(f"{named(time.name, language)} {time.seconds:.1f} s" for time in outcome.times)
    console.print(f"{text['time']}: {spent}")
    console.print(f"{text['promises']}: {promise_line(outcome, language)}")
    memory = outcome.peak_memory / 2**20
    console.print(f"{text['memory']}: {memory:,.0f} MiB; {text['processes']}: {outcome.peak_processes}")
    console.print(f"{text['files']}:")
    for name, path in {**outcome.paths, **outcome.addresses}.items():
        console.print(f"  {named(name, language)}: {path}", soft_wrap=True)


def by_score(outcome: Outcome) -> list[ProjectRow]:
    return sorted(outcome.projects, key=lambda project: (-project.score, project.option))


def html_report(outcome: Outcome, language: Language) -> str:
    """One page without scripts or remote resources; each plot stands beside its table."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        promises=promise_line(outcome, language),
        outcome=outcome,
        projects=by_score(outcome),
        text=TEXTS[language],
        language=language,
        named=lambda name: named(name, language),
        verdicts=verdicts(outcome, language),
        top=max((project.score for project in outcome.projects), default=0) or 1,
        seconds=sum(time.seconds for time in outcome.times) or 1,
    )
