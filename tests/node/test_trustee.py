# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trustees on a real chain: the ceremony with its complaints, release, count, attestation."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from node import count_duties, publisher
from node.chain_state import fold
from node.duty import Report
from node.engine import EmbeddedEngine
from node.errors import ContractError
from node.keys import Secret
from node.publisher import Acceptance
from node.trustee import TrusteeRun
from protocol import ceremony
from protocol.ceremony import Epoch
from protocol.choice import Approval, Blank
from protocol.eip712 import Replacement
from protocol.identity import Identity
from protocol.types import G1Point, Hash32, InitiativeId, Phase, Role, Tag
from tests.node.town import Town, open_town, raw_call


@pytest.fixture(scope="module")
def town(engine: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(engine, tmp_path_factory.mktemp("town")) as opened:
        for name in "ABC":
            assert TrusteeRun(opened.members[name]).run() == []
        yield opened


def run(town: Town, name: str, initiative: int) -> Report:
    report = TrusteeRun(town.members[name]).run(initiative)[0]
    assert report.problem is None
    return report


def created(town: Town, **changes: object) -> int:
    draft = town.draft(**changes)
    done = publisher.create(town.members["A"], draft, patience=5)
    town.until(draft.rules.windows.registration_opens)
    return done.initiative


def finalised(town: Town, initiative: int) -> None:
    for name in "ABC":
        run(town, name, initiative)
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
    run(town, "A", initiative)


def test_a_trustee_registers_its_key_once(town: Town) -> None:
    again = TrusteeRun(town.members["A"])
    again.run()

    assert not again.key_registered
    assert any(town.read("Consortium", "trusteeKeyOf", 1).values())


def test_the_ceremony_ends_with_a_joint_key_and_says_whom_it_waits_for(town: Town) -> None:
    initiative = created(town)

    first = run(town, "A", initiative)
    assert first.did == ["dealt in epoch 0"]
    assert [(one.what, one.entities) for one in first.waiting] == [("the dealings", (2, 3))]
    assert run(town, "A", initiative).did == []
    run(town, "B", initiative)
    assert "end of the complaints" in run(town, "C", initiative).waiting[0].what
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
    done = [run(town, name, initiative).did for name in "ABC"]

    assert [len(one) for one in done] == [1, 0, 0]
    assert town.read("Ceremony", "isFinalised", initiative)


def test_B8_a_bad_share_is_complained_of_and_its_dealer_disqualified(town: Town) -> None:
    initiative = created(town)
    keys = [G1Point(key.x, key.y) for key in town.read("Ceremony", "trusteeKeys", initiative)]
    epoch = Epoch(town.deployment.chain_id, town.deployment.address("Ceremony"), initiative, 0)
    good = ceremony.deal_polynomial([5, 7], 11, epoch, 2, keys)
    bad = replace(good, shares=(good.shares[0] ^ 1, *good.shares[1:]))
    raw_call(town, "B", Role.TRUSTEE, town.deployment.contract("Ceremony").call("deal", initiative, bad))

    assert run(town, "C", initiative).did == ["dealt in epoch 0"]
    did = run(town, "A", initiative).did
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
    concluded = run(town, "C", initiative).did

    assert did == ["dealt in epoch 0", "complained of the bad share of Entity B (entity 2)"]
    assert town.read("Ceremony", "isDisqualified", initiative, 0, 2)
    assert concluded == ["finalised the joint key with the dealings of Entity A (entity 1), Entity C (entity 3)"]


def test_too_few_dealers_begin_a_new_epoch_with_other_polynomials(town: Town) -> None:
    initiative = created(town)
    run(town, "A", initiative)
    before = town.read("Ceremony", "dealingHash", initiative, 0, 1)
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)

    report = run(town, "A", initiative)
    finalised(town, initiative)

    assert report.did == ["began epoch 1, because only 1 dealers qualified", "dealt in epoch 1"]
    assert town.read("Ceremony", "dealingHash", initiative, 1, 1) != before
    assert town.read("Ceremony", "isFinalised", initiative)


