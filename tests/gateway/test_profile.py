# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which initiatives are open to somebody, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocol.types import InitiativeId
from tests.gateway.browser import Browser, browser
from tests.gateway.consortium import Consortium, problem

PATH = "/v1/profile/initiatives"


@pytest.fixture
def people(consortium: Consortium) -> Iterator[Callable[..., Browser]]:
    """Somebody logged in at A, with these claims."""
    opened: list[Browser] = []

    def log_in(**claims: Any) -> Browser:
        consortium.provider.claims = claims
        one = browser(consortium)
        opened.append(one)
        assert one.log_in().status_code == 200
        return one

    yield log_in
    consortium.provider.reset()
    for one in opened:
        one.client.close()


def shown(citizen: Browser, initiative: InitiativeId, query: str = "") -> dict[str, Any] | None:
    """The initiative as the citizen sees it, from whichever page it is on."""
    after: int | None = 0
    while after is not None:
        page = citizen.get(f"{PATH}?after={after}&limit=3{query}").json()
        assert len(page["initiatives"]) <= 3
        for each in page["initiatives"]:
            if each["initiative"] == initiative:
                return dict(each)
        after = page["next"]
    return None


def test_nobody_learns_what_is_open_to_nobody(consortium: Consortium) -> None:
    problem(consortium.clients["A"].get(PATH), 401, "not-logged-in")


def test_an_initiative_is_open_to_whom_its_registrars_would_register(
    consortium: Consortium, people: Callable[..., Browser]
) -> None:
    scope = {"residence": ["PT-1106"], "age": {"min": 16, "on": "2026-05-01"}, "assurance": "substantial"}
    initiative = consortium.initiative(scope=scope)
    path = f"/v1/initiatives/{initiative}/registrations"
    given: list[tuple[dict[str, Any], list[str]]] = [
        ({"residence": "PT-1106", "birthdate": "1990-01-01"}, []),
        ({"residence": ["PT-1106", "PT-110655"], "birthdate": "2010-05-01"}, []),
        ({"residence": "PT-1106", "birthdate": "2010-05-02"}, ["age"]),
        ({"residence": "PT-0101", "birthdate": "1990-01-01"}, ["residence"]),
        ({"birthdate": "1990-01-01", "acr": "low"}, ["assurance", "residence"]),
        ({}, ["age", "residence"]),
    ]
    for claims, expected in given:
        found = shown(people(**claims), initiative)
        assert found is not None
        assert [reason["criterion"] for reason in found["reasons"]] == expected
        assert found["open"] is found["eligible"] is (not expected)
        everything = {"residence": None, "birthdate": None, **claims}
        registered = consortium.clients["A"].post(
            path, json=consortium.registration(initiative, f"p{len(str(claims))}{expected}", **everything)
        )
        assert (registered.status_code == 202) is found["open"], registered.text


def test_the_reasons_are_in_both_languages_and_say_what_is_missing(
    consortium: Consortium, people: Callable[..., Browser]
) -> None:
    initiative = consortium.initiative(scope={"residence": ["PT-1106"], "employer": ["PT-5"]})
    found = shown(people(employer="PT-6"), initiative)
    assert found is not None
    assert found["reasons"] == [
        {
            "criterion": "employer",
            "missing": False,
            "en": "It is for people who work for PT-5.",
            "pt": "É para quem trabalha para PT-5.",
        },
        {
            "criterion": "residence",
            "missing": True,
            "en": "Your eID does not tell where you live, which is asked for here.",
            "pt": "A sua identidade eletrónica não indica a residência, que aqui é pedida.",
        },
    ]


def test_another_issuer_and_another_time_are_reasons(consortium: Consortium, people: Callable[..., Browser]) -> None:
    citizen = people(residence="PT-1106")
    closed = consortium.initiative()
    consortium.town.until(consortium.windows(closed).registrationCloses)
    consortium.await_current()
    assert shown(citizen, closed) is None
    over = shown(citizen, closed, "&phase=review&phase=voting")
    assert over is not None
    assert (over["open"], over["eligible"], over["phase"]) == (False, True, "review")
    assert [reason["criterion"] for reason in over["reasons"]] == ["phase"]

    iss, consortium.iss = consortium.iss, "https://other.example"
    try:
        elsewhere = consortium.initiative()
    finally:
        consortium.iss = iss
    found = shown(citizen, elsewhere)
    assert found is not None
    assert [reason["criterion"] for reason in found["reasons"]] == ["issuer"]
    assert "https://other.example" in found["reasons"][0]["pt"]
    assert shown(citizen, elsewhere, "&eligible=true") is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "after=-1", "after=9223372036854775808", "phase=soon"])
def test_a_question_of_another_form_is_refused(
    consortium: Consortium, people: Callable[..., Browser], query: str
) -> None:
    problem(people().get(f"{PATH}?{query}"), 400, "malformed-request")
