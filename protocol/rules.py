# SPDX-License-Identifier: AGPL-3.0-or-later
"""The rules of an initiative: encoding, hash, and the checks that its creation must pass.

`check` mirrors contracts/lib/RulesCheck.sol: same order, same reasons, so that a form can say what the contract would.

Errors:
    RulesError
    ├── InvalidWindows
    ├── InvalidBallotRules
    ├── InvalidAllocationRules
    ├── InvalidRegistrars
    ├── InvalidTrustees
    ├── MinimumAnonymityTooSmall
    └── InvalidRules
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from protocol import abi
from protocol.abi import Uint8, Uint16, Uint32
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import (
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    EntityId,
    Hash32,
    Kind,
    Windows,
)

MAX_ENTITIES = 32
MAX_OPTIONS = 1024
MAX_BALLOT_BYTES = 64 * 32
ELECTORATE_CAPACITY = 1 << 20
MAX_ISSUERS = 16
MAX_ISSUER_BYTES = 256
HOUR, DAY = 3600, 86400
MAX_HORIZON = 3650 * DAY
MIN_CHALLENGE = HOUR
MAX_CHALLENGE = 30 * DAY
MAX_EXTENSION = 90 * DAY
MIN_CEREMONY_STEP = 600
_UINT128_MAX = (1 << 128) - 1


class RulesError(ProtocolError):
    """Rules that the contract refuses; `reason` is the contract's own word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidWindows(RulesError):
    """Times that are in the past, out of order, too short or too far."""


class InvalidBallotRules(RulesError):
    """Limits that no ballot or no count can live with."""


class InvalidAllocationRules(RulesError):
    """A parameter that the rule lacks, or has and does not use."""


class InvalidRegistrars(RulesError):
    """Too few, one twice, or one not active (B14)."""


class InvalidTrustees(RulesError):
    """Too few, one twice, one not active or without key (B14)."""


class MinimumAnonymityTooSmall(RulesError):
    """Below the consortium's floor (B14)."""


class InvalidRules(RulesError):
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that is fixed at creation; contracts/Types.sol says what each field means."""

    kind: Kind
    scope_hash: Hash32
    windows: Windows
    ballot: BallotRules
    allocation: AllocationRules
    registrars: tuple[EntityId, ...]
    registrar_threshold: Uint8
    trustees: tuple[EntityId, ...]
    trustee_threshold: Uint8
    min_anonymity: Uint32
    proposals_per_person: Uint16
    pepper_hash: Hash32
    issuers: tuple[str, ...]


class Members(Protocol):
    """What the consortium says of its entities."""

    @property
    def minimum_anonymity(self) -> int:
        """The floor of every initiative's minimum."""

    def is_active(self, entity: EntityId) -> bool:
        """Whether the entity exists and is not suspended."""

    def has_trustee_key(self, entity: EntityId) -> bool:
        """Whether it registered a trustee's key."""


def encode(rules: Rules) -> bytes:
    """`abi.encode(rules)`.

    Raises:
        protocol.abi.AbiError: a field is out of its type's range.
    """
    return abi.encode(rules)


def decode(data: bytes) -> Rules:
    """The rules of these bytes.

    Raises:
        protocol.abi.AbiError: they are not the canonical encoding of any.
    """
    return abi.decode(Rules, data)


def rules_hash(rules: Rules) -> Hash32:
    """`keccak256(abi.encode(rules))`."""
    return Hash32(keccak(encode(rules)))


def check(rules: Rules, now: int, members: Members) -> None:
    """Whether an initiative may be created with these rules in a block of this timestamp.

    Raises:
        RulesError: the first fault, in the contract's order and words.
    """
    for fault in faults(rules, now, members):
        raise fault


def faults(rules: Rules, now: int, members: Members) -> Iterator[RulesError]:
    """Everything that the contract would refuse, in its order; it would name the first alone."""
    yield from _window_faults(rules.windows, now)
    yield from _ballot_faults(rules.ballot)
    yield from _allocation_faults(rules.allocation)
    yield from _registrar_faults(rules, members)
    yield from _trustee_faults(rules, members)
    yield from _other_faults(rules, members)


def _those(error: type[RulesError], *reasons: tuple[bool, str]) -> Iterator[RulesError]:
    return (error(reason) for holds, reason in reasons if holds)


def _window_faults(w: Windows, now: int) -> Iterator[RulesError]:
    return _those(
        InvalidWindows,
        (w.registration_opens <= now, "registration opens in the past"),
        (w.registration_closes <= w.registration_opens, "no registration"),
        (w.voting_opens <= w.registration_closes, "no review"),
        (w.voting_closes <= w.voting_opens, "no voting"),
        (w.voting_closes > now + MAX_HORIZON, "too far ahead"),
        (w.challenge_period < MIN_CHALLENGE, "challenge period too short"),
        (w.challenge_period > MAX_CHALLENGE, "challenge period too long"),
        (w.max_extension > MAX_EXTENSION, "extension too long"),
        (w.ceremony_step < MIN_CEREMONY_STEP, "ceremony step too short"),
        (w.registration_opens + 2 * w.ceremony_step >= w.voting_opens, "no time for the ceremony"),
    )


