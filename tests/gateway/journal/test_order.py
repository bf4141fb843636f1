# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a copy of the database shows of the order in which ballots came: nothing (P1)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.journal import open_journal
from gateway.journal.tables import TX
from protocol.ballot import PROOF_BYTES
from protocol.types import InitiativeId


def dumped(url: URL) -> list[bytes]:
    """The hashes as pg_dump writes them: in the order of the file."""
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        return [bytes(row[0]) for row in connection.execute("SELECT hash FROM urna_journal.ballot")]


def writers(url: URL) -> int:
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        row = connection.execute("SELECT count(DISTINCT xmin::text) FROM urna_journal.ballot").fetchone()
    assert row is not None
    return int(row[0])


def test_P1_a_dump_of_postgresql_tells_no_order_of_arrival(make_postgresql: Callable[[], URL]) -> None:
    url = make_postgresql()
    journal = open_journal(url, b"a chain")
    ballots = Ballots(journal, 1000)
    came = [secrets.token_bytes(32) for _ in range(60)]
    for hash_ in came:
        ballots.accept(StoredBallot(hash_, InitiativeId(1), bytes(PROOF_BYTES) + hash_ + bytes(36)))
    assert dumped(url) == came, "PostgreSQL as it is, while ballots wait"

    # A batch has its own, shuffled order, which is the one on the chain.
    batch = [StoredBallot(hash_, InitiativeId(1), b"") for hash_ in secrets.SystemRandom().sample(came, 30)]
    with journal.transaction() as db:
        db.execute(TX.insert().values(id=1, lane="lane-0", nonce=0, hash=b"t", raw=b"", status="queued"))
        ballots.link(db, batch, 1)
    assert [hash_ for hash_ in dumped(url) if hash_ in {one.hash for one in batch}] == [one.hash for one in batch]

    journal.tidy()
    assert dumped(url) == sorted(came)
    assert writers(url) == 1, "nor do the numbers of transactions"
    journal.tidy()
    journal.close()
    again = open_journal(url, b"a chain")
    assert dumped(url) == sorted(came)
    assert len(Ballots(again, 9).waiting(InitiativeId(1), 100)) == 30
    again.close()
