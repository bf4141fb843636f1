# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was read of the chain, and how far it was folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.types import InitiativeId


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A log as the chain has it; topics are 32 bytes each."""

    tx: int
    log: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Folded:
    """The block that the projections are as of, the consortium's minimum, and how many initiatives there were."""

    checkpoint: Checkpoint
    minimum_anonymity: int
    initiatives: int


Block = tuple[Checkpoint, Sequence[tuple[RawEvent, InitiativeId | None]]]
"""A block with its events, each with the initiative that it belongs to; None: the consortium's."""
