# SPDX-License-Identifier: AGPL-3.0-or-later
"""Templates: whole drafts, a reason for each choice, and what is left to the entity is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from node.cli import Session, urna
from node.draft import check_draft, parse_draft
from node.errors import DraftError
from node.members import AnyMembers
from node.rehearsal import rehearse
from node.templates import Template, template, templates
from protocol.types import Kind

START = 1_790_000_000
every_template = pytest.mark.parametrize("one", templates(), ids=lambda one: one.id)


def filled(one: Template, start: int = START) -> dict[str, Any]:
    document = one.draft(
        start, title="Título", entities=[3, 1, 2], issuers=["https://eid.example.org"], budget=1_000_000
    )
    for name, value in document["scope"].items():
        if value == []:
            document["scope"][name] = ["X"]
    return document


def test_there_is_one_for_each_kind_of_process() -> None:
    assert {parse_draft(filled(one)).rules.kind for one in templates()} == set(Kind)


@every_template
def test_a_filled_template_is_a_draft_that_the_contract_would_take(one: Template) -> None:
    draft = parse_draft(filled(one))
    assert check_draft(draft, START, AnyMembers()) == ()
    assert (draft.rules.registrars, draft.rules.registrar_threshold, draft.rules.trustee_threshold) == ((1, 2, 3), 2, 2)
    assert rehearse(draft, 200, seed=1).run.totals.valid > 150


@every_template
def test_what_only_the_entity_knows_is_named_and_nothing_else(one: Template) -> None:
    with pytest.raises(DraftError) as caught:
        parse_draft(one.draft(START))
    assert {fault.path.partition(".")[0] for fault in caught.value.faults} == {"title", "scope"}


@every_template
def test_each_choice_has_its_reason_in_both_languages(one: Template) -> None:
    document = one.draft(START)
    leaves = {
        f"{name}.{part}" if isinstance(value, dict) else name
        for name, value in document.items()
        for part in (value if isinstance(value, dict) else [""])
    }
    assert one.why.keys() == leaves
    for text in (one.title, one.about, *one.why.values()):
        assert text.keys() == {"pt", "en"}
        assert text["pt"] != text["en"]


def test_an_unknown_template_is_an_error_that_names_the_others() -> None:
    with pytest.raises(DraftError, match="participatory-budget"):
        template("lottery")


# The commands


def run(*arguments: str, expect: int = 0) -> Any:
    result = CliRunner().invoke(urna, ["initiative", *arguments, "--json"], obj=Session())
    assert result.exit_code == expect, (result.output, result.exception)
    return json.loads(result.stdout)


def test_from_template_to_preview_and_dry_run(tmp_path: Path) -> None:
    out = tmp_path / "draft.json"
    made = run("new", "school-vote", "--title", "Escola A", "--entities", "1,2,3", "--out", str(out))
    assert {one["field"] for one in made["missing"]} == {"scope"}

    made = run(
        *("new", "school-vote", "--title", "Escola A", "--entities", "1,2,3", "--starts", "2030-01-01"),
        *("--scope", "employer=PT-SCHOOL-7", "--lang", "pt", "--out", str(tmp_path / "two.json")),
    )
    assert {one["field"] for one in made["missing"]} == {"issuers", "allocation.budget"}

    document = made["draft"] | {"issuers": ["https://eid.example.org"]}
    document["allocation"]["budget"] = "50000"
    out.write_text(json.dumps(document))
    for language, kind in (("pt", "escola"), ("en", "school")):
        said = run("preview", str(out), "--lang", language, "--timezone", "Europe/Lisbon")
        assert said["language"] == language
        assert kind in said["clauses"][0]["says"]
        assert any("50" in clause["says"] for clause in said["clauses"])

    first = run("dry-run", str(out), "--ballots", "2500", "--seed", "9")
    assert first["valid"] + first["blank"] + first["null"] == 2500
    assert int(first["spent"]) <= 50_000
    again = run("dry-run", str(out), "--ballots", "2500", "--seed", "9")
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert run("dry-run", str(out), "--ballots", "10", "--cost", "10", "--cost", "20")["options"][1]["cost"] == "20"


def test_the_list_says_what_each_is_for() -> None:
    listed = run("templates")["templates"]
    assert [one["template"] for one in listed] == [one.id for one in templates()]
    assert all(one["why"]["ballot.type"]["pt"] for one in listed)
