# SPDX-License-Identifier: AGPL-3.0-or-later
"""The shared reducer: what the events of the chain amount to, for gateway and observer alike."""

from protocol.state.claims import (
    BatchClaim,
    CastBallot,
    ComplaintClaim,
    DealtClaim,
    EventMeta,
    ReplacementClaim,
    RootClaim,
    Signer,
    SubmissionClaim,
    TrusteeKeyClaim,
)
from protocol.state.guards import Change, InvalidEvent, Noun
from protocol.state.model import (
    BallotsState,
    BrokerKey,
    CeremonyState,
    ConsortiumState,
    CountState,
    ElectorateState,
    EntityState,
    InitiativeState,
    MotionState,
    ProposalsState,
    ProposalState,
    State,
)
from protocol.state.phase import phase_at, status_at
from protocol.state.reducer import apply, contract_address, contract_at, require_settled

__all__ = [
    "BallotsState",
    "BatchClaim",
    "BrokerKey",
    "CastBallot",
    "CeremonyState",
    "Change",
    "ComplaintClaim",
    "ConsortiumState",
    "CountState",
    "DealtClaim",
    "ElectorateState",
    "EntityState",
    "EventMeta",
    "InitiativeState",
    "InvalidEvent",
    "MotionState",
    "Noun",
    "ProposalState",
    "ProposalsState",
    "ReplacementClaim",
    "RootClaim",
    "Signer",
    "State",
    "SubmissionClaim",
    "TrusteeKeyClaim",
    "apply",
    "contract_address",
    "contract_at",
    "phase_at",
    "require_settled",
    "status_at",
]
