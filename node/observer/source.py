# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an observer reads from, a live node or a file, in one form: raw blocks, and claims to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from node.blocks import RawBlock
from protocol.types import Address, Hash32


@dataclass(frozen=True, slots=True)
class Head:
    """The last block that counts."""

    number: int
    hash: Hash32


@dataclass(frozen=True, slots=True)
class InitiativeClaims:
    """What the contracts answer at the head, in the JSON forms of docs/protocol/verification.md."""

    phase: str
    void_reason: str
    size: int
    root: int
    ballot_count: int
    joint_key: tuple[int, int] | None
    secret_key: int
    counts: Mapping[str, int]
    totals: tuple[int, ...]
    result_hash: bytes


class Source(Protocol):
    """Where everything comes from. Nothing of it is believed.

    `results` is None where the source has no documents (a live node).
    """

    @property
    def deployment(self) -> Mapping[str, object]:
        """The deployment file, parsed."""

    @property
    def head(self) -> Head: ...

    @property
    def code(self) -> Mapping[Address, bytes]: ...

    @property
    def claims(self) -> Mapping[int, InitiativeClaims]: ...

    @property
    def results(self) -> Mapping[int, bytes] | None: ...

    def blocks(self) -> Iterator[RawBlock]:
        """From block 0 to the head."""
