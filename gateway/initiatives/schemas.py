# SPDX-License-Identifier: AGPL-3.0-or-later
"""What everybody reads of an initiative."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from gateway.wire import AsOf, Decimal, HexBytes

PhaseLabel = Literal["announced", "registration", "review", "voting", "challenge", "opening", "counted", "void"]
KindLabel = Literal["participatory-budget", "consultation", "contest", "internal-vote", "school-vote"]


class Point(BaseModel):
    x: Decimal
    y: Decimal


class OptionView(BaseModel):
    option: int
    proposal: int
    cost: Decimal


class InitiativeView(BaseModel):
    """`rules` is the ABI encoding that the contract hashed; `joint_key` is null until the ceremony is over."""

    as_of: AsOf
    initiative: int
    title: str
    publisher: int
    kind: str
    phase: str
    void_reason: str | None
    explanation: str
    rules: HexBytes
    rules_hash: HexBytes
    scope: str
    windows: dict[str, int]
    ballot_scope: HexBytes
    words: int
    options: list[OptionView]
    joint_key: Point | None
    registered: int
    root: Decimal
    distinct: int
    registered_by: dict[int, int]


class SummaryWindows(BaseModel):
    """Seconds since the epoch; `voting_closes` is the close in force."""

    registration_opens: int
    registration_closes: int
    voting_opens: int
    voting_closes: int


class InitiativeSummary(BaseModel):
    """What a list shows; the rest is asked for one by one."""

    initiative: int
    title: str
    publisher: int
    kind: str
    phase: str
    void_reason: str | None
    windows: SummaryWindows
    registered: int
    options: int
    distinct: int


class InitiativeList(BaseModel):
    """`next` is null on the last page."""

    as_of: AsOf
    initiatives: list[InitiativeSummary]
    next: str | None


class LeafBucket(BaseModel):
    """Commitments of one bucket in the order of the leaves; `buckets` is how many there are."""

    as_of: AsOf
    size: int
    root: Decimal
    bucket: int
    buckets: int
    leaves: list[Decimal]


class NodeList(BaseModel):
    """Nodes at level 12, left to right: the roots of the buckets."""

    as_of: AsOf
    size: int
    root: Decimal
    level: int
    nodes: list[Decimal]


class Counts(BaseModel):
    as_of: AsOf
    complete: bool
    counted: int
    valid: int
    blank: int
    null: int
    own_device: int
    assisted: int
    totals: list[Decimal]
    accumulator: HexBytes
    attestations: dict[int, HexBytes]
    result_hash: HexBytes | None


class ResultAnswer(BaseModel):
    """`document` is the text that was hashed (docs/protocol/result.md)."""

    as_of: AsOf
    document: str
    result_hash: HexBytes
    attested_hash: HexBytes | None
