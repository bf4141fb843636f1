# SPDX-License-Identifier: AGPL-3.0-or-later
"""One election by `urna run` as real processes, in which everything is killed once, and folders are lost.

Three acts on one --out folder. First: the chain, the issuer and each gateway die in the middle of registration, the
supervisor starts them again; in the middle of casting all of them die at once, and the driver too. Second: what was
left runs again, and brings in what it had accepted with nobody's help; then a new driver goes on casting, under kills
again, to the opening, where two of the three trustees' folders are lost. Third: one of them is back, the chain dies
once more, and `urna run` ends as if nothing had been.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from rich.console import Console

from node.cli.run import SAMPLE
from node.eid import persons
from node.run.citizens import Place, slots
from node.run.client import Gateways
from node.run.consortium import RunConsortium
from node.run.driver import PROMISES, Driver
from node.run.plan import Plan, make_plan
from node.run.progress import Reporter
from node.run.promises import PromiseBook
from node.run.summary import recount
from protocol.ballot import PROOF_BYTES
from protocol.pabulib import read_pb
from protocol.types import InitiativeId, Nullifier

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CONTENT = SAMPLE.read_bytes()
SEED = 5
OPTIONS = {"voters": 7, "revotes": 2, "nulls": 1, "blanks": 1}
COMMAND = [sys.executable, "-m", "node.cli", "run", str(SAMPLE), "--voters", "7", "--revotes", "2", "--null", "1"]
COMMAND += ["--blank", "1", "--seed", str(SEED)]
ROOT = Path(__file__).resolve().parents[3]
INITIATIVE = InitiativeId(1)


@dataclass
class Story:
    """What was seen on the way."""

    out: Path
    plan: Plan
    killed: list[str] = field(default_factory=list)
    accepted: dict[Nullifier, int] = field(default_factory=dict)  # highest sequence in a gateway's journal
    landed: dict[Nullifier, int] = field(default_factory=dict)  # slots, brought in by the members alone
    cast: dict[Nullifier, int] = field(default_factory=dict)
    left_behind: list[int] = field(default_factory=list)  # ids of the killed driver's processes
    waiting: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    peak: int = 0
    code: int = -1
    said: str = ""
    result: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("run")
    election = read_pb(CONTENT, SAMPLE.name)
    told = Story(folder / "out", make_plan(election, seed=SEED, **OPTIONS))
    try:
        first_act(told, folder / "first.log")
        second_act(told)
        third_act(told, folder / "third.log")
        yield told
    finally:
        for pid in {*processes(told.out).values(), *told.left_behind}:
            if is_ours(pid, told.out):
                os.kill(pid, signal.SIGKILL)


# The acts


def first_act(told: Story, log: Path) -> None:
    driver = begin(told, log)
    try:
        await_line(log, "deal the trustees' shares", driver)
        for name in ("chain", "eid", "A", "B", "C"):
            kill(told, name)
            time.sleep(0.4)
        await_line(log, "make the joint key", driver)
        await_true(lambda: len(ballots_accepted(told.out)) >= 3, "three accepted ballots", driver)
        told.left_behind = list(processes(told.out).values())
        os.kill(driver.pid, signal.SIGKILL)
        for name in ("chain", "A", "B", "C"):
            kill(told, name)
        told.killed.append("driver")
    finally:
        driver.kill()
        driver.wait()


def second_act(told: Story) -> None:
    told.accepted = ballots_accepted(told.out)
    consortium = RunConsortium(told.out)
    try:
        consortium.start_chain()
        consortium.start_issuer(persons.load(told.out / "eid" / "persons.json"))
        for entity in consortium.entities:
            consortium.start_gateway(entity)
        place = place_of(consortium)
        with closing(place.gateways):
            told.landed = await_slots(place, told.accepted)
    finally:
        consortium.stop()

    consortium = RunConsortium(told.out)
    try:
        killer = threading.Thread(target=kill_while_casting, args=(told,), daemon=True)
        with closing(Driver(consortium, told.plan, CONTENT, SEED, Reporter(Console(quiet=True)))) as driver:
            killer.start()
            told.cast = {n: slot >> 224 for n, slot in slots(driver.to_opening()).items()}
        killer.join(60)
        told.peak = consortium.supervisor.peak_processes
        a, b, c = consortium.entities
        shutil.rmtree(c.folder)
        b.folder.rename(told.out / "kept")
        told.waiting = consortium.trustees([a])[0]["initiatives"][0]
        told.waiting = consortium.trustees([a])[0]["initiatives"][0]
        told.status = consortium.urna(
            "status", "--rpc", consortium.rpc, "--deployment", str(consortium.deployment_file)
        )["initiatives"][0]
    finally:
        consortium.stop()
    (told.out / "kept").rename(b.folder)


def kill_while_casting(told: Story) -> None:
    await_true(lambda: sum(ballots_accepted(told.out).values()) > sum(told.accepted.values()), "another ballot")
    for name in ("A", "chain", "B", "C"):
        kill(told, name)
        time.sleep(0.4)


def third_act(told: Story, log: Path) -> None:
    driver = begin(told, log, "--json", str(told.out / "told.json"))
    try:
        await_line(log, "start the gateways", driver)
        time.sleep(2)  # the trustees are at work
        kill(told, "chain")
        told.code = driver.wait(400)
    finally:
        driver.kill()
        driver.wait()
    told.said = log.read_text()
    if (told.out / "told.json").exists():
        told.result = json.loads((told.out / "told.json").read_text())


# Processes


def begin(told: Story, log: Path, *more: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as said:
        command = [*COMMAND, "--out", str(told.out), *more]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def processes(out: Path) -> dict[str, int]:
    """Ids of chain, issuer and gateways, as the run recorded them."""
    found: dict[str, int] = {}
    if (out / "chain" / "engine.pid").exists():
        found["chain"] = int((out / "chain" / "engine.pid").read_text() or 0)
    if (out / "pids.json").exists():
        for record in json.loads((out / "pids.json").read_text()):
            command = record["command"]
            if "gateway" in command:
                found[Path(command[command.index("--entity") + 1]).name] = record["pid"]
            elif str(out / "eid") in command:
                found["eid"] = record["pid"]
    return found


def is_ours(pid: int, out: Path) -> bool:
    try:
        return any(str(out) in part for part in psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False


def kill(told: Story, name: str) -> None:
    pid = processes(told.out).get(name, 0)
    if pid and is_ours(pid, told.out):
        os.kill(pid, signal.SIGKILL)
        told.killed.append(name)


def await_true(condition: Callable[[], bool], what: str, driver: subprocess.Popen[bytes] | None = None) -> None:
    limit = time.monotonic() + 240
    while not condition():
        assert driver is None or driver.poll() is None, f"the driver ended before {what}"
        assert time.monotonic() < limit, f"{what} never came"
        time.sleep(0.05)


def await_line(log: Path, line: str, driver: subprocess.Popen[bytes]) -> None:
    try:
        await_true(lambda: line in log.read_text(), line, driver)
    except AssertionError as error:
        raise AssertionError(f"{error}; the driver said:\n{log.read_text()}") from None


# What the members hold


def ballots_accepted(out: Path) -> dict[Nullifier, int]:
    """From the journals: what a gateway answered 202 to. Highest sequence by nullifier."""
    highest: dict[Nullifier, int] = {}
    for journal in sorted((out / "entities").glob("*/journal.sqlite")):
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            for (entry,) in db.execute("SELECT entry FROM ballot"):
                head = entry[PROOF_BYTES:][:36]
                nullifier, sequence = Nullifier(int.from_bytes(head[:32])), int.from_bytes(head[32:])
                highest[nullifier] = max(highest.get(nullifier, 0), sequence)
    return highest


def place_of(consortium: RunConsortium) -> Place:
    gateways = Gateways([entity.endpoint for entity in consortium.entities])
    return Place(consortium.deployment, INITIATIVE, gateways, consortium.issuer, PromiseBook(consortium.out / PROMISES))


def await_slots(place: Place, wanted: dict[Nullifier, int]) -> dict[Nullifier, int]:
    limit = time.monotonic() + 90
    while True:
        there = {nullifier: slot >> 224 for nullifier, slot in slots(place).items()}
        if all(there.get(nullifier, 0) >= sequence for nullifier, sequence in wanted.items()):
            return there
        if time.monotonic() > limit:
            return there
        time.sleep(0.5)


# What must have come of it


def test_everything_was_killed_in_the_middle(story: Story) -> None:
    registration, casting = ["chain", "eid", "A", "B", "C"], ["chain", "A", "B", "C", "driver"]
    assert story.killed == [*registration, *casting, "A", "chain", "B", "C", "chain"]
    assert 3 <= len(story.accepted) < story.plan.persons, "the driver died before everybody had voted"


def test_kill_9_loses_no_accepted_ballot(story: Story) -> None:
    lost = {n for n, sequence in story.accepted.items() if story.landed.get(n, 0) < sequence}
    assert not lost, f"{len(lost)} of {len(story.accepted)} accepted ballots never came into the box"


def test_the_next_driver_goes_on_where_the_killed_one_was(story: Story) -> None:
    assert len(story.cast) == story.plan.persons
    assert sorted(story.cast.values()) == sorted(len(casting.plaintexts) for casting in story.plan.castings)


def test_what_the_killed_driver_left_behind_was_ended(story: Story) -> None:
    assert story.left_behind
    assert not [pid for pid in story.left_behind if is_ours(pid, story.out)]


def test_B7_with_two_folders_lost_the_opening_waits_and_says_for_whom(story: Story) -> None:
    assert story.waiting["phase"] == "opening"
    assert [(one["entities"], one["anyOf"]) for one in story.waiting["waiting"]] == [([2, 3], True)]
    assert story.status["phase"] == "opening"


def test_B7_with_one_folder_lost_the_run_ends_well(story: Story) -> None:
    assert story.code == 0, story.said
    assert not (story.out / "entities" / "C").exists()


def test_the_result_is_the_plain_count(story: Story) -> None:
    totals, allocation = recount(story.plan)
    told = story.result
    assert (told["valid"], told["blank"], told["null"]) == (totals.valid, totals.blank, totals.null)
    assert [project["support"] for project in told["projects"]] == list(totals.support)
    assert [project["option"] for project in told["projects"] if project["won"]] == sorted(allocation.winners)
    assert told["registered"] == told["distinct"] == story.plan.persons
    assert (told["recount_matches"], told["ok"]) == (True, True)
    assert told["winners_match"] is None, "voters were left out: there is nothing to compare with"


def test_the_observer_passes(story: Story) -> None:
    outcomes = {check["id"]: check["outcome"] for check in story.result["checks"]}
    assert story.result["observer_passes"]
    assert "failed" not in outcomes.values()


def test_at_most_ten_processes_and_their_memory_is_told(story: Story) -> None:
    assert 0 < story.peak <= 10
    assert 0 < story.result["peak_processes"] <= 10
    assert story.result["peak_memory"] > 50_000_000


def test_nothing_runs_on(story: Story) -> None:
    assert not any(is_ours(pid, story.out) for pid in processes(story.out).values())
    assert not (story.out / "pids.json").exists()
    for port in json.loads((story.out / "ports.json").read_text()).values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
