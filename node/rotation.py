# SPDX-License-Identifier: AGPL-3.0-or-later
"""Changing what the consortium knows of an entity: the account of a role, the endpoint.

Each step can be broken off and is gone on with: the new key is kept beside the old one before the chain is told, and
takes its place in the folder after the chain has said yes for good.
"""

from __future__ import annotations

from node.member import Member
from protocol.types import Role


def rotate(member: Member, role: Role) -> bytes:
    """A fresh account for `role`; returns its address once the chain has it and the folder holds its key.

    By the entity's member account. The process that uses the old key must not run meanwhile. Raises EntityError,
    ContractError, SendError, RpcError.
    """
    successor = member.folder.successor(role)
    consortium = member.deployment.contract("Consortium")
    if consortium.read(member.rpc, "accountOf", member.entity, role) != successor.address:
        with member.sender(Role.MEMBER) as sender:
            what = f"the new account of the role {role.label}"
            sender.call(consortium.call("setAccount", role, successor.address, what=what))
            sender.await_final()
    member.folder.succeed(role, successor.address)
    return successor.address


def set_endpoint(member: Member, endpoint: str) -> None:
    """Where the entity's gateway answers. Raises EntityError where it is no address, and as `rotate`."""
    member.folder.move_to(endpoint)
    consortium = member.deployment.contract("Consortium")
    if consortium.read(member.rpc, "entity", member.entity).endpoint != member.folder.public.endpoint:
        with member.sender(Role.MEMBER) as sender:
            sender.call(consortium.call("setEndpoint", member.folder.public.endpoint, what="the new endpoint"))
            sender.await_final()
