# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every handler of an event uses: the error, the context, the change, and the questions asked more than once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeAlias

from protocol.bn254 import SCALAR_FIELD
from protocol.errors import ProtocolError
from protocol.events import Event
from protocol.state.claims import EventMeta, Signer
from protocol.state.model import InitiativeState, State
from protocol.state.phase import phase_at
from protocol.types import EntityId, InitiativeId, Phase, Role


class InvalidEvent(ProtocolError):
    """An event that the contracts could not have emitted here. `check` is an id of docs/protocol/verification.md."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason


class Noun(StrEnum):
    """What an event may change."""

    CONSORTIUM = "consortium"
    ENTITY = "entity"
    MOTION = "motion"
    INITIATIVE = "initiative"
    PERSON = "person"
    REPLACEMENT = "replacement"
    PROPOSAL = "proposal"
    CEREMONY = "ceremony"
    BALLOT = "ballot"
    COUNT = "count"
    ATTESTATION = "attestation"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Change:
    """Something in the state is new or different; read it there.

    `key`: ENTITY, ATTESTATION the entity; MOTION its number; PERSON the leaf's index; REPLACEMENT the tag; PROPOSAL its
    number; BALLOT the nullifier; REPORT the option; None for the rest. `initiative` is None for the consortium's own.
    """

    noun: Noun
    initiative: InitiativeId | None = None
    key: int | bytes | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Of the event at hand. `entailed`: the event before it in this transaction said that this one must come."""

    meta: EventMeta
    entailed: bool

    @property
    def now(self) -> int:
        """The block's timestamp."""
        return self.meta.timestamp


Handler: TypeAlias = Callable[[State, Any, Context], list[Change]]
Handlers: TypeAlias = Mapping[type[Event], Handler]


def require(holds: bool, check: str, reason: str) -> None:
    """Raises InvalidEvent where it does not hold."""
    if not holds:
        raise InvalidEvent(check, reason)


def initiative_of(state: State, number: InitiativeId) -> InitiativeState:
    """The initiative of an event, which must exist."""
    initiative = state.initiatives.get(number)
    if initiative is None:
        raise InvalidEvent("events", f"there is no initiative {number}")
    return initiative


def require_phase(initiative: InitiativeState, context: Context, check: str, *allowed: Phase) -> None:
    """Whether the block's time is in one of the phases."""
    phase = phase_at(initiative, context.now)
    if phase not in allowed:
        names = " or ".join(phase.label for phase in allowed)
        raise InvalidEvent(check, f"initiative {initiative.id} was in {phase.label} at {context.now}, not in {names}")


def require_active(state: State, entity: EntityId, check: str) -> None:
    """Whether the entity could act at all."""
    require(state.consortium.is_active(entity), check, f"entity {entity} is not active")


def require_trustee(state: State, initiative: InitiativeState, index: int, check: str) -> None:
    """Whether there is a trustee of this index, and its entity active."""
    require(1 <= index <= len(initiative.rules.trustees), check, f"there is no trustee {index}")
    require_active(state, initiative.rules.trustees[index - 1], check)


def require_signers(
    state: State, initiative: InitiativeState, entities: Sequence[EntityId], check: str
) -> tuple[Signer, ...]:
    """At least k of the initiative's registrars, ascending, all active; with the accounts that they have now."""
    rules = initiative.rules
    require(len(entities) >= rules.registrar_threshold, check, f"{len(entities)} signers are too few")
    require(all(left < right for left, right in pairwise(entities)), check, "the signers do not ascend")
    for entity in entities:
        require(entity in rules.registrars, check, f"entity {entity} is no registrar of initiative {initiative.id}")
        require_active(state, entity, check)
    return tuple(Signer(entity, state.consortium.account(entity, Role.REGISTRAR)) for entity in entities)


def require_text(text: str, least: int, most: int, check: str, name: str) -> None:
    """Length in bytes; what was no UTF-8 was replaced on reading, and is longer now than on chain."""
    length = len(text.encode())
    require(least <= length and ("�" in text or length <= most), check, f"{name} has {length} bytes")


def in_field(value: int) -> bool:
    """Whether it may be a commitment."""
    return 0 < value < SCALAR_FIELD
