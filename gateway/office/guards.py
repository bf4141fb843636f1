# SPDX-License-Identifier: AGPL-3.0-or-later
"""What endpoints of the back office depend on besides the officer: the office itself, and the order's key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Response

from gateway.deps import Services, services
from gateway.office.back_office import BackOffice

KEY = r"^[\x21-\x7e]{8,64}$"


def office(all_: Annotated[Services, Depends(services)]) -> BackOffice:
    return all_.office


def unstored(response: Response) -> None:
    """Nothing of the back office is kept by a browser or on the way."""
    response.headers["Cache-Control"] = "no-store"


Office = Annotated[BackOffice, Depends(office)]
OrderKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=KEY,
        description="Chosen by the client, once per order: a repetition is told by it",
    ),
]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
