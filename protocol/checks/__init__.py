# SPDX-License-Identifier: AGPL-3.0-or-later
"""The checks of an observer that need no chain: what the fold's claims come to (docs/protocol/verification.md)."""

from protocol.checks.calls import SentCall
from protocol.checks.model import (
    CHECKS,
    CheckFailed,
    CheckResult,
    NotVerifiable,
    Outcome,
    merge,
    place,
    result,
    run,
)

__all__ = [
    "CHECKS",
    "CheckFailed",
    "CheckResult",
    "NotVerifiable",
    "Outcome",
    "SentCall",
    "merge",
    "place",
    "result",
    "run",
]
