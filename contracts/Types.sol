// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

/// @dev Value types, so that the compiler refuses to mix identifiers. On the ABI they are their underlying type.
type EntityId is uint32; // from 1; 0 is nobody
type InitiativeId is uint64; // from 1
type ProposalId is uint32; // from 1, per initiative
type Nullifier is uint256; // < r, the bn254 scalar field's order
type Commitment is uint256; // 0 < c < r
type Tag is bytes32; // keyed hash of a person, per initiative and purpose

using {eq as ==} for EntityId global;
using {neq as !=} for EntityId global;

function eq(EntityId a, EntityId b) pure returns (bool) {
    return EntityId.unwrap(a) == EntityId.unwrap(b);
}

function neq(EntityId a, EntityId b) pure returns (bool) {
    return EntityId.unwrap(a) != EntityId.unwrap(b);
}

/// @notice A point of bn254's G1, affine. (0, 0) is infinity and is refused wherever a point comes from outside.
struct G1Point {
    uint256 x;
    uint256 y;
}

/// @notice A point of NIST's P-256 (secp256r1), affine; (0, 0) where there is none.
struct P256Point {
    uint256 x;
    uint256 y;
}

/// @notice Schnorr proof of knowledge of x with X = x·G: `s·G == T + c·X`, c = challenge mod r (docs/protocol/ceremony.md).
struct SchnorrProof {
    G1Point t;
    uint256 s;
}

/// @notice A registrar's EIP-712 signature; lists are in strictly ascending order of `entity`.
struct RegistrarSignature {
    EntityId entity;
    bytes signature;
}

/// @notice What an account of an entity may do. An account serves one role of one entity, once and for ever.
enum Role {
    Member, // motions; the entity's own accounts
    Publisher, // initiatives, moderation
    Registrar, // co-signs registrations
    Gateway, // relays; has no power
    Trustee // ceremony, key shares, attestation
}

enum Kind {
    ParticipatoryBudget,
    Consultation,
    Contest,
    InternalVote,
    SchoolVote
}

enum Phase {
    Announced,
    Registration,
    Review,
    Voting,
    Challenge,
    Opening,
    Counted,
    Void
}

enum VoidReason {
    None,
    Withdrawn,
    Motion,
    TooFewRegistered,
    NoJointKey,
    NoOptions,
    TooFewBallots
}

enum BallotType {
    SingleChoice,
    Approval,
    Cumulative,
    Ordered,
    Knapsack,
    YesNoAbstain
}

enum AllocationRule {
    Greedy,
    GreedyNoSkip,
    GreedyThreshold,
    EqualShares,
    EqualSharesAdd1,
    TopK,
    Majority
}

/// @notice Which of two options with equal scores goes first.
enum TieBreak {
    OptionNumber, // lower option number first
    LowerCost, // then lower option number
    HigherCost // then lower option number
}

enum Outcome {
    Valid,
    Blank,
    Null
}

/// @notice Times in seconds since the epoch, periods in seconds, all against `block.timestamp`.
struct Windows {
    uint64 registrationOpens; // also proposals, and epoch 0 of the ceremony
    uint64 registrationCloses; // review begins
    uint64 votingOpens;
    uint64 votingCloses;
    uint32 challengePeriod; // >= 1 hour
    uint32 maxExtension; // bound of the one extension, 0 = none
    uint32 ceremonyStep; // dealing lasts one step, complaints another; >= 10 minutes
}

struct BallotRules {
    BallotType ballotType;
    uint16 minLength; // options named (yes/no/abstain: answers other than abstain)
    uint16 maxLength;
    uint16 minPoints; // per named option; cumulative only, else 0
    uint16 maxPoints;
    uint32 minSumPoints;
    uint32 maxSumPoints;
    uint256 maxCost; // knapsack only, else 0
    uint16[] pointsPerRank; // ordered only: maxLength entries, else empty
}

struct AllocationRules {
    AllocationRule rule;
    TieBreak tieBreak;
    uint256 budget; // 0 where the rule has none (top-k, majority)
    uint256 threshold; // least score of a winner, under any rule; 0 for none, but not under greedy-threshold
    uint32 winners; // top-k: how many
    uint256 quorum; // majority: least number of valid and blank ballots
}

/// @notice Everything that is fixed at creation. `rulesHash = keccak256(abi.encode(rules))`.
struct Rules {
    Kind kind;
    bytes32 scopeHash; // keccak256 of the scope's canonical JSON
    Windows windows;
    BallotRules ballot;
    AllocationRules allocation;
    EntityId[] registrars; // strictly ascending
    uint8 registrarThreshold; // k
    EntityId[] trustees; // strictly ascending; a trustee's index is its place, from 1
    uint8 trusteeThreshold; // t
    uint32 minAnonymity; // least number of registered, and of distinct nullifiers
    uint16 proposalsPerPerson;
    bytes32 pepperHash; // keccak256(pepper)
    string[] issuers; // eID issuers, as in the tokens' `iss`
}

/// @notice One deployment of the contracts. A new version is a new suite; an initiative ends on the one it began on.
struct Suite {
    address initiatives;
    address electorate;
    address proposals;
    address ceremony;
    address ballotBox;
    address tally;
    address followUp;
}

/// @notice At deployment: the suite must name the contract at its own place. Addresses are predicted from the deployer's nonces.
error NotInSuite(address named, address actual);
