# SPDX-License-Identifier: AGPL-3.0-or-later
"""A ballot as it is cast, and what the gateway says of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.problems import ProblemDocument
from gateway.promises import PromiseBody
from gateway.wire import AsOf, Body, Decimal, HexBytes


class BallotBody(Body):
    """`entry` is proof and record (docs/protocol/ballot.md), at most 64 words of ciphertext."""

    entry: Annotated[HexBytes, Field(max_length=8192)]


class BallotAnswer(BaseModel):
    ballot_hash: HexBytes
    status: str
    problem: ProblemDocument | None = None
    promise: PromiseBody | None = None


class SlotView(BaseModel):
    """Who holds the nullifier finds the own ballot; the slot is as IBallotBox.slotOf."""

    nullifier: Decimal
    slot: Decimal


class SlotBucket(BaseModel):
    as_of: AsOf
    prefix: str
    slots: list[SlotView]
