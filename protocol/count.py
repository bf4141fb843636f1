# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plain count of an election's ballots: what the contracts must arrive at."""

from __future__ import annotations

from protocol.allocation import Allocation, Ballot, RuleParameters, Totals, add_up, allocate
from protocol.pabulib import Election, Vote
from protocol.plaintext import (
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Knapsack,
    NullReason,
    Ordered,
    SingleChoice,
    YesNoAbstain,
    fault,
)
from protocol.types import AllocationRules, BallotRules, BallotType


def paper(election: Election) -> BallotPaper:
    """The ballot paper of the election, all its projects being options."""
    return BallotPaper(election.ballot, tuple(project.cost for project in election.projects))


def choice(election: Election, vote: Vote) -> Choice:
    """What the voter wants to say, as it is sealed; the options of a set ascend.

    A single choice that names several options cannot be said: its first stands here, and `flaw` calls it null.
    """
    if not vote.options:
        return Blank()
    match election.ballot.ballot_type:
        case BallotType.SINGLE_CHOICE:
            return SingleChoice(vote.options[0])
        case BallotType.APPROVAL:
            return Approval(tuple(sorted(vote.options)))
        case BallotType.KNAPSACK:
            return Knapsack(tuple(sorted(vote.options)))
        case BallotType.ORDERED:
            return Ordered(vote.options)
        case BallotType.CUMULATIVE:
            return Cumulative(tuple(sorted(zip(vote.options, vote.points, strict=True))))
        case BallotType.YES_NO_ABSTAIN:
            answers = sorted(zip(vote.options, vote.points, strict=True))
            yes, no = (tuple(option for option, answer in answers if answer == wanted) for wanted in (1, -1))
            return YesNoAbstain(yes, no)


def flaw(election: Election, vote: Vote) -> NullReason | None:
    """Why the vote counts as null, None for a valid or blank one."""
    return _flaw(election, vote, paper(election))


def _flaw(election: Election, vote: Vote, on: BallotPaper) -> NullReason | None:
    if election.ballot.ballot_type is BallotType.SINGLE_CHOICE and len(vote.options) > 1:
        return NullReason.TOO_MANY
    said = choice(election, vote)
    return None if isinstance(said, Blank) else fault(said, on)


def ballot(election: Election, vote: Vote) -> Ballot:
    """The scores that a valid vote gives."""
    match election.ballot.ballot_type:
        case BallotType.CUMULATIVE:
            return dict(zip(vote.options, vote.points, strict=True))
        case BallotType.ORDERED:
            return dict(zip(vote.options, election.ballot.points_per_rank, strict=False))
        case BallotType.YES_NO_ABSTAIN:
            return {option: value for option, value in zip(vote.options, vote.points, strict=True) if value}
        case _:
            return dict.fromkeys(vote.options, 1)


def valid_ballots(election: Election) -> list[Ballot]:
    """The ballots that are neither blank nor null, in the file's order."""
    on = paper(election)
    return [ballot(election, vote) for vote in election.votes if vote.options and _flaw(election, vote, on) is None]


def count(election: Election) -> Totals:
    """Totals per project, and the numbers of valid, blank and null ballots."""
    ballots, blank = valid_ballots(election), _blank(election)
    return add_up(ballots, len(election.projects), blank=blank, null=len(election.votes) - blank - len(ballots))


def _blank(election: Election) -> int:
    return sum(not vote.options for vote in election.votes)


def parameters(ballot_rules: BallotRules, allocation: AllocationRules) -> RuleParameters:
    """What `allocate` needs from an initiative's rules: majority is absolute where a ballot cannot say no."""
    return RuleParameters(
        allocation.rule,
        allocation.tie_break,
        allocation.budget,
        allocation.threshold,
        allocation.winners,
        allocation.quorum,
        absolute=ballot_rules.ballot_type is not BallotType.YES_NO_ABSTAIN,
    )


def winners(election: Election) -> Allocation:
    """The election's own rule applied to its own ballots."""
    rules = parameters(election.ballot, election.allocation)
    return allocate(rules, election.options, valid_ballots(election), blank=_blank(election))
