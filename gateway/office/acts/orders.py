# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an officer orders, as the call that goes to the chain with the officer's attribution behind it
(`protocol.attribution`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.officers.roles import Role as OfficerRole
from node.deployment import Deployment
from node.keys import Call
from protocol.attribution import OfficerAct
from protocol.evidence import SALT_BYTES, content_document
from protocol.hashing import keccak
from protocol.types import Address, Hash32, InitiativeId, Role

GAS = 400_000
GAS_PER_BYTE = 200
GAS_OF_CREATION = 6_000_000


class Kind(StrEnum):
    """What officers do on chain."""

    PUBLISH = "publish"
    ACCEPT = "accept"
    REJECT = "reject"
    COST = "cost"
    WITHDRAW = "withdraw"
    PROPOSE_EXTENSION = "propose-extension"
    APPROVE_EXTENSION = "approve-extension"
    PROPOSE_VOID = "propose-void"
    APPROVE_MOTION = "approve-motion"
    REPORT = "report"
    ERASE_REPORT = "erase-report"
    ERASE_PROPOSAL = "erase-proposal"


@dataclass(frozen=True, slots=True)
class Order:
    """`values` are the contract's arguments; `arguments` the same for people and for the statement, as JSON."""

    kind: Kind
    initiative: InitiativeId | None
    account: Role
    contract: str
    function: str
    values: tuple[object, ...]
    arguments: Mapping[str, Any]
    gas: int = GAS


#: In which of an officer's roles each kind is done, as the attribution's record says.
OFFICERS_ROLE: dict[Kind, OfficerRole] = {
    Kind.PUBLISH: OfficerRole.PUBLISHER,
    Kind.ACCEPT: OfficerRole.MODERATOR,
    Kind.REJECT: OfficerRole.MODERATOR,
    Kind.COST: OfficerRole.COSTER,
    Kind.WITHDRAW: OfficerRole.PUBLISHER,
    Kind.PROPOSE_EXTENSION: OfficerRole.PUBLISHER,
    Kind.APPROVE_EXTENSION: OfficerRole.PUBLISHER,
    Kind.PROPOSE_VOID: OfficerRole.PUBLISHER,
    Kind.APPROVE_MOTION: OfficerRole.PUBLISHER,
    Kind.REPORT: OfficerRole.REPORTER,
    Kind.ERASE_REPORT: OfficerRole.REPORTER,
    Kind.ERASE_PROPOSAL: OfficerRole.MODERATOR,
}


@dataclass(frozen=True, slots=True)
class Signed:
    """An order as calldata; `statement` is the record and its salt, which the attribution behind the call is the hash
    of, in canonical JSON."""

    target: bytes
    data: bytes
    gas: int
    statement: bytes


def attribute(order: Order, officer: str, deployment: Deployment) -> Signed:
    """Raises protocol.abi.AbiError where a value does not fit its type, protocol.evidence.EvidenceError for no text."""
    call, salt = encode(order, deployment), secrets.token_bytes(SALT_BYTES)
    assert call.to is not None
    role = OFFICERS_ROLE[order.kind].value
    record = OfficerAct(officer, role, deployment.chain_id, Address(call.to), Hash32(keccak(call.data)))
    named = call.attributed(record.attribution(salt))
    return Signed(call.to, named.data, order.gas, content_document(record.content(), salt))


def encode(order: Order, deployment: Deployment) -> Call:
    """The call without its attribution."""
    return deployment.contract(order.contract).call(order.function, *order.values, what=f"the act {order.kind}")


# The orders


def accept(initiative: InitiativeId, proposal: int, cost: int, reason: str) -> Order:
    arguments = {"proposal": proposal, "cost": str(cost), "reason": reason}
    values = (initiative, proposal, cost, reason)
    return Order(Kind.ACCEPT, initiative, Role.PUBLISHER, "Proposals", "accept", values, arguments, _text_gas(reason))


def reject(initiative: InitiativeId, proposal: int, feasible: bool, reason: str) -> Order:
    arguments = {"proposal": proposal, "feasible": feasible, "reason": reason}
    values = (initiative, proposal, feasible, reason)
    return Order(Kind.REJECT, initiative, Role.PUBLISHER, "Proposals", "reject", values, arguments, _text_gas(reason))


def cost(initiative: InitiativeId, proposal: int, cost: int, reason: str) -> Order:
    arguments = {"proposal": proposal, "cost": str(cost), "reason": reason}
    values = (initiative, proposal, cost, reason)
    return Order(Kind.COST, initiative, Role.PUBLISHER, "Proposals", "setCost", values, arguments, _text_gas(reason))


def withdraw(initiative: InitiativeId, explanation: str) -> Order:
    arguments, values = {"explanation": explanation}, (initiative, explanation)
    gas = _text_gas(explanation)
    return Order(Kind.WITHDRAW, initiative, Role.PUBLISHER, "Initiatives", "withdraw", values, arguments, gas)


def propose_extension(initiative: InitiativeId, closes: int) -> Order:
    arguments, values = {"voting-closes": closes}, (initiative, closes)
    return Order(
        Kind.PROPOSE_EXTENSION, initiative, Role.PUBLISHER, "Initiatives", "proposeExtension", values, arguments
    )


def approve_extension(initiative: InitiativeId, closes: int) -> Order:
    """By the second entity, with its member account."""
    arguments, values = {"voting-closes": closes}, (initiative, closes)
    return Order(Kind.APPROVE_EXTENSION, initiative, Role.MEMBER, "Initiatives", "approveExtension", values, arguments)


def propose_void(initiative: InitiativeId, explanation: str, deployment: Deployment) -> Order:
    """A motion to void; it passes when more than half of the entities approve it."""
    initiatives = deployment.contract("Initiatives")
    data = initiatives.interface.encode("voidByMotion", (initiative, explanation))
    arguments, values = {"explanation": explanation}, (initiatives.address, data)
    gas = GAS + 4 * _text_gas(explanation)
    return Order(Kind.PROPOSE_VOID, initiative, Role.MEMBER, "Consortium", "propose", values, arguments, gas)


def approve_motion(motion: int) -> Order:
    """Approving the last one needed carries the motion out."""
    return Order(
        Kind.APPROVE_MOTION, None, Role.MEMBER, "Consortium", "approve", (motion,), {"motion": motion}, 1_000_000
    )


def report(
    initiative: InitiativeId, option: int, status: int, label: str, share: int, spent: int, content_hash: Hash32
) -> Order:
    arguments = {
        "option": option,
        "status": label,
        "share-done": share,
        "spent": str(spent),
        "content-hash": "0x" + content_hash.hex(),
    }
    values = (initiative, option, status, share, spent, content_hash)
    return Order(Kind.REPORT, initiative, Role.PUBLISHER, "FollowUp", "report", values, arguments)


def erase_report(initiative: InitiativeId, option: int, number: int, reason: str, content_hash: Hash32) -> Order:
    arguments = {
        "option": option,
        "report": number,
        "reason": reason,
        "content-hash": "0x" + content_hash.hex(),
    }
    values = (initiative, option, number, reason)
    gas = _text_gas(reason)
    return Order(Kind.ERASE_REPORT, initiative, Role.PUBLISHER, "FollowUp", "erase", values, arguments, gas)


def erase_proposal(initiative: InitiativeId, proposal: int, reason: str) -> Order:
    """Of a proposal that was not accepted: its text and salt are to be erased wherever they are kept."""
    arguments, values = {"proposal": proposal, "reason": reason}, (initiative, proposal, reason)
    gas = _text_gas(reason)
    return Order(Kind.ERASE_PROPOSAL, initiative, Role.PUBLISHER, "Proposals", "erase", values, arguments, gas)


def _text_gas(text: str) -> int:
    return GAS + GAS_PER_BYTE * len(text.encode())