def test_a_folder_with_another_key_than_the_frozen_one_is_said(town: Town) -> None:
    initiative = created(town)
    work = TrusteeRun(town.members["C"])
    own = work._keys
    work._keys = replace(own, decryption_key=own.decryption_key + 1)
    report = work.run(initiative)[0]
    TrusteeRun(town.members["C"]).run()  # registers the right key again

    assert report.problem is not None
    assert "another key" in report.problem


def test_replacements_are_applied_in_review_and_an_election_is_held(town: Town) -> None:
    """Registration, a replacement, ballots with a revote, a null and a blank, the opening without C, the result."""
    initiative = created(town)
    windows = town.read("Initiatives", "windowsOf", initiative)
    voters = town.register(initiative, 5)
    town.submit(initiative, 3)
    assert publisher.accept(town.members["A"], initiative, [Acceptance(3, 30), Acceptance(1, 80, "fits")]) == 2
    assert publisher.accept(town.members["A"], initiative, [Acceptance(3, 40), Acceptance(1, 80)]) == 0
    finalised(town, initiative)
    lost, new = voters[2], Identity(secrets.randbelow(1 << 250) + 1)
    replacement = _replacement(town, initiative, lost, new)
    town.call("Electorate", "queueReplacement", replacement, town.signatures(replacement))
    town.until(windows.registrationCloses)
    assert run(town, "B", initiative).did == ["applied 1 replacement"]
    assert run(town, "C", initiative).did == []

    town.until(windows.votingOpens)
    casts = [
        town.ballot(initiative, voters[0], Approval((0,))),
        town.ballot(initiative, voters[1], Approval((0, 1))),
        town.ballot(initiative, new, Approval((1,))),
        town.ballot(initiative, voters[3], Blank()),
        town.ballot(initiative, voters[4], b"\xff" * 32),
    ]
    town.cast(initiative, casts)
    town.cast(initiative, [town.ballot(initiative, voters[0], Approval((1,)), 2)])
    with pytest.raises(ContractError, match="InvalidProof"):
        town.cast(initiative, [replace(town.ballot(initiative, voters[0], Blank(), 3), proof=casts[0].proof)])
    assert run(town, "A", initiative).waiting[0].what == "the end of the phase 'voting'"

    town.until(windows.votingCloses + windows.challengePeriod)
    first = run(town, "A", initiative)
    assert first.did == ["released the key share"]
    assert [(one.what, one.entities, one.any_of) for one in first.waiting] == [("1 more key share", (2, 3), True)]
    second = run(town, "B", initiative)
    assert second.did[:2] == ["released the key share", "had 5 ballots counted"]
    assert second.phase is Phase.COUNTED
    third = run(town, "A", initiative)
    assert third.did[0].startswith("attested the result 0x")

    counts = town.read("Tally", "countsOf", initiative)
    assert (counts.valid, counts.blank, counts.nulls) == (3, 1, 1)
    assert town.read("Tally", "totalsOf", initiative) == (1, 3)
    assert town.read("Tally", "resultHashOf", initiative).hex() in third.did[0]
    assert run(town, "C", initiative).did[0] == third.did[0]


def _replacement(town: Town, initiative: int, old: Identity, new: Identity) -> Replacement:
    return Replacement(
        initiative=InitiativeId(initiative),
        batch_id=Hash32(secrets.token_bytes(32)),
        valid_until=town.now() + 3000,
        tag=_tag_of(town, initiative, old),
        old_commitment=old.commitment(),
        new_commitment=new.commitment(),
        evidence_root=Hash32(bytes(32)),
    )


def _tag_of(town: Town, initiative: int, voter: Identity) -> Tag:
    electorate = fold(town.rpc, town.deployment).initiatives[InitiativeId(initiative)].electorate
    place = electorate.leaves.index(voter.commitment())
    return next(tag for tag, index in electorate.index.items() if index == place)


def test_a_creation_is_repeated_without_a_second_initiative_and_peppers_arrive_late(town: Town) -> None:
    draft = town.draft()
    town.gateways["B"].refuse = 2
    first = publisher.create(town.members["A"], draft, patience=0.2)
    assert {one.entity: one.problem for one in first.handovers} == {2: "HTTP status 503", 3: None}
    town.gateways["B"].refuse = 0

    again = publisher.create(town.members["A"], draft, patience=5)

    assert again.already
    assert (again.initiative, again.pepper_hash) == (first.initiative, first.pepper_hash)
    assert all(one.problem is None for one in again.handovers)
    pepper = town.members["A"].folder.peppers.get(first.pepper_hash)
    assert pepper is not None
    for name in "BC":
        assert town.gateways[name].peppers[first.initiative] == pepper.reveal()


