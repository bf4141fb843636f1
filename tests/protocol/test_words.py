# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rules in words: complete over everything that rules can say, in both languages, with the figures that they have."""

from __future__ import annotations

import ast
import string
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from protocol import rules as rules_module
from protocol.rules import Rules
from protocol.scope import AgeRange, Assurance, Scope
from protocol.types import (
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    EntityId,
    Kind,
    TieBreak,
)
from protocol.words import LANGUAGES, Clause, Language, advice, preview
from protocol.words.clauses import HEADINGS, TEXTS
from protocol.words.faults import FIELDS
from protocol.words.faults import TEXTS as FAULTS
from scripts.vectors.cases import base_rules

SCOPE = Scope(residence=("PT-1106",))


def said(rules: Rules, language: Language, scope: Scope = SCOPE) -> dict[str, Clause]:
    return {clause.key: clause for clause in preview(rules, scope, language)}


def every_ballot() -> list[BallotRules]:
    return [
        BallotRules(BallotType.SINGLE_CHOICE, 1, 1),
        BallotRules(BallotType.APPROVAL, 2, 5),
        BallotRules(BallotType.APPROVAL, 3, 3),
        BallotRules(BallotType.CUMULATIVE, 1, 4, 1, 7, 2, 11),
        BallotRules(BallotType.ORDERED, 1, 3, points_per_rank=(9, 6, 1)),
        BallotRules(BallotType.KNAPSACK, 1, 9, max_cost=123_456),
        BallotRules(BallotType.YES_NO_ABSTAIN, 0, 9),
    ]


def every_allocation() -> list[AllocationRules]:
    found = []
    for rule in AllocationRule:
        for tie_break in TieBreak:
            for threshold in (0, 13):
                found.append(
                    AllocationRules(
                        rule,
                        tie_break,
                        budget=98_765 if rule.has_budget else 0,
                        threshold=threshold,
                        winners=4 if rule is AllocationRule.TOP_K else 0,
                        quorum=17 if rule is AllocationRule.MAJORITY and threshold else 0,
                    )
                )
    return found


def every_scope() -> list[Scope]:
    day = date(2026, 3, 1)
    return [
        Scope(age=AgeRange(day, 16, 30)),
        Scope(age=AgeRange(day, minimum=16)),
        Scope(age=AgeRange(day, maximum=30)),
        *(Scope(assurance=level) for level in Assurance),
        *(Scope(**{name: ("X1", "X2")}) for name in ("residence", "employer", "profession", "nationality")),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_rules_can_say_has_words_and_no_text_is_unused(language: Language) -> None:
    base = base_rules()
    used: set[str] = set()
    for kind in Kind:
        for ballot in every_ballot():
            for allocation in every_allocation():
                used |= said(replace(base, kind=kind, ballot=ballot, allocation=allocation), language).keys()
    for scope in every_scope():
        used |= said(base, language, scope).keys()
    for issuers in (("https://a",), ("https://a", "https://b")):
        for extension in (0, 3600):
            for proposals in (1, 3):
                windows = replace(base.windows, max_extension=extension)
                changed = replace(base, issuers=issuers, windows=windows, proposals_per_person=proposals)
                used |= said(changed, language).keys()
    assert used == TEXTS[language].keys()


def test_the_languages_have_the_same_texts_with_the_same_figures() -> None:
    for texts in (TEXTS, FAULTS):
        english, portuguese = texts["en"], texts["pt"]
        assert english.keys() == portuguese.keys()
        for key in english:
            assert [_figures(part) for part in english[key]] == [_figures(part) for part in portuguese[key]], key
            assert english[key] != portuguese[key], key
    assert HEADINGS["en"].keys() == HEADINGS["pt"].keys()


def _figures(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_of_the_rules_is_kept_back(language: Language) -> None:
    rules = replace(
        base_rules(),
        ballot=BallotRules(BallotType.CUMULATIVE, 2, 4, 1, 7, 3, 11),
        allocation=AllocationRules(AllocationRule.GREEDY_THRESHOLD, budget=98_765, threshold=41),
        registrars=tuple(map(EntityId, (1, 3, 5, 8))),
        registrar_threshold=3,
        trustees=tuple(map(EntityId, (2, 4, 6, 7, 9))),
        trustee_threshold=3,
        min_anonymity=321,
        proposals_per_person=6,
        issuers=("https://eid.example.org",),
    )
    clauses = said(rules, language)
    text = " ".join(f"{clause.says} {clause.consequence}" for clause in clauses.values())
    numbers = text.replace("\N{NO-BREAK SPACE}", "").replace(",", "")
    for figure in ("98765", "41", "321", "6", "11", "https://eid.example.org"):
        assert figure in numbers
    # Who could do harm, and who could stop: k of n to forge, n - k + 1 to block.
    assert "3" in clauses["registrars"].consequence
    assert "2" in clauses["registrars"].consequence
    assert all(str(entity) in clauses["trustees"].says for entity in (2, 4, 6, 7, 9))


def test_times_are_those_of_the_rules_and_say_their_zone() -> None:
    base = base_rules()
    windows = replace(base.windows, registration_opens=1_790_000_000, registration_closes=1_790_000_000 + 90_000)
    clause = said(replace(base, windows=windows), "en")["registration"]
    assert "21 September 2026, 14:13 UTC" in clause.says
    assert "1 day and 1 hour" in clause.says
    clause = said(replace(base, windows=windows), "pt")["registration"]
    assert "21 de setembro de 2026, 14:13 UTC" in clause.says
    assert "1 dia e 1 hora" in clause.says


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_time_beyond_the_calendar_is_still_said(language: Language) -> None:
    base = base_rules()
    windows = replace(base.windows, registration_opens=2**64 - 2, registration_closes=2**64 - 1)
    assert str(2**64 - 1) in said(replace(base, windows=windows), language)["registration"].says


def test_every_fault_of_the_rules_has_advice_in_both_languages() -> None:
    reasons = _reasons()
    assert len(reasons) > 40
    assert reasons == FIELDS.keys() - {"MinimumAnonymityTooSmall"}
    for language in LANGUAGES:
        assert FIELDS.keys() <= FAULTS[language].keys()
        for code in FIELDS:
            given = advice(code, language, {"floor": "5"})
            assert given.wrong
            assert given.remedy.endswith(".")


def _reasons() -> set[str]:
    """`Error: reason` of every literal that protocol.rules can raise."""
    found = set()
    for call in ast.walk(ast.parse(Path(rules_module.__file__).read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_those":
            error, *pairs = call.args
            assert isinstance(error, ast.Name)
            for pair in pairs:
                assert isinstance(pair, ast.Tuple)
                if isinstance(reason := pair.elts[1], ast.Constant):
                    found.add(f"{error.id}: {reason.value!s}")
    return found
