# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of the consortium's motions officers approve: those about an initiative. Who is a member, and which contracts
count, is decided by the entity itself, with its member key (`urna motion approve`)."""

from __future__ import annotations

from gateway.index.view import ChainView
from gateway.problems import UnknownRecord
from gateway.sessions.problems import RoleMissing
from node.deployment import Deployment
from protocol.types import MotionId

FUNCTIONS = ("voidByMotion", "reopenVoting")


def require_about_initiative(view: ChainView, deployment: Deployment, motion: int) -> None:
    """Raises UnknownRecord, RoleMissing."""
    initiatives = deployment.contract("Initiatives")
    with view.locked():
        found = view.state().consortium.motions.get(MotionId(motion))
    if found is None:
        raise UnknownRecord("There is no such motion as of the last block read.")
    calls = (initiatives.interface.arguments(function, found.data) for function in FUNCTIONS)
    if found.target != initiatives.address or all(call is None for call in calls):
        raise RoleMissing("Officers approve motions about initiatives; of this one the entity decides: urna motion.")
