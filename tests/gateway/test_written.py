# SPDX-License-Identifier: AGPL-3.0-or-later
"""P1 from end to end: one gateway registers persons and takes their ballots; all that it wrote is then looked through.

Logs at the most talkative level with a line for each request, metrics, both databases row by row, and every file.
"""

from __future__ import annotations

import io
import json
import logging
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import logs
from node import events
from protocol.ballot import PROOF_BYTES
from protocol.events import BallotCast, Registered
from protocol.identity import Identity
from tests.gateway.consortium import Consortium, landed, until

VOTERS = 9
ADDRESS = "127.0.0.99"
BROWSER = "a-browser-nobody-may-see"


@dataclass(frozen=True)
class Story:
    """What went in, what went out, and all that was written in between."""

    log: str
    metrics: str
    folder: Path
    files: dict[str, bytes]
    bodies: list[dict[str, str]]
    registrations: list[str]
    entries: list[bytes]
    hashes: list[str]
    on_chain: list[bytes]
    tags: list[bytes]

    @property
    def personal(self) -> dict[str, list[bytes]]:
        """Of each person, everything that names them, in each form in which it might be written."""
        return {
            "subject": [f"person-{number}-nobody-may-see".encode() for number in range(VOTERS)],
            "token": [body["id_token"].split(".")[1][:64].encode() for body in self.bodies],
            "signature": [body["id_token"][-40:].encode() for body in self.bodies],
            "salt": forms([bytes.fromhex(body["salt"][2:]) for body in self.bodies]),
        }

    @property
    def on_a_leaf(self) -> list[bytes]:
        """Tags and commitments: public, but not to stand beside a ballot."""
        commitments = [int(body["commitment"]) for body in self.bodies]
        return [
            *forms(self.tags),
            *forms([commitment.to_bytes(32, "big") for commitment in commitments]),
            *(str(commitment).encode() for commitment in commitments),
        ]

    @property
    def of_ballots(self) -> list[bytes]:
        nullifiers = [entry[PROOF_BYTES : PROOF_BYTES + 32] for entry in self.entries]
        return [
            *forms(nullifiers),
            *(str(int.from_bytes(nullifier, "big")).encode() for nullifier in nullifiers),
            *(f"{int.from_bytes(nullifier, 'big'):x}".encode() for nullifier in nullifiers),
            *forms([bytes.fromhex(hash_[2:]) for hash_ in self.hashes]),
            *(entry.hex()[:64].encode() for entry in self.entries),
        ]


def forms(values: list[bytes]) -> list[bytes]:
    """As bytes and as hex."""
    return [*values, *(value.hex().encode() for value in values)]


def found(needles: list[bytes], hay: bytes) -> list[bytes]:
    return [needle for needle in needles if needle in hay]


@pytest.fixture(scope="module")
def story(consortium: Consortium) -> Iterator[Story]:
    before = (
        logging.root.handlers[:],
        {name: logging.getLogger(name).level for name in ("", *logs.FOREIGN, *logs.OURS)},
    )
    logs.configure("json", "debug")
    stream = io.StringIO()
    handler = logging.root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    consortium.stop("C")
    consortium.start("C", batch_age=3.0, metrics_port=0, access_log=True, log_level="debug")
    try:
        yield lived(consortium, stream)
    finally:
        logging.root.handlers[:] = before[0]
        for name, level in before[1].items():
            logging.getLogger(name).setLevel(level)
        consortium.stop("C")
        consortium.start("C")


def lived(consortium: Consortium, stream: io.StringIO) -> Story:
    initiative = consortium.initiative()
    voters = [Identity(secrets.randbelow(1 << 250) + 1) for _ in range(VOTERS)]
    transport = httpx.HTTPTransport(local_address=ADDRESS)
    person = httpx.Client(
        base_url=consortium.served["C"].url, transport=transport, timeout=30, headers={"User-Agent": BROWSER}
    )
    path = f"/v1/initiatives/{initiative}"
    with person:
        bodies = [
            consortium.registration(initiative, f"person-{number}-nobody-may-see", voter.commitment())
            for number, voter in enumerate(voters)
        ]
        answers = [person.post(f"{path}/registrations", json=body) for body in bodies]
        registrations = [answer.json()["registration"] for answer in answers]
        for id_ in registrations:
            assert landed(person, f"/v1/registrations/{id_}")["status"] == "final"
        outsider = consortium.registration(initiative, "person-0-nobody-may-see-x", residence="PT-0101")
        assert person.post(f"{path}/registrations", json=outsider).status_code == 403

        consortium.prepare_vote(initiative)
        consortium.town.until(consortium.windows(initiative).votingOpens)
        consortium.await_current()
        entries = [consortium.ballot(initiative, voter) for voter in voters]
        # In the order in which they registered: the worst case.
        cast = [person.post(f"{path}/ballots", json={"entry": "0x" + entry.hex()}) for entry in entries]
        hashes = [answer.json()["ballot_hash"] for answer in cast]
        assert person.post(f"{path}/ballots", json={"entry": "0x" + entries[0][:-1].hex()}).status_code == 422
        assert person.post(f"{path}/ballots", json={"entry": "0x"}, headers={"Cookie": "session=x"}).status_code == 400
        until(lambda: consortium.clients["A"].get(path).json()["distinct"] == VOTERS)
        person.get(f"{path}/slots/{entries[0][PROOF_BYTES:].hex()[0]}")

    server = consortium.gateways["C"].metrics
    assert server is not None
    metrics = httpx.get(f"http://127.0.0.1:{server.port}/metrics", trust_env=False).text
    read = events.read(consortium.town.rpc, consortium.town.deployment, [BallotCast, Registered])
    everything: list[Any] = [at.event for at in read]
    ours = [event for event in everything if event.initiative == initiative]
    consortium.stop("C")
    folder = consortium.folder / "C"
    files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.relative_to(folder).parts[0] not in ("keys", "peppers")
    }
    return Story(
        log=stream.getvalue(),
        metrics=metrics,
        folder=folder,
        files=files,
        bodies=bodies,
        registrations=registrations,
        entries=entries,
        hashes=hashes,
        on_chain=[each.entry for each in ours if isinstance(each, BallotCast)],
        tags=[tag for each in ours if isinstance(each, Registered) for tag in each.tags],
    )


