# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check `consortium.accounts`: an entity's acts come from its account, as the transaction's signature shows.

On a chain without seals this is what keeps a forger from putting acts into a history: it has no key.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.observer.codec import SignedTransaction
from protocol.checks import CheckFailed, NotVerifiable, place
from protocol.events import (
    AccountChanged,
    ComplaintJudged,
    CostChanged,
    Dealt,
    EndpointChanged,
    Event,
    ExtensionProposed,
    InitiativeCreated,
    InitiativeVoided,
    MotionApproved,
    MotionProposed,
    ProposalAccepted,
    ProposalRejected,
    ResultAttested,
    ShareReleased,
    TrusteeKeyRegistered,
    VotingExtended,
)
from protocol.state import EventMeta, State
from protocol.types import EntityId, InitiativeId, Role, VoidReason

_CHECK = "consortium.accounts"


@dataclass(slots=True)
class Acts:
    """Counts the acts; the first that another account sent is the fault."""

    sent: int = 0
    through_others: int = 0
    fault: CheckFailed | None = None

    def judge(self, state: State, event: Event, meta: EventMeta, transaction: SignedTransaction) -> None:
        """Before the event is folded, for accounts are as they were when it was sent."""
        actor = _actor(state, event)
        if actor is None or self.fault is not None:
            return
        entity, role = actor
        if entity not in state.consortium.entities:
            return  # the fold says so
        if transaction.to != meta.address:
            self.through_others += 1
            return
        self.sent += 1
        if transaction.sender != state.consortium.account(entity, role):
            kind = type(event).__name__
            self.fault = CheckFailed(
                _CHECK, f"{place(meta)}: {kind} was sent by 0x{transaction.sender.hex()}, not by entity {entity}"
            )

    def verdict(self) -> str:
        """Raises CheckFailed, NotVerifiable."""
        if self.fault is not None:
            raise self.fault
        if self.through_others:
            raise NotVerifiable(_CHECK, f"{self.through_others} acts came through other contracts, {self.sent} did not")
        return f"{self.sent} acts"


def _actor(state: State, event: Event) -> tuple[EntityId, Role] | None:
    match event:
        case AccountChanged(entity=entity) | EndpointChanged(entity=entity) | MotionApproved(entity=entity):
            return entity, Role.MEMBER
        case MotionProposed(proposer=entity):
            return entity, Role.MEMBER
        case InitiativeCreated(publisher=entity) | ExtensionProposed(publisher=entity):
            return entity, Role.PUBLISHER
        case ProposalAccepted() | ProposalRejected() | CostChanged():
            return _publisher(state, event.initiative)
        case InitiativeVoided(reason=VoidReason.WITHDRAWN):
            return _publisher(state, event.initiative)
        case VotingExtended(approver=entity):
            return entity, Role.MEMBER
        case TrusteeKeyRegistered(entity=entity) | ResultAttested(trustee=entity):
            return entity, Role.TRUSTEE
        case Dealt(dealer=index) | ComplaintJudged(complainant=index) | ShareReleased(trustee=index):
            return _trustee(state, event.initiative, index)
    return None


def _publisher(state: State, number: InitiativeId) -> tuple[EntityId, Role] | None:
    initiative = state.initiatives.get(number)
    return None if initiative is None else (initiative.publisher, Role.PUBLISHER)


def _trustee(state: State, number: InitiativeId, index: int) -> tuple[EntityId, Role] | None:
    initiative = state.initiatives.get(number)
    if initiative is None or not 1 <= index <= len(initiative.rules.trustees):
        return None
    return initiative.rules.trustees[index - 1], Role.TRUSTEE
