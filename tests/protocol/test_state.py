# SPDX-License-Identifier: AGPL-3.0-or-later
"""The life of an initiative, and what the fold refuses, by fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from protocol import events, invariants, result
from protocol.ballot import PROOF_BYTES, record_bytes
from protocol.plaintext import Approval, Blank, YesNoAbstain
from protocol.rules import decode as decode_rules
from protocol.state import EventMeta, InvalidEvent, State, apply, contract_address, phase_at, require_settled, status_at
from protocol.types import (
    BallotRules,
    BallotType,
    CastSkipReason,
    EntityId,
    Hash32,
    InitiativeId,
    MotionId,
    Outcome,
    Phase,
    Role,
    SkipReason,
    VoidReason,
)
from tests.protocol import chronicle
from tests.protocol.chronicle import CHAIN_ID, CONSORTIUM, DAY, ONE, SUITE, Chronicle, commitment, nullifier, tag


def refused(c: Chronicle, check: str, *emitted: events.Event, reason: str = ".") -> None:
    """The last of the events is refused, and nothing has changed by it."""
    *first, last = emitted
    trial = copy.deepcopy(c)
    if first:
        trial.emit(*first)
        trial.block -= 1
    emitter = contract_address(trial.state, last.CONTRACT)
    place = EventMeta(trial.block, trial.now, 0, len(first), emitter)
    before = copy.deepcopy(trial.state)
    with pytest.raises(InvalidEvent, match=reason) as caught:
        apply(trial.state, last, place)
    assert caught.value.check == check
    assert trial.state == before


@pytest.fixture(scope="module")
def voting_once() -> Chronicle:
    c = Chronicle()
    c.until_voting()
    return c


@pytest.fixture
def voting(voting_once: Chronicle) -> Chronicle:
    return copy.deepcopy(voting_once)


@pytest.fixture
def registering() -> Chronicle:
    c = Chronicle()
    c.found()
    c.create()
    c.now = c.windows.registration_opens
    return c


def test_whole_life_keeps_every_invariant() -> None:
    life = chronicle.whole_life()
    state = State(CHAIN_ID, CONSORTIUM, SUITE)
    for event, meta in life.log:
        apply(state, event, meta)
        assert list(invariants.broken(state)) == []
    require_settled(state)
    assert state == life.state
    assert phase_at(state.initiatives[ONE], life.now) is Phase.COUNTED


def test_phases_follow_the_clock(voting: Chronicle) -> None:
    initiative, w = voting.initiative, voting.windows
    challenge_ends = w.voting_closes + w.challenge_period
    edges = [
        (w.registration_opens, Phase.ANNOUNCED, Phase.REGISTRATION),
        (w.registration_closes, Phase.REGISTRATION, Phase.REVIEW),
        (w.voting_opens, Phase.REVIEW, Phase.VOTING),
        (w.voting_closes, Phase.VOTING, Phase.CHALLENGE),
    ]
    for moment, before, after in edges:
        assert (phase_at(initiative, moment - 1), phase_at(initiative, moment)) == (before, after)
    assert phase_at(initiative, challenge_ends - 1) is Phase.CHALLENGE
    assert status_at(initiative, challenge_ends) == (Phase.VOID, VoidReason.TOO_FEW_BALLOTS)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda i: i.electorate.leaves.__delitem__(slice(1, None)), VoidReason.TOO_FEW_REGISTERED),
        (lambda i: setattr(i.ceremony, "commitments", ()), VoidReason.NO_JOINT_KEY),
        (lambda i: i.proposals.options.clear(), VoidReason.NO_OPTIONS),
        (lambda i: setattr(i, "voided", VoidReason.MOTION), VoidReason.MOTION),
    ],
)
def test_P2_void_from_the_moment_voting_would_open(
    voting: Chronicle, spoil: Callable[[object], None], reason: VoidReason
) -> None:
    spoil(voting.initiative)
    assert status_at(voting.initiative, voting.now) == (Phase.VOID, reason)
    if reason is VoidReason.MOTION:
        refused(voting, "ballots.window", voting.ballot(0, Blank()))


def test_B15_no_share_over_too_few_ballots(voting: Chronicle) -> None:
    voting.emit(voting.ballot(0, Blank()))
    voting.until_opening()
    refused(voting, "opening.shares", voting.release(1), reason="void")


def test_B5_ballots_in_voting_only(voting: Chronicle) -> None:
    ballot = voting.ballot(0, Blank())
    for moment in (voting.windows.voting_closes, voting.windows.voting_closes + 1):
        voting.now = moment
        refused(voting, "ballots.window", ballot)
    voting.now = voting.windows.voting_closes - 1
    voting.emit(ballot)


def test_B2_B3_entries_that_are_none(voting: Chronicle) -> None:
    good = voting.ballot(0, Blank())
    r = (PROOF_BYTES + 37, PROOF_BYTES + 101)
    broken = [
        replace(good, entry=good.entry[:-1]),
        replace(good, entry=good.entry + good.entry),
        replace(good, entry=good.entry[: r[0]] + bytes(64) + good.entry[r[1] :]),
        replace(good, entry=bytes(64) + good.entry[64:]),
        replace(good, nullifier=nullifier(1)),
        replace(good, entry=good.entry[:PROOF_BYTES] + b"\xff" * 32 + good.entry[PROOF_BYTES + 32 :]),
    ]
    assert len(good.entry) == PROOF_BYTES + record_bytes(1)
    for event in broken:
        refused(voting, "ballots.encoding", event)


def test_B6_sequences(voting: Chronicle) -> None:
    voting.emit(voting.ballot(0, Blank(), 5))
    for sequence in (5, 4, 22):
        refused(voting, "ballots.slots", voting.ballot(0, Blank(), sequence))
    low, high = CastSkipReason.SEQUENCE_TOO_LOW, CastSkipReason.SEQUENCE_TOO_HIGH
    refused(voting, "ballots.slots", events.BallotSkipped(ONE, nullifier(0), 6, low))
    refused(voting, "ballots.slots", events.BallotSkipped(ONE, nullifier(0), 22, low))
    voting.emit(events.BallotSkipped(ONE, nullifier(0), 22, high), voting.ballot(0, Approval((1,)), 21))
    assert len(voting.initiative.ballots.latest) == 1
    assert [cast.entry.record.sequence for cast in voting.initiative.ballots.cast] == [5, 21]


def test_B12_registrations(registering: Chronicle) -> None:
    c = registering
    c.emit(c.registration([0, 1]))
    root = "electorate.root"
    refused(c, "electorate.signatures", c.registration([2]), reason="batch id")
    refused(c, root, c.registration([0], 1), reason="tag")
    refused(c, root, c.registration([5], 1, tags=(tag(5), tag(6))))
    refused(c, root, c.registration([5], 1, commitments=(commitment(1),)), reason="used")
    refused(c, root, c.registration([5, 6], 1, tags=(tag(5), tag(5))), reason="tag")
    refused(c, root, c.registration([5], 1, first_index=1), reason="first index")
    refused(c, root, c.registration([5], 1, commitments=(0,)), reason="range")
    refused(c, root, c.registration([], 1), reason="empty")
    signers = "electorate.signatures"
    for registrars in [(1,), (1, 1), (2, 1), (1, 4)]:
        refused(c, signers, c.registration([5], 1, registrars=tuple(map(EntityId, registrars))))
    honest = c.registration([5], 1)
    copied = events.RegistrationSkipped(ONE, honest.batch_id, 1, tag(9), commitment(1), SkipReason.USED_COMMITMENT)
    refused(c, root, replace(copied, reason=SkipReason.KNOWN_TAG), honest, reason="not known")
    refused(c, root, replace(copied, commitment=commitment(99)), honest, reason="not used")
    refused(c, "events", copied, c.registration([5], 2), reason="amid")
    c.emit(copied, honest)
    assert c.initiative.electorate.batches[-1].skipped == ((1, tag(9), commitment(1), SkipReason.USED_COMMITMENT),)


def test_a_suspended_registrar_signs_no_more(registering: Chronicle) -> None:
    c = registering
    fourth = c.admission(4)
    draft = (fourth.name, fourth.endpoint, [seat.hex() for seat in fourth.accounts])
    c.motion(CONSORTIUM, "admit((string,string,address[5]))", [draft], fourth)
    c.motion(CONSORTIUM, "suspend(uint32)", [2], events.EntitySuspended(EntityId(2)))
    refused(c, "electorate.signatures", c.registration([0]), reason="not active")
    c.emit(c.registration([0], registrars=(EntityId(1), EntityId(3))))
    refused(c, "ceremony.dealings", c.dealing(2), reason="not active")


def replacement(attempt: int, batch: int, old: int = 0) -> events.ReplacementQueued:
    return events.ReplacementQueued(
        ONE,
        chronicle.batch_id(batch),
        tag(0),
        commitment(0, old),
        commitment(0, attempt),
        Hash32(bytes(32)),
        (EntityId(1), EntityId(2)),
    )


def test_replacements_at_most_two_and_only_in_review(registering: Chronicle) -> None:
    c = registering
    c.emit(c.registration([0, 1]))
    c.emit(replacement(1, 10))
    refused(c, "electorate.root", replacement(1, 11), reason="used")
    refused(c, "electorate.root", replacement(2, 11, old=1), reason="another commitment")
    applied = events.ReplacementApplied(ONE, tag(0), 0, commitment(0), commitment(0, 1), 7)
    refused(c, "electorate.root", applied, reason="in review")
    c.now = c.windows.registration_closes
    refused(c, "electorate.root", replace(applied, new_commitment=commitment(0, 3)))
    c.emit(applied)
    refused(c, "electorate.root", applied, reason="queued")
    c.emit(replacement(2, 11, old=1))
    refused(c, "electorate.root", replacement(3, 12, old=1), reason="two")
    c.now = c.windows.voting_opens
    refused(c, "electorate.root", events.ReplacementApplied(ONE, tag(0), 0, commitment(0, 1), commitment(0, 2), 7))


def test_K1_what_only_a_motion_may(voting: Chronicle) -> None:
    c = voting
    for event in (
        c.admission(4),
        events.EntitySuspended(EntityId(3)),
        events.MinimumAnonymityChanged(3),
        events.SuiteAdded(0, SUITE),
        events.MotionExecuted(MotionId(2)),
    ):
        refused(c, "consortium.motions", event)
    refused(c, "initiative.rules", events.InitiativeVoided(ONE, VoidReason.MOTION, "no"))
    c.emit(
        events.MotionProposed(MotionId(2), EntityId(1), CONSORTIUM, b"", c.now + 30 * DAY),
        events.MotionApproved(MotionId(2), EntityId(1)),
    )
    refused(c, "consortium.motions", events.MotionExecuted(MotionId(2)))
    refused(c, "consortium.motions", events.MotionApproved(MotionId(2), EntityId(1)), reason="twice")


def test_K1_half_of_the_entities_carry_no_motion() -> None:
    c = Chronicle()
    c.found(4)
    proposed = events.MotionProposed(MotionId(2), EntityId(1), CONSORTIUM, b"none", c.now + 30 * DAY)
    c.emit(proposed, events.MotionApproved(MotionId(2), EntityId(1)))
    c.emit(events.MotionApproved(MotionId(2), EntityId(2)))
    refused(c, "consortium.motions", events.MotionExecuted(MotionId(2)), reason="majority")
    c.emit(events.MotionApproved(MotionId(2), EntityId(3)), events.MotionExecuted(MotionId(2)))


def test_K1_a_motion_does_what_it_says(voting: Chronicle) -> None:
    c = voting
    explain = "the register was wrong"
    with pytest.raises(InvalidEvent) as caught:
        c.motion(
            SUITE.initiatives,
            "voidByMotion(uint64,string)",
            [1, explain],
            events.InitiativeVoided(ONE, VoidReason.MOTION, "something else"),
        )
    assert caught.value.check == "initiative.rules"


def test_a_motion_voids(voting: Chronicle) -> None:
    c, explain = voting, "the register was wrong"
    event = events.InitiativeVoided(ONE, VoidReason.MOTION, explain)
    c.motion(SUITE.initiatives, "voidByMotion(uint64,string)", [1, explain], event)
    assert status_at(c.initiative, c.now) == (Phase.VOID, VoidReason.MOTION)


def test_K1_a_motion_without_its_last_padding_stops_nobody(voting: Chronicle) -> None:
    """Solidity reads what is missing as zeros and executes it; a stricter reader would be stopped for ever."""
    c = voting
    admitted = c.admission(len(c.state.consortium.entities) + 1)
    draft = (admitted.name, admitted.endpoint, ["0x" + seat.hex() for seat in admitted.accounts])
    c.motion(CONSORTIUM, "admit((string,string,address[5]))", [draft], admitted, cut=10)
    assert c.state.consortium.is_active(admitted.entity)


def test_B16_extensions(voting: Chronicle) -> None:
    c, close = voting, voting.windows.voting_closes
    check = "initiative.rules"
    refused(c, check, events.ExtensionProposed(ONE, EntityId(1), close))
    refused(c, check, events.ExtensionProposed(ONE, EntityId(1), close + c.windows.max_extension + 1))
    refused(c, check, events.ExtensionProposed(ONE, EntityId(2), close + DAY))
    refused(c, check, events.VotingExtended(ONE, EntityId(2), close + DAY), reason="than was proposed")
    c.emit(events.ExtensionProposed(ONE, EntityId(1), close + DAY))
    refused(c, check, events.VotingExtended(ONE, EntityId(1), close + DAY), reason="own")
    refused(c, check, events.VotingExtended(ONE, EntityId(2), close + DAY - 1))
    c.now = close - DAY + 1
    refused(c, check, events.VotingExtended(ONE, EntityId(2), close + DAY), reason="24 hours")
    c.now = close - DAY
    c.emit(events.VotingExtended(ONE, EntityId(2), close + DAY))
    refused(c, check, events.ExtensionProposed(ONE, EntityId(1), close + 2 * DAY), reason="before")
    assert phase_at(c.initiative, close) is Phase.VOTING


def test_B8_B13_ceremony(registering: Chronicle) -> None:
    c, step = registering, registering.windows.ceremony_step
    good = c.dealing(1)
    refused(c, "ceremony.dealings", replace(good, dealer=2), reason="proves? the|not prove")
    refused(c, "ceremony.dealings", replace(good, epoch=1))
    c.emit(good)
    refused(c, "ceremony.dealings", good, reason="before")
    c.emit(c.dealing(2))
    c.now += step
    refused(c, "ceremony.dealings", c.dealing(3), reason="after")
    refused(c, "ceremony.key", c.finalisation(), reason="complaints")
    c.now += step
    refused(c, "ceremony.complaints", events.ComplaintJudged(ONE, 0, 1, 2, True))
    refused(c, "ceremony.key", events.EpochStarted(ONE, 1, c.now), reason="enough")
    final = c.finalisation()
    refused(c, "ceremony.key", replace(final, dealers=(1,)))
    refused(c, "ceremony.key", replace(final, commitments=final.commitments[::-1]))
    c.emit(final)
    refused(c, "ceremony.key", final, reason="before")


@pytest.mark.parametrize("pair", [(1, 2), (1, 3), (2, 3), (3, 1)])
def test_B7_any_shares_give_one_result(voting: Chronicle, pair: tuple[int, int]) -> None:
    c = voting
    c.emit(c.ballot(0, Approval((0,))), c.ballot(1, Blank()))
    c.open(pair)
    c.count()
    assert c.initiative.count.totals == [1, 0, 0]
    assert result.compute(c.state, ONE).document.count(b'"winners":[0]') == 1


def test_B8_a_share_that_does_not_fit(voting: Chronicle) -> None:
    c = voting
    c.emit(c.ballot(0, Blank()), c.ballot(1, Blank()))
    c.until_opening()
    share = c.release(1)
    refused(c, "opening.shares", replace(share, share=share.share + 1), reason="trustee 1")
    refused(c, "opening.shares", replace(share, trustee=2), reason="trustee 2")
    c.emit(share)
    refused(c, "opening.shares", share, reason="before")
    refused(c, "opening.key", events.KeyCombined(ONE, 5))
    refused(c, "opening.key", c.release(2), events.KeyCombined(ONE, 5))


def test_B9_B10_outcomes_and_counts(voting: Chronicle) -> None:
    c = voting
    c.emit(c.ballot(0, Approval((0, 1))), c.ballot(1, bytes(31) + b"\x07"), c.ballot(2, Blank()))
    c.open()
    null = c.counted(nullifier(1))
    assert null.outcome is Outcome.NULL
    refused(c, "tally.counts", replace(null, outcome=Outcome.VALID))
    refused(c, "tally.opened", replace(null, nullifier=nullifier(9)))
    refused(c, "tally.opened", replace(null, plaintext=null.plaintext + b"\0"))
    refused(c, "tally.opened", null, null, reason="before")
    refused(c, "tally.counts", events.CountCompleted(ONE, 0, 0, 0, 0))
    c.count()
    count = c.initiative.count
    assert (count.valid, count.blank, count.nulls, count.totals) == (1, 1, 1, [1, 1, 0])
    assert list(invariants.broken(c.state)) == []
    spoiled = copy.deepcopy(c)
    spoiled.initiative.count.totals[2] += 1
    assert "counts are those of the accepted ballots" in "".join(invariants.broken(spoiled.state))


def test_attestation_by_the_threshold_of_trustees(voting: Chronicle) -> None:
    c = voting
    c.emit(c.ballot(0, Blank()), c.ballot(1, Blank()))
    attested = events.ResultAttested(ONE, EntityId(1), Hash32(b"\1" * 32))
    refused(c, "result.attested", attested, reason="not in counted")
    c.open()
    c.count()
    c.emit(attested)
    refused(c, "result.attested", attested, reason="before")
    c.emit(replace(attested, trustee=EntityId(2), result_hash=Hash32(b"\2" * 32)))
    assert c.initiative.count.result_hash is None
    c.emit(replace(attested, trustee=EntityId(3)))
    assert c.initiative.count.result_hash == attested.result_hash


def test_events_out_of_order_or_from_elsewhere(voting: Chronicle) -> None:
    c, event = voting, voting.ballot(0, Blank())
    last = c.state.last
    assert last is not None
    good = EventMeta(c.block, c.now, 0, 0, SUITE.ballot_box)
    for meta in (
        replace(last, address=SUITE.ballot_box),
        replace(good, block=last.block - 1),
        replace(good, timestamp=last.timestamp - 1),
        replace(last, log=last.log + 1, timestamp=last.timestamp + 1, address=SUITE.ballot_box),
        replace(good, address=SUITE.tally),
    ):
        with pytest.raises(InvalidEvent) as caught:
            apply(c.state, event, meta)
        assert caught.value.check == "events"
    apply(c.state, event, good)


def test_what_an_event_entails_must_come_in_its_transaction(registering: Chronicle) -> None:
    c = registering
    proposed = events.MotionProposed(MotionId(2), EntityId(1), CONSORTIUM, b"", c.now + 30 * DAY)
    c.emit(proposed)
    with pytest.raises(InvalidEvent, match="MotionApproved is missing"):
        require_settled(c.state)
    with pytest.raises(InvalidEvent, match="MotionApproved is missing"):
        c.emit(events.MotionApproved(MotionId(2), EntityId(1)))


def test_creation_checks_hash_scope_rules_and_number(registering: Chronicle) -> None:
    c, check = registering, "initiative.rules"
    c.now = chronicle.START
    created = next(event for event, _ in c.log if isinstance(event, events.InitiativeCreated))
    c = Chronicle()
    c.found()
    refused(c, check, replace(created, initiative=InitiativeId(2)))
    refused(c, check, replace(created, rules_hash=Hash32(bytes(32))))
    refused(c, check, replace(created, scope=created.scope + b" "))
    refused(c, check, replace(created, publisher=EntityId(9)))
    refused(c, "ceremony.key", created, events.CeremonyOpened(ONE, (), created.initiative))
    c.now = c.now + 2 * DAY
    refused(c, check, created, reason="in the past")
    assert decode_rules(created.rules).trustees == (1, 2, 3)


def test_account_changes_are_remembered_for_signatures(registering: Chronicle) -> None:
    c = registering
    c.emit(c.registration([0]))
    moved = chronicle.address("moved")
    c.emit(events.AccountChanged(EntityId(1), Role.REGISTRAR, moved))
    refused(c, "consortium.motions", events.AccountChanged(EntityId(2), Role.MEMBER, moved), reason="seat")
    c.emit(c.registration([1], 1))
    first, second = (batch.signers[0].account for batch in c.initiative.electorate.batches)
    assert (first, second) == (chronicle.address("entity 1 registrar"), moved)


def test_yes_no_abstain_has_two_totals() -> None:
    c = Chronicle()
    ballot = BallotRules(BallotType.YES_NO_ABSTAIN, 0, 3)
    c.until_voting(given=chronicle.rules(ballot))
    c.emit(c.ballot(0, YesNoAbstain((0, 1), (2,))), c.ballot(1, YesNoAbstain((0,), (1,))))
    c.open()
    c.count()
    assert c.initiative.count.totals == [2, 1, 0, 0, 1, 1]
    assert b'"against":1' in result.compute(c.state, ONE).document
