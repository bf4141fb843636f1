// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    AllocationRule, AllocationRules, BallotRules, BallotType, EntityId, Role, Rules, TieBreak, Windows
} from "../../contracts/Types.sol";
import {EntityDraft} from "../../contracts/interfaces/IConsortium.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev What `create` refuses, each by its reason; and what it takes just inside the bound.
contract RulesCheckTest is DoublesFixture {
    Rules private rules;

    function setUp() public override {
        super.setUp();
        rules = _rules();
    }

    function _accepts() private {
        uint256 state = vm.snapshotState();
        _create(rules);
        vm.revertToState(state);
    }

    function _refuses(bytes memory reason) private {
        Rules memory given = rules;
        vm.prank(_account(1, Role.Publisher));
        vm.expectRevert(reason);
        initiatives.create(given, SCOPE, "Budget");
    }

    function _refusesWindows(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidWindows.selector, reason));
        rules.windows = _rules().windows;
    }

    function _refusesBallot(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidBallotRules.selector, reason));
    }

    function _refusesAllocation(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidAllocationRules.selector, reason));
    }

    function _refusesRegistrars(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidRegistrars.selector, reason));
    }

    function _refusesTrustees(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidTrustees.selector, reason));
    }

    function _refusesRest(string memory reason) private {
        _refuses(abi.encodeWithSelector(IInitiatives.InvalidRules.selector, reason));
    }

    // ── who ──

    function test_B14_Registrars_RevertsWhenOneIsEnough() public {
        rules.registrarThreshold = 1;
        _refusesRegistrars("k < 2");
        rules.registrarThreshold = 0;
        _refusesRegistrars("k < 2");
        rules.registrarThreshold = 3;
        _accepts();
    }

    function test_B14_Registrars_RevertsWhenMoreAreNeededThanThereAre() public {
        rules.registrarThreshold = 4;
        _refusesRegistrars("k > n");
        rules.registrars = new EntityId[](0);
        rules.registrarThreshold = 2;
        _refusesRegistrars("k > n");
    }

    function test_B14_Registrars_RevertsWhenOneEntityStandsTwice() public {
        rules.registrars[1] = rules.registrars[0];
        _refusesRegistrars("not ascending");
        (rules.registrars[0], rules.registrars[1]) = (EntityId.wrap(2), EntityId.wrap(1));
        _refusesRegistrars("not ascending");
        rules.registrars[0] = EntityId.wrap(0);
        _refusesRegistrars("not ascending");
    }

    function test_B14_Registrars_RevertsWhenOneIsNotActive() public {
        rules.registrars[2] = EntityId.wrap(6);
        _refusesRegistrars("not active");
        rules.registrars[2] = EntityId.wrap(5);
        _accepts();
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(5))));
        _refusesRegistrars("not active");
    }

    function test_B14_Trustees_RevertsWhenOneIsEnough() public {
        rules.trusteeThreshold = 1;
        _refusesTrustees("t < 2");
        rules.trusteeThreshold = 0;
        _refusesTrustees("t < 2");
    }

    function test_B14_Trustees_RevertsWhenTooFewStandBehindTheThreshold() public {
        rules.trusteeThreshold = 3;
        _refusesTrustees("2t - 1 > n");
        rules.trustees = _entities(1, 2);
        rules.trusteeThreshold = 2;
        _refusesTrustees("2t - 1 > n");
        rules.trustees = _entities(1, 5);
        rules.trusteeThreshold = 3;
        _accepts();
    }

    function test_B14_Trustees_RevertsWhenOneEntityStandsTwice() public {
        rules.trustees[2] = rules.trustees[1];
        _refusesTrustees("not ascending");
        rules.trustees[0] = EntityId.wrap(0);
        _refusesTrustees("not ascending");
    }

    function test_B14_Trustees_RevertsWhenOneIsNotActive() public {
        rules.trustees[2] = EntityId.wrap(6);
        _refusesTrustees("not active");
        rules.trustees[2] = EntityId.wrap(5);
        _accepts();
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(5))));
        _refusesTrustees("not active");
    }

    function test_B14_Trustees_RevertsWhenOneHasNoKey() public {
        _motion(address(consortium), abi.encodeCall(consortium.admit, (_draft(6))));
        rules.trustees[2] = EntityId.wrap(6);
        _refusesTrustees("no trustee key");
        _registerTrusteeKey(6);
        _accepts();
    }

    function test_B14_Entities_RevertsWhenMoreThan32() public {
        for (uint32 e = ENTITIES + 1; e <= 33; ++e) {
            vm.prank(address(consortium));
            consortium.admit(_draft(e));
            _registerTrusteeKey(e);
        }
        rules.registrars = _entities(1, 33);
        _refusesRegistrars("more than 32");
        rules.registrars = _entities(2, 32);
        rules.registrarThreshold = 32;
        _accepts();
        rules.trustees = _entities(1, 33);
        _refusesTrustees("more than 32");
        rules.trustees = _entities(2, 32);
        rules.trusteeThreshold = 16;
        _accepts();
    }

    function test_B14_P2_Minimum_RevertsBelowTheConsortiums() public {
        _motion(address(consortium), abi.encodeCall(consortium.setMinimumAnonymity, (50)));
        rules.minAnonymity = 49;
        _refuses(abi.encodeWithSelector(IInitiatives.MinimumAnonymityTooSmall.selector, 49, 50));
        rules.minAnonymity = 50;
        _accepts();
        rules.minAnonymity = (1 << 20) + 1;
        _refusesRest("minAnonymity > 2^20");
    }

    // ── when ──

    function test_Windows_RevertsWhenOutOfOrder() public {
        Windows storage w = rules.windows;
        w.registrationOpens = uint64(block.timestamp);
        _refusesWindows("registration opens in the past");
        w.registrationCloses = w.registrationOpens;
        _refusesWindows("no registration");
        w.votingOpens = w.registrationCloses;
        _refusesWindows("no review");
        w.votingCloses = w.votingOpens;
        _refusesWindows("no voting");
        w.votingCloses = uint64(block.timestamp + 3650 days + 1);
        _refusesWindows("too far ahead");
        w.votingCloses = type(uint64).max;
        _refusesWindows("too far ahead");
    }

    function test_Windows_RevertsWhenPeriodsAreOutOfBounds() public {
        Windows storage w = rules.windows;
        w.challengePeriod = 1 hours - 1;
        _refusesWindows("challenge period too short");
        w.challengePeriod = 30 days + 1;
        _refusesWindows("challenge period too long");
        w.maxExtension = 90 days + 1;
        _refusesWindows("extension too long");
        w.ceremonyStep = 10 minutes - 1;
        _refusesWindows("ceremony step too short");
    }

    function test_Windows_RevertsWithoutTimeForTheCeremony() public {
        Windows storage w = rules.windows;
        uint32 time = uint32(w.votingOpens - w.registrationOpens);
        w.ceremonyStep = time / 2;
        _refusesWindows("no time for the ceremony");
        w.ceremonyStep = time / 2 - 1;
        _accepts();
    }

    function test_Windows_TakesTheBounds() public {
        Windows storage w = rules.windows;
        w.registrationOpens = uint64(block.timestamp + 1);
        w.registrationCloses = w.registrationOpens + 1;
        w.ceremonyStep = 10 minutes;
        w.votingOpens = w.registrationOpens + 20 minutes + 1;
        w.votingCloses = w.votingOpens + 1;
        (w.challengePeriod, w.maxExtension) = (1 hours, 0);
        _accepts();
        (w.challengePeriod, w.maxExtension) = (30 days, 90 days);
        w.votingCloses = uint64(block.timestamp + 3650 days);
        _accepts();
    }

    // ── ballots ──

    function _ballot(BallotType ballotType, uint16 minLength, uint16 maxLength) private {
        BallotRules memory b;
        (b.ballotType, b.minLength, b.maxLength) = (ballotType, minLength, maxLength);
        rules.ballot = b;
    }

    function test_Ballot_RevertsWhenLengthsAreOutOfBounds() public {
        for (uint256 t; t < 5; ++t) {
            _ballot(BallotType(t), 0, 1);
            _refusesBallot("minLength is 0");
        }
        _ballot(BallotType.YesNoAbstain, 0, 1);
        _accepts();
        _ballot(BallotType.YesNoAbstain, 0, 0);
        _refusesBallot("maxLength is 0");
        _ballot(BallotType.Approval, 2, 1);
        _refusesBallot("minLength > maxLength");
        _ballot(BallotType.Approval, 1, 1025);
        _refusesBallot("maxLength > 1024");
        _ballot(BallotType.Approval, 1024, 1024);
        _accepts();
    }

    function test_Ballot_SingleChoiceNamesOne() public {
        _ballot(BallotType.SingleChoice, 1, 2);
        _refusesBallot("single choice names one option");
        _ballot(BallotType.SingleChoice, 1, 1);
        _accepts();
    }

    function test_Ballot_KnapsackHasItsCost() public {
        _ballot(BallotType.Knapsack, 1, 5);
        _refusesBallot("maxCost is for knapsack");
        rules.ballot.maxCost = 1;
        _accepts();
        _ballot(BallotType.Approval, 1, 5);
        rules.ballot.maxCost = 1;
        _refusesBallot("maxCost is for knapsack");
    }

    function _cumulative(uint16 minPoints, uint16 maxPoints, uint32 minSum, uint32 maxSum) private {
        _ballot(BallotType.Cumulative, 2, 3);
        BallotRules storage b = rules.ballot;
        (b.minPoints, b.maxPoints, b.minSumPoints, b.maxSumPoints) = (minPoints, maxPoints, minSum, maxSum);
    }

    function test_Ballot_CumulativeHasConsistentPoints() public {
        _cumulative(1, 3, 2, 9);
        _accepts();
        _cumulative(0, 0, 0, 1);
        _refusesBallot("maxPoints is 0");
        _cumulative(4, 3, 0, 9);
        _refusesBallot("minPoints > maxPoints");
        _cumulative(0, 3, 0, 0);
        _refusesBallot("maxSumPoints is 0");
        _cumulative(0, 3, 6, 5);
        _refusesBallot("minSumPoints > maxSumPoints");
        _cumulative(0, 3, 10, 10);
        _refusesBallot("sum of points out of reach");
        _cumulative(0, 3, 9, 10);
        _accepts();
        _cumulative(2, 3, 0, 3);
        _refusesBallot("sum of points out of reach");
        _cumulative(2, 3, 0, 4);
        _accepts();
        _cumulative(1, 3, 2, 9);
        rules.ballot.maxLength = 510;
        _refusesBallot("ballot too long");
        rules.ballot.maxLength = 509;
        _accepts();
        _cumulative(type(uint16).max, type(uint16).max, 0, type(uint32).max);
        _accepts();
    }

    function test_Ballot_PointsAreForCumulativeAlone() public {
        for (uint256 field; field < 4; ++field) {
            _ballot(BallotType.Approval, 1, 3);
            BallotRules storage b = rules.ballot;
            if (field == 0) b.minPoints = 1;
            if (field == 1) b.maxPoints = 1;
            if (field == 2) b.minSumPoints = 1;
            if (field == 3) b.maxSumPoints = 1;
            _refusesBallot("points are for cumulative");
        }
    }

    function test_Ballot_OrderedHasPointsPerRank() public {
        _ballot(BallotType.Ordered, 3, 3);
        _refusesBallot("pointsPerRank needs maxLength entries");
        rules.ballot.pointsPerRank = new uint16[](3);
        _refusesBallot("pointsPerRank is all 0");
        rules.ballot.pointsPerRank[2] = 1;
        _accepts();
        rules.ballot.pointsPerRank.push(1);
        _refusesBallot("pointsPerRank needs maxLength entries");
        _ballot(BallotType.Ordered, 1, 1020);
        _refusesBallot("ballot too long");
        rules.ballot.maxLength = 1019;
        uint16[] memory points = new uint16[](1019);
        points[0] = type(uint16).max;
        rules.ballot.pointsPerRank = points;
        _accepts();
        rules.ballot.ballotType = BallotType.Approval;
        _refusesBallot("pointsPerRank is for ordered");
    }

    // ── allocation ──

    function _allocation(AllocationRule rule, uint256 budget, uint256 threshold, uint32 winners, uint256 quorum)
        private
    {
        rules.allocation = AllocationRules(rule, TieBreak.LowerCost, budget, threshold, winners, quorum);
    }

    function test_Allocation_HasWhatItsRuleNeeds() public {
        AllocationRule[4] memory budgeted = [
            AllocationRule.Greedy, AllocationRule.GreedyNoSkip, AllocationRule.EqualShares, AllocationRule.EqualSharesAdd1
        ];
        for (uint256 i; i < 4; ++i) {
            _allocation(budgeted[i], 1000, 0, 0, 0);
            _accepts();
            _allocation(budgeted[i], 0, 0, 0, 0);
            _refusesAllocation("budget");
            _allocation(budgeted[i], 1000, 1, 0, 0);
            _accepts();
            _allocation(budgeted[i], 1000, 0, 1, 0);
            _refusesAllocation("winners");
            _allocation(budgeted[i], 1000, 0, 0, 1);
            _refusesAllocation("quorum");
        }
    }

    function test_Allocation_GreedyThresholdHasOne() public {
        _allocation(AllocationRule.GreedyThreshold, 1000, 100, 0, 0);
        _accepts();
        _allocation(AllocationRule.GreedyThreshold, 1000, 0, 0, 0);
        _refusesAllocation("threshold");
        _allocation(AllocationRule.GreedyThreshold, 0, 100, 0, 0);
        _refusesAllocation("budget");
    }

    function test_Allocation_TopKHasWinnersAndNoBudget() public {
        _allocation(AllocationRule.TopK, 0, 0, 1024, 0);
        _accepts();
        _allocation(AllocationRule.TopK, 0, 0, 1025, 0);
        _refusesAllocation("winners > 1024");
        _allocation(AllocationRule.TopK, 0, 0, 0, 0);
        _refusesAllocation("winners");
        _allocation(AllocationRule.TopK, 1, 0, 1, 0);
        _refusesAllocation("budget");
        _allocation(AllocationRule.TopK, 0, 1, 1, 0);
        _accepts();
    }

    function test_Allocation_MajorityMayHaveAQuorum() public {
        _allocation(AllocationRule.Majority, 0, 0, 0, 0);
        _accepts();
        _allocation(AllocationRule.Majority, 0, 0, 0, 500);
        _accepts();
        _allocation(AllocationRule.Majority, 1, 0, 0, 0);
        _refusesAllocation("budget");
    }

    function test_Allocation_RevertsWhenBudgetTooLarge() public {
        _allocation(AllocationRule.Greedy, uint256(type(uint128).max) + 1, 0, 0, 0);
        _refusesAllocation("budget too large");
        _allocation(AllocationRule.Greedy, type(uint128).max, 0, 0, 0);
        _accepts();
    }

    // ── texts, and the rest ──

    function test_Scope_RevertsWhenItsHashDiffers() public {
        rules.scopeHash = keccak256("another");
        _refuses(
            abi.encodeWithSelector(IInitiatives.ScopeMismatch.selector, rules.scopeHash, keccak256(bytes(SCOPE)))
        );
    }

    function test_Texts_RevertsWhenMissingOrTooLong() public {
        _refusesTexts(SCOPE, "", "title");
        _refusesTexts(SCOPE, string(new bytes(257)), "title");
        _refusesTexts("", "Budget", "scope");
        _refusesTexts(string(new bytes(8193)), "Budget", "scope");
    }

    function _refusesTexts(string memory scope, string memory title, string memory field) private {
        Rules memory given = rules;
        given.scopeHash = keccak256(bytes(scope));
        vm.prank(_account(1, Role.Publisher));
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.InvalidRules.selector, field));
        initiatives.create(given, scope, title);
    }

    function test_Rest_RevertsWhenSomethingIsMissing() public {
        rules.proposalsPerPerson = 0;
        _refusesRest("proposalsPerPerson is 0");
        rules.proposalsPerPerson = 1;
        rules.pepperHash = 0;
        _refusesRest("pepperHash is 0");
        rules.pepperHash = "pepper";
        rules.issuers = new string[](0);
        _refusesRest("no issuer");
        rules.issuers = new string[](17);
        _refusesRest("more than 16 issuers");
        rules.issuers = new string[](16);
        _refusesRest("issuer");
        for (uint256 i; i < 16; ++i) {
            rules.issuers[i] = string(new bytes(256));
        }
        _accepts();
        rules.issuers[15] = string(new bytes(257));
        _refusesRest("issuer");
    }

    /// @dev Whatever the thresholds and sizes are: accepted exactly where the floors hold.
    function testFuzz_B14_Floors(uint8 k, uint8 registrars, uint8 t, uint8 trustees) public {
        (k, t) = (k % 7, t % 7);
        rules.registrars = _entities(1, uint32(_bound(registrars, 0, 5)));
        rules.trustees = _entities(1, uint32(_bound(trustees, 0, 5)));
        rules.registrarThreshold = k;
        rules.trusteeThreshold = t;
        if (k < 2) _refusesRegistrars("k < 2");
        else if (k > rules.registrars.length) _refusesRegistrars("k > n");
        else if (t < 2) _refusesTrustees("t < 2");
        else if (2 * uint256(t) - 1 > rules.trustees.length) _refusesTrustees("2t - 1 > n");
        else _accepts();
    }
}
