// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {InitiativeId, Phase, Rules, VoidReason, Windows} from "../../contracts/Types.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev What follows from time, and from what the other contracts hold.
contract PhasesTest is DoublesFixture {
    InitiativeId private id;

    function setUp() public override {
        super.setUp();
        id = _createVoting();
    }

    function _expectPhase(uint256 time, Phase phase, VoidReason reason) private {
        vm.warp(time);
        vm.assertEq(uint256(initiatives.phase(id)), uint256(phase), vm.toString(time));
        vm.assertEq(uint256(initiatives.voidReason(id)), uint256(reason), "reason");
        initiatives.requirePhase(id, phase);
        Phase other = phase == Phase.Void ? Phase.Announced : Phase(uint256(phase) + 1);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
        initiatives.requirePhase(id, other);
    }

    function test_B5_Phase_FollowsFromTimeAlone() public {
        ballotBox.setBallots(id, 2);
        Windows memory w = initiatives.windowsOf(id);
        uint256 ends = w.votingCloses + w.challengePeriod;
        _expectPhase(NOW, Phase.Announced, VoidReason.None);
        _expectPhase(w.registrationOpens - 1, Phase.Announced, VoidReason.None);
        _expectPhase(w.registrationOpens, Phase.Registration, VoidReason.None);
        _expectPhase(w.registrationOpens + 1, Phase.Registration, VoidReason.None);
        _expectPhase(w.registrationCloses - 1, Phase.Registration, VoidReason.None);
        _expectPhase(w.registrationCloses, Phase.Review, VoidReason.None);
        _expectPhase(w.registrationCloses + 1, Phase.Review, VoidReason.None);
        _expectPhase(w.votingOpens - 1, Phase.Review, VoidReason.None);
        _expectPhase(w.votingOpens, Phase.Voting, VoidReason.None);
        _expectPhase(w.votingOpens + 1, Phase.Voting, VoidReason.None);
        _expectPhase(w.votingCloses - 1, Phase.Voting, VoidReason.None);
        _expectPhase(w.votingCloses, Phase.Challenge, VoidReason.None);
        _expectPhase(w.votingCloses + 1, Phase.Challenge, VoidReason.None);
        _expectPhase(ends - 1, Phase.Challenge, VoidReason.None);
        _expectPhase(ends, Phase.Opening, VoidReason.None);
        _expectPhase(ends + 1, Phase.Opening, VoidReason.None);
        tally.setComplete(id, true);
        _expectPhase(ends, Phase.Counted, VoidReason.None);
        _expectPhase(ends + 3650 days, Phase.Counted, VoidReason.None);
        // Only when its time has come.
        _expectPhase(ends - 1, Phase.Challenge, VoidReason.None);
    }

    function testFuzz_B5_Phase_NeverGoesBack(uint256 first, uint256 second, uint8 ballots) public {
        ballotBox.setBallots(id, ballots);
        uint256 end = NOW + 30 days;
        first = _bound(first, NOW, end);
        second = _bound(second, first, end);
        vm.warp(first);
        Phase before = initiatives.phase(id);
        vm.warp(second);
        vm.assertLe(uint256(before), uint256(initiatives.phase(id)));
    }

    // ── voids that are computed ──

    function test_P2_Phase_VoidWhenTooFewRegistered() public {
        Rules memory rules = _rules();
        rules.minAnonymity = 5;
        id = _create(rules);
        vm.warp(rules.windows.registrationOpens);
        _register(id, 1, 4);
        _addOptions(id, 1);
        ceremony.setFinalised(id, true);
        _expectPhase(rules.windows.votingOpens - 1, Phase.Review, VoidReason.None);
        _expectPhase(rules.windows.votingOpens, Phase.Void, VoidReason.TooFewRegistered);
        _expectPhase(rules.windows.votingCloses + 30 days, Phase.Void, VoidReason.TooFewRegistered);
        vm.warp(rules.windows.registrationOpens);
        _register(id, 5, 1);
        _expectPhase(rules.windows.votingOpens, Phase.Voting, VoidReason.None);
    }

    function test_Phase_VoidWithoutJointKey() public {
        ceremony.setFinalised(id, false);
        uint64 opens = initiatives.windowsOf(id).votingOpens;
        _expectPhase(opens - 1, Phase.Review, VoidReason.None);
        _expectPhase(opens, Phase.Void, VoidReason.NoJointKey);
    }

    function test_Phase_VoidWithoutOptions() public {
        id = _create();
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        _register(id, 1, 4);
        ceremony.setFinalised(id, true);
        uint64 opens = initiatives.windowsOf(id).votingOpens;
        _expectPhase(opens - 1, Phase.Review, VoidReason.None);
        _expectPhase(opens, Phase.Void, VoidReason.NoOptions);
    }

    /// @dev Only after the challenge period: until then voting may be reopened.
    function test_B15_Phase_VoidWhenTooFewBallots() public {
        ballotBox.setBallots(id, 1);
        tally.setComplete(id, true);
        Windows memory w = initiatives.windowsOf(id);
        uint256 ends = w.votingCloses + w.challengePeriod;
        _expectPhase(w.votingCloses, Phase.Challenge, VoidReason.None);
        _expectPhase(ends - 1, Phase.Challenge, VoidReason.None);
        _expectPhase(ends, Phase.Void, VoidReason.TooFewBallots);
        ballotBox.setBallots(id, 2);
        _expectPhase(ends, Phase.Counted, VoidReason.None);
    }
}
