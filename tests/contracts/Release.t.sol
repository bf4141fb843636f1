// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {InitiativeId, Phase, Role, Rules} from "../../contracts/Types.sol";
import {ICeremony} from "../../contracts/interfaces/ICeremony.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {BallotFixture} from "./BallotFixture.sol";

/// @dev Opening: shares released, combined, refused.
contract ReleaseTest is BallotFixture {
    InitiativeId private id;

    /// @dev 3 of 5, four ballots cast, closed.
    function setUp() public override {
        super.setUp();
        id = _toVoting(_trusteeRules(3, 5), OPTIONS);
        ballotBox.castBatch(id, _entries(id, 1, 4));
        _toOpening(id);
    }

    function test_B7_release_everySubsetOfThreeGivesTheSameKey() public {
        uint256 state = vm.snapshotState();
        uint256 subsets;
        for (uint256 set; set < 32; ++set) {
            if (_ones(set) != 3) continue;
            for (uint8 j = 1; j <= 5; ++j) {
                if (set >> (j - 1) & 1 == 0) continue;
                vm.assertEq(ceremony.secretKey(id), 0);
                _release(id, j);
            }
            vm.assertEq(ceremony.secretKey(id), _secretKeyOf(id));
            vm.assertTrue(Bn254.equal(_g(ceremony.secretKey(id)), ceremony.jointKey(id)));
            vm.revertToState(state);
            ++subsets;
        }
        vm.assertEq(subsets, 10);
    }

    /// @dev Every t with 2t - 1 = n, every subset.
    function test_B7_release_everySubsetOfEveryThreshold() public {
        for (uint8 n = 3; n <= 5; n += 2) {
            vm.warp(NOW);
            InitiativeId other = _toVoting(_trusteeRules((n + 1) / 2, n), OPTIONS);
            ballotBox.castBatch(other, _entries(other, 1, 2));
            _toOpening(other);
            uint256 state = vm.snapshotState();
            for (uint256 set; set < 1 << n; ++set) {
                uint256 released;
                for (uint8 j = 1; j <= n; ++j) {
                    if (set >> (j - 1) & 1 == 0) continue;
                    _release(other, j);
                    ++released;
                    vm.assertEq(ceremony.releasedCount(other), released);
                    vm.assertEq(ceremony.secretKey(other), released < (n + 1) / 2 ? 0 : _secretKeyOf(other));
                }
                vm.revertToState(state);
            }
        }
    }

    function test_B7_release_fewerThanThresholdWaits() public {
        _release(id, 1);
        _release(id, 4);
        vm.assertEq(ceremony.secretKey(id), 0);
        vm.assertEq(ceremony.releasedCount(id), 2);
        bytes memory records = _recordsOf(_entries(id, 1, 1), 389);
        vm.expectRevert(abi.encodeWithSelector(ITally.KeyNotCombined.selector, id));
        tally.count(id, records);
        vm.assertTrue(initiatives.phase(id) == Phase.Opening);
    }

    function test_release_takesFurtherSharesOnceCombined() public {
        for (uint8 j = 1; j <= 4; ++j) {
            _release(id, j);
        }
        vm.assertEq(ceremony.releasedCount(id), 4);
        vm.assertEq(ceremony.secretKey(id), _secretKeyOf(id));
        vm.assertEq(ceremony.releasedShare(id, 4), _shareOf(id, 4));
    }

    function test_B8_release_refusesABadShareAndNamesItsTrustee() public {
        uint256 share = _shareOf(id, 2);
        _assertRefused(2, share ^ 1, abi.encodeWithSelector(ICeremony.InvalidShare.selector, 2));
        _assertRefused(2, 0, abi.encodeWithSelector(ICeremony.InvalidShare.selector, 2));
        _assertRefused(3, share, abi.encodeWithSelector(ICeremony.InvalidShare.selector, 3));
        _assertRefused(2, share + Bn254.R, abi.encodeWithSelector(ICeremony.InvalidScalar.selector));
        vm.assertEq(ceremony.releasedCount(id), 0);

        _release(id, 2);
        _assertRefused(2, share, abi.encodeWithSelector(ICeremony.AlreadyReleased.selector, 2));
    }

    function testFuzz_B8_release_takesTheOneShareOnly(uint256 share) public {
        vm.assume(share != _shareOf(id, 2));
        bytes memory expected = share < Bn254.R
            ? abi.encodeWithSelector(ICeremony.InvalidShare.selector, 2)
            : abi.encodeWithSelector(ICeremony.InvalidScalar.selector);
        _assertRefused(2, share, expected);
    }

    function test_release_onlyByATrustee() public {
        uint256 share = _shareOf(id, 2);
        vm.prank(_account(2, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotTrustee.selector, id, _account(2, Role.Member)));
        ceremony.release(id, share);
    }

    function test_B5_release_onlyFromTheEndOfTheChallengePeriod() public {
        uint256 share = _shareOf(id, 1);
        vm.warp(block.timestamp - 1);
        _assertRefused(1, share, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Challenge));
        vm.warp(initiatives.windowsOf(id).votingCloses - 1);
        _assertRefused(1, share, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Voting));
    }

    function test_B15_release_refusedWhereTooFewVoted() public {
        vm.warp(NOW);
        Rules memory rules = _trusteeRules(3, 5);
        rules.minAnonymity = 3;
        InitiativeId other = _toVoting(rules, OPTIONS);
        // Three ballots, of two voters.
        bytes memory twice = bytes.concat(_entry(other, 1, 1), _entry(other, 2, 1), _entry(other, 1, 2));
        ballotBox.castBatch(other, twice);
        _toOpening(other);

        vm.assertTrue(initiatives.phase(other) == Phase.Void);
        for (uint8 j = 1; j <= 5; ++j) {
            uint256 share = _shareOf(other, j);
            _as(j);
            vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, other, Phase.Void));
            ceremony.release(other, share);
        }
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, other, Phase.Void));
        tally.count(other, _recordsOf(twice, 389));
    }

    function test_release_refusedOnceVoidByMotion() public {
        _motion(address(initiatives), abi.encodeCall(initiatives.voidByMotion, (id, "the electorate was wrong")));
        uint256 share = _shareOf(id, 1);
        _assertRefused(1, share, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Void));
    }

    function _assertRefused(uint8 trustee, uint256 share, bytes memory expected) private {
        _as(trustee);
        vm.expectRevert(expected);
        ceremony.release(id, share);
    }

    function _ones(uint256 set) private pure returns (uint256 count) {
        for (; set != 0; set >>= 1) count += set & 1;
    }
}
