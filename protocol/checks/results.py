# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks `result.allocation`, `result.attested` and `followup.reports`: the document is recomputed, never read."""

from __future__ import annotations

import json

from protocol.checks.model import CheckFailed, NotVerifiable
from protocol.result import Result
from protocol.state import InitiativeState

_ALLOCATION, _ATTESTED = "result.allocation", "result.attested"


def allocation(initiative: InitiativeState, result: Result | None, document: bytes | None) -> str:
    """The winners that follow, and those of the document where one is given; `result` is None before the count is over.

    Raises CheckFailed, NotVerifiable.
    """
    if result is None:
        raise NotVerifiable(_ALLOCATION, f"initiative {initiative.id}: not counted")
    winners = [int(winner) for winner in result.allocation.winners]
    if document is not None and _claimed(document) != json.loads(result.document)["allocation"]:
        raise CheckFailed(_ALLOCATION, f"initiative {initiative.id}: the document names other winners than {winners}")
    return f"initiative {initiative.id}: {len(winners)} winners by {result.allocation.rule.label}"


def _claimed(document: bytes) -> object:
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return content.get("allocation") if isinstance(content, dict) else None


def attested(initiative: InitiativeState, result: Result | None, document: bytes | None) -> str:
    """That t trustees attested the recomputed document; one that attested another is named, and changes nothing.

    Raises CheckFailed, NotVerifiable.
    """
    who = f"initiative {initiative.id}"
    if result is None:
        raise NotVerifiable(_ATTESTED, f"{who}: not counted")
    if document is not None and document != result.document:
        raise CheckFailed(_ATTESTED, f"{who}: the document is not the one that follows from the count")
    given = initiative.count.attestations
    agreed = [entity for entity, attested_hash in given.items() if attested_hash == result.hash]
    dissent = "".join(f"; entity {entity} attested another" for entity in given if entity not in agreed)
    if initiative.count.result_hash is None:
        needed = initiative.rules.trustee_threshold
        raise NotVerifiable(_ATTESTED, f"{who}: {len(agreed)} of {needed} attestations{dissent}")
    if initiative.count.result_hash != result.hash:
        raise CheckFailed(_ATTESTED, f"{who}: the trustees attested another document than 0x{result.hash.hex()}")
    return f"{who}: {len(agreed)} trustees, 0x{result.hash.hex()}{dissent}"


def reports(initiative: InitiativeState, result: Result | None) -> str:
    """The reports on execution, which the fold judged; options that did not win are named, and change nothing."""
    given = initiative.follow_up.reports
    winners = set() if result is None else {int(winner) for winner in result.allocation.winners}
    lost = sorted(given.keys() - winners)
    others = "" if not lost else f"; reported on, though they did not win: options {', '.join(map(str, lost))}"
    total, won = sum(map(len, given.values())), len(given.keys() & winners)
    return f"initiative {initiative.id}: {total} reports on {won} of {len(winners)} winners{others}"
