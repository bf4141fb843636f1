# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports on the execution of winners, as officers send them and as everybody reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.office.acts.schemas import Reason
from gateway.wire import AsOf, Body, Decimal, DecimalString, HexBytes


class ReportBody(Body):
    """`share_done` in basis points (10,000 is all); `spent` so far, in minor units; `content` is any JSON object."""

    status: Literal["planned", "in-progress", "delayed", "done", "cancelled"]
    share_done: Annotated[int, Field(ge=0, le=10_000)]
    spent: Annotated[DecimalString, Field(ge=0, lt=1 << 128)]
    content: Annotated[dict[str, Any], Field(min_length=1, max_length=64)]


class ErasureBody(Body):
    """Why the text is erased, for everybody to read: without the text itself."""

    reason: Reason


class ReportView(BaseModel):
    """`content` is null where the text was erased (`erased` says why), or where this gateway does not hold it.

    `document` is what was hashed: the content and its salt in canonical JSON.
    """

    report: int
    status: str
    share_done: int
    spent: Decimal
    at: int
    block: int
    content_hash: HexBytes
    content: dict[str, Any] | None
    document: str | None
    erased: str | None


class FollowedOption(BaseModel):
    """`won` is what the computed result says; reports on an option that did not win are shown as such."""

    option: int
    proposal: int
    won: bool
    cost: Decimal
    reports: list[ReportView]


class FollowUpAnswer(BaseModel):
    as_of: AsOf
    options: list[FollowedOption]
