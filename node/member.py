# SPDX-License-Identifier: AGPL-3.0-or-later
"""A member of the consortium at work: its folder, a node, and the deployment that both belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.contracts import decode_error
from node.deployment import Deployment, require_pinned_key
from node.entity import EntityFolder
from node.errors import EntityError
from node.rpc import RpcClient
from node.sender import Attribute, Pace, Sender
from protocol.types import Role


@dataclass(frozen=True, slots=True)
class Member:
    """`entity` is the number that the consortium gave the folder's entity; `attribute` names the officer who acts."""

    folder: EntityFolder
    rpc: RpcClient
    deployment: Deployment
    entity: int
    attribute: Attribute | None = None

    @classmethod
    def open(cls, folder: Path, rpc: RpcClient, deployment: Deployment, *, test_key: bool = False) -> Member:
        """Checks that node and deployment belong together, and that the entity is an active member.

        `test_key` allows a verifying key other than the ceremony's; for tests and benchmarks only. Raises EntityError,
        DeploymentError, RpcError.
        """
        opened = EntityFolder(folder)
        deployment.check(rpc)
        if not test_key:
            require_pinned_key(rpc, deployment)
        consortium = deployment.contract("Consortium")
        for role in Role:
            entity = consortium.read(rpc, "entityOf", opened.public.accounts[role], role)
            if entity:
                return cls(opened, rpc, deployment, entity)
        raise EntityError(
            f"The entity {opened.public.name!r} in {folder} is no active member of the consortium at "
            f"0x{deployment.address('Consortium').hex()}; it has to be admitted by a motion first."
        )

    def sender(self, role: Role, pace: Pace | None = None) -> Sender:
        """The sender of the account for `role`; holds the account's lock until it is closed."""
        key = self.folder.key(role)
        return Sender(
            self.rpc,
            key,
            self.folder.outbox,
            decode=decode_error,
            finality=self.deployment.finality,
            pace=pace,
            attribute=self.attribute,
        )
