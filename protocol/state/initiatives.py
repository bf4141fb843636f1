# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the initiatives: creation, extension, reopening, void."""

from __future__ import annotations

from protocol import rules as rulebook
from protocol.abi import AbiError
from protocol.ballot import ballot_scope
from protocol.events import (
    CeremonyOpened,
    ExtensionProposed,
    InitiativeCreated,
    InitiativeVoided,
    VotingExtended,
    VotingReopened,
)
from protocol.hashing import keccak
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
    require_text,
)
from protocol.state.model import BallotsState, CeremonyState, InitiativeState, State
from protocol.state.phase import phase_at
from protocol.types import G1Point, Phase, VoidReason

EXTENSION_NOTICE = 86400
MAX_REOPENING = 7 * 86400
MAX_TITLE, MAX_SCOPE, MAX_EXPLANATION = 256, 8192, 1024
_CHECK = "initiative.rules"


def _created(state: State, event: InitiativeCreated, context: Context) -> list[Change]:
    require(event.initiative == state.created + 1, _CHECK, f"initiative {event.initiative} is not the next")
    require_active(state, event.publisher, _CHECK)
    rules = _rules(state, event, context)
    require_text(event.title, 1, MAX_TITLE, _CHECK, "the title")
    require(1 <= len(event.scope) <= MAX_SCOPE, _CHECK, f"a scope of {len(event.scope)} bytes")
    require(keccak(event.scope) == rules.scope_hash, _CHECK, "the scope is not what the rules name")

    state.created += 1
    scope = ballot_scope(state.chain_id, state.suite.ballot_box, event.initiative)
    state.initiatives[event.initiative] = InitiativeState(
        id=event.initiative,
        publisher=event.publisher,
        rules=rules,
        rules_hash=event.rules_hash,
        scope=event.scope,
        title=event.title,
        created=context.meta,
        voting_closes=rules.windows.voting_closes,
        ballots=BallotsState(scope),
    )
    state.expected.append(CeremonyOpened(event.initiative, _keys(state, rules), rules.windows.registration_opens))
    return [Change(Noun.INITIATIVE, event.initiative)]


def _rules(state: State, event: InitiativeCreated, context: Context) -> rulebook.Rules:
    require(keccak(event.rules) == event.rules_hash, _CHECK, "the hash is not that of the rules")
    try:
        rules = rulebook.decode(event.rules)
        rulebook.check(rules, context.now, state.consortium)
    except (AbiError, rulebook.RulesError) as error:
        raise InvalidEvent(_CHECK, str(error)) from None
    return rules


def _keys(state: State, rules: rulebook.Rules) -> tuple[G1Point, ...]:
    keys = (state.consortium.trustee_key(trustee) for trustee in rules.trustees)
    return tuple(key for key in keys if key is not None)


def _ceremony_opened(state: State, event: CeremonyOpened, context: Context) -> list[Change]:
    require(context.entailed, "ceremony.key", "a ceremony opened without an initiative")
    initiative_of(state, event.initiative).ceremony = CeremonyState(keys=event.keys, starts_at=event.starts_at)
    return [Change(Noun.CEREMONY, event.initiative)]


def _require_extensible(initiative: InitiativeState, context: Context) -> None:
    require_phase(initiative, context, _CHECK, Phase.VOTING)
    require(not initiative.extended and not initiative.reopened, _CHECK, "extended or reopened before")
    require(context.now + EXTENSION_NOTICE <= initiative.voting_closes, _CHECK, "less than 24 hours before the close")


def _extension_proposed(state: State, event: ExtensionProposed, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    require(event.publisher == initiative.publisher, _CHECK, f"entity {event.publisher} is not the publisher")
    require_active(state, event.publisher, _CHECK)
    _require_extensible(initiative, context)
    close = initiative.voting_closes
    latest = close + initiative.rules.windows.max_extension
    require(close < event.voting_closes <= latest, _CHECK, f"a close at {event.voting_closes} is out of bounds")

    initiative.proposed_close = event.voting_closes
    return [Change(Noun.INITIATIVE, event.initiative)]


def _extended(state: State, event: VotingExtended, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    rules = initiative.rules
    require(event.approver != initiative.publisher, _CHECK, "the publisher approved its own extension")
    require(event.approver in rules.registrars + rules.trustees, _CHECK, f"entity {event.approver} has no part in it")
    require_active(state, event.approver, _CHECK)
    _require_extensible(initiative, context)
    require(event.voting_closes == initiative.proposed_close, _CHECK, "another close than was proposed")

    initiative.extended = True
    initiative.voting_closes = event.voting_closes
    return [Change(Noun.INITIATIVE, event.initiative)]


def _reopened(state: State, event: VotingReopened, context: Context) -> list[Change]:
    require(context.entailed, _CHECK, "voting reopened without a motion")
    initiative = initiative_of(state, event.initiative)
    require_phase(initiative, context, _CHECK, Phase.CHALLENGE)
    require(not initiative.reopened, _CHECK, "reopened before")
    within = context.now < event.voting_closes <= context.now + MAX_REOPENING
    require(within, _CHECK, f"a close at {event.voting_closes} is out of bounds")

    initiative.reopened = True
    initiative.voting_closes = event.voting_closes
    return [Change(Noun.INITIATIVE, event.initiative)]


def _voided(state: State, event: InitiativeVoided, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    if event.reason is VoidReason.WITHDRAWN:
        require_active(state, initiative.publisher, _CHECK)
        require_phase(initiative, context, _CHECK, Phase.ANNOUNCED)
    else:
        by_motion = event.reason is VoidReason.MOTION and context.entailed
        require(by_motion, _CHECK, f"void ({event.reason.label}) by nobody")
        phase = phase_at(initiative, context.now)
        require(phase not in (Phase.COUNTED, Phase.VOID), _CHECK, f"voided when {phase.label}")
    require_text(event.explanation, 1, MAX_EXPLANATION, _CHECK, "the explanation")

    initiative.voided = event.reason
    initiative.explanation = event.explanation
    return [Change(Noun.INITIATIVE, event.initiative)]


HANDLERS: Handlers = {
    InitiativeCreated: _created,
    CeremonyOpened: _ceremony_opened,
    ExtensionProposed: _extension_proposed,
    VotingExtended: _extended,
    VotingReopened: _reopened,
    InitiativeVoided: _voided,
}
