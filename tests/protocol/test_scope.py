# SPDX-License-Identifier: AGPL-3.0-or-later
"""The scope predicate: one text, default deny, ages at their edges."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import scope
from protocol.hashing import keccak
from protocol.scope import AgeRange, Assurance, OutOfScope, Scope, ScopeError, age_on, canonical, parse, require
from tests.protocol.test_encodings import unhex, vectors

codes = st.lists(
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=6), min_size=1, max_size=4
)
code_lists = st.none() | codes.map(lambda values: tuple(sorted(set(values))))
days = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@st.composite
def ages(draw: st.DrawFn) -> AgeRange:
    low, high = sorted(draw(st.tuples(st.integers(0, 150), st.integers(0, 150))))
    bounds = draw(st.sampled_from([(low, high), (None, high), (low, None)]))
    return AgeRange(draw(days), *bounds)


scopes = st.builds(
    Scope,
    age=st.none() | ages(),
    assurance=st.none() | st.sampled_from(Assurance),
    employer=code_lists,
    nationality=code_lists,
    profession=code_lists,
    residence=code_lists,
).filter(lambda made: made != Scope())


@given(scopes)
def test_a_scope_has_one_text(made: Scope) -> None:
    assert parse(canonical(made)) == made


@given(scopes)
def test_nothing_claimed_is_nothing_granted(made: Scope) -> None:
    with pytest.raises(OutOfScope):
        require(made, {})


def test_vectors() -> None:
    for item in vectors("scope")["valid"]:
        made = parse(item["scope"].encode())
        assert scope.scope_hash(item["scope"].encode()) == keccak(canonical(made)) == unhex(item["hash"])
        for case in item["decisions"]:
            if case["decision"] == "in scope":
                require(made, case["claims"])
                continue
            with pytest.raises(OutOfScope) as caught:
                require(made, case["claims"])
            assert caught.value.criterion == case["decision"]


@pytest.mark.parametrize("item", vectors("scope")["refused"], ids=lambda item: item["scope"])
def test_scopes_that_mean_nothing(item: dict[str, str]) -> None:
    with pytest.raises(ScopeError, match=r"."):
        parse(item["scope"].encode())


def test_bytes_that_are_no_text() -> None:
    for data in (b"\xff", b"[" * 8192, b"[" * 1_000_000, b'{"age":' + b"9" * 5000 + b"}"):
        with pytest.raises(ScopeError):
            parse(data)


@given(days, days)
def test_age_by_counting_birthdays(birthdate: date, day: date) -> None:
    if day < birthdate:
        assert age_on(birthdate, day) < 0
        return
    birthdays = 0
    for year in range(birthdate.year + 1, day.year + 1):
        try:
            birthday = birthdate.replace(year=year)
        except ValueError:
            birthday = date(year, 3, 1)
        birthdays += birthday <= day
    assert age_on(birthdate, day) == birthdays


def test_age_bounds_are_inclusive() -> None:
    made = Scope(age=AgeRange(date(2024, 4, 15), 12, 27))
    youngest, oldest = date(2012, 4, 15), date(1996, 4, 16)
    for birthdate, inside in [
        (youngest, True),
        (youngest + timedelta(1), False),
        (oldest, True),
        (oldest - timedelta(1), False),
    ]:
        claims = {"birthdate": birthdate.isoformat()}
        if inside:
            require(made, claims)
        else:
            with pytest.raises(OutOfScope):
                require(made, claims)


def test_refusals_name_no_claim() -> None:
    made = Scope(residence=("PT-1106",))
    with pytest.raises(OutOfScope) as caught:
        require(made, {"residence": "PT-9999", "birthdate": "1980-01-01"})
    assert "9999" not in str(caught.value)


def test_a_scope_without_criteria_admits_nobody() -> None:
    with pytest.raises(OutOfScope):
        require(Scope(), {"birthdate": "1980-01-01"})
    with pytest.raises(ScopeError):
        canonical(Scope())
