# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why a gateway is not well: a stable code, a sentence, and what it stops. docs/operations.md says what to do.

Anybody may read them: no address, no path, no text of an error is in a sentence; those are in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stops = Literal["everything", "registration", "nothing"]


@dataclass(frozen=True, slots=True)
class Reason:
    """`stops`: all writes, only what needs a registrar, or nothing yet."""

    code: str
    detail: str
    stops: Stops


#: Every code there is, and what it stops.
CODES: dict[str, Stops] = {
    "chain-unread": "everything",
    "chain-stale": "everything",
    "chain-refused": "everything",
    "index-behind": "nothing",
    "rpc-quarantined": "nothing",
    "database-unavailable": "everything",
    "check-overdue": "everything",
    "relay-quiet": "nothing",
    "relay-stuck": "nothing",
    "issuer-unavailable": "registration",
    "registrars-unreachable": "registration",
    "pepper-missing": "registration",
    "clock-skew": "nothing",
    "disk-low": "nothing",
    "disk-full": "everything",
    "proxy-not-trusted": "nothing",
}


def reason(code: str, detail: str) -> Reason:
    return Reason(code, detail, CODES[code])
