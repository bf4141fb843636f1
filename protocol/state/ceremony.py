# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the ceremony. They are few, so that all their arithmetic is checked at once (docs/protocol/ceremony.md)."""

from __future__ import annotations

from protocol.bn254 import INFINITY, SCALAR_FIELD
from protocol.ceremony import CeremonyError, Epoch, aggregate, combine, is_share, verify_dealing
from protocol.events import ComplaintJudged, Dealt, EpochStarted, KeyCombined, KeyFinalised, ShareReleased
from protocol.state.claims import ComplaintClaim, DealtClaim
from protocol.state.guards import (
    Change,
    Context,
    Handlers,
    InvalidEvent,
    Noun,
    initiative_of,
    require,
    require_phase,
    require_trustee,
)
from protocol.state.model import InitiativeState, State
from protocol.types import Phase

_DEALINGS, _COMPLAINTS, _KEY = "ceremony.dealings", "ceremony.complaints", "ceremony.key"
_SHARES, _COMBINED = "opening.shares", "opening.key"


def _steps(initiative: InitiativeState, epoch: int, context: Context, check: str) -> int:
    """Whole steps since the present epoch began, which must be the event's."""
    ceremony = initiative.ceremony
    require_phase(initiative, context, check, Phase.REGISTRATION, Phase.REVIEW)
    require(not ceremony.is_finalised, check, "the joint key was final before")
    require(epoch == ceremony.epoch, check, f"epoch {epoch} is not the present one, {ceremony.epoch}")
    require(context.now >= ceremony.starts_at, check, "the epoch has not begun")
    return (context.now - ceremony.starts_at) // initiative.rules.windows.ceremony_step


def _dealt(state: State, event: Dealt, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    ceremony, rules = initiative.ceremony, initiative.rules
    require_trustee(state, initiative, event.dealer, _DEALINGS)
    steps = _steps(initiative, event.epoch, context, _DEALINGS)
    require(steps == 0, _DEALINGS, "dealt after the step for dealing")
    require(event.dealer not in ceremony.dealings, _DEALINGS, f"trustee {event.dealer} dealt before")
    epoch = Epoch(state.chain_id, state.suite.ceremony, event.initiative, event.epoch)
    try:
        verify_dealing(event.dealing, epoch, event.dealer, rules.trustee_threshold, len(rules.trustees))
    except CeremonyError as error:
        raise InvalidEvent(_DEALINGS, str(error)) from None

    ceremony.dealings[event.dealer] = event.dealing
    ceremony.dealt.append(DealtClaim(context.meta, event.epoch, event.dealer, event.dealing))
    return [Change(Noun.CEREMONY, event.initiative)]


def _judged(state: State, event: ComplaintJudged, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    ceremony = initiative.ceremony
    require_trustee(state, initiative, event.complainant, _COMPLAINTS)
    steps = _steps(initiative, event.epoch, context, _COMPLAINTS)
    require(steps <= 1, _COMPLAINTS, "complained after the step for complaints")
    require(event.dealer in ceremony.dealings, _COMPLAINTS, f"trustee {event.dealer} did not deal")
    require(event.dealer not in ceremony.disqualified, _COMPLAINTS, f"trustee {event.dealer} is disqualified")

    if event.upheld:
        ceremony.disqualified.add(event.dealer)
    ceremony.complaints.append(ComplaintClaim(context.meta, event.epoch, event.dealer, event.complainant, event.upheld))
    return [Change(Noun.CEREMONY, event.initiative)]


def _epoch_started(state: State, event: EpochStarted, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    ceremony = initiative.ceremony
    steps = _steps(initiative, event.epoch - 1, context, _KEY)
    require(steps >= 2, _KEY, "an epoch began before the last was over")
    qualified = ceremony.qualified()
    require(len(qualified) < initiative.rules.trustee_threshold, _KEY, "an epoch began though enough dealers qualify")
    require(event.starts_at == context.now, _KEY, "the epoch does not begin now")

    ceremony.epoch, ceremony.starts_at = event.epoch, event.starts_at
    ceremony.dealings, ceremony.disqualified = {}, set()
    return [Change(Noun.CEREMONY, event.initiative)]


def _finalised(state: State, event: KeyFinalised, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    ceremony = initiative.ceremony
    steps = _steps(initiative, event.epoch, context, _KEY)
    require(steps >= 2, _KEY, "finalised before the complaints were over")
    qualified = ceremony.qualified()
    require(list(event.dealers) == qualified, _KEY, f"the qualified dealers are {qualified}, not {list(event.dealers)}")
    require(len(qualified) >= initiative.rules.trustee_threshold, _KEY, f"{len(qualified)} dealers are too few")
    sums = aggregate(ceremony.dealings[dealer] for dealer in qualified)
    require(event.commitments == sums, _KEY, "the commitments are not the sums of the dealers'")
    require(sums[0] != INFINITY, _KEY, "the joint key is infinity")

    ceremony.dealers, ceremony.commitments = event.dealers, event.commitments
    return [Change(Noun.CEREMONY, event.initiative)]


def _released(state: State, event: ShareReleased, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    ceremony = initiative.ceremony
    require_phase(initiative, context, _SHARES, Phase.OPENING)
    require_trustee(state, initiative, event.trustee, _SHARES)
    require(event.trustee not in ceremony.shares, _SHARES, f"trustee {event.trustee} released before")
    good = event.share < SCALAR_FIELD and is_share(ceremony.commitments, event.trustee, event.share)
    require(good, _SHARES, f"the share of trustee {event.trustee} does not fit its public share")
    shares = ceremony.shares | {event.trustee: event.share}
    combined = None
    if len(shares) == initiative.rules.trustee_threshold:
        combined = _combine(initiative, shares)

    ceremony.shares = shares
    if combined is not None:
        state.expected.append(KeyCombined(event.initiative, combined))
    return [Change(Noun.CEREMONY, event.initiative)]


def _combine(initiative: InitiativeState, shares: dict[int, int]) -> int:
    try:
        return combine(shares, initiative.ceremony.commitments)
    except CeremonyError as error:
        raise InvalidEvent(_COMBINED, str(error)) from None


def _combined(state: State, event: KeyCombined, context: Context) -> list[Change]:
    # That it is the key which the shares give was settled when it became expected.
    require(context.entailed, _COMBINED, "a key combined without the last share")

    initiative_of(state, event.initiative).ceremony.secret_key = event.secret_key
    return [Change(Noun.CEREMONY, event.initiative)]


HANDLERS: Handlers = {
    Dealt: _dealt,
    ComplaintJudged: _judged,
    EpochStarted: _epoch_started,
    KeyFinalised: _finalised,
    ShareReleased: _released,
    KeyCombined: _combined,
}
