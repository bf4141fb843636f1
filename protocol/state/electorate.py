# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the electorate: registrations, and replacements of commitments."""

from __future__ import annotations

from protocol.events import Registered, RegistrationSkipped, ReplacementApplied, ReplacementQueued
from protocol.rules import ELECTORATE_CAPACITY
from protocol.state.claims import BatchClaim, ReplacementClaim, RootClaim
from protocol.state.guards import (
    Change,
    Context,
    Handlers,
    Noun,
    in_field,
    initiative_of,
    require,
    require_phase,
    require_signers,
)
from protocol.state.model import ElectorateState, State
from protocol.types import Phase, SkipReason

MAX_REPLACEMENTS = 2
_ROOT = "electorate.root"
_SIGNATURES = "electorate.signatures"


def _skipped(state: State, event: RegistrationSkipped, context: Context) -> list[Change]:
    # Whether rightly: once the batch's own event, the next but skips, tells the others.
    initiative = initiative_of(state, event.initiative)
    require_phase(initiative, context, _ROOT, Phase.REGISTRATION)
    require(in_field(event.commitment), _ROOT, "a skipped commitment is out of range")

    state.skips.append(event)
    return []


def _registered(state: State, event: Registered, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    electorate = initiative.electorate
    require_phase(initiative, context, _ROOT, Phase.REGISTRATION)
    require(event.batch_id not in electorate.batch_ids, _SIGNATURES, "the batch id was used before")
    signers = require_signers(state, initiative, event.registrars, _SIGNATURES)
    _require_new(electorate, event)
    _require_skips(electorate, event, state.skips)

    skipped = tuple((skip.position, skip.tag, skip.commitment, skip.reason) for skip in state.skips)
    state.skips.clear()
    electorate.batch_ids.add(event.batch_id)
    electorate.batches.append(
        BatchClaim(context.meta, event.batch_id, event.tags, event.commitments, skipped, event.evidence_root, signers)
    )
    electorate.index.update(zip(event.tags, range(event.first_index, ELECTORATE_CAPACITY), strict=False))
    electorate.leaves.extend(event.commitments)
    electorate.used.update(event.commitments)
    _set_root(electorate, RootClaim(context.meta, event.first_index, event.commitments, event.root))
    places = range(event.first_index, electorate.size)
    return [Change(Noun.PERSON, event.initiative, place) for place in places] or [
        Change(Noun.INITIATIVE, event.initiative)
    ]


def _set_root(electorate: ElectorateState, claim: RootClaim) -> None:
    electorate.root = claim.root
    electorate.roots.append(claim)


def _require_new(electorate: ElectorateState, event: Registered) -> None:
    tags, commitments = event.tags, event.commitments
    require(len(tags) == len(commitments), _ROOT, f"{len(tags)} tags for {len(commitments)} commitments")
    require(event.first_index == electorate.size, _ROOT, f"the first index is {event.first_index}")
    require(electorate.size + len(tags) <= ELECTORATE_CAPACITY, _ROOT, "more leaves than the tree holds")
    require(len(set(tags)) == len(tags) and electorate.index.keys().isdisjoint(tags), _ROOT, "a tag is known")
    fresh = len(set(commitments)) == len(commitments) and electorate.used.isdisjoint(commitments)
    require(fresh, _ROOT, "a commitment was used before")
    require(all(map(in_field, commitments)), _ROOT, "a commitment is out of range")
    require(bool(tags) or event.root == electorate.root, _ROOT, "the root moved without a leaf")


def _require_skips(electorate: ElectorateState, event: Registered, skips: list[RegistrationSkipped]) -> None:
    require(bool(event.tags or skips), _ROOT, "an empty batch")
    last = -1
    for number, skip in enumerate(skips):
        accepted = skip.position - number
        require(last < skip.position and accepted <= len(event.tags), _ROOT, f"skipped at place {skip.position}")
        last = skip.position
        known = skip.tag in electorate.index or skip.tag in event.tags[:accepted]
        if skip.reason is SkipReason.KNOWN_TAG:
            require(known, _ROOT, "skipped a tag that is not known")
        else:
            used = skip.commitment in electorate.used or skip.commitment in event.commitments[:accepted]
            require(used, _ROOT, "skipped a commitment that was not used")
            require(not known, _ROOT, "skipped for its commitment what had a known tag")


def _queued(state: State, event: ReplacementQueued, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    electorate = initiative.electorate
    require_phase(initiative, context, _ROOT, Phase.REGISTRATION, Phase.REVIEW)
    require(event.batch_id not in electorate.batch_ids, _SIGNATURES, "the batch id was used before")
    signers = require_signers(state, initiative, event.registrars, _SIGNATURES)
    require(event.tag in electorate.index, _ROOT, "a replacement for an unknown tag")
    current = electorate.leaves[electorate.index[event.tag]]
    require(event.old_commitment == current, _ROOT, "a replacement of another commitment than the tag's")
    new = event.new_commitment
    require(in_field(new) and new not in electorate.used, _ROOT, "the new commitment is out of range, or used")
    times = electorate.queued.get(event.tag, 0)
    require(times < MAX_REPLACEMENTS, _ROOT, "more than two replacements for a tag")

    electorate.batch_ids.add(event.batch_id)
    electorate.queued[event.tag] = times + 1
    electorate.pending[event.tag] = new
    electorate.used.add(new)
    electorate.replacements.append(
        ReplacementClaim(context.meta, event.batch_id, event.tag, current, new, event.evidence_root, signers)
    )
    return [Change(Noun.REPLACEMENT, event.initiative, event.tag)]


def _applied(state: State, event: ReplacementApplied, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    electorate = initiative.electorate
    require_phase(initiative, context, _ROOT, Phase.REVIEW)
    require(event.tag in electorate.pending, _ROOT, "no replacement is queued for the tag")
    index = electorate.index[event.tag]
    require(event.index == index, _ROOT, f"the tag's leaf is {index}, not {event.index}")
    require(event.old_commitment == electorate.leaves[index], _ROOT, "the leaf held another commitment")
    require(event.new_commitment == electorate.pending[event.tag], _ROOT, "another commitment was queued")

    del electorate.pending[event.tag]
    electorate.leaves[index] = event.new_commitment
    _set_root(electorate, RootClaim(context.meta, index, (event.new_commitment,), event.root))
    return [Change(Noun.REPLACEMENT, event.initiative, event.tag), Change(Noun.PERSON, event.initiative, index)]


HANDLERS: Handlers = {
    RegistrationSkipped: _skipped,
    Registered: _registered,
    ReplacementQueued: _queued,
    ReplacementApplied: _applied,
}
