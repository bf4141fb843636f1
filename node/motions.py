# SPDX-License-Identifier: AGPL-3.0-or-later
"""The consortium's motions, from a member's side."""

from __future__ import annotations

from dataclasses import dataclass

from node.contracts import Contract, Record
from node.deployment import SUITE, Deployment
from node.errors import ContractError
from node.member import Member
from node.rpc import RpcClient
from protocol.hashing import keccak
from protocol.types import Role


@dataclass(frozen=True, slots=True)
class MotionView:
    """A motion as it stands. `call` is the name of what it would call, or the selector where that is unknown."""

    number: int
    proposer: int
    target: bytes
    call: str
    expires: int
    approvals: int
    executed: bool


def motions(rpc: RpcClient, deployment: Deployment) -> list[MotionView]:
    """All motions, in order of their numbers, from 1."""
    consortium = deployment.contract("Consortium")
    found: list[MotionView] = []
    while (motion := _motion(consortium, rpc, len(found) + 1)) is not None:
        found.append(
            MotionView(
                number=len(found) + 1,
                proposer=motion.proposer,
                target=motion.target,
                call=_called(deployment, motion.target, motion.data),
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


def add_suite(member: Member) -> tuple[str, bool]:
    """Proposes or approves the listing of the deployment's suite; what was done, and whether it is listed now."""
    consortium, rpc = member.deployment.contract("Consortium"), member.rpc
    if _is_listed(member):
        return "Nothing was left to do.", True
    suite = member.deployment.suite
    data = consortium.interface.encode("addSuite", (suite,))
    now = rpc.block().timestamp
    number = 1
    while (motion := _motion(consortium, rpc, number)) is not None:
        if motion.data == data and not motion.executed and motion.expires >= now:
            return _approve_once(member, number), _is_listed(member)
        number += 1
    with member.sender(Role.MEMBER) as sender:
        sender.call(consortium.call("propose", consortium.address, data, what="the motion to list the suite"))
        sender.await_final()
    return f"Proposed motion {number}.", _is_listed(member)


def _approve_once(member: Member, number: int) -> str:
    try:
        approve(member, number)
    except ContractError as error:
        if error.name != "AlreadyApproved":
            raise
        return f"Motion {number} was approved by this entity already."
    return f"Approved motion {number}."


def _is_listed(member: Member) -> bool:
    consortium = member.deployment.contract("Consortium")
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


def _called(deployment: Deployment, target: bytes, data: bytes) -> str:
    for name in ("Consortium", *SUITE):
        if deployment.address(name) == target:
            for function in deployment.contract(name).interface.functions.values():
                if keccak(function.signature.encode())[:4] == data[:4]:
                    return f"{name}.{function.name}"
    return "0x" + data[:4].hex()
