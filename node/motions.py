# SPDX-License-Identifier: AGPL-3.0-or-later
"""The consortium's motions, from a member's side.

A member does not approve a number that somebody told it: it says what it wants, and this proposes that, or approves
the open motion which says exactly the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node.contracts import Contract, Record
from node.deployment import SUITE, Deployment
from node.entity import PublicEntity
from node.errors import ContractError
from node.member import Member
from node.rpc import RpcClient
from protocol.hashing import keccak
from protocol.types import Role


@dataclass(frozen=True, slots=True)
class MotionView:
    """A motion as it stands. `call` is the name of what it would call, or the selector where that is unknown;
    `arguments` what it would call it with, None where that cannot be read."""

    number: int
    proposer: int
    target: bytes
    call: str
    arguments: Mapping[str, Any] | None
    expires: int
    approvals: int
    executed: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What a member did towards a motion: its number (0 where none was needed), a sentence, whether it has passed."""

    motion: int
    done: str
    passed: bool


def motions(rpc: RpcClient, deployment: Deployment) -> list[MotionView]:
    """All motions, in order of their numbers, from 1."""
    consortium = deployment.contract("Consortium")
    found: list[MotionView] = []
    while (motion := _motion(consortium, rpc, len(found) + 1)) is not None:
        call, arguments = _called(deployment, motion.target, motion.data)
        found.append(
            MotionView(
                number=len(found) + 1,
                proposer=motion.proposer,
                target=motion.target,
                call=call,
                arguments=arguments,
                expires=motion.expires,
                approvals=motion.approvals,
                executed=motion.executed,
            )
        )
    return found


def approve(member: Member, number: int) -> bool:
    """Approves in the entity's name; whether the motion has passed. Raises ContractError, SendError, RpcError."""
    consortium = member.deployment.contract("Consortium")
    with member.sender(Role.MEMBER) as sender:
        sender.call(consortium.call("approve", number, what=f"the approval of motion {number}"))
        sender.await_final()
    return bool(consortium.read(member.rpc, "motion", number).executed)


def add_suite(member: Member) -> Step:
    """Towards the listing of the deployment's suite."""
    if _is_listed(member):
        return Step(0, "Nothing was left to do.", True)
    return move(member, "Consortium", "addSuite", (member.deployment.suite,), "the motion to list the suite")


def admit(member: Member, entity: PublicEntity) -> Step:
    """Towards the admission of an entity, with the accounts that its `entity.json` names."""
    draft = (entity.name, entity.endpoint, [entity.accounts[role] for role in Role])
    for account in entity.accounts.values():
        if any(_consortium(member).read(member.rpc, "entityOf", account, role) for role in Role):
            return Step(0, f"The entity {entity.name!r} is a member already.", True)
    return move(member, "Consortium", "admit", (draft,), f"the motion to admit {entity.name!r}")


def suspend(member: Member, entity: int) -> Step:
    """Towards the suspension of an entity, which is for ever."""
    if 0 < entity <= _consortium(member).read(member.rpc, "entityCount") and not _consortium(member).read(
        member.rpc, "isActive", entity
    ):
        return Step(0, f"Entity {entity} is suspended already.", True)
    return move(member, "Consortium", "suspend", (entity,), f"the motion to suspend entity {entity}")


def set_minimum_anonymity(member: Member, minimum: int) -> Step:
    """Towards another floor of the minimum anonymity set, for initiatives created from then on."""
    if _consortium(member).read(member.rpc, "minimumAnonymity") == minimum:
        return Step(0, f"The minimum is {minimum} already.", True)
    return move(member, "Consortium", "setMinimumAnonymity", (minimum,), f"the motion for a minimum of {minimum}")


def void(member: Member, initiative: int, explanation: str) -> Step:
    """Towards making an initiative void; the explanation is part of the motion."""
    return move(
        member, "Initiatives", "voidByMotion", (initiative, explanation), f"the motion to void initiative {initiative}"
    )


def reopen(member: Member, initiative: int, closes: int) -> Step:
    """Towards reopening the vote of an initiative until `closes` (seconds since the epoch)."""
    return move(
        member, "Initiatives", "reopenVoting", (initiative, closes), f"the motion to reopen initiative {initiative}"
    )


def move(member: Member, contract: str, function: str, arguments: tuple[Any, ...], what: str) -> Step:
    """Proposes this call, or approves the open motion that makes exactly it.

    Raises ContractError, SendError, RpcError.
    """
    consortium, target = _consortium(member), member.deployment.contract(contract)
    data = target.interface.encode(function, arguments)
    now = member.rpc.block().timestamp
    number = 1
    while (motion := _motion(consortium, member.rpc, number)) is not None:
        open_ = not motion.executed and motion.expires >= now
        if open_ and (motion.target, motion.data) == (target.address, data):
            done = _approve_once(member, number)
            return Step(number, done, _has_passed(member, number))
        number += 1
    with member.sender(Role.MEMBER) as sender:
        sender.call(consortium.call("propose", target.address, data, what=what))
        sender.await_final()
    return Step(number, f"Proposed motion {number}.", _has_passed(member, number))


def _approve_once(member: Member, number: int) -> str:
    try:
        approve(member, number)
    except ContractError as error:
        if error.name != "AlreadyApproved":
            raise
        return f"Motion {number} was approved by this entity already."
    return f"Approved motion {number}."


def _has_passed(member: Member, number: int) -> bool:
    return bool(_consortium(member).read(member.rpc, "motion", number).executed)


def _consortium(member: Member) -> Contract:
    return member.deployment.contract("Consortium")


def _is_listed(member: Member) -> bool:
    consortium = _consortium(member)
    for index in range(consortium.read(member.rpc, "suiteCount")):
        if tuple(consortium.read(member.rpc, "suite", index).values()) == member.deployment.suite:
            return True
    return False


def _motion(consortium: Contract, rpc: RpcClient, number: int) -> Record | None:
    try:
        motion: Record = consortium.read(rpc, "motion", number)
    except ContractError as error:
        if error.name == "UnknownMotion":
            return None
        raise
    return motion


def _called(deployment: Deployment, target: bytes, data: bytes) -> tuple[str, Mapping[str, Any] | None]:
    for name in ("Consortium", *SUITE):
        if deployment.address(name) == target:
            interface = deployment.contract(name).interface
            for function in interface.functions.values():
                if keccak(function.signature.encode())[:4] == data[:4]:
                    return f"{name}.{function.name}", interface.arguments(function.name, data)
    return "0x" + data[:4].hex(), None
