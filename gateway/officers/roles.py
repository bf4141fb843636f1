# SPDX-License-Identifier: AGPL-3.0-or-later
"""Roles of an entity's officers, within the entity alone: on chain it is the entity that acts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do in the back office. None includes another: who is to do two things has two roles."""

    EDITOR = "editor"  # writes drafts
    PUBLISHER = "publisher"  # approves drafts, publishes, extends, voids
    MODERATOR = "moderator"  # accepts and rejects proposals, with reasons
    COSTER = "coster"  # says what a proposal would cost
    REPORTER = "reporter"  # reports on the winners' execution
    ADMINISTRATOR = "administrator"  # invites officers and changes their roles


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody with a role. `pseudonym` is what acts are recorded under; `name` is how the entity calls the officer.

    `is_bound`: the invitation was taken, by a person with an eID.
    """

    pseudonym: str
    name: str
    roles: frozenset[Role]
    is_bound: bool = True


@dataclass(frozen=True, slots=True)
class Appointment:
    """A change of who may do what, at a time (Unix seconds). `by` is None where the entity's operator made it.

    `roles` are those that `officer` has from then on. `digest` covers the change and, by the one before, all earlier.
    """

    number: int
    at: int
    by: str | None
    officer: str
    change: str  # invited, accepted, changed
    roles: tuple[Role, ...]
    digest: bytes = b""
