# SPDX-License-Identifier: AGPL-3.0-or-later
"""A person's own view."""

from __future__ import annotations

from pydantic import BaseModel

from gateway.profile.service import Openness
from gateway.wire import AsOf


class ProfileView(BaseModel):
    """Everything that this gateway knows of who asks, and until when (Unix seconds; `expires` moves with use)."""

    issuer: str
    level: str | None
    attributes: dict[str, str | list[str]]
    began: int
    expires: int
    ends: int


class ReasonView(BaseModel):
    """`criterion`: age, assurance, employer, nationality, profession, residence, issuer or phase. `missing`: the eID
    said nothing of it."""

    criterion: str
    missing: bool
    en: str
    pt: str


class OpenInitiative(BaseModel):
    """`open`: this person can register now, with an authorisation for it. `eligible`: only the time is against it."""

    initiative: int
    title: str
    phase: str
    registration_opens: int
    registration_closes: int
    open: bool
    eligible: bool
    reasons: list[ReasonView]

    @classmethod
    def of(cls, found: Openness) -> OpenInitiative:
        candidate = found.candidate
        return cls(
            initiative=candidate.initiative,
            title=candidate.title,
            phase=candidate.phase.label,
            registration_opens=candidate.opens,
            registration_closes=candidate.closes,
            open=not found.reasons,
            eligible=all(reason.criterion == "phase" for reason in found.reasons),
            reasons=[
                ReasonView(
                    criterion=reason.criterion, missing=reason.missing, en=reason.says["en"], pt=reason.says["pt"]
                )
                for reason in found.reasons
            ],
        )


class OpenInitiatives(BaseModel):
    """`next` is the `after` of the next page; null at the end."""

    as_of: AsOf
    initiatives: list[OpenInitiative]
    next: int | None
