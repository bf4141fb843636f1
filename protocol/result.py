# SPDX-License-Identifier: AGPL-3.0-or-later
"""The result document: counts, totals and winners, in bytes that everybody computes alike (docs/protocol/result.md)."""

from __future__ import annotations

from dataclasses import dataclass

from protocol import jcs
from protocol.allocation import (
    Allocation,
    AllocationError,
    Ballot,
    Option,
    OptionNumber,
    Totals,
    allocate,
    allocate_totals,
)
from protocol.count import parameters
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.plaintext import Valid
from protocol.state import InitiativeState, State
from protocol.tally import scores
from protocol.types import BallotType, Hash32, InitiativeId

SCHEMA = "urna/result/v1"


class ResultError(ProtocolError):
    """There is no such initiative, or it is not counted."""


@dataclass(frozen=True, slots=True)
class Result:
    """A document, its hash, and the allocation with the steps that led to it."""

    document: bytes
    hash: Hash32
    allocation: Allocation


def ballots(initiative: InitiativeState) -> list[Ballot]:
    """The scores of the valid ballots, in the order of their nullifiers."""
    rules = initiative.rules.ballot
    opened = (counted.decoded for _, counted in sorted(initiative.count.opened.items()))
    given = (scores(decoded.vote, rules) for decoded in opened if isinstance(decoded, Valid))
    return [{OptionNumber(option): score for option, score in ballot.items()} for ballot in given]


def totals(initiative: InitiativeState) -> Totals:
    """The counts by option: score, support, and for yes/no/abstain the no."""
    count, options = initiative.count, len(initiative.proposals.options)
    nothing = (0,) * options
    against = nothing
    if initiative.rules.ballot.ballot_type is BallotType.YES_NO_ABSTAIN:
        against = tuple(count.totals[options:]) or nothing
    return Totals(
        support=tuple(count.support) or nothing,
        scores=tuple(count.totals[:options]) or nothing,
        against=against,
        valid=count.valid,
        blank=count.blank,
        null=count.nulls,
    )


def allocation_of(initiative: InitiativeState) -> Allocation:
    """Who wins, by the rules fixed at creation.

    Raises:
        ResultError: the rule cannot be applied; not of rules that were checked at creation.
    """
    rules = parameters(initiative.rules.ballot, initiative.rules.allocation)
    options = [Option(OptionNumber(number), cost) for number, cost in enumerate(initiative.proposals.costs)]
    try:
        if rules.rule.needs_ballots:
            return allocate(rules, options, ballots(initiative), blank=initiative.count.blank)
        return allocate_totals(rules, options, totals(initiative))
    except AllocationError as error:
        raise ResultError(str(error)) from None


def _options(initiative: InitiativeState) -> list[dict[str, object]]:
    figures = totals(initiative)
    with_no = initiative.rules.ballot.ballot_type is BallotType.YES_NO_ABSTAIN
    listed: list[dict[str, object]] = []
    for number, proposal in enumerate(initiative.proposals.options):
        option: dict[str, object] = {
            "contentHash": _hex(initiative.proposals.proposals[proposal].content_hash),
            "cost": str(initiative.proposals.costs[number]),
            "option": number,
            "proposal": int(proposal),
            "score": str(figures.scores[number]),
            "support": figures.support[number],
        }
        listed.append(option | {"against": figures.against[number]} if with_no else option)
    return listed


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def compute(state: State, number: InitiativeId) -> Result:
    """The result of a counted initiative.

    Raises:
        ResultError: there is no such initiative, or it is not counted.
    """
    initiative = state.initiatives.get(number)
    if initiative is None or not initiative.count.is_complete:
        raise ResultError(f"initiative {number} is not counted")
    count, allocation = initiative.count, allocation_of(initiative)
    document = jcs.canonical(
        {
            "accumulator": f"0x{count.accumulator:064x}",
            "allocation": {
                "rule": allocation.rule.label,
                "spent": str(allocation.spent),
                "winners": [int(winner) for winner in allocation.winners],
            },
            "blank": count.blank,
            "chainId": str(state.chain_id),
            "channels": {"assisted": count.assisted, "own-device": count.own_device},
            "distinct": len(initiative.ballots.latest),
            "initiative": int(number),
            "null": count.nulls,
            "options": _options(initiative),
            "registered": initiative.electorate.size,
            "rulesHash": _hex(initiative.rules_hash),
            "schema": SCHEMA,
            "tally": _hex(state.suite.tally),
            "valid": count.valid,
        }
    )
    return Result(document, result_hash(document), allocation)


def result_hash(document: bytes) -> Hash32:
    """What trustees attest."""
    return Hash32(keccak(document))
