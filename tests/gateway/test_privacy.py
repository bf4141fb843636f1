# SPDX-License-Identifier: AGPL-3.0-or-later
"""P1: nothing that a gateway stores or writes down leads from a person to a ballot."""

from __future__ import annotations

import logging
import random
import re
import sqlite3
from itertools import combinations

import pytest

from gateway.ballots.carrier import shuffled
from gateway.ballots.repository import StoredBallot
from gateway.submissions import Submissions
from node import events
from protocol.ballot import PROOF_BYTES
from protocol.events import BallotCast
from protocol.types import InitiativeId
from tests.gateway.consortium import Consortium, journal_in, landed, until

OFFICE = {"office_draft", "office_draft_version", "office_act"}
PERSONAL = {"submission", "evidence", "content", "officer", "officer_role", "invitation", "appointment", *OFFICE}


def columns(db: sqlite3.Connection, table: str) -> dict[str, str]:
    return {row[1]: row[2] for row in db.execute(f"PRAGMA table_info({table})")}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    folder = tmp_path_factory.mktemp("journal")
    journal_in(folder).close()
    return sqlite3.connect(folder / "journal.sqlite")


def test_P1_the_tables_are_those_that_were_looked_at(schema: sqlite3.Connection) -> None:
    """A new table or column must be thought about here."""
    tables = {row[0] for row in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {table: set(columns(schema, table)) for table in tables} == {
        "origin": {"chain"},
        "tx": {"id", "lane", "nonce", "hash", "raw", "status", "block"},
        "submission": {
            *("id", "kind", "initiative", "key", "body_hash", "payload", "status", "code", "reason", "error"),
            *("attempts", "tx", "promise_block", "promise"),
        },
        "ballot": {
            *("hash", "initiative", "slot", "entry", "status", "code", "reason", "error", "attempts", "tx"),
            *("promise_block", "promise"),
        },
        "evidence": {"batch", "initiative", "token_hashes"},
        "content": {"hash", "document"},
        "officer": {"id", "name", "namespace", "subject"},
        "officer_role": {"officer", "role"},
        "invitation": {"code_hash", "officer", "expires"},
        "appointment": {"number", "at", "by", "officer", "change", "roles", "digest"},
        "office_draft": {
            *("id", "state", "version", "submitted_by", "approved_by", "remark", "act", "initiative"),
        },
        "office_draft_version": {"draft", "version", "document", "author", "at"},
        "office_act": {
            *("place", "id", "kind", "account", "initiative", "officer", "key", "body_hash", "arguments", "statement"),
            *("target", "data", "gas", "at", "status", "code", "reason", "error", "tx"),
        },
        "alembic_version": {"version_num"},
    }


def test_P1_ballots_refer_to_nothing_personal_and_have_no_time_and_no_order(schema: sqlite3.Connection) -> None:
    tables = {row[0] for row in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    refers = {table: {row[2] for row in schema.execute(f"PRAGMA foreign_key_list({table})")} for table in tables}
    assert refers["ballot"] == {"tx"}
    assert refers["tx"] == set()
    assert not any("ballot" in targets for targets in refers.values())
    for table in ("ballot", "submission"):
        (sql,) = schema.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        assert sql.rstrip().endswith("WITHOUT ROWID"), f"{table}: a row id is an order of arrival"
        assert not [name for name in columns(schema, table) if re.search(r"time|date|_at$|since|when|order|seq", name)]
    common = {"status", "code", "reason", "error", "attempts", "tx"}
    shared = {
        pair: set(columns(schema, pair[0])) & set(columns(schema, pair[1])) - common
        for pair in combinations(sorted(PERSONAL | {"ballot"}), 2)
        if "ballot" in pair
    }
    # The hash is a content's in one table and a ballot's in the other: keccak over different things. The block that a
    # promise names is a round number (gateway.promises.STEP), its signature is over what stands beside it.
    assert set().union(*shared.values()) <= {"initiative", "hash", "promise_block", "promise"}
    assert not schema.execute("SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchall()


def ballot(nullifier: int, sequence: int) -> StoredBallot:
    entry = bytes(PROOF_BYTES) + nullifier.to_bytes(32, "big") + sequence.to_bytes(4, "big")
    return StoredBallot(entry[-36:], InitiativeId(1), entry)


def test_P1_a_batch_is_shuffled_and_a_voters_own_ballots_stay_ascending() -> None:
    source = random.Random(7)
    ballots = [ballot(voter, 1) for voter in range(50)] + [ballot(3, 2), ballot(3, 3), ballot(9, 2)]
    orders = {tuple(one.hash for one in shuffled(ballots, source)) for _ in range(50)}

    assert len(orders) == 50
    assert tuple(one.hash for one in ballots) not in orders
    firsts = {order[0] for order in orders}
    assert len(firsts) > 15
    for order in orders:
        assert sorted(order) == sorted(one.hash for one in ballots)
        for voter in (3, 9):
            own = [hash_ for hash_ in order if hash_[:32] == voter.to_bytes(32, "big")]
            assert own == sorted(own)


def test_P1_nothing_personal_is_logged_and_order_in_is_not_order_out(
    consortium: Consortium, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the first registration to the last ballot, at the most talkative level."""
    initiative, voters = consortium.reviewed(12)
    for name in ("gateway", "node", "protocol", "uvicorn"):
        caplog.set_level(logging.DEBUG, name)
    registering = consortium.initiative()
    client = consortium.clients["A"]
    body = consortium.registration(registering, "a-subject-nobody-may-see")
    refused = consortium.registration(registering, "another-subject", residence="PT-0101")
    path = f"/v1/initiatives/{registering}/registrations"
    found = client.post(path, json=body, headers={"User-Agent": "a-browser-nobody-may-see"}).json()
    client.post(path, json=refused)
    landed(client, f"/v1/registrations/{found['registration']}")
    stored = Submissions(consortium.gateways["A"].journal, 1).get(found["registration"])
    assert stored is not None
    tag_hex = stored.payload["tag"]

    consortium.town.until(consortium.windows(initiative).votingOpens)
    consortium.await_current()
    entries = [consortium.ballot(initiative, voter) for voter in voters]
    cast = f"/v1/initiatives/{initiative}/ballots"
    consortium.stop("C")
    consortium.start("C", batch_age=3.0)
    hashes = [consortium.clients["C"].post(cast, json={"entry": "0x" + e.hex()}).json()["ballot_hash"] for e in entries]
    consortium.clients["C"].post(cast, json={"entry": "0x" + entries[0][:-1].hex()})
    until(lambda: client.get(f"/v1/initiatives/{initiative}").json()["distinct"] == len(entries))

    order = [
        at.event.entry
        for at in events.read(consortium.town.rpc, consortium.town.deployment, [BallotCast])
        if isinstance(at.event, BallotCast) and at.event.initiative == initiative
    ]
    assert sorted(order) == sorted(entries)
    assert order != entries

    ours = [record for record in caplog.records if record.name.startswith(("gateway", "uvicorn", "node"))]
    text = "\n".join(record.getMessage() for record in ours) + "".join(capfd.readouterr())
    secret = {
        "token": body["id_token"][:60],
        "signature": body["id_token"][-40:],
        "salt": body["salt"][2:],
        "commitment": body["commitment"],
        "tag": tag_hex,
        "subject": "a-subject-nobody-may-see",
        "other subject": "another-subject",
        "user agent": "a-browser-nobody-may-see",
        "registration": found["registration"],
    }
    for number, entry in enumerate(entries):
        nullifier = int.from_bytes(entry[PROOF_BYTES : PROOF_BYTES + 32], "big")
        secret |= {f"entry {number}": entry.hex()[:40], f"nullifier {number}": f"{nullifier:x}"}
        secret |= {f"decimal {number}": str(nullifier), f"hash {number}": hashes[number][2:]}
    assert len(tag_hex) == 64
    assert [name for name, value in secret.items() if value in text] == []
    assert not re.search(r"127\.0\.0\.1:\d+ - ", text), "an access log"
    consortium.stop("C")
    consortium.start("C")
