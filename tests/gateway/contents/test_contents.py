# SPDX-License-Identifier: AGPL-3.0-or-later
"""Texts by their hashes: kept, fetched from other members and held against the hash, erased with a tombstone."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from gateway.contents.named import NamedContents, Tombstone
from gateway.contents.replicator import FIRST_PAUSE, Replicator
from gateway.contents.repository import MAX_CONTENT, Contents, NotTheContent, require_content
from gateway.database import INDEX, Database, locate
from gateway.index import tables
from gateway.journal import Journal, open_journal
from node import publisher
from protocol.evidence import content_document, content_hash
from protocol.types import Hash32, InitiativeId
from tests.gateway.consortium import Consortium, landed, problem, until

SALT = b"\x07" * 32
TEXT = {"title": "A bench", "text": "Under the tree, à sombra."}
DOCUMENT, HASH = content_document(TEXT, SALT), content_hash(TEXT, SALT)


@pytest.fixture
def journal(make_url: Callable[[], URL]) -> Iterator[Journal]:
    opened = open_journal(make_url(), b"a chain")
    yield opened
    opened.close()


@pytest.fixture
def index(tmp_path: Any) -> Iterator[Database]:
    database = Database(locate(tmp_path, None, INDEX), INDEX)
    tables.metadata.create_all(database.engine)
    with database.transaction() as db:
        as_of = {"number": 1, "hash": b"", "parent": b"", "timestamp": 0, "minimum_anonymity": 3, "initiatives": 1}
        db.execute(tables.folded.insert().values(**as_of))
    yield database
    database.close()


def happened(db: sa.Connection) -> None:
    """Something, to initiative 1, in the next block."""
    db.execute(sa.update(tables.folded).values(number=tables.folded.c.number + 1))
    block = sa.select(tables.folded.c.number).scalar_subquery()
    nothing = {"log": 0, "tx": 0, "address": b"", "topics": b"", "data": b""}
    db.execute(tables.event.insert().values(block=block, initiative=1, **nothing))


def name(index: Database, hashed: bytes, number: int = 1, erasure: str | None = None) -> None:
    """The chain names a text, as a proposal of initiative 1."""
    with index.transaction() as db:
        happened(db)
        db.execute(
            tables.proposal.insert().values(
                initiative=1, id=number, content_hash=hashed, status=0, reason="", cost="0", erasure=erasure
            )
        )


@contextmanager
def member(documents: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A member that answers with these documents by path, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = documents.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def path(hashed: bytes) -> str:
    return f"/v1/contents/0x{hashed.hex()}"


@contextmanager
def replicator(contents: Contents, index: Database, *members: str, clock: Callable[[], float]) -> Iterator[Replicator]:
    made = Replicator(contents, NamedContents(lambda: index), lambda: members, lambda: True, clock=clock)
    yield made
    made.stop()


def test_only_the_canonical_document_is_the_content() -> None:
    require_content(HASH, DOCUMENT)
    parsed = json.loads(DOCUMENT)
    others = [
        b"",
        b"null",
        b"[]",
        b"[" * 50_000,
        DOCUMENT + b" ",
        json.dumps(parsed).encode(),
        json.dumps({**parsed, "more": 1}).encode(),
        content_document({**TEXT, "title": "A bank"}, SALT),
        content_document(TEXT, b"\x08" * 32),
        b'{"content":{},"salt":"0x"}',
        b"x" * (MAX_CONTENT + 1),
    ]
    for other in others:
        with pytest.raises(NotTheContent):
            require_content(HASH, other)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_else_passes_for_the_content(other: bytes) -> None:
    with pytest.raises(NotTheContent):
        require_content(HASH, other)


def test_a_text_comes_from_the_first_member_that_does_not_lie(journal: Journal, index: Database) -> None:
    contents = Contents(journal)
    name(index, HASH)
    liar = {path(HASH): content_document({**TEXT, "title": "A bank"}, SALT)}
    with member(liar) as (lying, _), member({}) as (empty, _), member({path(HASH): DOCUMENT}) as (honest, _):
        with replicator(contents, index, lying, empty, "http://127.0.0.1:1", clock=lambda: 0.0) as alone:
            assert alone.round() == 0
            assert contents.document(HASH) is None
        with replicator(contents, index, lying, empty, honest, "http://127.0.0.1:1", clock=lambda: 0.0) as working:
            assert working.round() == 1

    assert contents.document(HASH) == DOCUMENT.decode()
    assert contents.texts([HASH, Hash32(bytes(32))]) == {HASH: TEXT}


def test_a_text_that_nobody_has_is_asked_for_less_and_less_often(journal: Journal, index: Database) -> None:
    now = [0.0]
    name(index, HASH)
    with (
        member({}) as (empty, asked),
        replicator(Contents(journal), index, empty, clock=lambda: now[0]) as working,
    ):
        for _ in range(3):
            working.round()
        assert len(asked) == 1
        now[0] = FIRST_PAUSE
        working.round()
        now[0] = 2 * FIRST_PAUSE
        working.round()
        assert len(asked) == 2
        now[0] = 3 * FIRST_PAUSE
        working.round()
        assert len(asked) == 3


def test_what_the_chain_says_is_erased_goes_and_is_not_fetched_again(journal: Journal, index: Database) -> None:
    contents, named = Contents(journal), NamedContents(lambda: index)
    other = content_document({"title": "Other"}, SALT)
    kept = content_hash({"title": "Other"}, SALT)
    for number, hashed in enumerate((HASH, kept), 1):
        name(index, hashed, number)
    contents.keep(HASH, DOCUMENT)
    contents.keep(kept, other)
    assert named.is_named(HASH) is True
    with (
        member({path(HASH): DOCUMENT}) as (keeping, asked),
        replicator(contents, index, keeping, clock=lambda: 0.0) as working,
    ):
        working.round()
        assert contents.held([HASH, kept]) == {HASH, kept}
        with index.transaction() as db:
            happened(db)
            of_it = tables.proposal.c.id == 1
            db.execute(sa.update(tables.proposal).where(of_it).values(erasure="It named a neighbour."))
        working.round()
        working.round()

    assert named.is_named(HASH) == Tombstone(InitiativeId(1), "It named a neighbour.")
    assert contents.held([HASH, kept]) == {kept}
    assert asked == []
    # Another initiative's publisher cannot have it erased where it stands.
    name(index, kept, 7, "Mine, says somebody.")
    with replicator(contents, index, clock=lambda: 0.0) as working:
        working.round()
    assert contents.held([kept]) == {kept}


def test_every_member_serves_the_text_until_it_is_erased(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    content, salt = {"title": "Benches", "text": f"By the river {secrets.token_hex(4)}"}, secrets.token_bytes(32)
    hashed = content_hash(content, salt)
    body = consortium.proposal(initiative, "paula", content, hashed, salt)
    a, others = consortium.clients["A"], [consortium.clients[name] for name in "BC"]
    assert problem(a.get(path(hashed)), 404, "unknown-record")
    submission = a.post(f"/v1/initiatives/{initiative}/proposals", json=body).json()["submission"]
    assert landed(a, f"/v1/submissions/{submission}")["status"] == "final"

    for client in (a, *others):
        until(lambda client=client: client.get(path(hashed)).status_code == 200)  # type: ignore[misc]  # bound per round
        response = client.get(path(hashed))
        assert response.content == content_document(content, salt)
        assert response.headers["etag"] == f'"0x{hashed.hex()}"'
        again = client.get(path(hashed), headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        listed = client.get(f"/v1/initiatives/{initiative}/proposals").json()["proposals"]
        assert [(one["content"], one["erased"]) for one in listed] == [(content, None)]

    publisher.erase_proposal(consortium.town.members["A"], initiative, 1, "It names a neighbour.")
    consortium.await_current()
    for client in (a, *others):
        gone = problem(client.get(path(hashed), headers={"If-None-Match": f'"0x{hashed.hex()}"'}), 410, "erased")
        assert "It names a neighbour." in gone["detail"]
        listed = client.get(f"/v1/initiatives/{initiative}/proposals").json()["proposals"]
        assert [(one["content"], one["erased"]) for one in listed] == [(None, "It names a neighbour.")]
    for gateway in consortium.gateways.values():
        until(lambda gateway=gateway: not gateway.contents.held([hashed]))  # type: ignore[misc]  # bound per round
