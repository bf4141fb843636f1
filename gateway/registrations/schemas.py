# SPDX-License-Identifier: AGPL-3.0-or-later
"""Registrations and replacements as citizens send them."""

from __future__ import annotations

from pydantic import BaseModel

from gateway.problems import ProblemDocument
from gateway.promises import PromiseBody
from gateway.wire import Body, DecimalString, Hex32, Token


class RegistrationBody(Body):
    """The token's nonce binds commitment and salt (docs/protocol/encodings.md)."""

    id_token: Token
    commitment: DecimalString
    salt: Hex32


class RegistrationAnswer(BaseModel):
    """`status`: accepted, queued, sent, mined, final or failed; `problem` says why it failed, `waiting` for what it
    waits (registrars that do not answer, or refuse)."""

    registration: str
    status: str
    problem: ProblemDocument | None = None
    waiting: str | None = None
    promise: PromiseBody | None = None
