# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why somebody may not take part, in words: every criterion, in both languages."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import date

import pytest

from protocol.scope import AgeRange, Assurance, Scope, unmet
from protocol.types import Phase
from protocol.words.language import LANGUAGES, Language
from protocol.words.refusals import TEXTS, not_now, other_issuer, out_of_scope

DAY = date(2026, 5, 1)


def said(scope: Scope, claims: Mapping[str, object], language: Language) -> list[str]:
    return [out_of_scope(fault, scope, language) for fault in unmet(scope, claims)]


def test_both_languages_have_the_same_texts_with_the_same_figures() -> None:
    def figures(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert TEXTS["en"].keys() == TEXTS["pt"].keys()
    for key, text in TEXTS["en"].items():
        assert figures(text) == figures(TEXTS["pt"][key]), key


def test_every_criterion_that_is_not_met_is_named() -> None:
    scope = Scope(
        age=AgeRange(DAY, 16, 30),
        assurance=Assurance.HIGH,
        employer=("PT-1",),
        nationality=("PT",),
        profession=("teacher",),
        residence=("PT-1106", "PT-1107"),
    )
    claims = {
        "birthdate": "1950-01-01",
        "acr": "low",
        "employer": "PT-2",
        "nationality": "SE",
        "profession": "cook",
        "residence": "PT-0101",
    }
    assert said(scope, claims, "en") == [
        "It is for people who are at least 16 and at most 30 years old on 1 May 2026.",
        "It needs a log-in of level high: log in again, with a card or whatever your issuer offers.",
        "It is for people who work for PT-1.",
        "It is for people whose nationality is PT.",
        "It is for people whose profession or role is teacher.",
        "It is for people who live in PT-1106 or PT-1107.",
    ]
    assert said(scope, claims, "pt")[0] == "É para quem tiver pelo menos 16 e no máximo 30 anos em 1 de maio de 2026."
    assert said(scope, claims, "pt")[-1] == "É para quem reside em PT-1106 ou PT-1107."
    for language in LANGUAGES:
        text = " ".join(said(scope, claims, language))
        assert not [value for value in ("1950", "PT-2", "SE", "cook", "PT-0101") if value in text], "a person's value"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_eID_does_not_tell_is_said_to_be_missing(language: Language) -> None:
    scope = Scope(
        age=AgeRange(DAY, 18),
        assurance=Assurance.LOW,
        employer=("A",),
        nationality=("PT",),
        profession=("B",),
        residence=("C",),
    )
    faults = unmet(scope, {"residence": {"code": "C"}, "acr": "gold"})
    assert [(fault.criterion, fault.missing) for fault in faults] == [
        ("age", True),
        ("assurance", False),
        ("employer", True),
        ("nationality", True),
        ("profession", True),
        ("residence", True),
    ]
    assert len({out_of_scope(fault, scope, language) for fault in faults}) == 6


def test_open_bounds_of_age_and_many_codes() -> None:
    claims: dict[str, object] = {"birthdate": "2016-01-01", "residence": "X"}
    assert "at least 18 years old" in said(Scope(age=AgeRange(DAY, 18)), claims, "en")[0]
    assert "at most 9 years old" in said(Scope(age=AgeRange(DAY, None, 9)), claims, "en")[0]
    many = Scope(residence=tuple(f"PT-{number:04}" for number in range(256)))
    assert said(many, claims, "en") == [
        "It is for people who live in PT-0000, PT-0001, PT-0002, PT-0003, PT-0004 (and 251 more)."
    ]
    assert said(Scope(), claims, "pt") == ["As suas regras não estão abertas a ninguém."]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_and_the_issuer_have_words(language: Language) -> None:
    texts = {
        phase: not_now(phase, 1_800_000_000, 1_800_086_400, language)
        for phase in Phase
        if phase is not Phase.REGISTRATION
    }
    assert len(set(texts.values())) == 3
    assert "2027" in texts[Phase.ANNOUNCED]
    assert other_issuer(("https://a", "https://b"), language).count("https://") == 2
