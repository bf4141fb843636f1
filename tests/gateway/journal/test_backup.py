# SPDX-License-Identifier: AGPL-3.0-or-later
"""A copy of the journal made while it is in use, brought back on either database; the gateway keeps its promises."""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import JOURNAL, Database, DatabaseInUse, locate
from gateway.journal import Journal, JournalError, backup, open_journal
from gateway.journal.tables import BALLOT, METADATA, SUBMISSION, TX
from node.cli import main
from tests.gateway.consortium import PATIENCE, Consortium, until

ORIGIN = b"a chain"


def filled(url: URL) -> Journal:
    journal = open_journal(url, ORIGIN)
    with journal.transaction() as db:
        for number in range(1, 4):
            row = {"lane": "lane-0", "nonce": number, "hash": bytes([number]), "raw": b"\xf8\xff", "status": "final"}
            db.execute(TX.insert().values(**row, block=number))
        db.execute(
            BALLOT.insert(),
            [
                {"hash": key, "initiative": 1, "slot": key + bytes(4), "entry": key * 9, "status": "queued", "tx": 3}
                for key in (secrets.token_bytes(32) for _ in range(1200))
            ],
        )
        submission = {"initiative": 1, "key": b"k", "body_hash": b"b", "payload": '{"tag": "ç"}', "status": "accepted"}
        db.execute(SUBMISSION.insert().values(id="one", kind="proposal", **submission))
    return journal


def everything(journal: Journal) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: [tuple(row) for row in journal.read(sa.select(table).order_by(*table.primary_key.columns))]
        for table in METADATA.sorted_tables
    }


def test_a_backup_holds_everything_and_fits_either_database(
    make_url: Callable[[], URL], make_postgresql: Callable[[], URL], tmp_path: Path
) -> None:
    journal, file = filled(make_url()), tmp_path / "journal.gz"
    before = everything(journal)
    summary = backup.write(journal.database, file)  # while it is in use
    assert backup.check(file) == summary
    assert (summary.origin, summary.rows["ballot"], summary.rows["submission"]) == (ORIGIN, 1200, 1)
    assert file.stat().st_mode & 0o777 == 0o600
    journal.close()

    for url in (locate(tmp_path, None, JOURNAL), make_postgresql()):
        place = Database(url, JOURNAL)
        assert backup.restore(place, file, ORIGIN) == summary
        place.close()
        restored = open_journal(url, ORIGIN)
        assert everything(restored) == before
        with restored.transaction() as db:  # numbers go on after the last
            row = {"lane": "lane-0", "nonce": 9, "hash": b"n", "raw": b"", "status": "queued"}
            inserted = db.execute(TX.insert().values(**row)).inserted_primary_key
            assert inserted is not None
            assert inserted[0] == 4
        restored.close()


def test_two_backups_of_one_state_are_the_same_bytes(make_url: Callable[[], URL], tmp_path: Path) -> None:
    journal = filled(make_url())
    for name in ("one", "two"):
        backup.write(journal.database, tmp_path / name)
    journal.close()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_backup_is_only_restored_where_it_belongs(tmp_path: Path) -> None:
    journal, file = filled(locate(tmp_path, None, JOURNAL)), tmp_path / "journal.gz"
    backup.write(journal.database, file)
    second = Database(journal.database.url, JOURNAL)
    with pytest.raises(DatabaseInUse):
        backup.restore(second, file, ORIGIN)
    journal.close()
    with pytest.raises(JournalError, match="there is a journal already"):
        backup.restore(second, file, ORIGIN)
    second.close()
    (tmp_path / "other").mkdir()
    empty = Database(locate(tmp_path / "other", None, JOURNAL), JOURNAL)
    with pytest.raises(JournalError, match="another chain"):
        backup.restore(empty, file, b"another")
    empty.close()


def _cut(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content)[:-200])


def _changed(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content).replace(b"accepted", b"final___"))


def _appended(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content) + b'["more"]\n')


def _other(content: bytes) -> bytes:
    return gzip.compress(b'{"format": "another"}\n')


@pytest.mark.parametrize("damage", [_cut, _changed, _appended, _other, lambda content: content[:500], lambda _: b"x"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    journal, file = filled(locate(tmp_path / "from", None, JOURNAL)), tmp_path / "journal.gz"
    backup.write(journal.database, file)
    journal.close()
    file.write_bytes(damage(file.read_bytes()))
    place = Database(locate(tmp_path, None, JOURNAL), JOURNAL)
    with pytest.raises(JournalError):
        backup.restore(place, file, ORIGIN)
    assert not sa.inspect(place.engine).has_table("ballot")
    place.close()


def test_a_gateway_goes_on_from_a_backup_and_keeps_its_promises(
    consortium: Consortium, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its disk is lost after it had accepted ballots that had not left yet, and after it had sent others."""
    initiative, voters = consortium.voting(5)
    path = f"/v1/initiatives/{initiative}/ballots"
    folder, deployment = str(consortium.folder / "C"), str(consortium.folder / "deployment.json")
    bodies = [{"entry": "0x" + consortium.ballot(initiative, voter).hex()} for voter in voters]
    consortium.stop("C")
    consortium.start("C", batch_age=200.0)
    with httpx.Client(base_url=consortium.served["C"].url, timeout=PATIENCE, trust_env=False) as client:
        told = [client.post(path, json=body).json() for body in bodies[:3]]
        file = tmp_path / "journal.gz"
        assert main(["journal", "backup", str(file), "--entity", folder, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"]["ballot"] >= 3
        assert main(["journal", "status", "--entity", folder, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ballot"]["accepted"] >= 3
        # The gateway runs: its journal cannot be replaced.
        restore = ["journal", "restore", str(file), "--entity", folder, "--deployment", deployment]
        assert main(restore) != 0
        assert "another gateway uses this journal" in capsys.readouterr().err
    consortium.stop("C")
    consortium.start("C", batch_age=0.0)  # what was accepted, and one more, goes out; the backup does not know
    with httpx.Client(base_url=consortium.served["C"].url, timeout=PATIENCE, trust_env=False) as client:
        client.post(path, json=bodies[3])
        until(lambda: client.post(path, json=bodies[3]).json()["status"] == "final", 60)
    consortium.stop("C")
    for file_ in (consortium.folder / "C").glob("journal.sqlite*"):
        file_.unlink()

    assert main(restore) == 0
    assert main(["journal", "migrate", "--entity", folder]) == 0
    capsys.readouterr()
    consortium.start("C")
    with httpx.Client(base_url=consortium.served["C"].url, timeout=PATIENCE, trust_env=False) as client:
        for body, answer in zip(bodies[:3], told, strict=True):
            again = client.post(path, json=body).json()
            assert (again["ballot_hash"], again["promise"]) == (answer["ballot_hash"], answer["promise"])
            until(lambda body=body: client.post(path, json=body).json()["status"] == "final", 60)  # type: ignore[misc]
        client.post(path, json=bodies[4])
        until(lambda: client.post(path, json=bodies[4]).json()["status"] == "final", 60)
    consortium.await_current()
    assert int(consortium.town.read("BallotBox", "ballotCount", initiative)) == 5
