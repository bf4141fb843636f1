# SPDX-License-Identifier: AGPL-3.0-or-later
"""Authorisations as a browser begins them and hears of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gateway.wire import Body, DecimalString, Hex32

#: A path of this site and nothing else: no scheme, no host, no `//`, no backslash that a browser takes for a slash,
#: nothing that a browser leaves out, and no fragment, since the answer comes in it.
ReturnTo = Annotated[
    str, Field(pattern=r"^/([!\x22\x24-\x2e\x30-\x5b\x5d-\x7e][!\x22\x24-\x5b\x5d-\x7e]*)?$", max_length=512)
]


class AuthorisationBody(Body):
    """`session` needs an issuer alone; `registration` and `replacement` also initiative, commitment and salt;
    `proposal` initiative, content hash and salt. `level` asks the issuer for a stronger log-in. The browser comes back
    to `return_to#authorisation=ID` or `return_to#authorisation=ID&error=CODE`; without it the callback answers in JSON.
    """

    purpose: Literal["session", "registration", "replacement", "proposal"]
    issuer: Annotated[str, Field(min_length=1, max_length=512)]
    initiative: Annotated[int, Field(gt=0, lt=1 << 63)] | None = None
    commitment: DecimalString | None = None
    content_hash: Hex32 | None = None
    salt: Hex32 | None = None
    level: Literal["low", "substantial", "high"] | None = None
    return_to: ReturnTo | None = None


class AuthorisationAnswer(BaseModel):
    """The browser goes to `url`, at the issuer, within `expires_in` seconds."""

    authorisation: str
    url: str
    expires_in: int


class AuthorisationDone(BaseModel):
    """`complete`: the session is open (its cookie came along), or the token waits to be fetched."""

    authorisation: str
    purpose: str
    status: Literal["complete"] = "complete"


class TokenAnswer(BaseModel):
    """For POST …/registrations, …/replacements or …/proposals, of this gateway or of another member's."""

    id_token: str


class IssuerList(BaseModel):
    """The issuers, by name, that somebody may log in with here."""

    issuers: list[str]
