# SPDX-License-Identifier: AGPL-3.0-or-later
"""The types that everybody shares; a mirror of contracts/Types.sol and of the enums and structs of the interfaces.

Annotations carry the ABI types, see `protocol.abi`. Enums keep Solidity's numbers; `label` is their one name in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, NewType, Self

from protocol.abi import Bytes20, Bytes32, Fixed, Uint16, Uint32, Uint64, Uint256
from protocol.allocation.rule import Rule as AllocationRule
from protocol.allocation.rule import TieBreak

__all__ = [
    "Address",
    "AllocationRule",
    "AllocationRules",
    "BallotRules",
    "BallotType",
    "CastSkipReason",
    "Commitment",
    "Dealing",
    "DleqProof",
    "EntityId",
    "ExecutionStatus",
    "G1Point",
    "Hash32",
    "InitiativeId",
    "Kind",
    "MotionId",
    "Nullifier",
    "Outcome",
    "P256Point",
    "Phase",
    "ProposalId",
    "ProposalStatus",
    "Role",
    "SchnorrProof",
    "SkipReason",
    "Suite",
    "Tag",
    "TieBreak",
    "VoidReason",
    "Windows",
]

EntityId = NewType("EntityId", Uint32)
"""From 1; 0 is nobody."""

InitiativeId = NewType("InitiativeId", Uint64)
"""From 1."""

ProposalId = NewType("ProposalId", Uint32)
"""From 1, per initiative."""

MotionId = NewType("MotionId", Uint256)
"""From 1."""

Nullifier = NewType("Nullifier", Uint256)
"""Below r, the order of bn254's scalar field."""

Commitment = NewType("Commitment", Uint256)
"""A leaf of the electorate; 0 < commitment < r."""

Tag = NewType("Tag", Bytes32)
"""Keyed hash of a person, per initiative and purpose."""

Hash32 = NewType("Hash32", Bytes32)
"""A Keccak-256."""

Address = NewType("Address", Bytes20)
"""An account or contract; 20 bytes."""


class Labelled(IntEnum):
    """An enum of the contracts."""

    @property
    def label(self) -> str:
        """The name in JSON: kebab-case."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def from_label(cls, label: str) -> Self:
        """The member of this name.

        Raises:
            ValueError: there is none.
        """
        for member in cls:
            if member.label == label:
                return member
        raise ValueError(f"{label!r} is no {cls.__name__}")


class Role(Labelled):
    """What an account of an entity may do."""

    MEMBER = 0
    PUBLISHER = 1
    REGISTRAR = 2
    GATEWAY = 3
    TRUSTEE = 4


class PromiseKind(Labelled):
    """What a gateway promises to bring to the chain. No enum of a contract; 0 is none, so that a zero is no promise."""

    REGISTRATION = 1
    REPLACEMENT = 2
    PROPOSAL = 3
    BALLOT = 4


class Kind(Labelled):
    """What sort of process an initiative is."""

    PARTICIPATORY_BUDGET = 0
    CONSULTATION = 1
    CONTEST = 2
    INTERNAL_VOTE = 3
    SCHOOL_VOTE = 4


class Phase(Labelled):
    """Where an initiative stands at a time."""

    ANNOUNCED = 0
    REGISTRATION = 1
    REVIEW = 2
    VOTING = 3
    CHALLENGE = 4
    OPENING = 5
    COUNTED = 6
    VOID = 7


class VoidReason(Labelled):
    """Why an initiative has no result."""

    NONE = 0
    WITHDRAWN = 1
    MOTION = 2
    TOO_FEW_REGISTERED = 3
    NO_JOINT_KEY = 4
    NO_OPTIONS = 5
    TOO_FEW_BALLOTS = 6


class BallotType(Labelled):
    """What a ballot says."""

    SINGLE_CHOICE = 0
    APPROVAL = 1
    CUMULATIVE = 2
    ORDERED = 3
    KNAPSACK = 4
    YES_NO_ABSTAIN = 5


class Outcome(Labelled):
    """What an opened ballot counts as."""

    VALID = 0
    BLANK = 1
    NULL = 2


class SkipReason(Labelled):
    """Why a registration was passed over; IElectorate."""

    KNOWN_TAG = 0
    USED_COMMITMENT = 1


class CastSkipReason(Labelled):
    """Why a ballot was passed over; IBallotBox."""

    SEQUENCE_TOO_LOW = 0
    SEQUENCE_TOO_HIGH = 1


class ProposalStatus(Labelled):
    """Where a proposal stands; IProposals."""

    SUBMITTED = 0
    ACCEPTED = 1
    REJECTED = 2


class ExecutionStatus(Labelled):
    """What a publisher says of a winner's execution; IFollowUp."""

    PLANNED = 0
    IN_PROGRESS = 1
    DELAYED = 2
    DONE = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True)
class G1Point:
    """A point of bn254's G1, affine; (0, 0) is infinity. Nothing is checked here."""

    x: Uint256
    y: Uint256


@dataclass(frozen=True, slots=True)
class P256Point:
    """A point of NIST's P-256, affine; (0, 0) where there is none. Nothing is checked here."""

    x: Uint256
    y: Uint256


@dataclass(frozen=True, slots=True)
class SchnorrProof:
    """Proof of knowledge of x with X = x·G: `s·G == t + c·X` (docs/protocol/ceremony.md)."""

    t: G1Point
    s: Uint256


@dataclass(frozen=True, slots=True)
class DleqProof:
    """`s·G == t1 + c·key` and `s·ephemeral == t2 + c·shared`."""

    t1: G1Point
    t2: G1Point
    s: Uint256


@dataclass(frozen=True, slots=True)
class Dealing:
    """One trustee's dealing: t commitments, one ephemeral, n masked shares, two proofs of knowledge; see ICeremony."""

    commitments: tuple[G1Point, ...]
    ephemeral: G1Point
    shares: tuple[Uint256, ...]
    constant_proof: SchnorrProof
    ephemeral_proof: SchnorrProof


@dataclass(frozen=True, slots=True)
class Suite:
    """Addresses of one deployment of the contracts, the consortium's aside."""

    initiatives: Address
    electorate: Address
    proposals: Address
    ceremony: Address
    ballot_box: Address
    tally: Address
    follow_up: Address


Accounts = Annotated[tuple[Address, ...], Fixed(len(Role))]
"""An entity's accounts, indexed by `Role`."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Times in seconds since the epoch, periods in seconds; see contracts/Types.sol."""

    registration_opens: Uint64
    registration_closes: Uint64
    voting_opens: Uint64
    voting_closes: Uint64
    challenge_period: Uint32
    max_extension: Uint32
    ceremony_step: Uint32


@dataclass(frozen=True, slots=True)
class BallotRules:
    """What a ballot may say. Fields that the type does not use are zero or empty."""

    ballot_type: BallotType
    min_length: Uint16
    max_length: Uint16
    min_points: Uint16 = 0
    max_points: Uint16 = 0
    min_sum_points: Uint32 = 0
    max_sum_points: Uint32 = 0
    max_cost: Uint256 = 0
    points_per_rank: tuple[Uint16, ...] = ()


@dataclass(frozen=True, slots=True)
class AllocationRules:
    """How totals or ballots become winners. Fields that the rule does not use are zero; money in minor units."""

    rule: AllocationRule
    tie_break: TieBreak = TieBreak.OPTION_NUMBER
    budget: Uint256 = 0
    threshold: Uint256 = 0
    winners: Uint32 = 0
    quorum: Uint256 = 0
