# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna initiative templates|new|check|preview|dry-run`: what is done with a draft before it is published."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console

from node.cli import Session
from node.cli.options import answer, deployment_option, json_option, opened, rpc_option
from node.draft import Draft, check_draft, parse_draft, read_document, read_draft
from node.errors import DraftError, FieldFault
from node.members import AnyMembers, ChainMembers
from node.rehearsal import DEFAULT_OPTIONS, MAX_SECONDS, rehearse
from node.run.progress import Reporter
from node.templates import Template, template, templates
from protocol import scope
from protocol.dry_run import MAX_BALLOTS
from protocol.rules import MAX_OPTIONS
from protocol.words import LANGUAGES, Language, advice, preview

_DAY = 86_400
_draft_argument = click.argument("draft", metavar="DRAFT", type=click.Path(path_type=Path, dir_okay=False))
_language_option = click.option(
    "--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the words."
)


@click.command("templates")
@_language_option
@json_option
def templates_command(language: Language) -> None:
    """List the templates of drafts, and what each is for."""
    found = templates()
    data = {"templates": [template_json(one) for one in found]}
    answer(data, [line for one in found for line in (f"{one.id}: {one.title[language]}", f"  {one.about[language]}")])


@click.command("new")
@click.argument("template_id", metavar="TEMPLATE")
@click.option("--title", default="", help="The initiative's title.")
@click.option("--starts", metavar="DATE", help="First day, like 2026-12-01 (UTC); its times follow. Default: tomorrow.")
@click.option("--entities", metavar="N,N,…", default="", help="Entities that become registrars and trustees.")
@click.option(
    "--issuer", "issuers", multiple=True, metavar="ISS", help="eID issuer, as in the tokens' iss. Repeatable."
)
@click.option("--budget", type=click.IntRange(1), help="The budget in minor units (cents).")
@click.option(
    "--scope",
    "codes",
    multiple=True,
    metavar="NAME=CODE",
    help="A code of the scope, like residence=PT-1106. Repeatable.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: standard output.")
@_language_option
@json_option
def new(
    template_id: str,
    title: str,
    starts: str | None,
    entities: str,
    issuers: tuple[str, ...],
    budget: int | None,
    codes: tuple[str, ...],
    out: Path | None,
    language: Language,
) -> None:
    """Make a draft from TEMPLATE, and say what is still to fill in and why each choice was made.

    \b
    urna initiative new participatory-budget --title "Lisboa 2027" --entities 1,2,3 \\
      --issuer https://eid.example.org --scope residence=PT-1106 --budget 500000000 --out draft.json
    """
    chosen = template(template_id)
    document = chosen.draft(
        _start(starts),
        title=title,
        entities=_numbers(entities),
        issuers=issuers,
        budget=budget,
        scope=_codes(codes),
    )
    if out is not None:
        if out.exists():
            raise DraftError("file", f"{out} exists already; choose another name")
        out.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if out is None and not _as_json():
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    missing = _faults(document, language)
    lines = [f"{out}: {chosen.title[language]}", *(f"  {path}: {why[language]}" for path, why in chosen.why.items())]
    if missing:
        lines.append("Still to do:" if language == "en" else "Ainda por fazer:")
        lines += [f"  {one['field']} {one['wrong']}: {one['remedy']}" for one in missing]
    answer({"draft": document, "missing": missing}, lines)


@click.command("check")
@_draft_argument
@rpc_option
@deployment_option
@_language_option
@json_option
def check(draft: Path, rpc: str, deployment_file: Path, language: Language) -> None:
    """Say whether the contract would take DRAFT now, and everything that it would not take."""
    document = read_document(draft)
    wrong = _faults(document, language)
    if not wrong:
        with opened(rpc, deployment_file) as (client, deployment):
            members = ChainMembers.read(client, deployment)
            found = check_draft(parse_draft(document), client.block().timestamp, members)
        wrong = [_said(fault, language) for fault in found]
    lines = [f"{one['field']} {one['wrong']}. {one['remedy']}" for one in wrong]
    good = "The draft may be published." if language == "en" else "O rascunho pode ser publicado."
    answer({"publishable": not wrong, "faults": wrong}, lines or [good])
    if wrong:
        raise click.exceptions.Exit(1)