def test_P1_logs_and_metrics_name_no_person_leaf_ballot_address_or_browser(story: Story) -> None:
    told = (story.log + story.metrics).encode()
    assert len(story.log.splitlines()) > 10, "the most talkative level says something"
    for what, values in story.personal.items():
        assert found(values, told) == [], what
    assert found(story.on_a_leaf, told) == []
    assert found(story.of_ballots, told) == []
    assert found([ADDRESS.encode(), BROWSER.encode()], told) == []
    assert found([id_.encode() for id_ in story.registrations], told) == []


def test_P1_no_line_of_the_log_is_about_one_ballot(story: Story) -> None:
    lines = [json.loads(line) for line in story.log.splitlines()]
    assert {line.get("route") for line in lines} >= {"/v1/initiatives/{initiative}/registrations"}
    assert not [line for line in lines if "ballots" in line.get("route", "") or "slots" in line.get("route", "")]
    # What is logged of a batch comes after it, and names it as a whole.
    assert not [line for line in lines if "nullifier" in line["message"]]


def test_P1_no_file_keeps_a_token_a_subject_an_address_or_a_browser(story: Story) -> None:
    """After the end: tokens are needed until the registration is final, and erased then."""
    assert "journal.sqlite" in story.files
    for name, content in story.files.items():
        for what, values in story.personal.items():
            assert found(values, content) == [], f"{what} in {name}"
        assert found([ADDRESS.encode(), BROWSER.encode()], content) == [], name


def rows_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f"SELECT * FROM {table}"):  # noqa: S608  # our own tables
                yield table, dict(row)


def as_bytes(row: dict[str, Any]) -> bytes:
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())


def test_P1_no_row_of_the_journal_joins_a_leaf_to_a_ballot(story: Story) -> None:
    leaves, ballots = set(), set()
    submissions, cast = [], []
    for table, row in rows_of(story.folder / "journal.sqlite"):
        content = as_bytes(row)
        if found(story.on_a_leaf, content):
            leaves.add((table, row.get("id") if table == "tx" else None))
            submissions += [row["tx"]] if table == "submission" else []
        if found(story.of_ballots, content):
            ballots.add((table, row.get("id") if table == "tx" else None))
            cast += [row["tx"]] if table == "ballot" else []
    assert {table for table, _ in leaves} == {"submission", "tx"}
    assert {table for table, _ in ballots} == {"ballot", "tx"}
    assert leaves & ballots == set()
    assert len(submissions) >= VOTERS
    assert len(cast) == VOTERS
    assert set(submissions) & set(cast) == set(), "a transaction carries persons or ballots"


def test_P1_the_lanes_of_persons_and_ballots_are_apart(story: Story) -> None:
    lanes: dict[str, set[str]] = {"submission": set(), "ballot": set()}
    stored = list(rows_of(story.folder / "journal.sqlite"))
    lane_of = {row["id"]: row["lane"] for table, row in stored if table == "tx"}
    for table, row in stored:
        if table in lanes and row["tx"] is not None:
            lanes[table].add(lane_of[row["tx"]])
    assert all(lanes.values())
    assert lanes["submission"] & lanes["ballot"] == set()


def test_P1_order_in_is_not_order_out(story: Story) -> None:
    """Neither on the chain nor in the journal: one in 362,880 runs may fail by chance."""
    assert sorted(story.on_chain) == sorted(story.entries)
    assert story.on_chain != story.entries
    kept = [row["entry"] for table, row in rows_of(story.folder / "journal.sqlite") if table == "ballot"]
    ours = [bytes(entry) for entry in kept if bytes(entry) in story.entries]
    assert sorted(ours) == sorted(story.entries)
    assert ours != story.entries
