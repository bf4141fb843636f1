# SPDX-License-Identifier: AGPL-3.0-or-later
"""Work that anybody may do and a trustee does: applying replacements in review, feeding ballots to the count."""

from __future__ import annotations

from collections.abc import Sequence

from node import events
from node.duty import Duty
from node.errors import ContractError
from node.keys import Call
from protocol.ballot import HEADER_BYTES, PROOF_BYTES
from protocol.electorate import ElectorateTree
from protocol.events import BallotCast, BallotCounted, Registered, ReplacementApplied, ReplacementQueued
from protocol.types import Commitment, Tag

BALLOTS_PER_BATCH = 250
_IN_FLIGHT = 40
_ATTEMPTS = 5


def apply_replacements(duty: Duty) -> None:
    """In review: every replacement that is pending, one after the other, since each changes the tree."""
    history = [
        located.event
        for located in events.read(
            duty.rpc,
            duty.deployment,
            [Registered, ReplacementQueued, ReplacementApplied],
            initiative=duty.initiative,
        )
    ]
    queued: dict[Tag, None] = {event.tag: None for event in history if isinstance(event, ReplacementQueued)}
    if not queued:
        return
    leaves: list[Commitment] = []
    for event in history:
        if isinstance(event, Registered):
            leaves += event.commitments
        elif isinstance(event, ReplacementApplied):
            leaves[event.index] = event.new_commitment
    tree, place = ElectorateTree(leaves), {leaf: index for index, leaf in enumerate(leaves)}
    applied = 0
    for tag in queued:
        pending = duty.ask("Electorate", "pendingReplacement", tag)
        if not pending:
            continue
        old = duty.ask("Electorate", "commitmentOf", tag)
        index = place[old]
        siblings = tree.proof(index).siblings
        call = duty.deployment.contract("Electorate").call(
            "applyReplacement", duty.initiative, tag, siblings, what="a replacement's application"
        )
        try:
            duty.sender.call(call)
        except ContractError as error:
            if error.name != "NoReplacement":  # another trustee was faster
                raise
        else:
            applied += 1
        tree.replace(index, pending)
    if applied:
        duty.report.did.append(f"applied {applied} replacement{'s' if applied > 1 else ''}")


def count(duty: Duty) -> bool:
    """In the opening, once the key is combined: feeds all ballots that are left. Whether the count is complete.

    Trustees begin at different places, and look again when another was faster.
    """
    for _ in range(_ATTEMPTS):
        records = _left(duty)
        if not records or duty.ask("Tally", "isComplete"):
            return bool(duty.ask("Tally", "isComplete"))
        start = len(records) * (duty.index - 1) // len(duty.entities)
        counted = _feed(duty, records[start:] + records[:start])
        if counted:
            duty.report.did.append(f"had {counted} ballots counted")
    return bool(duty.ask("Tally", "isComplete"))


def _left(duty: Duty) -> list[bytes]:
    """Records that fill the slots and are not counted yet, by nullifier."""
    records: dict[int, bytes] = {}
    for located in events.read(duty.rpc, duty.deployment, [BallotCast, BallotCounted], initiative=duty.initiative):
        event = located.event
        if isinstance(event, BallotCast):
            records[event.nullifier] = event.entry[PROOF_BYTES:]
        elif isinstance(event, BallotCounted):
            records.pop(event.nullifier, None)
    return [records[nullifier] for nullifier in sorted(records)]


def _feed(duty: Duty, records: Sequence[bytes]) -> int:
    """Sends the records in batches, several in flight; how many were counted by this."""
    batches = [records[at : at + BALLOTS_PER_BATCH] for at in range(0, len(records), BALLOTS_PER_BATCH)]
    tally = duty.deployment.contract("Tally")
    counted = 0
    for at in range(0, len(batches), _IN_FLIGHT):
        group = batches[at : at + _IN_FLIGHT]
        calls: list[Call] = []
        for batch in group:
            gas = 500_000 + sum(_gas(len(record)) for record in batch)
            calls.append(tally.call("count", duty.initiative, b"".join(batch), what="a part of the count", gas=gas))
        for sent, batch in zip(duty.sender.submit(calls), group, strict=True):
            try:
                duty.sender.wait([sent])
                counted += len(batch)
            except ContractError as error:
                if error.name not in ("SlotMismatch", "WrongPhase"):
                    raise
    return counted


def _gas(record_bytes: int) -> int:
    """A limit, not an estimate: opening, decoding, clearing the slot and the event, by the ciphertext's words."""
    words = (record_bytes - HEADER_BYTES) // 32
    return 40_000 + 12_000 * words
