# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts and acts in the journal, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import URL

from gateway.database import DatabaseConflict
from gateway.failures import Failure
from gateway.journal import Journal, open_journal
from gateway.journal.tables import TX
from gateway.office.acts.orders import Kind, Signed
from gateway.office.acts.repository import Act, Acts
from gateway.office.drafts.repository import Drafts, Version
from protocol.hashing import keccak
from protocol.types import InitiativeId, Role


@pytest.fixture
def journal(make_url: Callable[[], URL]) -> Iterator[Journal]:
    opened = open_journal(make_url(), b"test")
    yield opened
    opened.close()


def insert(journal: Journal, number: int, account: Role = Role.PUBLISHER, key: str | None = None) -> None:
    with journal.transaction() as db:
        Acts(journal).insert(
            db,
            id_=f"{number:032x}",
            kind=Kind.ACCEPT,
            account=account,
            initiative=InitiativeId(number % 2 + 1),
            officer="o-1",
            key=key or f"o-1 {number}",
            body_hash=bytes([number]) * 32,
            arguments={"proposal": number, "reason": "não"},
            signed=Signed(b"\1" * 20, b"\2" * 9, 7, '{"content":{},"salt":"ã"}'.encode()),
            at=1_800_000_000 + number,
        )


def by_id(journal: Journal, number: int) -> Act:
    found = Acts(journal).get(f"{number:032x}")
    assert found is not None
    return found


def carry(journal: Journal, act: Act, status: str) -> int:
    """The act in a transaction of its lane."""
    with journal.transaction() as db:
        values = {"lane": "publisher", "nonce": act.place, "hash": bytes([act.place]) * 32, "raw": b"r"}
        inserted = db.execute(TX.insert().values(**values, status=status, block=5))
        assert inserted.inserted_primary_key is not None
        Acts.link(db, act, inserted.inserted_primary_key[0])
        return int(inserted.inserted_primary_key[0])


def test_acts_go_in_the_order_of_arrival_each_account_for_itself(journal: Journal) -> None:
    acts = Acts(journal)
    for number, account in ((5, Role.PUBLISHER), (3, Role.MEMBER), (9, Role.PUBLISHER)):
        insert(journal, number, account)
    first = acts.first_waiting(Role.PUBLISHER)
    assert first is not None
    assert (first.id, first.arguments["reason"], first.status) == (f"{5:032x}", "não", "accepted")
    assert first.attribution == keccak('{"content":{},"salt":"ã"}'.encode())
    assert (acts.open_count(Role.PUBLISHER), acts.under_way(Role.PUBLISHER)) == (2, 0)
    assert [act.id[-1] for act in acts.listed(9)] == ["9", "3", "5"]
    assert [act.id[-1] for act in acts.listed(9, initiative=2)] == ["9", "3", "5"]
    assert [act.id[-1] for act in acts.listed(1, before=by_id(journal, 9).place)] == ["3"]


def test_what_is_carried_has_its_transactions_state_until_it_ends(journal: Journal) -> None:
    acts = Acts(journal)
    for number in (1, 2, 3):
        insert(journal, number)
    tx = carry(journal, by_id(journal, 1), "mined")
    assert (by_id(journal, 1).status, by_id(journal, 1).block) == ("mined", 5)
    assert [act.id for act in acts.carried_by(Role.PUBLISHER, tx)] == [f"{1:032x}"]
    assert acts.carried_by(Role.MEMBER, tx) == []
    assert acts.under_way(Role.PUBLISHER) == 1
    waiting = acts.first_waiting(Role.PUBLISHER)
    assert waiting is not None
    assert waiting.id == f"{2:032x}"
    with journal.transaction() as db:
        acts.finish(db, by_id(journal, 1))
        acts.fail(db, waiting, Failure("refused-by-contract", "The contract refused it: wrong phase.", "WrongPhase"))
    assert by_id(journal, 1).status == "final"
    failed = by_id(journal, 2)
    assert failed.failure is not None
    assert (failed.status, failed.failure.error) == ("failed", "WrongPhase")
    carry(journal, by_id(journal, 3), "sent")
    with journal.transaction() as db:
        acts.requeue(db, by_id(journal, 3))
    assert (by_id(journal, 3).status, by_id(journal, 3).transaction) == ("accepted", None)


def test_G3_one_key_one_act(journal: Journal) -> None:
    insert(journal, 1, key="o-1 same")
    with pytest.raises(DatabaseConflict):
        insert(journal, 2, key="o-1 same")
    assert Acts(journal).open_count(Role.PUBLISHER) == 1


def test_every_version_of_a_draft_is_kept_and_a_new_one_voids_the_approval(journal: Journal) -> None:
    drafts = Drafts(journal)
    with journal.transaction() as db:
        drafts.insert(db, "d" * 32, Version(1, {"title": "a\u0000\ud800"}, "o-1", 10))  # what a text may not hold
        drafts.change(db, "d" * 32, state="approved", approved_by="o-3")
    with journal.transaction() as db:
        drafts.add_version(db, "d" * 32, Version(2, {"title": "b"}, "o-2", 20))
        assert drafts.count(db) == 1
    found = drafts.find("d" * 32)
    assert found is not None
    assert (found.state, found.approved_by, found.newest.document) == ("draft", None, {"title": "b"})
    assert found.authors == {"o-1", "o-2"}
    assert [one.document for one in drafts.versions("d" * 32)] == [{"title": "a\u0000\ud800"}, {"title": "b"}]
    assert drafts.published() == []
    with journal.transaction() as db:
        drafts.change(db, "d" * 32, state="published", initiative=7)
    assert drafts.published() == [7]
    assert drafts.find("e" * 32) is None
