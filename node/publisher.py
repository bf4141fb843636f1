# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a publisher does: creates an initiative, hands its pepper to the registrars, decides on proposals, reports.

Texts of proposals and reports are never sent: the chain has their salted hashes (`protocol.evidence`).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from node import events
from node.draft import Draft
from node.errors import NodeError
from node.handover import Handover, hand_over
from node.keys import Call, Secret
from node.member import Member
from protocol import rules as rules_encoding
from protocol.events import ExecutionReported, InitiativeCreated
from protocol.rules import Rules
from protocol.types import ExecutionStatus, Hash32, InitiativeId, ProposalStatus, Role

PEPPER_PATIENCE = 60.0
_IN_FLIGHT = 200
_DECISION_GAS = 250_000
_GAS_PER_BYTE = 200


@dataclass(frozen=True, slots=True)
class Created:
    """An initiative; `already` where an earlier call had created it from the same draft."""

    initiative: int
    rules_hash: bytes
    pepper_hash: bytes
    already: bool
    handovers: tuple[Handover, ...]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The decision to accept a proposal at a cost in minor units; `reason` may be empty."""

    proposal: int
    cost: int
    reason: str = ""


def create(member: Member, draft: Draft, *, patience: float = PEPPER_PATIENCE) -> Created:
    """Creates the initiative, once per draft however often it is called, and hands the pepper to the registrars.

    The pepper is on disk before its hash is on chain. Raises ContractError (rules refused), SendError, RpcError.
    """
    found = _existing(member, draft)
    already = found is not None
    if found is None:
        found = _create(member, draft)
    initiative, rules = found
    handovers = hand_over(member, InitiativeId(initiative), rules, patience=patience)
    return Created(initiative, rules_encoding.rules_hash(rules), rules.pepper_hash, already, handovers)


def _create(member: Member, draft: Draft) -> tuple[int, Rules]:
    pepper_hash = Hash32(member.folder.peppers.put(Secret(secrets.token_bytes(32))))
    rules = replace(draft.rules, pepper_hash=pepper_hash)
    initiatives = member.deployment.contract("Initiatives")
    what = f"the creation of the initiative {draft.title!r}"
    with member.sender(Role.PUBLISHER) as sender:
        receipt = sender.call(initiatives.call("create", rules, draft.scope.decode(), draft.title, what=what))
        sender.await_final()
    for located in events.of_receipt(receipt, member.deployment):
        if isinstance(located.event, InitiativeCreated):
            return located.event.initiative, rules
    raise NodeError(f"The transaction of {what} succeeded without its event; check that --deployment fits the chain.")


def _existing(member: Member, draft: Draft) -> tuple[int, Rules] | None:
    """The initiative that this entity created from this draft, if it did; the draft's times make it unique."""
    for located in events.read(member.rpc, member.deployment, [InitiativeCreated]):
        event = located.event
        assert isinstance(event, InitiativeCreated)
        if event.publisher != member.entity or event.title != draft.title or event.scope != draft.scope:
            continue
        rules = rules_encoding.decode(event.rules)
        same = replace(rules, pepper_hash=draft.rules.pepper_hash) == draft.rules
        peppers = member.folder.peppers
        if same and (peppers.holds(rules.pepper_hash) or peppers.record(rules.pepper_hash).destroyed):
            return event.initiative, rules
    return None


def accept(member: Member, initiative: int, acceptances: Sequence[Acceptance]) -> int:
    """Accepts proposals in the order given, which gives them their option numbers; how many were still to be accepted.

    An accepted proposal whose cost differs gets the new cost. All transactions are in flight at once. Raises
    ContractError, SendError, RpcError.
    """
    proposals = member.deployment.contract("Proposals")
    calls: list[Call] = []
    accepted = 0
    for one in acceptances:
        known = proposals.read(member.rpc, "proposal", initiative, one.proposal)
        gas = _DECISION_GAS + _GAS_PER_BYTE * len(one.reason.encode())
        if known.status != ProposalStatus.ACCEPTED:
            what = f"the acceptance of proposal {one.proposal}"
            calls.append(proposals.call("accept", initiative, one.proposal, one.cost, one.reason, what=what, gas=gas))
            accepted += 1
        elif known.cost != one.cost:
            what = f"the new cost of proposal {one.proposal}"
            reason = one.reason or "cost corrected"
            calls.append(proposals.call("setCost", initiative, one.proposal, one.cost, reason, what=what, gas=gas))
    with member.sender(Role.PUBLISHER) as sender:
        for start in range(0, len(calls), _IN_FLIGHT):
            sender.wait(sender.submit(calls[start : start + _IN_FLIGHT]))
        sender.await_final()
    return accepted


def reject(member: Member, initiative: int, proposal: int, *, feasible: bool, reason: str) -> None:
    """Rejects a proposal, saying why. Raises ContractError, SendError, RpcError."""
    proposals = member.deployment.contract("Proposals")
    what = f"the rejection of proposal {proposal}"
    with member.sender(Role.PUBLISHER) as sender:
        sender.call(proposals.call("reject", initiative, proposal, feasible, reason, what=what))
        sender.await_final()


@dataclass(frozen=True, slots=True)
class Execution:
    """What is reported of an option: `share_done` in basis points, `spent` so far in minor units, the text's hash."""

    option: int
    status: ExecutionStatus
    share_done: int
    spent: int
    content_hash: bytes


def report(member: Member, initiative: int, execution: Execution) -> int:
    """Reports on a winner's execution. The report's number, from 1. Raises ContractError, SendError, RpcError."""
    follow_up = member.deployment.contract("FollowUp")
    values = (execution.option, execution.status, execution.share_done, execution.spent, execution.content_hash)
    what = f"the report on option {execution.option}"
    with member.sender(Role.PUBLISHER) as sender:
        receipt = sender.call(follow_up.call("report", initiative, *values, what=what))
        sender.await_final()
    for located in events.of_receipt(receipt, member.deployment):
        if isinstance(located.event, ExecutionReported):
            return located.event.report
    raise NodeError(f"The transaction of {what} succeeded without its event; check that --deployment fits the chain.")


def erase_proposal(member: Member, initiative: int, proposal: int, reason: str) -> None:
    """Has the text of a proposal erased that was not accepted. Raises ContractError, SendError, RpcError."""
    proposals = member.deployment.contract("Proposals")
    what = f"the erasure of proposal {proposal}"
    with member.sender(Role.PUBLISHER) as sender:
        sender.call(proposals.call("erase", initiative, proposal, reason, what=what))
        sender.await_final()


def erase_report(member: Member, initiative: int, option: int, number: int, reason: str) -> None:
    """Has a report's text erased; its figures stay. Raises ContractError, SendError, RpcError."""
    follow_up = member.deployment.contract("FollowUp")
    what = f"the erasure of report {number} on option {option}"
    with member.sender(Role.PUBLISHER) as sender:
        sender.call(follow_up.call("erase", initiative, option, number, reason, what=what))
        sender.await_final()