@click.command("preview")
@_draft_argument
@_language_option
@click.option("--timezone", "zone", default="UTC", show_default=True, help="Zone of the times, like Europe/Lisbon.")
@json_option
def preview_command(draft: Path, language: Language, zone: str) -> None:
    """Say in words what the rules of DRAFT mean, each with its consequence."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"{zone!r} is no time zone; try Europe/Lisbon", param_hint="--timezone") from error
    read = read_draft(draft)
    clauses = preview(read.rules, scope.parse(read.scope), language, info)
    lines, topic = [read.title], ""
    for clause in clauses:
        if clause.topic != topic:
            topic = clause.topic
            lines += ["", clause.heading]
        lines += [f"  • {clause.says}", f"    → {clause.consequence}"]
    data = {
        "title": read.title,
        "language": language,
        "clauses": [
            {
                "topic": clause.topic,
                "key": clause.key,
                "heading": clause.heading,
                "says": clause.says,
                "consequence": clause.consequence,
            }
            for clause in clauses
        ],
    }
    answer(data, lines)


@click.command("dry-run")
@_draft_argument
@click.option("--ballots", required=True, type=click.IntRange(1, MAX_BALLOTS), help="How many ballots to draw.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same ballots.")
@click.option(
    "--options",
    default=DEFAULT_OPTIONS,
    show_default=True,
    type=click.IntRange(1, MAX_OPTIONS),
    help="How many options to invent, where no costs are given.",
)
@click.option("--cost", "costs", multiple=True, type=click.IntRange(0), help="The cost of an option. Once an option.")
@click.option(
    "--seconds", default=MAX_SECONDS, show_default=True, type=click.FloatRange(0.1, 3600), help="Time allowed."
)
@json_option
def dry_run_command(draft: Path, ballots: int, seed: int, options: int, costs: tuple[int, ...], seconds: float) -> None:
    """Hold the vote of DRAFT on ballots drawn from a seed: winners, money, close calls, and what it would take.

    The ballots follow no opinions but one popularity per option: they show what the rules do, not how people will vote.
    """
    read: Draft = read_draft(draft)
    reporter = Reporter(Console(stderr=True, quiet=_as_json()))
    with reporter.part("draw and count ballots", ballots) as step:
        held = rehearse(read, ballots, seed, costs=costs, options=options, seconds=seconds, progress=step.reach)
    answer(held.to_json(), held.lines())


def template_json(one: Template) -> dict[str, object]:
    """A template as an API gives it, its periods not yet made times."""
    why = {path: dict(text) for path, text in one.why.items()}
    return {"template": one.id, "title": dict(one.title), "about": dict(one.about), "why": why}


def _as_json() -> bool:
    return click.get_current_context().ensure_object(Session).as_json


def _faults(document: object, language: Language) -> list[dict[str, str]]:
    """Everything that is wrong without asking the chain."""
    try:
        found = check_draft(parse_draft(document), int(time.time()), AnyMembers())
    except DraftError as error:
        found = error.faults
    return [_said(fault, language) for fault in found]


def _said(fault: FieldFault, language: Language) -> dict[str, str]:
    given = advice(fault.code, language, fault.parameters)
    return {"field": fault.path, "code": fault.code, "wrong": given.wrong, "remedy": given.remedy}


def _start(day: str | None) -> int:
    if day is None:
        return int(datetime.now(UTC).timestamp()) // _DAY * _DAY + _DAY
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise click.BadParameter(f"{day!r} is no date like 2026-12-01", param_hint="--starts") from error


def _numbers(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",") if one]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} are no numbers like 1,2,3", param_hint="--entities") from error


def _codes(given: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, code = one.partition("=")
        if not equals or name not in ("residence", "employer", "profession", "nationality"):
            raise click.BadParameter(f"{one!r} is not like residence=PT-1106", param_hint="--scope")
        found.setdefault(name, []).append(code)
    return found
