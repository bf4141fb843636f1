# SPDX-License-Identifier: AGPL-3.0-or-later
"""Decisions on proposals as officers send them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.office.acts.schemas import MAX_REASON, Reason
from gateway.wire import Body, DecimalString


class AcceptanceBody(Body):
    """A cost above zero also needs the role of a coster; `reason` may be empty."""

    cost: Annotated[DecimalString, Field(ge=0, lt=1 << 128)] = 0
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""


class RejectionBody(Body):
    """`feasible`: whether it could be carried out all the same."""

    feasible: bool
    reason: Reason


class CostBody(Body):
    cost: Annotated[DecimalString, Field(ge=0, lt=1 << 128)]
    reason: Reason