def test_B14_rules_that_no_initiative_may_have_are_refused_and_nothing_is_sent(town: Town) -> None:
    for changes, error in (
        ({"registrar-threshold": 1}, "InvalidRegistrars"),
        ({"trustee-threshold": 1}, "InvalidTrustees"),
        ({"trustees": [1, 1, 2]}, "InvalidTrustees"),
        ({"minimum-anonymity": 2}, "MinimumAnonymityTooSmall"),
    ):
        before = town.read("Initiatives", "count")
        with pytest.raises(ContractError) as caught:
            publisher.create(town.members["A"], town.draft(**changes), patience=1)
        assert caught.value.name == error
        assert town.read("Initiatives", "count") == before


def test_B7_with_two_folders_lost_the_opening_waits_and_says_for_whom(
    town: Town, tmp_path_factory: pytest.TempPathFactory
) -> None:
    initiative = created(town)
    windows = town.read("Initiatives", "windowsOf", initiative)
    voters = town.register(initiative, 3)
    town.submit(initiative, 1)
    publisher.accept(town.members["A"], initiative, [Acceptance(1, 10)])
    finalised(town, initiative)
    town.until(windows.votingOpens)
    town.cast(initiative, [town.ballot(initiative, voter, Approval((0,))) for voter in voters])
    kept = tmp_path_factory.mktemp("kept")
    for name in "BC":
        shutil.move(town.members[name].folder.path, kept / name)
    town.until(windows.votingCloses + windows.challengePeriod)

    reports = [run(town, "A", initiative), run(town, "A", initiative)]

    assert [report.phase for report in reports] == [Phase.OPENING, Phase.OPENING]
    assert reports[1].did == []
    assert [(one.entities, one.any_of) for one in reports[1].waiting] == [((2, 3), True)]
    shutil.move(kept / "B", town.members["B"].folder.path)
    assert "had 3 ballots counted" in run(town, "B", initiative).did
    shutil.move(kept / "C", town.members["C"].folder.path)
    assert isinstance(town.members["C"].folder.trustee_seed(), Secret)


def test_trustees_at_the_same_work_do_not_hinder_each_other(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three replacements applied, and sixty ballots counted in batches of five, by two trustees at once."""
    initiative = created(town)
    windows = town.read("Initiatives", "windowsOf", initiative)
    voters = town.register(initiative, 60)
    town.submit(initiative, 1)
    publisher.accept(town.members["A"], initiative, [Acceptance(1, 10)])
    finalised(town, initiative)
    for place in (3, 30, 59):
        new = Identity(secrets.randbelow(1 << 250) + 1)
        change = _replacement(town, initiative, voters[place], new)
        town.call("Electorate", "queueReplacement", change, town.signatures(change))
        voters[place] = new
    town.until(windows.registrationCloses)
    applied = _together(town, initiative)
    town.until(windows.votingOpens)
    town.cast(initiative, [town.ballot(initiative, voter, Approval((0,))) for voter in voters])
    town.until(windows.votingCloses + windows.challengePeriod)
    assert run(town, "C", initiative).did == ["released the key share"]
    monkeypatch.setattr(count_duties, "BALLOTS_PER_BATCH", 5)

    counted = _together(town, initiative)

    sums = [sum(int(word) for line in did for word in line.split() if word.isdigit()) for did in applied]
    assert sum(sums) == 3
    counts = [int(line.split()[1]) for did in counted for line in did if line.startswith("had ")]
    assert sum(counts) == 60
    assert town.read("Tally", "totalsOf", initiative) == (60,)
    assert any(town.read("Tally", "resultHashOf", initiative))


def _together(town: Town, initiative: int) -> list[list[str]]:
    """What A and B did, working at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return [report.did for report in pool.map(lambda name: run(town, name, initiative), "AB")]
