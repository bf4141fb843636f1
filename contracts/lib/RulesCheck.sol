// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    AllocationRule, AllocationRules, BallotRules, BallotType, EntityId, Rules, Windows
} from "../Types.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IInitiatives} from "../interfaces/IInitiatives.sol";

/// @title Whether rules can be lived with: the floors of trust (B14), and limits within which nothing overflows or stalls.
/// @dev Fields that a ballot type or allocation rule does not use are zero, so that equal rules have equal hashes.
library RulesCheck {
    uint256 internal constant MAX_ENTITIES = 32;
    uint256 internal constant MAX_OPTIONS = 1024;
    uint256 internal constant MAX_BALLOT_BYTES = 64 * 32;
    uint256 internal constant ELECTORATE_CAPACITY = 1 << 20;
    uint256 internal constant MAX_ISSUERS = 16;
    uint256 internal constant MAX_ISSUER = 256; // bytes
    uint256 internal constant MAX_HORIZON = 3650 days;
    uint256 internal constant MIN_CHALLENGE = 1 hours;
    uint256 internal constant MAX_CHALLENGE = 30 days;
    uint256 internal constant MAX_EXTENSION = 90 days;
    uint256 internal constant MIN_CEREMONY_STEP = 10 minutes;

    /// @notice Reverts with the error of the first fault found.
    function requireValid(Rules calldata rules, IConsortium consortium) internal view {
        _requireWindows(rules.windows);
        _requireBallot(rules.ballot);
        _requireAllocation(rules.allocation);
        _requireRegistrars(rules, consortium);
        _requireTrustees(rules, consortium);
        _requireRest(rules, consortium);
    }

    function _requireWindows(Windows calldata w) private view {
        if (w.registrationOpens <= block.timestamp) revert IInitiatives.InvalidWindows("registration opens in the past");
        if (w.registrationCloses <= w.registrationOpens) revert IInitiatives.InvalidWindows("no registration");
        if (w.votingOpens <= w.registrationCloses) revert IInitiatives.InvalidWindows("no review");
        if (w.votingCloses <= w.votingOpens) revert IInitiatives.InvalidWindows("no voting");
        if (w.votingCloses > block.timestamp + MAX_HORIZON) revert IInitiatives.InvalidWindows("too far ahead");
        if (w.challengePeriod < MIN_CHALLENGE) revert IInitiatives.InvalidWindows("challenge period too short");
        if (w.challengePeriod > MAX_CHALLENGE) revert IInitiatives.InvalidWindows("challenge period too long");
        if (w.maxExtension > MAX_EXTENSION) revert IInitiatives.InvalidWindows("extension too long");
        if (w.ceremonyStep < MIN_CEREMONY_STEP) revert IInitiatives.InvalidWindows("ceremony step too short");
        // Finalising comes after both steps and before voting.
        if (uint256(w.registrationOpens) + 2 * uint256(w.ceremonyStep) >= w.votingOpens) {
            revert IInitiatives.InvalidWindows("no time for the ceremony");
        }
    }

    function _requireBallot(BallotRules calldata b) private pure {
        bool abstention = b.ballotType == BallotType.YesNoAbstain;
        if (b.minLength == 0 && !abstention) revert IInitiatives.InvalidBallotRules("minLength is 0");
        if (b.maxLength == 0) revert IInitiatives.InvalidBallotRules("maxLength is 0");
        if (b.minLength > b.maxLength) revert IInitiatives.InvalidBallotRules("minLength > maxLength");
        if (b.maxLength > MAX_OPTIONS) revert IInitiatives.InvalidBallotRules("maxLength > 1024");
        if (b.ballotType == BallotType.SingleChoice && b.maxLength != 1) {
            revert IInitiatives.InvalidBallotRules("single choice names one option");
        }
        if ((b.ballotType == BallotType.Knapsack) != (b.maxCost != 0)) {
            revert IInitiatives.InvalidBallotRules("maxCost is for knapsack");
        }
        _requirePoints(b);
        _requireRanks(b);
    }

    function _requirePoints(BallotRules calldata b) private pure {
        if (b.ballotType != BallotType.Cumulative) {
            if (b.minPoints != 0 || b.maxPoints != 0 || b.minSumPoints != 0 || b.maxSumPoints != 0) {
                revert IInitiatives.InvalidBallotRules("points are for cumulative");
            }
            return;
        }
        if (9 + 4 * uint256(b.maxLength) > MAX_BALLOT_BYTES) revert IInitiatives.InvalidBallotRules("ballot too long");
        if (b.maxPoints == 0) revert IInitiatives.InvalidBallotRules("maxPoints is 0");
        if (b.minPoints > b.maxPoints) revert IInitiatives.InvalidBallotRules("minPoints > maxPoints");
        if (b.maxSumPoints == 0) revert IInitiatives.InvalidBallotRules("maxSumPoints is 0");
        if (b.minSumPoints > b.maxSumPoints) revert IInitiatives.InvalidBallotRules("minSumPoints > maxSumPoints");
        if (
            b.minSumPoints > uint256(b.maxLength) * b.maxPoints || b.maxSumPoints < uint256(b.minLength) * b.minPoints
        ) revert IInitiatives.InvalidBallotRules("sum of points out of reach");
    }

    function _requireRanks(BallotRules calldata b) private pure {
        if (b.ballotType != BallotType.Ordered) {
            if (b.pointsPerRank.length != 0) revert IInitiatives.InvalidBallotRules("pointsPerRank is for ordered");
            return;
        }
        if (9 + 2 * uint256(b.maxLength) > MAX_BALLOT_BYTES) revert IInitiatives.InvalidBallotRules("ballot too long");
        if (b.pointsPerRank.length != b.maxLength) {
            revert IInitiatives.InvalidBallotRules("pointsPerRank needs maxLength entries");
        }
        for (uint256 i; i < b.pointsPerRank.length; ++i) {
            if (b.pointsPerRank[i] != 0) return;
        }
        revert IInitiatives.InvalidBallotRules("pointsPerRank is all 0");
    }

    function _requireAllocation(AllocationRules calldata a) private pure {
        bool budgeted = a.rule != AllocationRule.TopK && a.rule != AllocationRule.Majority;
        if (budgeted != (a.budget != 0)) revert IInitiatives.InvalidAllocationRules("budget");
        if (a.budget > type(uint128).max) revert IInitiatives.InvalidAllocationRules("budget too large");
        // Any rule may ask for a least score; this one is nothing without.
        if (a.rule == AllocationRule.GreedyThreshold && a.threshold == 0) {
            revert IInitiatives.InvalidAllocationRules("threshold");
        }
        if ((a.rule == AllocationRule.TopK) != (a.winners != 0)) revert IInitiatives.InvalidAllocationRules("winners");
        if (a.winners > MAX_OPTIONS) revert IInitiatives.InvalidAllocationRules("winners > 1024");
        // A majority may do without a quorum.
        if (a.rule != AllocationRule.Majority && a.quorum != 0) revert IInitiatives.InvalidAllocationRules("quorum");
    }

    function _requireRegistrars(Rules calldata rules, IConsortium consortium) private view {
        uint256 n = rules.registrars.length;
        if (n > MAX_ENTITIES) revert IInitiatives.InvalidRegistrars("more than 32");
        if (rules.registrarThreshold < 2) revert IInitiatives.InvalidRegistrars("k < 2");
        if (rules.registrarThreshold > n) revert IInitiatives.InvalidRegistrars("k > n");
        EntityId previous;
        for (uint256 i; i < n; ++i) {
            EntityId entity = rules.registrars[i];
            if (EntityId.unwrap(entity) <= EntityId.unwrap(previous)) revert IInitiatives.InvalidRegistrars("not ascending");
            if (!consortium.isActive(entity)) revert IInitiatives.InvalidRegistrars("not active");
            previous = entity;
        }
    }

    function _requireTrustees(Rules calldata rules, IConsortium consortium) private view {
        uint256 n = rules.trustees.length;
        if (n > MAX_ENTITIES) revert IInitiatives.InvalidTrustees("more than 32");
        if (rules.trusteeThreshold < 2) revert IInitiatives.InvalidTrustees("t < 2");
        // With more than half needed, those who can open are never a minority.
        if (2 * uint256(rules.trusteeThreshold) - 1 > n) revert IInitiatives.InvalidTrustees("2t - 1 > n");
        EntityId previous;
        for (uint256 i; i < n; ++i) {
            EntityId entity = rules.trustees[i];
            if (EntityId.unwrap(entity) <= EntityId.unwrap(previous)) revert IInitiatives.InvalidTrustees("not ascending");
            if (!consortium.isActive(entity)) revert IInitiatives.InvalidTrustees("not active");
            if (consortium.trusteeKeyOf(entity).y == 0) revert IInitiatives.InvalidTrustees("no trustee key");
            previous = entity;
        }
    }

    function _requireRest(Rules calldata rules, IConsortium consortium) private view {
        uint32 floor = consortium.minimumAnonymity();
        if (rules.minAnonymity < floor) revert IInitiatives.MinimumAnonymityTooSmall(rules.minAnonymity, floor);
        if (rules.minAnonymity > ELECTORATE_CAPACITY) revert IInitiatives.InvalidRules("minAnonymity > 2^20");
        if (rules.proposalsPerPerson == 0) revert IInitiatives.InvalidRules("proposalsPerPerson is 0");
        if (rules.pepperHash == 0) revert IInitiatives.InvalidRules("pepperHash is 0");
        if (rules.issuers.length == 0) revert IInitiatives.InvalidRules("no issuer");
        if (rules.issuers.length > MAX_ISSUERS) revert IInitiatives.InvalidRules("more than 16 issuers");
        for (uint256 i; i < rules.issuers.length; ++i) {
            uint256 length = bytes(rules.issuers[i]).length;
            if (length == 0 || length > MAX_ISSUER) revert IInitiatives.InvalidRules("issuer");
        }
    }
}
