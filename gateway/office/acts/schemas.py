# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts as officers read them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from gateway.office.acts.repository import Act
from gateway.problems import ProblemDocument
from gateway.wire import Body, HexBytes

MAX_REASON = 1024
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class ActView(BaseModel):
    """`attribution` stands behind the call in the transaction: the keccak of `statement`, which names the officer."""

    act: str
    number: int
    kind: str
    account: str
    initiative: int | None
    officer: str
    arguments: dict[str, Any]
    statement: str
    attribution: HexBytes
    at: int
    status: str
    transaction: HexBytes | None
    block: int | None
    problem: ProblemDocument | None

    @classmethod
    def of(cls, act: Act) -> ActView:
        return cls(
            act=act.id,
            number=act.place,
            kind=act.kind.value,
            account=act.account.label,
            initiative=act.initiative,
            officer=act.officer,
            arguments=dict(act.arguments),
            statement=act.statement,
            attribution=act.attribution,
            at=act.at,
            status=act.status,
            transaction=act.transaction,
            block=act.block,
            problem=None if act.failure is None else act.failure.document(),
        )


class ActList(BaseModel):
    """The latest first; `next` is the `before` of the following page, null on the last."""

    acts: list[ActView]
    next: int | None


class ExtensionBody(Body):
    """`voting_closes`: Unix seconds."""

    voting_closes: Annotated[int, Field(gt=0, lt=1 << 63)]


class ExplanationBody(Body):
    explanation: Reason