def _ballot_faults(b: BallotRules) -> Iterator[RulesError]:
    kind = b.ballot_type
    yield from _those(
        InvalidBallotRules,
        (b.min_length == 0 and kind is not BallotType.YES_NO_ABSTAIN, "minLength is 0"),
        (b.max_length == 0, "maxLength is 0"),
        (b.min_length > b.max_length, "minLength > maxLength"),
        (b.max_length > MAX_OPTIONS, "maxLength > 1024"),
        (kind is BallotType.SINGLE_CHOICE and b.max_length != 1, "single choice names one option"),
        ((kind is BallotType.KNAPSACK) != (b.max_cost != 0), "maxCost is for knapsack"),
    )
    yield from _point_faults(b)
    yield from _rank_faults(b)


def _point_faults(b: BallotRules) -> Iterator[RulesError]:
    points = (b.min_points, b.max_points, b.min_sum_points, b.max_sum_points)
    if b.ballot_type is not BallotType.CUMULATIVE:
        return _those(InvalidBallotRules, (any(points), "points are for cumulative"))
    unreachable = b.min_sum_points > b.max_length * b.max_points or b.max_sum_points < b.min_length * b.min_points
    return _those(
        InvalidBallotRules,
        (9 + 4 * b.max_length > MAX_BALLOT_BYTES, "ballot too long"),
        (b.max_points == 0, "maxPoints is 0"),
        (b.min_points > b.max_points, "minPoints > maxPoints"),
        (b.max_sum_points == 0, "maxSumPoints is 0"),
        (b.min_sum_points > b.max_sum_points, "minSumPoints > maxSumPoints"),
        (unreachable, "sum of points out of reach"),
    )


def _rank_faults(b: BallotRules) -> Iterator[RulesError]:
    if b.ballot_type is not BallotType.ORDERED:
        return _those(InvalidBallotRules, (bool(b.points_per_rank), "pointsPerRank is for ordered"))
    return _those(
        InvalidBallotRules,
        (9 + 2 * b.max_length > MAX_BALLOT_BYTES, "ballot too long"),
        (len(b.points_per_rank) != b.max_length, "pointsPerRank needs maxLength entries"),
        (not any(b.points_per_rank), "pointsPerRank is all 0"),
    )


def _allocation_faults(a: AllocationRules) -> Iterator[RulesError]:
    return _those(
        InvalidAllocationRules,
        (a.rule.has_budget != (a.budget != 0), "budget"),
        (a.budget > _UINT128_MAX, "budget too large"),
        (a.rule is AllocationRule.GREEDY_THRESHOLD and a.threshold == 0, "threshold"),
        ((a.rule is AllocationRule.TOP_K) != (a.winners != 0), "winners"),
        (a.winners > MAX_OPTIONS, "winners > 1024"),
        (a.rule is not AllocationRule.MAJORITY and a.quorum != 0, "quorum"),
    )


def _ascending(entities: tuple[EntityId, ...]) -> bool:
    return all(left < right for left, right in pairwise((EntityId(0), *entities)))


def _registrar_faults(rules: Rules, members: Members) -> Iterator[RulesError]:
    count, threshold = len(rules.registrars), rules.registrar_threshold
    return _those(
        InvalidRegistrars,
        (count > MAX_ENTITIES, "more than 32"),
        (threshold < 2, "k < 2"),
        (threshold > count, "k > n"),
        (not _ascending(rules.registrars), "not ascending"),
        (not all(map(members.is_active, rules.registrars)), "not active"),
    )


def _trustee_faults(rules: Rules, members: Members) -> Iterator[RulesError]:
    count, threshold = len(rules.trustees), rules.trustee_threshold
    return _those(
        InvalidTrustees,
        (count > MAX_ENTITIES, "more than 32"),
        (threshold < 2, "t < 2"),
        (2 * threshold - 1 > count, "2t - 1 > n"),
        (not _ascending(rules.trustees), "not ascending"),
        (not all(map(members.is_active, rules.trustees)), "not active"),
        (not all(map(members.has_trustee_key, rules.trustees)), "no trustee key"),
    )


def _other_faults(rules: Rules, members: Members) -> Iterator[RulesError]:
    floor = members.minimum_anonymity
    yield from _those(
        MinimumAnonymityTooSmall,
        (rules.min_anonymity < floor, f"a minimum of {rules.min_anonymity} is below the consortium's {floor}"),
    )
    yield from _those(
        InvalidRules,
        (rules.min_anonymity > ELECTORATE_CAPACITY, "minAnonymity > 2^20"),
        (rules.proposals_per_person == 0, "proposalsPerPerson is 0"),
        (not any(rules.pepper_hash), "pepperHash is 0"),
        (not rules.issuers, "no issuer"),
        (len(rules.issuers) > MAX_ISSUERS, "more than 16 issuers"),
        (not all(map(_is_issuer, rules.issuers)), "issuer"),
    )


def _is_issuer(issuer: str) -> bool:
    # What was no UTF-8 was replaced on reading, and is longer now than on chain.
    return len(issuer) > 0 and ("�" in issuer or len(issuer.encode()) <= MAX_ISSUER_BYTES)
