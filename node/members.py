# SPDX-License-Identifier: AGPL-3.0-or-later
"""The consortium's members, as a draft is checked against them before it is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from node.deployment import Deployment
from node.overview import entities
from node.rpc import RpcClient
from protocol.types import EntityId


@dataclass(frozen=True, slots=True)
class ChainMembers:
    """As the chain has them now: what `protocol.rules.Members` asks for, read once."""

    minimum_anonymity: int
    active: frozenset[int]
    with_trustee_key: frozenset[int]

    @classmethod
    def read(cls, rpc: RpcClient, deployment: Deployment) -> Self:
        """Raises RpcError."""
        found = entities(rpc, deployment)
        return cls(
            deployment.contract("Consortium").read(rpc, "minimumAnonymity"),
            frozenset(one.entity for one in found if one.active),
            frozenset(one.entity for one in found if one.has_trustee_key),
        )

    def is_active(self, entity: EntityId) -> bool:
        return entity in self.active

    def has_trustee_key(self, entity: EntityId) -> bool:
        return entity in self.with_trustee_key


@dataclass(frozen=True, slots=True)
class AnyMembers:
    """For a draft that is looked at without a chain: every entity may take part, and there is no floor."""

    minimum_anonymity: int = 2

    def is_active(self, entity: EntityId) -> bool:
        return True

    def has_trustee_key(self, entity: EntityId) -> bool:
        return True
