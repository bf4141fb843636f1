# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts in words: every field is checked, and named when it is wrong."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.draft import check_draft, parse_draft, read_draft
from node.errors import DraftError
from protocol.types import AllocationRule, BallotType, EntityId, Kind, TieBreak
from protocol.words import LANGUAGES, advice

DRAFT: dict[str, Any] = {
    "title": "Orçamento participativo",
    "kind": "participatory-budget",
    "scope": {"residence": ["PT-1106"], "age": {"min": 16, "on": "2026-01-01"}},
    "windows": {
        "registration-opens": 1_790_000_000,
        "registration-closes": 1_790_100_000,
        "voting-opens": 1_790_200_000,
        "voting-closes": 1_790_300_000,
        "challenge-period": 3600,
        "ceremony-step": 600,
    },
    "ballot": {"type": "ordered", "min-length": 1, "max-length": 3, "points-per-rank": [3, 2, 1]},
    "allocation": {"rule": "equal-shares-add1", "tie-break": "lower-cost", "budget": str(10**30)},
    "registrars": [1, 2, 3],
    "registrar-threshold": 2,
    "trustees": [1, 2, 3],
    "trustee-threshold": 2,
    "minimum-anonymity": 20,
    "proposals-per-person": 1,
    "issuers": ["https://eid.example.org"],
}


def test_a_draft_becomes_rules() -> None:
    draft = parse_draft(DRAFT)

    assert draft.title == "Orçamento participativo"
    assert draft.scope == b'{"age":{"min":16,"on":"2026-01-01"},"residence":["PT-1106"]}'
    assert (draft.rules.kind, draft.rules.ballot.ballot_type) == (Kind.PARTICIPATORY_BUDGET, BallotType.ORDERED)
    assert draft.rules.allocation.rule is AllocationRule.EQUAL_SHARES_ADD1
    assert draft.rules.allocation.tie_break is TieBreak.LOWER_COST
    assert draft.rules.allocation.budget == 10**30
    assert draft.rules.ballot.points_per_rank == (3, 2, 1)
    assert draft.rules.windows.max_extension == 0


@pytest.mark.parametrize(
    ("field", "to"),
    [
        ("title", ""),
        ("title", "a\nb"),
        ("kind", "budget"),
        ("kind", 0),
        ("scope", {}),
        ("scope", {"shoe-size": 44}),
        ("windows", []),
        ("windows.ceremony-step", -1),
        ("windows.ceremony-step", 2**32),
        ("windows.registration-opens", 1.5),
        ("windows.registration-opens", True),
        ("windows.registration-opens", "0x10"),
        ("ballot.type", "guess"),
        ("ballot.points-per-rank", "321"),
        ("ballot.colour", "red"),
        ("allocation.rule", "phragmen"),
        ("allocation.budget", "1e9"),
        ("registrars", "1"),
        ("trustee-threshold", 256),
        ("issuers", [1]),
        ("quorum", 1),
    ],
)
def test_a_wrong_value_is_named(field: str, to: Any) -> None:
    document = copy.deepcopy(DRAFT)
    at, *rest = field.split(".")
    if rest:
        document[at][rest[0]] = to
    else:
        document[at] = to

    with pytest.raises(DraftError) as caught:
        parse_draft(document)
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize("field", sorted(DRAFT))
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(DraftError, match=f"{field} is missing"):
        parse_draft({key: value for key, value in DRAFT.items() if key != field})


def test_a_file_that_is_no_json_or_says_something_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_text(json.dumps(DRAFT))
    assert read_draft(path) == parse_draft(DRAFT)
    for text in ("{", '{"title": 1, "title": 2}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(DraftError, match="not readable JSON"):
            read_draft(path)
    with pytest.raises(DraftError):
        read_draft(tmp_path / "none.json")


def test_everything_that_is_wrong_is_said_at_once() -> None:
    document = copy.deepcopy(DRAFT)
    del document["title"]
    document["kind"] = "budget"
    document["windows"]["voting-closes"] = "soon"
    document["ballot"]["colour"] = "red"
    document["trustees"] = [1, "x", -2]
    document["shoe-size"] = 44

    with pytest.raises(DraftError) as caught:
        parse_draft(document)
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [
        ("title", "missing"),
        ("kind", "not-one-of"),
        ("windows.voting-closes", "not-a-number"),
        ("ballot.colour", "unknown"),
        ("trustees[1]", "not-a-number"),
        ("trustees[2]", "not-a-number"),
        ("shoe-size", "unknown"),
    ]
    for fault in caught.value.faults:
        assert fault.path in str(caught.value)
        for language in LANGUAGES:
            assert advice(fault.code, language, fault.parameters).remedy


def test_a_title_that_the_contract_would_not_take_is_refused_before() -> None:
    with pytest.raises(DraftError) as caught:
        parse_draft({**DRAFT, "title": "ã" * 129})
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [("title", "too-many-bytes")]


@dataclass(frozen=True)
class Members:
    """A consortium of entities 1 to 3, of which the third has no trustee's key."""

    minimum_anonymity: int = 30

    def is_active(self, entity: EntityId) -> bool:
        return entity <= 3

    def has_trustee_key(self, entity: EntityId) -> bool:
        return entity <= 2


def test_what_the_contract_would_refuse_is_said_per_field_and_all_at_once() -> None:
    document = copy.deepcopy(DRAFT)
    document["windows"]["challenge-period"] = 60
    document["ballot"]["points-per-rank"] = [3]
    document["registrars"] = [1, 2, 4]

    found = check_draft(parse_draft(document), 1_789_000_000, Members())
    assert [(fault.path, fault.code) for fault in found] == [
        ("windows.challenge-period", "InvalidWindows: challenge period too short"),
        ("ballot.points-per-rank", "InvalidBallotRules: pointsPerRank needs maxLength entries"),
        ("registrars", "InvalidRegistrars: not active"),
        ("trustees", "InvalidTrustees: no trustee key"),
        ("minimum-anonymity", "MinimumAnonymityTooSmall"),
    ]
    assert check_draft(parse_draft({**DRAFT, "trustees": [1, 2]}), 1_789_000_000, Members(20))[0].path == (
        "trustee-threshold"
    )
