# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages of initiatives by phase, on both databases, among very many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import INDEX, locate
from gateway.eid.tokens import Person
from gateway.index.reads import Reads
from gateway.index.store import IndexStore
from gateway.index.tables import folded, initiative, rules
from gateway.problems import ChainUnavailable
from gateway.profile.repository import Candidates
from gateway.profile.service import ProfileService
from node.draft import parse_draft
from protocol.rules import encode
from protocol.types import InitiativeId, Phase

MANY = 20_000
ISSUER = "https://eid.example.org"
DRAFT = parse_draft(
    {
        "title": "Budget",
        "kind": "participatory-budget",
        "scope": {"residence": ["PT-1106"]},
        "windows": {
            "registration-opens": 1_800_000_000,
            "registration-closes": 1_800_003_600,
            "voting-opens": 1_800_007_200,
            "voting-closes": 1_800_010_800,
            "challenge-period": 3600,
            "ceremony-step": 600,
        },
        "ballot": {"type": "approval", "min-length": 1, "max-length": 3},
        "allocation": {"rule": "greedy", "budget": "100"},
        "registrars": [1, 2, 3],
        "registrar-threshold": 2,
        "trustees": [1, 2, 3],
        "trustee-threshold": 2,
        "minimum-anonymity": 3,
        "proposals-per-person": 10,
        "issuers": [ISSUER],
    }
)


def phase_of(number: int) -> Phase:
    """Few are announced or open for registration."""
    if number % 1000 == 0:
        return Phase.ANNOUNCED
    return Phase.REGISTRATION if number % 100 == 0 else Phase.COUNTED


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexStore]:
    if request.param == "sqlite":
        url = locate(tmp_path_factory.mktemp("index"), None, INDEX)
    else:
        make: Callable[[], URL] = request.getfixturevalue("make_postgresql")
        url = make()
    opened = IndexStore(url, b"origin")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def many(store: IndexStore) -> IndexStore:
    """As the projections leave them."""
    defaults = {
        column.name: b"" if isinstance(column.type, sa.LargeBinary) else "" if isinstance(column.type, sa.Text) else 0
        for column in initiative.columns
        if not column.nullable
    }
    defaults |= {"extended": False, "reopened": False, "is_counted": False}
    times = {"registration_opens": 1_800_000_000, "registration_closes": 1_800_003_600}
    fixed = {"encoded": encode(DRAFT.rules), "hash": b"", "scope": DRAFT.scope, "ballot_scope": b""}
    with store.database.transaction() as db:
        head = {"number": 9, "hash": b"\x09" * 32, "parent": bytes(32), "timestamp": 1_800_000_001}
        db.execute(folded.insert().values(**head, minimum_anonymity=3, initiatives=MANY))
        for start in range(1, MANY + 1, 5000):
            numbers = range(start, start + 5000)
            rows = [
                {**defaults, **times, "id": number, "title": f"Budget {number}", "phase": int(phase_of(number))}
                for number in numbers
            ]
            db.execute(initiative.insert(), rows)
            db.execute(rules.insert(), [{**fixed, "initiative": number} for number in numbers])
    return store


def test_before_the_chain_was_read_there_is_no_page(store: IndexStore) -> None:
    if store.database.all(sa.select(folded)):
        pytest.fail("the order of the tests has changed: this one needs an empty index")
    with pytest.raises(ChainUnavailable):
        Candidates(Reads(store, lambda: False)).after(InitiativeId(0), [Phase.REGISTRATION], 10)


def test_pages_follow_one_another_and_have_every_initiative_once(many: IndexStore) -> None:
    candidates = Candidates(Reads(many, lambda: True))
    wanted = [Phase.ANNOUNCED, Phase.REGISTRATION]
    found, after = [], InitiativeId(0)
    while True:
        as_of, page = candidates.after(after, wanted, 30)
        assert (as_of.block, as_of.stale) == (9, True)
        found += page
        if len(page) < 30:
            break
        after = page[-1].initiative
    assert [each.initiative for each in found] == list(range(100, MANY + 1, 100))
    assert all(each.phase is phase_of(each.initiative) and each.issuers == (ISSUER,) for each in found)


def test_a_page_among_very_many_takes_milliseconds(many: IndexStore) -> None:
    """The machine may be busy: the best of several counts."""
    service = ProfileService(Candidates(Reads(many, lambda: False)))
    person = Person(ISSUER, ISSUER, "ana", {"residence": "PT-0101"})
    best = 10.0
    for after in range(0, MANY // 2, 1_000):
        begun = time.perf_counter()
        _, page = service.initiatives(person, [Phase.ANNOUNCED, Phase.REGISTRATION], InitiativeId(after), 50)
        best = min(best, time.perf_counter() - begun)
        assert len(page) == 50
        assert page[0].reasons[0].criterion == "residence"
    assert best < 0.1


def test_pages_walk_along_an_index(many: IndexStore) -> None:
    """Not through all initiatives: what very many of them would cost is not left to a stopwatch alone."""
    if not many.database.is_sqlite:
        pytest.skip("SQLite's plan is looked at; PostgreSQL's depends on its statistics")
    query = sa.select(initiative.c.id).where(initiative.c.phase == 1, initiative.c.id > 5).order_by(initiative.c.id)
    plan = str(
        many.database.all(sa.text(f"EXPLAIN QUERY PLAN {query.compile(compile_kwargs={'literal_binds': True})}"))
    )
    assert "initiative_phase" in plan
    assert "TEMP B-TREE" not in plan
