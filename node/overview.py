# SPDX-License-Identifier: AGPL-3.0-or-later
"""What anybody may see of the consortium and its initiatives, read from the contracts' views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from node import events
from node.contracts import Record
from node.deployment import Deployment
from node.errors import ContractError, NodeError
from node.rpc import RpcClient
from protocol.events import InitiativeCreated
from protocol.rules import decode
from protocol.types import Phase, VoidReason


@dataclass(frozen=True, slots=True)
class EntityView:
    """An entity of the consortium."""

    entity: int
    name: str
    endpoint: str
    active: bool
    has_trustee_key: bool


@dataclass(frozen=True, slots=True)
class InitiativeView:
    """An initiative as it stands; `trustees` and `released` are entity numbers."""

    initiative: int
    title: str
    publisher: int
    phase: Phase
    void_reason: VoidReason
    windows: Mapping[str, int]
    registered: int
    minimum_anonymity: int
    proposals: int
    options: int
    has_joint_key: bool
    ballots: int
    counted: int
    trustees: tuple[int, ...]
    trustee_threshold: int
    released: tuple[int, ...]
    result_hash: bytes

    def to_json(self) -> dict[str, object]:
        return {
            "initiative": self.initiative,
            "title": self.title,
            "publisher": self.publisher,
            "phase": self.phase.label,
            "voidReason": self.void_reason.label,
            "windows": dict(self.windows),
            "registered": self.registered,
            "minimumAnonymity": self.minimum_anonymity,
            "proposals": self.proposals,
            "options": self.options,
            "jointKey": self.has_joint_key,
            "ballots": self.ballots,
            "counted": self.counted,
            "trustees": list(self.trustees),
            "trusteeThreshold": self.trustee_threshold,
            "released": list(self.released),
            "resultHash": "0x" + self.result_hash.hex(),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        void = f", because of {self.void_reason.label}" if self.phase is Phase.VOID else ""
        times = [f"  {name.replace('_', ' '):<20} {_time(at)}" for name, at in self.windows.items() if at > 10**9]
        attested = "attested" if any(self.result_hash) else "not attested yet"
        return [
            f"Initiative {self.initiative}: {self.title}",
            f"  phase                {self.phase.label}{void}",
            *times,
            f"  registered           {self.registered} (at least {self.minimum_anonymity} are needed)",
            f"  proposals            {self.proposals}, of which {self.options} accepted",
            f"  joint key            {'there' if self.has_joint_key else 'not there yet'}",
            f"  ballots              {self.ballots}, of which {self.counted} counted",
            f"  key shares           {len(self.released)} of the {self.trustee_threshold} needed",
            f"  result               {attested}",
        ]


def entities(rpc: RpcClient, deployment: Deployment) -> list[EntityView]:
    """All entities ever admitted, by number."""
    consortium = deployment.contract("Consortium")
    found = []
    for entity in range(1, consortium.read(rpc, "entityCount") + 1):
        record = consortium.read(rpc, "entity", entity)
        key = record.trusteeKey
        found.append(EntityView(entity, record.name, record.endpoint, record.active, any((key.x, key.y))))
    return found


def initiative_view(rpc: RpcClient, deployment: Deployment, initiative: int) -> InitiativeView:
    """One initiative. Raises NodeError when there is none of this number."""
    of = {name: deployment.contract(name) for name in ("Initiatives", "Electorate", "Proposals", "Ceremony", "Tally")}

    def ask(contract: str, function: str, *more: object) -> Any:
        return of[contract].read(rpc, function, initiative, *more)

    try:
        phase = Phase(ask("Initiatives", "phase"))
    except ContractError as error:
        if error.name == "UnknownInitiative":
            raise NodeError(f"There is no initiative {initiative}; urna status lists those that there are.") from error
        raise
    created = next(iter(events.read(rpc, deployment, [InitiativeCreated], initiative=initiative))).event
    assert isinstance(created, InitiativeCreated)
    trustees: Record = ask("Initiatives", "trusteesOf")
    released = [entity for place, entity in enumerate(trustees.entities, 1) if ask("Ceremony", "releasedShare", place)]
    return InitiativeView(
        initiative=initiative,
        title=created.title,
        publisher=created.publisher,
        phase=phase,
        void_reason=VoidReason(ask("Initiatives", "voidReason")),
        windows={_snake(name): value for name, value in ask("Initiatives", "windowsOf").items()},
        registered=ask("Electorate", "size"),
        minimum_anonymity=_minimum(created),
        proposals=ask("Proposals", "proposalCount"),
        options=ask("Proposals", "optionCount"),
        has_joint_key=ask("Ceremony", "isFinalised"),
        ballots=deployment.contract("BallotBox").read(rpc, "ballotCount", initiative),
        counted=ask("Tally", "countsOf").counted,
        trustees=tuple(trustees.entities),
        trustee_threshold=trustees.threshold,
        released=tuple(released),
        result_hash=ask("Tally", "resultHashOf"),
    )


def _minimum(created: InitiativeCreated) -> int:
    return decode(created.rules).min_anonymity


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
