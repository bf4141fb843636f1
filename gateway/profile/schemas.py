# SPDX-License-Identifier: AGPL-3.0-or-later
"""A person's own view."""

from __future__ import annotations

from pydantic import BaseModel


class ProfileView(BaseModel):
    """Everything that this gateway knows of who asks, and until when (Unix seconds; `expires` moves with use)."""

    issuer: str
    level: str | None
    attributes: dict[str, str | list[str]]
    began: int
    expires: int
    ends: int
