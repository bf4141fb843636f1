# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plain count of an election's ballots: what the contracts must arrive at."""

from __future__ import annotations

from protocol.allocation import Allocation, Ballot, Totals, add_up, allocate
from protocol.pabulib import BallotType, Election, Vote


def flaw(election: Election, vote: Vote) -> str | None:
    """Why the vote counts as null, None for a valid or blank one. The limits are those of docs/protocol/ballot.md."""
    if not vote.options:
        return None
    limits, kind = election.limits, election.ballot_type
    named = vote.options if kind is not BallotType.YES_NO_ABSTAIN else [value for value in vote.points if value]
    if len(set(vote.options)) != len(vote.options):
        return "an option named twice"
    if not limits.min_length <= len(named) <= limits.max_length:
        return f"{len(named)} options named, allowed are {limits.min_length} to {limits.max_length}"
    if kind is BallotType.KNAPSACK:
        cost = sum(election.projects[option].cost for option in vote.options)
        if cost > limits.max_cost:
            return f"options worth {cost} minor units, allowed are {limits.max_cost}"
    if kind is BallotType.CUMULATIVE:
        return _points_flaw(election, vote)
    return None


def _points_flaw(election: Election, vote: Vote) -> str | None:
    limits = election.limits
    for points in vote.points:
        if not limits.min_points <= points <= limits.max_points:
            return f"{points} points for an option, allowed are {limits.min_points} to {limits.max_points}"
    total = sum(vote.points)
    if not limits.min_sum_points <= total <= limits.max_sum_points:
        return f"{total} points in all, allowed are {limits.min_sum_points} to {limits.max_sum_points}"
    return None


def ballot(election: Election, vote: Vote) -> Ballot:
    """The scores that a valid vote gives."""
    match election.ballot_type:
        case BallotType.CUMULATIVE:
            return dict(zip(vote.options, vote.points, strict=True))
        case BallotType.ORDERED:
            return dict(zip(vote.options, election.limits.points_per_rank, strict=False))
        case BallotType.YES_NO_ABSTAIN:
            return {option: value for option, value in zip(vote.options, vote.points, strict=True) if value}
        case _:
            return dict.fromkeys(vote.options, 1)


def valid_ballots(election: Election) -> list[Ballot]:
    """The ballots that are neither blank nor null, in the file's order."""
    return [ballot(election, vote) for vote in election.votes if vote.options and flaw(election, vote) is None]


def count(election: Election) -> Totals:
    """Totals per project, and the numbers of valid, blank and null ballots."""
    ballots = valid_ballots(election)
    blank = sum(not vote.options for vote in election.votes)
    return add_up(ballots, len(election.projects), blank=blank, null=len(election.votes) - blank - len(ballots))


def winners(election: Election) -> Allocation:
    """The election's own rule applied to its own ballots."""
    blank = sum(not vote.options for vote in election.votes)
    return allocate(election.allocation, election.options, valid_ballots(election), blank=blank)
