# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the ballot box and of the tally. A city has 100,000 of each, so that reasons are made only when needed."""

from __future__ import annotations

from protocol.ballot import BallotError, ballot_hash, parse_entries, skip_reason
from protocol.bn254 import SCALAR_FIELD
from protocol.events import BallotCast, BallotCounted, BallotSkipped, CountCompleted, ResultAttested
from protocol.hashing import WORD_MAX
from protocol.plaintext import PlaintextError, Valid, decode
from protocol.state.claims import CastBallot
from protocol.state.guards import (
    Change,
    Context,
    Handlers,
    InvalidEvent,
    Noun,
    initiative_of,
    require,
    require_active,
    require_phase,
)
from protocol.state.model import CountState, InitiativeState, State
from protocol.tally import CountedBallot, ballot_digest, scores
from protocol.types import BallotType, Nullifier, Outcome, Phase

_WINDOW, _ENCODING, _SLOTS = "ballots.window", "ballots.encoding", "ballots.slots"
_OPENED, _COUNTS, _ATTESTED = "tally.opened", "tally.counts", "result.attested"


def _stored_sequence(initiative: InitiativeState, nullifier: Nullifier) -> int:
    latest = initiative.ballots.latest.get(nullifier)
    return 0 if latest is None else latest.entry.record.sequence


def _cast(state: State, event: BallotCast, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    require_phase(initiative, context, _WINDOW, Phase.VOTING)
    try:
        entries = parse_entries(event.entry, initiative.paper().words)
    except BallotError as error:
        raise InvalidEvent(_ENCODING, str(error)) from None
    if len(entries) != 1:
        raise InvalidEvent(_ENCODING, f"{len(entries)} entries in one event")
    record = entries[0].record
    if record.nullifier != event.nullifier:
        raise InvalidEvent(_ENCODING, "the topic is not the entry's nullifier")
    reason = skip_reason(_stored_sequence(initiative, record.nullifier), record.sequence)
    if reason is not None:
        raise InvalidEvent(_SLOTS, f"a ballot counts whose sequence, {record.sequence}, does not")

    cast = CastBallot(context.meta, entries[0], ballot_hash(initiative.ballots.scope, record))
    initiative.ballots.cast.append(cast)
    initiative.ballots.latest[record.nullifier] = cast
    return [Change(Noun.BALLOT, event.initiative, record.nullifier)]


def _skipped(state: State, event: BallotSkipped, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    require_phase(initiative, context, _WINDOW, Phase.VOTING)
    require(event.nullifier < SCALAR_FIELD, _ENCODING, "a skipped nullifier is not below r")
    stored = _stored_sequence(initiative, event.nullifier)
    expected = skip_reason(stored, event.sequence)
    require(expected == event.reason, _SLOTS, f"sequence {event.sequence} after {stored} is not {event.reason.label}")

    initiative.ballots.skipped += 1
    return []


def _counted(state: State, event: BallotCounted, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    count = initiative.count
    require_phase(initiative, context, _OPENED, Phase.OPENING)
    require(initiative.ceremony.secret_key is not None, _OPENED, "a ballot counted before the key was combined")
    cast = initiative.ballots.latest.get(event.nullifier)
    if cast is None or event.nullifier in count.opened:
        raise InvalidEvent(_OPENED, "a nullifier counted that has no ballot, or was counted before")
    record = cast.entry.record
    try:
        counted = CountedBallot(record, event.plaintext, decode(event.plaintext, initiative.paper()))
    except PlaintextError as error:
        raise InvalidEvent(_OPENED, str(error)) from None
    if counted.outcome != event.outcome:
        raise InvalidEvent(_COUNTS, f"a {counted.outcome.label} ballot counted as {event.outcome.label}")

    count.opened[event.nullifier] = counted
    _add(initiative, counted)
    if count.counted == len(initiative.ballots.latest):
        state.expected.append(
            CountCompleted(event.initiative, count.accumulator, count.valid, count.blank, count.nulls)
        )
    return [Change(Noun.COUNT, event.initiative)]


def _add(initiative: InitiativeState, counted: CountedBallot) -> None:
    count = initiative.count
    match counted.outcome:
        case Outcome.VALID:
            count.valid += 1
        case Outcome.BLANK:
            count.blank += 1
        case Outcome.NULL:
            count.nulls += 1
    if counted.record.channel == 0:
        count.own_device += 1
    else:
        count.assisted += 1
    count.accumulator = (count.accumulator + ballot_digest(counted.record, counted.plaintext)) & WORD_MAX
    if not count.totals:
        options = initiative.paper().options
        sides = 2 if initiative.rules.ballot.ballot_type is BallotType.YES_NO_ABSTAIN else 1
        count.totals, count.support = [0] * (sides * options), [0] * options
    if isinstance(counted.decoded, Valid):
        _add_scores(initiative, count, scores(counted.decoded.vote, initiative.rules.ballot))


def _add_scores(initiative: InitiativeState, count: CountState, given: dict[int, int]) -> None:
    options = initiative.paper().options
    for option, score in given.items():
        if score < 0:
            count.totals[options + option] += 1
        else:
            count.totals[option] += score
            count.support[option] += 1


def _completed(state: State, event: CountCompleted, context: Context) -> list[Change]:
    # The figures were settled when the event became expected.
    require(context.entailed, _COUNTS, "a count completed that was not complete")

    initiative_of(state, event.initiative).count.is_complete = True
    return [Change(Noun.COUNT, event.initiative)]


def _attested(state: State, event: ResultAttested, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    count = initiative.count
    require_phase(initiative, context, _ATTESTED, Phase.COUNTED)
    require(event.trustee in initiative.rules.trustees, _ATTESTED, f"entity {event.trustee} is no trustee")
    require_active(state, event.trustee, _ATTESTED)
    require(event.trustee not in count.attestations, _ATTESTED, f"entity {event.trustee} attested before")

    count.attestations[event.trustee] = event.result_hash
    same = sum(given == event.result_hash for given in count.attestations.values())
    if count.result_hash is None and same >= initiative.rules.trustee_threshold:
        count.result_hash = event.result_hash
    return [Change(Noun.ATTESTATION, event.initiative, event.trustee)]


HANDLERS: Handlers = {
    BallotCast: _cast,
    BallotSkipped: _skipped,
    BallotCounted: _counted,
    CountCompleted: _completed,
    ResultAttested: _attested,
}
