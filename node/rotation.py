# SPDX-License-Identifier: AGPL-3.0-or-later
"""Changing what the consortium knows of an entity: the account of a role, the endpoint, its broker's key.

Each step can be broken off and is gone on with: the new key is kept beside the old one before the chain is told, and
takes its place in the folder after the chain has said yes for good.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.errors import EntityError
from node.member import Member
from protocol.types import P256Point, Role


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


def read_broker_key(path: Path) -> P256Point:
    """A public key of P-256 in a PEM file. Raises EntityError where it is none; a private key is refused unread."""
    try:
        found = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise EntityError(f"{path} is no public key in PEM: {error}.") from error
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(found.curve, ec.SECP256R1):
        raise EntityError(f"The key in {path} is not of the curve P-256, which brokers sign with (ES256).")
    numbers = found.public_numbers()
    return P256Point(numbers.x, numbers.y)


def set_broker_key(member: Member, key: P256Point | None) -> None:
    """The key under which the entity's broker signs from now on; None for none. Raises as `rotate`.

    Nothing is sent where it stands already: registered anew, it would count for no initiative that is open.
    """
    consortium = member.deployment.contract("Consortium")
    wanted = key or P256Point(0, 0)
    now = consortium.read(member.rpc, "brokerKeyOf", member.entity)
    if P256Point(now.x, now.y) != wanted:
        with member.sender(Role.MEMBER) as sender:
            sender.call(consortium.call("registerBrokerKey", wanted, what="the broker's key"))
            sender.await_final()
