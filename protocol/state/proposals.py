# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the proposals: submission, moderation, costs."""

from __future__ import annotations

from protocol.events import CostChanged, ProposalAccepted, ProposalErased, ProposalRejected, ProposalSubmitted
from protocol.rules import MAX_OPTIONS
from protocol.state.claims import SubmissionClaim
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
    require_signers,
    require_text,
)
from protocol.state.model import InitiativeState, ProposalState, State
from protocol.types import Phase, ProposalId, ProposalStatus

MAX_REASON = 1024
MAX_COST = (1 << 128) - 1
_CHECK = "proposals"


def _submitted(state: State, event: ProposalSubmitted, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    proposals = initiative.proposals
    require_phase(initiative, context, _CHECK, Phase.REGISTRATION)
    require(event.proposal == len(proposals.proposals) + 1, _CHECK, f"proposal {event.proposal} is not the next")
    require(event.batch_id not in proposals.batch_ids, _CHECK, "the batch id was used before")
    signers = require_signers(state, initiative, event.registrars, _CHECK)
    submitted = proposals.submitted.get(event.author_tag, 0)
    require(submitted < initiative.rules.proposals_per_person, _CHECK, "more proposals of one author than allowed")

    proposals.batch_ids.add(event.batch_id)
    proposals.submitted[event.author_tag] = submitted + 1
    proposals.proposals[event.proposal] = ProposalState(event.proposal, event.author_tag, event.content_hash)
    proposals.submissions.append(
        SubmissionClaim(
            context.meta, event.batch_id, event.author_tag, event.content_hash, event.evidence_root, signers
        )
    )
    return [Change(Noun.PROPOSAL, event.initiative, event.proposal)]


def _of_the_publisher(
    state: State, event: ProposalAccepted | ProposalRejected | CostChanged | ProposalErased
) -> tuple[InitiativeState, ProposalState]:
    initiative = initiative_of(state, event.initiative)
    require_active(state, initiative.publisher, _CHECK)
    proposal = initiative.proposals.proposals.get(ProposalId(event.proposal))
    if proposal is None:
        raise InvalidEvent(_CHECK, f"there is no proposal {event.proposal}")
    return initiative, proposal


def _moderated(
    state: State, event: ProposalAccepted | ProposalRejected | CostChanged, context: Context
) -> tuple[InitiativeState, ProposalState]:
    initiative, proposal = _of_the_publisher(state, event)
    require_phase(initiative, context, _CHECK, Phase.REGISTRATION, Phase.REVIEW)
    return initiative, proposal


def _accepted(state: State, event: ProposalAccepted, context: Context) -> list[Change]:
    initiative, proposal = _moderated(state, event, context)
    proposals = initiative.proposals
    require(proposal.status is not ProposalStatus.ACCEPTED, _CHECK, f"proposal {proposal.id} was accepted before")
    require(proposal.erasure is None, _CHECK, f"proposal {proposal.id} was erased before")
    require_text(event.reason, 0, MAX_REASON, _CHECK, "the reason")
    require(event.option == len(proposals.options) < MAX_OPTIONS, _CHECK, f"option {event.option} is not the next")
    require(event.cost <= MAX_COST, _CHECK, "the cost is too large")

    proposal.status, proposal.option, proposal.reason = ProposalStatus.ACCEPTED, event.option, event.reason
    proposals.options.append(proposal.id)
    proposals.costs.append(event.cost)
    initiative.forget_paper()
    return [Change(Noun.PROPOSAL, event.initiative, event.proposal)]


def _rejected(state: State, event: ProposalRejected, context: Context) -> list[Change]:
    _, proposal = _moderated(state, event, context)
    require(proposal.status is not ProposalStatus.ACCEPTED, _CHECK, f"proposal {proposal.id} was accepted before")
    require_text(event.reason, 1, MAX_REASON, _CHECK, "the reason")

    proposal.status, proposal.feasible, proposal.reason = ProposalStatus.REJECTED, event.feasible, event.reason
    return [Change(Noun.PROPOSAL, event.initiative, event.proposal)]


def _cost_changed(state: State, event: CostChanged, context: Context) -> list[Change]:
    initiative, proposal = _moderated(state, event, context)
    if proposal.option is None:
        raise InvalidEvent(_CHECK, f"proposal {proposal.id} is no option")
    require_text(event.reason, 1, MAX_REASON, _CHECK, "the reason")
    require(event.cost <= MAX_COST, _CHECK, "the cost is too large")

    initiative.proposals.costs[proposal.option] = event.cost
    initiative.forget_paper()
    return [Change(Noun.PROPOSAL, event.initiative, event.proposal)]


def _erased(state: State, event: ProposalErased, context: Context) -> list[Change]:
    _, proposal = _of_the_publisher(state, event)
    require(proposal.status is not ProposalStatus.ACCEPTED, _CHECK, f"proposal {proposal.id} is an option")
    require(proposal.erasure is None, _CHECK, f"proposal {proposal.id} was erased before")
    require(event.content_hash == proposal.content_hash, _CHECK, f"proposal {proposal.id} has another text")
    require_text(event.reason, 1, MAX_REASON, _CHECK, "the reason")

    proposal.erasure = event.reason
    return [Change(Noun.PROPOSAL, event.initiative, event.proposal)]


HANDLERS: Handlers = {
    ProposalSubmitted: _submitted,
    ProposalAccepted: _accepted,
    ProposalRejected: _rejected,
    CostChanged: _cost_changed,
    ProposalErased: _erased,
}
