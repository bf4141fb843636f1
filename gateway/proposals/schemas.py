# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proposals as authors send them and as everybody reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gateway.problems import ProblemDocument
from gateway.promises import PromiseBody
from gateway.wire import AsOf, Body, Decimal, Hex32, HexBytes, Token


class ProposalBody(Body):
    """The content is any JSON object; with `content_salt` it makes the content hash, which the token's nonce binds."""

    id_token: Token
    content: Annotated[dict[str, Any], Field(min_length=1, max_length=64)]
    content_salt: Hex32
    salt: Hex32


class SubmissionAnswer(BaseModel):
    submission: str
    content_hash: HexBytes
    status: str
    problem: ProblemDocument | None = None
    waiting: str | None = None
    promise: PromiseBody | None = None


class ProposalView(BaseModel):
    """`content` is None where this gateway does not hold the text; `erased` is why nobody does any more."""

    proposal: int
    content_hash: HexBytes
    content: Mapping[str, Any] | None
    erased: str | None
    status: str
    option: int | None
    cost: Decimal


class ProposalList(BaseModel):
    as_of: AsOf
    proposals: list[ProposalView]
