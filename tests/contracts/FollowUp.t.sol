// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, NotInSuite, Phase, Role} from "../../contracts/Types.sol";
import {FollowUp} from "../../contracts/FollowUp.sol";
import {ExecutionStatus, IFollowUp, Report} from "../../contracts/interfaces/IFollowUp.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev An initiative of three options that is counted, its result attested.
contract FollowUpTest is DoublesFixture {
    bytes32 private constant TEXT = keccak256("the works have begun");
    string private constant WHY = "names a worker";

    InitiativeId private id;

    function setUp() public override {
        super.setUp();
        id = _createVoting();
        ballotBox.setBallots(id, 2);
        tally.setComplete(id, true);
        vm.warp(initiatives.windowsOf(id).votingCloses + initiatives.windowsOf(id).challengePeriod);
        tally.setResult(id, "result");
    }

    function _asPublisher() private {
        vm.prank(_account(1, Role.Publisher));
    }

    function _report(uint16 option) private returns (uint32) {
        _asPublisher();
        return followUp.report(id, option, ExecutionStatus.InProgress, 2500, 40, TEXT);
    }

    // ── report ──

    function test_Report_EmitsAndIsKept() public {
        vm.expectEmit(address(followUp));
        emit IFollowUp.ExecutionReported(id, 2, 1, ExecutionStatus.Delayed, 10_000, type(uint128).max, TEXT);
        _asPublisher();
        uint32 number = followUp.report(id, 2, ExecutionStatus.Delayed, 10_000, type(uint128).max, TEXT);

        vm.assertEq(number, 1);
        Report memory kept = followUp.reportOf(id, 2, 1);
        vm.assertTrue(kept.status == ExecutionStatus.Delayed && !kept.erased);
        vm.assertEq(kept.shareDone, 10_000);
        vm.assertEq(kept.spent, type(uint128).max);
        vm.assertEq(kept.reportedAt, block.timestamp);
        vm.assertEq(kept.contentHash, TEXT);
    }

    /// @dev A later one corrects, downwards too, and the earlier ones stay.
    function testFuzz_Report_IsNumberedByOptionAndChangesNoOther(uint16[12] calldata shares) public {
        uint32[3] memory counts;
        for (uint256 i; i < shares.length; ++i) {
            uint16 option = shares[i] % 3;
            _asPublisher();
            uint32 number = followUp.report(
                id, option, ExecutionStatus(shares[i] % 5), shares[i] % 10_001, i, keccak256(abi.encode(i))
            );
            vm.assertEq(number, ++counts[option]);
        }
        uint32[3] memory seen;
        for (uint256 i; i < shares.length; ++i) {
            uint16 option = shares[i] % 3;
            Report memory kept = followUp.reportOf(id, option, ++seen[option]);
            vm.assertEq(kept.contentHash, keccak256(abi.encode(i)));
            vm.assertEq(kept.shareDone, shares[i] % 10_001);
            vm.assertEq(kept.spent, i);
            vm.assertTrue(kept.status == ExecutionStatus(shares[i] % 5));
        }
        for (uint16 option; option < 3; ++option) {
            vm.assertEq(followUp.reportCount(id, option), counts[option]);
        }
    }

    function test_K1_Report_RevertsForEveryOtherAccount() public {
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                address account = _account(entity, Role(role));
                vm.prank(account);
                vm.expectRevert(abi.encodeWithSelector(IFollowUp.NotPublisher.selector, id, account));
                followUp.report(id, 0, ExecutionStatus.Done, 10_000, 0, TEXT);
            }
        }
    }

    function test_K2_Report_IsForThePresentAccountOfAnActiveEntity() public {
        address old = _account(1, Role.Publisher);
        vm.prank(_account(1, Role.Member));
        consortium.setAccount(Role.Publisher, address(0xBEEF));
        bytes memory refusal = abi.encodeWithSelector(IFollowUp.NotPublisher.selector, id, old);
        vm.prank(old);
        vm.expectRevert(refusal);
        followUp.report(id, 0, ExecutionStatus.Done, 10_000, 0, TEXT);
        vm.prank(address(0xBEEF));
        followUp.report(id, 0, ExecutionStatus.Done, 10_000, 0, TEXT);

        uint256 motion = _suspendThePublisher();
        vm.assertTrue(consortium.motion(motion).executed);
        refusal = abi.encodeWithSelector(IFollowUp.NotPublisher.selector, id, address(0xBEEF));
        vm.prank(address(0xBEEF));
        vm.expectRevert(refusal);
        followUp.report(id, 0, ExecutionStatus.Done, 10_000, 0, TEXT);
        vm.prank(address(0xBEEF));
        vm.expectRevert(refusal);
        followUp.erase(id, 0, 1, WHY);
    }

    function _suspendThePublisher() private returns (uint256 motion) {
        vm.prank(_account(2, Role.Member));
        motion = consortium.propose(address(consortium), abi.encodeCall(consortium.suspend, (PUBLISHER)));
        for (uint32 entity = 3; entity <= 4; ++entity) {
            vm.prank(_account(entity, Role.Member));
            consortium.approve(motion);
        }
    }

    function _reportReverts(uint16 option, uint16 shareDone, uint256 spent, bytes32 text, bytes memory reason) private {
        _asPublisher();
        vm.expectRevert(reason);
        followUp.report(id, option, ExecutionStatus.Planned, shareDone, spent, text);
    }

    function test_Report_OnlyWhenCountedAndAttested() public {
        tally.setResult(id, 0);
        _reportReverts(0, 0, 0, TEXT, abi.encodeWithSelector(IFollowUp.NotAttested.selector, id));
        tally.setComplete(id, false);
        bytes memory opening = abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Opening);
        _reportReverts(0, 0, 0, TEXT, opening);
        tally.setResult(id, "result");
        _reportReverts(0, 0, 0, TEXT, opening);
        tally.setComplete(id, true);
        vm.warp(block.timestamp - 1);
        _reportReverts(0, 0, 0, TEXT, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Challenge));
        vm.warp(block.timestamp + 1);
        _report(0);
        vm.warp(block.timestamp + 3650 days);
        _report(0);
    }

    function testFuzz_Report_RevertsWhenOutOfBounds(uint16 option, uint16 shareDone, uint256 spent) public {
        option = uint16(_bound(option, 3, type(uint16).max));
        shareDone = uint16(_bound(shareDone, 10_001, type(uint16).max));
        spent = _bound(spent, uint256(1) << 128, type(uint256).max);
        _reportReverts(option, 0, 0, TEXT, abi.encodeWithSelector(IFollowUp.UnknownOption.selector, id, option));
        _reportReverts(2, shareDone, 0, TEXT, abi.encodeWithSelector(IFollowUp.ShareTooLarge.selector, shareDone));
        _reportReverts(2, 10_000, spent, TEXT, abi.encodeWithSelector(IFollowUp.SpentTooLarge.selector, spent));
        _reportReverts(2, 10_000, 0, 0, abi.encodeWithSelector(IFollowUp.ContentRequired.selector));
        vm.assertEq(followUp.reportCount(id, 2), 0);
    }

    function test_Report_RevertsWhenInitiativeUnknown() public {
        InitiativeId other = InitiativeId.wrap(9);
        bytes memory reason = abi.encodeWithSelector(IInitiatives.UnknownInitiative.selector, other);
        _asPublisher();
        vm.expectRevert(reason);
        followUp.report(other, 0, ExecutionStatus.Done, 0, 0, TEXT);
        _asPublisher();
        vm.expectRevert(reason);
        followUp.erase(other, 0, 1, WHY);
    }

    // ── erase ──

    function test_Erase_EmitsAndKeepsTheFigures() public {
        _report(1);
        _report(1);
        vm.expectEmit(address(followUp));
        emit IFollowUp.ReportErased(id, 1, 1, TEXT, WHY);
        _asPublisher();
        followUp.erase(id, 1, 1, WHY);

        Report memory kept = followUp.reportOf(id, 1, 1);
        vm.assertTrue(kept.erased && !followUp.reportOf(id, 1, 2).erased);
        vm.assertEq(kept.shareDone, 2500);
        vm.assertEq(kept.contentHash, TEXT);
        vm.assertEq(followUp.reportCount(id, 1), 2);
    }

    function _eraseReverts(uint16 option, uint32 number, string memory reason, bytes memory refusal) private {
        _asPublisher();
        vm.expectRevert(refusal);
        followUp.erase(id, option, number, reason);
    }

    function test_Erase_RevertsWhenUnfit() public {
        _report(1);
        _eraseReverts(1, 1, "", abi.encodeWithSelector(IFollowUp.ReasonRequired.selector));
        string memory long = string(new bytes(1025));
        _eraseReverts(1, 1, long, abi.encodeWithSelector(IFollowUp.ReasonTooLong.selector, 1025));
        _eraseReverts(1, 0, WHY, abi.encodeWithSelector(IFollowUp.UnknownReport.selector, id, 1, 0));
        _eraseReverts(1, 2, WHY, abi.encodeWithSelector(IFollowUp.UnknownReport.selector, id, 1, 2));
        _eraseReverts(0, 1, WHY, abi.encodeWithSelector(IFollowUp.UnknownReport.selector, id, 0, 1));
        _asPublisher();
        followUp.erase(id, 1, 1, string(new bytes(1024)));
        _eraseReverts(1, 1, WHY, abi.encodeWithSelector(IFollowUp.AlreadyErased.selector, 1));
    }

    function test_K1_Erase_RevertsForEveryOtherAccount() public {
        _report(1);
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                address account = _account(entity, Role(role));
                vm.prank(account);
                vm.expectRevert(abi.encodeWithSelector(IFollowUp.NotPublisher.selector, id, account));
                followUp.erase(id, 1, 1, WHY);
            }
        }
    }

    function test_ReportOf_RevertsWhenUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IFollowUp.UnknownReport.selector, id, 0, 1));
        followUp.reportOf(id, 0, 1);
    }

    function test_Deploy_RevertsOutsideItsSuite() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.followUp, next));
        new FollowUp(consortium, suite);
    }
}
