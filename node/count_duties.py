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
from protocol.types import Commitment

BALLOTS_PER_BATCH = 250
_IN_FLIGHT = 40
_ATTEMPTS = 5
_BATCH_GAS = (
    8_000_000  # phase, rules, 1,024 costs, first writes of counters; gas is free, and too little would never count
)


def apply_replacements(duty: Duty) -> None:
    """In review: every replacement that is pending, one after the other, since each changes the tree.

    When another trustee is at the same work, the tree is read anew.
    """
    applied = 0
    for _ in range(_ATTEMPTS):
        done, overtaken = _apply_pending(duty)
        applied += done
        if not overtaken:
            break
    if applied:
        duty.report.did.append(f"applied {applied} replacement{'s' if applied > 1 else ''}")


def _apply_pending(duty: Duty) -> tuple[int, bool]:
    """How many were applied, and whether another trustee came in between."""
    kinds = [Registered, ReplacementQueued, ReplacementApplied]
    history = [at.event for at in events.read(duty.rpc, duty.deployment, kinds, initiative=duty.initiative)]
    tags = dict.fromkeys(event.tag for event in history if isinstance(event, ReplacementQueued))
    if not tags:
        return 0, False
    leaves: list[Commitment] = []
    for event in history:
        if isinstance(event, Registered):
            leaves += event.commitments
        elif isinstance(event, ReplacementApplied):
            leaves[event.index] = event.new_commitment
    tree, places = ElectorateTree(leaves), {leaf: index for index, leaf in enumerate(leaves)}
    electorate = duty.deployment.contract("Electorate")
    applied = 0
    for tag in tags:
        pending = duty.ask("Electorate", "pendingReplacement", tag)
        if not pending:
            continue
        index = places.get(duty.ask("Electorate", "commitmentOf", tag))
        if index is None:
            return applied, True
        siblings = tree.proof(index).siblings
        what = "a replacement's application"
        try:
            duty.sender.call(electorate.call("applyReplacement", duty.initiative, tag, siblings, what=what))
        except ContractError as error:
            if error.name not in ("NoReplacement", "WrongSiblingNodes"):
                raise
            return applied, True
        applied += 1
        tree.replace(index, pending)
    return applied, False


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
            gas = _BATCH_GAS + sum(_gas(len(record)) for record in batch)
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
