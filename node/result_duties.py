# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last of a trustee's duties: recompute the result from the ballots themselves, and attest its hash."""

from __future__ import annotations

from node import events
from node.chain_state import fold
from node.duty import Duty
from node.errors import TrusteeError
from protocol import result
from protocol.events import ResultAttested
from protocol.state import InitiativeState
from protocol.tally import open_ballots
from protocol.types import InitiativeId


def attest(duty: Duty) -> None:
    """In a counted initiative: attests once. Raises TrusteeError where the count does not follow from the ballots."""
    entity = duty.entities[duty.index - 1]
    given: dict[int, bytes] = {}
    for located in events.read(duty.rpc, duty.deployment, [ResultAttested], initiative=duty.initiative):
        event = located.event
        assert isinstance(event, ResultAttested)
        given[event.trustee] = event.result_hash
    if entity not in given:
        own = recompute(duty)
        duty.send("Tally", "attest", own, did=f"attested the result 0x{own.hex()}", lost_race=("AlreadyAttested",))
        given[entity] = own
        contradicted = sorted(other for other, hash_ in given.items() if hash_ != own)
        if contradicted:
            raise TrusteeError(f"Other results than the recomputed one were attested by the entities {contradicted}.")
    if not any(duty.ask("Tally", "resultHashOf")):
        missing = [place for place in duty.places if duty.entities[place - 1] not in given]
        duty.wait("more attestations", missing, any_of=True)


def recompute(duty: Duty) -> bytes:
    """The hash of the result document, with every ballot opened anew."""
    state = fold(duty.rpc, duty.deployment)
    _check_plaintexts(state.initiatives[InitiativeId(duty.initiative)])
    return result.compute(state, InitiativeId(duty.initiative)).hash


def _check_plaintexts(initiative: InitiativeState) -> None:
    key = initiative.ceremony.secret_key
    if key is None:
        raise TrusteeError(f"Initiative {initiative.id} is counted, but its key is not combined.")
    latest = sorted(initiative.ballots.latest.items())
    records = [ballot.entry.record for _, ballot in latest]
    words = len(records[0].ciphertext) // 32 if records else 0
    opened = open_ballots(key, initiative.ballots.scope, records, words)
    for (nullifier, _), plaintext in zip(latest, opened, strict=True):
        if initiative.count.opened[nullifier].plaintext != plaintext:
            raise TrusteeError(f"A ballot of initiative {initiative.id} was counted as another than it opens to.")
