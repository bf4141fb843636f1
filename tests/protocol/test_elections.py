# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real municipal elections: plain counts and winners are those that were published."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from protocol import count as counting
from protocol.allocation import Rule
from protocol.pabulib import Election, read_pb, write_pb
from protocol.types import BallotType

ROOT = Path(__file__).resolve().parents[2]
ELECTIONS = {
    "assen_2024.pb": (84, 14, BallotType.APPROVAL, Rule.EQUAL_SHARES_ADD1),
    "swiecie_2023.pb": (2553, 22, BallotType.APPROVAL, Rule.EQUAL_SHARES_ADD1),
    "katowice_2023.pb": (39828, 25, BallotType.CUMULATIVE, Rule.GREEDY_THRESHOLD),
    "krakow_2024.pb": (65101, 119, BallotType.ORDERED, Rule.GREEDY),
    "lodz_2022.pb": (90494, 160, BallotType.APPROVAL, Rule.GREEDY_THRESHOLD),
}


def read(name: str) -> Election:
    """The election; a missing file is a failure, for without it nothing here was tested."""
    folder = Path(os.environ.get("URNA_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / name
    if not path.is_file():
        pytest.fail(f"no {name} in {folder}: set URNA_SHARED_DATA to the folder with the real elections")
    return read_pb(path.read_bytes(), name)


@pytest.mark.parametrize("name", ELECTIONS)
def test_real_election_is_read_as_what_it_is(name: str) -> None:
    election = read(name)
    shape = (len(election.votes), len(election.projects), election.ballot.ballot_type, election.allocation.rule)
    assert shape == ELECTIONS[name]


@pytest.mark.parametrize("name", ELECTIONS)
def test_real_election_counts_to_the_published_totals(name: str) -> None:
    election = read(name)
    totals = counting.count(election)
    assert (totals.valid, totals.blank, totals.null) == (len(election.votes), 0, 0)
    assert [project.votes for project in election.projects] == list(totals.support)
    if election.ballot.ballot_type in (BallotType.CUMULATIVE, BallotType.ORDERED):
        assert [project.score for project in election.projects] == list(totals.scores)


@pytest.mark.parametrize("name", ELECTIONS)
def test_real_election_allocates_to_the_published_winners(name: str) -> None:
    election = read(name)
    allocation = counting.winners(election)
    assert allocation.winners == election.published_winners
    assert 0 < allocation.spent <= election.allocation.budget


@pytest.mark.parametrize("name", ELECTIONS)
def test_real_election_survives_writing(name: str) -> None:
    election = read(name)
    recount = write_pb(election, totals=counting.count(election), allocation=counting.winners(election))
    assert read_pb(recount, name) == election


def test_sample_allocates_to_its_published_winners() -> None:
    path = ROOT / "scripts" / "sample" / "vila_nova_2026.pb"
    election = read_pb(path.read_bytes(), path.name)
    assert [project.votes for project in election.projects] == list(counting.count(election).support)
    assert counting.winners(election).winners == election.published_winners


def test_sample_is_what_its_script_makes() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "make_sample"))["sample"]()
    assert made == (ROOT / "scripts" / "sample" / "vila_nova_2026.pb").read_text(encoding="utf-8")
