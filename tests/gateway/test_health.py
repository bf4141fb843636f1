# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a gateway says of itself, and that nobody has to wait for it (G6, G10)."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.health import checks
from gateway.health.checks import Parts
from gateway.health.monitor import Check, Monitor
from gateway.health.reasons import CODES, Reason, reason
from tests.gateway.consortium import Consortium, until

ROOT = Path(__file__).resolve().parents[2]


def parts(consortium: Consortium, name: str = "A") -> Parts:
    found = consortium.gateways[name].services.health._parts
    assert isinstance(found, Parts)
    return found


def codes(found: Any) -> list[str]:
    return [one.code for one in found]


def test_a_gateway_that_is_well_is_ready_and_says_so_anonymously(consortium: Consortium) -> None:
    client = consortium.clients["A"]
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert client.get("/health/live").json() == {"status": "ok"}


def test_live_is_answered_while_everything_else_stands_still(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang() -> None:
        time.sleep(1)

    monkeypatch.setattr(consortium.gateways["A"].services.health, "reasons", hang)
    waiting = threading.Thread(target=lambda: consortium.clients["A"].get("/health/ready"))
    waiting.start()
    begun = time.monotonic()
    assert consortium.clients["B"].get("/health/live").status_code == 200
    assert consortium.clients["A"].get("/health/live").status_code == 200
    assert time.monotonic() - begun < 0.9
    waiting.join()


def test_nothing_secret_is_told(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    """No address, no path, no error's text: anybody may ask."""
    monkeypatch.setattr(parts(consortium).indexer, "fault", lambda: "http://10.0.0.7:8545 says: no")
    told = consortium.clients["A"].get("/health").text
    assert "10.0.0.7" not in told
    assert str(consortium.folder) not in told
    assert consortium.town.engine.url not in told


def test_registrars_that_do_not_answer_stop_registration_alone(consortium: Consortium) -> None:
    initiative = consortium.initiative(**{"registrar-threshold": 3})
    looked = parts(consortium)
    assert [one for one in looked.registrars() if f"initiative {initiative} " in one.detail] == []
    consortium.stop("C")
    try:
        (found,) = [one for one in looked.registrars() if f"initiative {initiative} " in one.detail]
        assert (found.code, found.stops) == ("registrars-unreachable", "registration")
        assert found.detail.startswith("2 of the 3 registrars")
    finally:
        consortium.start("C")


def test_a_missing_pepper_is_told_while_it_can_still_be_sent_again(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    initiative = consortium.initiative()
    looked = parts(consortium)
    assert f"initiative {initiative}." not in " ".join(one.detail for one in looked.peppers())
    monkeypatch.setattr(looked.registrar, "holds_pepper", lambda which: which != initiative)
    (found,) = looked.peppers()
    assert (found.code, found.stops) == ("pepper-missing", "registration")
    assert str(initiative) in found.detail


def test_an_issuer_without_keys_is_named(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = parts(consortium)
    assert list(looked.issuers()) == []
    monkeypatch.setattr(looked.tokens, "without_keys", lambda: ["https://eid.example.org"])
    (found,) = looked.issuers()
    assert (found.code, found.stops) == ("issuer-unavailable", "registration")
    assert "https://eid.example.org" in found.detail


def test_G10_a_database_that_does_not_answer_stops_writes(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = parts(consortium)
    assert codes(looked.database()) == []

    def fail() -> int:
        raise OSError("postgresql://urna:secret@db: connection refused")

    monkeypatch.setattr(looked, "waiting", fail)
    (found,) = looked.database()
    assert (found.code, found.stops) == ("database-unavailable", "everything")
    assert "secret" not in found.detail


def test_what_waits_and_never_ends_is_told(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = parts(consortium)
    monkeypatch.setattr(looked, "waiting", lambda: 3)
    monkeypatch.setattr(checks, "STUCK", 0.0)
    list(looked.database())
    list(looked.database())
    assert "relay-stuck" in codes(looked.relay())
    monkeypatch.setattr(looked, "waiting", lambda: 0)
    list(looked.database())
    assert "relay-stuck" not in codes(looked.relay())


def test_a_relay_without_a_good_round_is_told(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = parts(consortium)
    assert "relay-quiet" not in codes(looked.relay())
    monkeypatch.setattr(looked.workers[1], "_good_at", time.monotonic() - checks.QUIET - 1)
    (found,) = [one for one in looked.relay() if one.code == "relay-quiet"]
    assert "ballots" in found.detail


def test_a_clock_that_differs_from_the_chains_is_told(consortium: Consortium) -> None:
    looked = parts(consortium)
    head = looked.view.as_of().timestamp
    looked.clock = lambda: float(head)
    assert codes(looked.chain_clock()) == []
    looked.clock = lambda: head - checks.SKEW - 1
    assert codes(looked.chain_clock()) == ["clock-skew"]
    looked.clock = lambda: head + 10_000.0
    assert codes(looked.chain_clock()) == [], "an old head says nothing of clocks"
    looked.clock = time.time


@pytest.mark.parametrize(("free", "found"), [(10_000, []), (300, ["disk-low"]), (10, ["disk-full"])])
def test_the_disk_is_looked_at(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch, free: int, found: list[str]
) -> None:
    class Usage:
        def __init__(self, path: Path) -> None:
            self.free = free << 20

    monkeypatch.setattr("gateway.health.checks.shutil.disk_usage", Usage)
    assert codes(parts(consortium).disk()) == found


def test_G10_a_check_that_hangs_is_a_finding_and_holds_up_nobody() -> None:
    go = threading.Event()

    def hang() -> list[Reason]:
        go.wait(10)
        return []

    monitor = Monitor([Check("database", hang, 0.02, alarming=True), Check("disk", hang, 0.02)])
    monitor.start()
    begun = time.monotonic()
    until(lambda: codes(monitor.reasons()) == ["check-overdue"], patience=5)
    assert time.monotonic() - begun < 5
    go.set()
    until(lambda: codes(monitor.reasons()) == [], patience=5)
    monitor.stop()


def test_a_finding_goes_when_it_is_over_and_a_defect_in_a_check_is_none() -> None:
    found = [reason("disk-low", "There is little room left on the disk.")]
    check = Check("disk", lambda: found, 1)
    monitor = Monitor([check])
    monitor.look(check)
    assert codes(monitor.reasons()) == ["disk-low"]
    found.clear()
    monitor.look(check)
    assert codes(monitor.reasons()) == []

    def fail() -> list[Reason]:
        raise ValueError("a defect")

    check.look = fail
    monitor.look(check)
    assert codes(monitor.reasons()) == []


def test_every_code_is_in_the_operators_handbook() -> None:
    written = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (everything|registration|nothing) \|", written, re.MULTILINE)
    assert dict(rows) == CODES
