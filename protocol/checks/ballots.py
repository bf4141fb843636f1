# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks `ballots.proofs`, `tally.opened`, `tally.counts`: flat work over all ballots of an initiative, in batches."""

from __future__ import annotations

from collections.abc import Callable

from protocol.checks.model import CheckFailed, place
from protocol.errors import EncodingFault
from protocol.proof import ProofStatement, VerifyingKey, bad_proofs
from protocol.state import CastBallot, InitiativeState
from protocol.tally import OPENING_BATCH, open_ballots, tally

PROOF_BATCH = 4096
_PROOFS, _OPENED, _COUNTS = "ballots.proofs", "tally.opened", "tally.counts"
Progress = Callable[[int], None]
"""Told how many ballots were just done."""


def _name(ballot: CastBallot) -> str:
    return f"{place(ballot.meta)}: nullifier {ballot.entry.record.nullifier:#066x}"


def proofs(initiative: InitiativeState, key: VerifyingKey, progress: Progress) -> str:
    """Every cast ballot's proof against the frozen root. Raises CheckFailed, naming the ballots."""
    cast, root, scope = initiative.ballots.cast, initiative.electorate.root, initiative.ballots.scope
    for start in range(0, len(cast), PROOF_BATCH):
        batch = cast[start : start + PROOF_BATCH]
        statements = [ProofStatement.of_ballot(root, one.entry.record.nullifier, one.hash, scope) for one in batch]
        try:
            bad = bad_proofs(key, [one.entry.proof for one in batch], statements)
        except EncodingFault as error:
            where = "" if error.index is None else f"{_name(batch[error.index])}: "
            raise CheckFailed(_PROOFS, f"{where}{error}") from None
        if bad:
            more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise CheckFailed(_PROOFS, f"{_name(batch[bad[0]])}: the proof does not hold{more}")
        progress(len(batch))
    return f"initiative {initiative.id}: {len(cast)} proofs"


def opened(initiative: InitiativeState, progress: Progress) -> str:
    """Every counted plaintext against its ciphertext. Raises CheckFailed, naming the ballot."""
    key, count, latest = initiative.ceremony.secret_key, initiative.count, initiative.ballots.latest
    if count.opened and key is None:
        raise CheckFailed(_OPENED, f"initiative {initiative.id}: ballots were counted without a key")
    counted = list(count.opened.items())
    for start in range(0, len(counted), OPENING_BATCH):
        batch = counted[start : start + OPENING_BATCH]
        assert key is not None
        records = [latest[nullifier].entry.record for nullifier, _ in batch]
        plaintexts = open_ballots(key, initiative.ballots.scope, records, initiative.paper().words)
        for (nullifier, ballot), plaintext in zip(batch, plaintexts, strict=True):
            if ballot.plaintext != plaintext:
                raise CheckFailed(_OPENED, f"{_name(latest[nullifier])}: opens to another plaintext than was counted")
        progress(len(batch))
    if count.is_complete and count.counted != len(latest):
        raise CheckFailed(_OPENED, f"initiative {initiative.id}: {len(latest) - count.counted} ballots are missing")
    return f"initiative {initiative.id}: {count.counted} of {len(latest)} ballots"


def counts(initiative: InitiativeState) -> str:
    """The counters, added up again from the decoded ballots. Raises CheckFailed."""
    count = initiative.count
    if count.opened:
        again = tally(count.opened.values(), initiative.paper())
        if again != count.tally():
            raise CheckFailed(_COUNTS, f"initiative {initiative.id}: {count.tally()} instead of {again}")
    return f"initiative {initiative.id}: {count.valid} valid, {count.blank} blank, {count.nulls} null"
