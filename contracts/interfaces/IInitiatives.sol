// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    BallotRules, EntityId, InitiativeId, Phase, Rules, VoidReason, Windows
} from "../Types.sol";

/// @title The life of initiatives: rules fixed at creation, phases that follow from the block's timestamp.
/// @notice No transaction moves a phase and none goes back, but for the one extension before the close and the one
/// reopening, by motion, within the challenge period.
interface IInitiatives {
    /// @param rules abi.encode(Rules)
    event InitiativeCreated(
        InitiativeId indexed initiative,
        EntityId indexed publisher,
        bytes32 rulesHash,
        bytes rules,
        string scope,
        string title
    );
    event ExtensionProposed(InitiativeId indexed initiative, EntityId indexed publisher, uint64 votingCloses);
    event VotingExtended(InitiativeId indexed initiative, EntityId indexed approver, uint64 votingCloses);
    event VotingReopened(InitiativeId indexed initiative, uint64 votingCloses);
    event InitiativeVoided(InitiativeId indexed initiative, VoidReason reason, string explanation);

    error UnknownInitiative(InitiativeId initiative);
    error NotPublisher(address account);
    error OnlyMotion(address caller);
    error WrongPhase(InitiativeId initiative, Phase phase);
    error ScopeMismatch(bytes32 expected, bytes32 actual);
    error InvalidWindows(string reason);
    error InvalidBallotRules(string reason);
    error InvalidAllocationRules(string reason);
    error InvalidRegistrars(string reason);
    error InvalidTrustees(string reason);
    error MinimumAnonymityTooSmall(uint32 minimum, uint32 floor);
    error InvalidRules(string reason);
    error ExtensionTooLate(uint64 votingCloses);
    error ExtensionTooLong(uint64 votingCloses, uint64 latest);
    error ExtensionUsed(InitiativeId initiative);
    error ExtensionNotProposed(InitiativeId initiative, uint64 votingCloses);
    error SecondEntityRequired(EntityId entity);
    error ReopeningUsed(InitiativeId initiative);
    error ReopeningTooLong(uint64 votingCloses, uint64 latest);
    /// @notice An extension or reopening that does not move the close to the future.
    error CloseNotLater(uint64 votingCloses, uint64 earliest);
    error InvalidExplanation(uint256 length);

    /// @notice By a publisher account. Freezes the rules and the trustees' keys. B14: refuses k < 2, t < 2, 2t - 1 > n,
    /// k > registrars, an entity twice, one not active, a trustee without key, a minimum below the consortium's. The other
    /// limits stand in contracts/lib/RulesCheck.sol; fields that a ballot type or allocation rule does not use are zero.
    function create(Rules calldata rules, string calldata scope, string calldata title) external returns (InitiativeId);
    /// @notice By the publisher, before registration opens.
    function withdraw(InitiativeId initiative, string calldata explanation) external;
    /// @notice By motion, until counted.
    function voidByMotion(InitiativeId initiative, string calldata explanation) external;
    /// @notice By the publisher, in Voting, at least 24 hours before the close; takes effect by approveExtension alone.
    function proposeExtension(InitiativeId initiative, uint64 votingCloses) external;
    /// @notice By a member account of another entity that is registrar or trustee of the initiative, at least 24 hours
    /// before the (old) close. Once. `votingCloses` must repeat what was proposed.
    function approveExtension(InitiativeId initiative, uint64 votingCloses) external;
    /// @notice By motion, in Challenge only, once; closes at most 7 days from now.
    function reopenVoting(InitiativeId initiative, uint64 votingCloses) external;

    function count() external view returns (uint64);
    function phase(InitiativeId initiative) external view returns (Phase);
    /// @notice As `phase`; reverts with WrongPhase unless it is `expected`.
    function requirePhase(InitiativeId initiative, Phase expected) external view;
    function voidReason(InitiativeId initiative) external view returns (VoidReason);
    function publisherOf(InitiativeId initiative) external view returns (EntityId);
    function rulesHashOf(InitiativeId initiative) external view returns (bytes32);
    /// @notice With the extended or reopened close, where there was one.
    function windowsOf(InitiativeId initiative) external view returns (Windows memory);
    function ballotRulesOf(InitiativeId initiative) external view returns (BallotRules memory);
    function registrarsOf(InitiativeId initiative) external view returns (EntityId[] memory entities, uint8 threshold);
    function trusteesOf(InitiativeId initiative) external view returns (EntityId[] memory entities, uint8 threshold);
    /// @notice Place of an entity among the trustees, from 1; 0 where it is none.
    function trusteeIndexOf(InitiativeId initiative, EntityId entity) external view returns (uint8);
    function proposalsPerPersonOf(InitiativeId initiative) external view returns (uint16);
}
