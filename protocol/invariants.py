# SPDX-License-Identifier: AGPL-3.0-or-later
"""What holds at any time, as sentences: checked on the folded state, and by tests against contracts and gateways.

Each function answers with what is wrong, or None. `broken` asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol.ballot import SEQUENCE_WINDOW
from protocol.rules import ELECTORATE_CAPACITY
from protocol.state import InitiativeState, State
from protocol.tally import tally
from protocol.types import ProposalStatus


def ballots_are_distinct_and_at_most_the_registered(initiative: InitiativeState) -> str | None:
    """One ballot counts per nullifier, and there are at most as many as registered persons."""
    ballots, registered = len(initiative.ballots.latest), initiative.electorate.size
    nullifiers = {cast.entry.record.nullifier for cast in initiative.ballots.cast}
    if nullifiers != initiative.ballots.latest.keys():
        return "the nullifiers cast are not those that have a slot"
    return f"{ballots} ballots of {registered} registered" if ballots > registered else None


def every_ballot_came_within_its_window(initiative: InitiativeState) -> str | None:
    """Nothing is accepted before voting opens, or at or after the last close that was in force."""
    opens = initiative.rules.windows.voting_opens
    for cast in initiative.ballots.cast:
        if not opens <= cast.meta.timestamp < initiative.voting_closes:
            return f"a ballot at {cast.meta.timestamp}, outside {opens} to {initiative.voting_closes}"
    return None


def sequences_rise_by_at_most_the_window(initiative: InitiativeState) -> str | None:
    """A nullifier's ballots have rising sequences, each at most 16 past the one before; the last is its slot's."""
    stored: dict[int, int] = {}
    for cast in initiative.ballots.cast:
        record = cast.entry.record
        last = stored.get(record.nullifier, 0)
        if not last < record.sequence <= last + SEQUENCE_WINDOW:
            return f"sequence {record.sequence} after {last}"
        stored[record.nullifier] = record.sequence
    latest = {nullifier: cast.entry.record.sequence for nullifier, cast in initiative.ballots.latest.items()}
    return None if stored == latest else "a slot does not hold its nullifier's last ballot"


def one_person_has_one_leaf(initiative: InitiativeState) -> str | None:
    """Tags and leaves are one to one; leaves are distinct, were all used, and fit the tree."""
    electorate = initiative.electorate
    if sorted(electorate.index.values()) != list(range(electorate.size)):
        return "tags and leaves are not one to one"
    if len(set(electorate.leaves)) != electorate.size or not electorate.used.issuperset(electorate.leaves):
        return "a leaf stands twice, or was never used"
    return "more leaves than the tree holds" if electorate.size > ELECTORATE_CAPACITY else None


def registered_are_those_of_the_batches(initiative: InitiativeState) -> str | None:
    """The electorate is what k registrars signed, and nothing else."""
    electorate, threshold = initiative.electorate, initiative.rules.registrar_threshold
    if sum(len(batch.tags) for batch in electorate.batches) != electorate.size:
        return "the batches' persons are not the registered"
    few = any(len({signer.entity for signer in batch.signers}) < threshold for batch in electorate.batches)
    return "a batch of fewer than k registrars" if few else None


def options_are_the_accepted_proposals(initiative: InitiativeState) -> str | None:
    """Option numbers are places in the order of acceptance; each has a cost."""
    proposals = initiative.proposals
    accepted = {p.id: p.option for p in proposals.proposals.values() if p.status is ProposalStatus.ACCEPTED}
    if accepted != {proposal: option for option, proposal in enumerate(proposals.options)}:
        return "options are not the accepted proposals"
    return None if len(proposals.costs) == len(proposals.options) else "an option without cost"


def no_share_without_enough_ballots(initiative: InitiativeState) -> str | None:
    """No key share is out unless the anonymity set was large enough."""
    few = min(len(initiative.ballots.latest), initiative.electorate.size) < initiative.rules.min_anonymity
    return "a share was released over too small an anonymity set" if few and initiative.ceremony.shares else None


def key_needs_the_threshold(initiative: InitiativeState) -> str | None:
    """The secret key is known only after t shares."""
    ceremony = initiative.ceremony
    few = len(ceremony.shares) < initiative.rules.trustee_threshold
    return "a key of too few shares" if few and ceremony.secret_key is not None else None


def counts_are_those_of_the_accepted_ballots(initiative: InitiativeState) -> str | None:
    """The counters are the sum over the opened ballots; each is a nullifier's last ballot; complete means all."""
    count, latest = initiative.count, initiative.ballots.latest
    for nullifier, counted in count.opened.items():
        if nullifier not in latest or latest[nullifier].entry.record != counted.record:
            return "a ballot counted that is no nullifier's last"
    if count.is_complete and count.counted != len(latest):
        return f"complete with {count.counted} of {len(latest)} ballots"
    if not count.opened:
        return None
    added = tally(count.opened.values(), initiative.paper())
    return None if added == count.tally() else "the counters are not the sum over the ballots"


INVARIANTS: tuple[Callable[[InitiativeState], str | None], ...] = (
    ballots_are_distinct_and_at_most_the_registered,
    every_ballot_came_within_its_window,
    sequences_rise_by_at_most_the_window,
    one_person_has_one_leaf,
    registered_are_those_of_the_batches,
    options_are_the_accepted_proposals,
    no_share_without_enough_ballots,
    key_needs_the_threshold,
    counts_are_those_of_the_accepted_ballots,
)


def broken(state: State) -> Iterator[str]:
    """Every sentence that does not hold, with the initiative and what is wrong."""
    for initiative in state.initiatives.values():
        for invariant in INVARIANTS:
            fault = invariant(initiative)
            if fault is not None:
                yield f"initiative {initiative.id}: {invariant.__name__.replace('_', ' ')}: {fault}"
