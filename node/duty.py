# SPDX-License-Identifier: AGPL-3.0-or-later
"""One trustee's work on one initiative: asking the contracts, sending, and saying what was done and what is awaited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from node.contracts import Record
from node.deployment import Deployment
from node.errors import ContractError
from node.rpc import RpcClient
from node.sender import Sender
from protocol.types import Phase


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a trustee waits for. `entities` are the numbers of those it waits for, none where it is only time;
    `any_of` where it needs some of them, not all."""

    what: str
    entities: tuple[int, ...] = ()
    any_of: bool = False


@dataclass(slots=True)
class Report:
    """What happened in one initiative. `sentences` say it all; `problem` is why it was broken off, if it was."""

    initiative: int
    phase: Phase
    did: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    problem: str | None = None


class Duty:
    """The context of one initiative's duties. `index` is the trustee's place, from 1; `entities` are all trustees."""

    def __init__(self, rpc: RpcClient, deployment: Deployment, sender: Sender, initiative: int, index: int) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.sender = sender
        self.initiative = initiative
        self.index = index
        trustees: Record = self.ask("Initiatives", "trusteesOf")
        self.entities: tuple[int, ...] = trustees.entities
        self.threshold: int = trustees.threshold
        self.windows: Record = self.ask("Initiatives", "windowsOf")
        self.report = Report(initiative, self.phase())
        self._names: dict[int, str] = {}

    @property
    def places(self) -> range:
        """The trustees' indices, from 1."""
        return range(1, len(self.entities) + 1)

    def ask(self, contract: str, function: str, *arguments: Any) -> Any:
        """A view of a contract for this initiative."""
        return self.deployment.contract(contract).read(self.rpc, function, self.initiative, *arguments)

    def phase(self) -> Phase:
        return Phase(self.ask("Initiatives", "phase"))

    def now(self) -> int:
        """The latest block's time, Unix seconds."""
        return self.rpc.block().timestamp

    def name(self, place: int) -> str:
        """The trustee at this place, for people."""
        entity = self.entities[place - 1]
        if entity not in self._names:
            self._names[entity] = self.deployment.contract("Consortium").read(self.rpc, "entity", entity).name
        return f"{self._names[entity]} (entity {entity})"

    def send(self, contract: str, function: str, *arguments: Any, did: str, lost_race: Sequence[str] = ()) -> bool:
        """Sends and notes what was done. An error of `lost_race` means that it was done already; then False."""
        call = self.deployment.contract(contract).call(
            function, self.initiative, *arguments, what=f"{contract}.{function}"
        )
        try:
            self.sender.call(call)
        except ContractError as error:
            if error.name in lost_race:
                return False
            raise
        self.report.did.append(did)
        return True

    def wait(self, what: str, places: Sequence[int] = (), *, any_of: bool = False) -> None:
        """Notes what is awaited, and from which trustees."""
        self.report.waiting.append(Waiting(what, tuple(self.entities[place - 1] for place in places), any_of))

    def sentence(self, waiting: Waiting) -> str:
        """What is awaited, in words."""
        if not waiting.entities:
            return f"waits for {waiting.what}"
        names = [self.name(self.entities.index(entity) + 1) for entity in waiting.entities]
        return f"waits for {waiting.what} of {(' or ' if waiting.any_of else ', ').join(names)}"
