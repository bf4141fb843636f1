// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, Phase, Role, Windows} from "../../contracts/Types.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev The two ways in which a close moves: one extension before it, one reopening after it.
contract ExtensionTest is DoublesFixture {
    InitiativeId private id;
    uint64 private close;

    function setUp() public override {
        super.setUp();
        id = _createVoting();
        close = initiatives.windowsOf(id).votingCloses;
    }

    function _propose(uint64 votingCloses) private {
        vm.prank(_account(1, Role.Publisher));
        initiatives.proposeExtension(id, votingCloses);
    }

    function _proposeReverts(uint64 votingCloses, bytes memory reason) private {
        vm.prank(_account(1, Role.Publisher));
        vm.expectRevert(reason);
        initiatives.proposeExtension(id, votingCloses);
    }

    function _approve(uint32 entity, uint64 votingCloses) private {
        vm.prank(_account(entity, Role.Member));
        initiatives.approveExtension(id, votingCloses);
    }

    function _approveReverts(address account, uint64 votingCloses, bytes memory reason) private {
        vm.prank(account);
        vm.expectRevert(reason);
        initiatives.approveExtension(id, votingCloses);
    }

    // ── extension ──

    function test_Extend_MovesTheClose() public {
        vm.expectEmit(address(initiatives));
        emit IInitiatives.ExtensionProposed(id, PUBLISHER, close + 5 days);
        _propose(close + 5 days);
        vm.assertEq(initiatives.windowsOf(id).votingCloses, close);

        vm.expectEmit(address(initiatives));
        emit IInitiatives.VotingExtended(id, EntityId.wrap(3), close + 5 days);
        _approve(3, close + 5 days);
        vm.assertEq(initiatives.windowsOf(id).votingCloses, close + 5 days);

        vm.warp(close);
        vm.assertTrue(initiatives.phase(id) == Phase.Voting);
        vm.warp(close + 5 days);
        vm.assertTrue(initiatives.phase(id) == Phase.Challenge);
    }

    function test_Extend_TheLatestProposalCounts() public {
        _propose(close + 1 days);
        _propose(close + 2 days);
        _approveReverts(
            _account(2, Role.Member),
            close + 1 days,
            abi.encodeWithSelector(IInitiatives.ExtensionNotProposed.selector, id, close + 1 days)
        );
        _approve(2, close + 2 days);
    }

    function test_B16_Extend_RevertsWhenTooLate() public {
        bytes memory reason = abi.encodeWithSelector(IInitiatives.ExtensionTooLate.selector, close);
        vm.warp(close - 24 hours);
        _propose(close + 1);
        uint256 state = vm.snapshotState();
        _approve(2, close + 1);
        vm.revertToState(state);
        vm.warp(close - 24 hours + 1);
        _proposeReverts(close + 1, reason);
        _approveReverts(_account(2, Role.Member), close + 1, reason);
        vm.warp(close - 1);
        _approveReverts(_account(2, Role.Member), close + 1, reason);
    }

    function test_B16_Extend_RevertsWhenTooLong() public {
        _proposeReverts(
            close + 5 days + 1,
            abi.encodeWithSelector(IInitiatives.ExtensionTooLong.selector, close + 5 days + 1, close + 5 days)
        );
        _proposeReverts(close, abi.encodeWithSelector(IInitiatives.CloseNotLater.selector, close, close));
        _proposeReverts(close - 1, abi.encodeWithSelector(IInitiatives.CloseNotLater.selector, close - 1, close));
    }

    function test_B16_Extend_RevertsWhenAlone() public {
        _propose(close + 1);
        // The publisher's own entity; one without a seat in this initiative; accounts that are not a member's.
        _approveReverts(
            _account(1, Role.Member), close + 1, abi.encodeWithSelector(IInitiatives.SecondEntityRequired.selector, 1)
        );
        _approveReverts(
            _account(4, Role.Member), close + 1, abi.encodeWithSelector(IInitiatives.SecondEntityRequired.selector, 4)
        );
        for (uint256 role = 1; role < 5; ++role) {
            _approveReverts(
                _account(2, Role(role)),
                close + 1,
                abi.encodeWithSelector(IInitiatives.SecondEntityRequired.selector, 0)
            );
        }
        vm.assertEq(initiatives.windowsOf(id).votingCloses, close);
    }

    function test_B16_Extend_RevertsForTheSuspended() public {
        _propose(close + 1);
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(2))));
        _approveReverts(
            _account(2, Role.Member), close + 1, abi.encodeWithSelector(IInitiatives.SecondEntityRequired.selector, 0)
        );
    }

    function test_B16_Extend_RevertsWhenNotProposed() public {
        _approveReverts(
            _account(2, Role.Member),
            close + 1,
            abi.encodeWithSelector(IInitiatives.ExtensionNotProposed.selector, id, close + 1)
        );
        _approveReverts(
            _account(2, Role.Member), 0, abi.encodeWithSelector(IInitiatives.ExtensionNotProposed.selector, id, 0)
        );
        _propose(close + 2);
        _approveReverts(
            _account(2, Role.Member),
            close + 1,
            abi.encodeWithSelector(IInitiatives.ExtensionNotProposed.selector, id, close + 1)
        );
    }

    function test_B16_Extend_RevertsTheSecondTime() public {
        _propose(close + 1);
        _approve(2, close + 1);
        bytes memory reason = abi.encodeWithSelector(IInitiatives.ExtensionUsed.selector, id);
        _proposeReverts(close + 2, reason);
        _approveReverts(_account(2, Role.Member), close + 1, reason);
    }

    function test_K1_ProposeExtension_RevertsForEveryOtherAccount() public {
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                address account = _account(entity, Role(role));
                vm.prank(account);
                vm.expectRevert(abi.encodeWithSelector(IInitiatives.NotPublisher.selector, account));
                initiatives.proposeExtension(id, close + 1);
            }
        }
    }

    function test_B5_Extend_RevertsOutsideVoting() public {
        _propose(close + 1);
        Windows memory w = initiatives.windowsOf(id);
        _extendRevertsAt(w.votingOpens - 1, Phase.Review);
        _extendRevertsAt(w.votingCloses, Phase.Challenge);
        ballotBox.setBallots(id, 2);
        _extendRevertsAt(w.votingCloses + w.challengePeriod, Phase.Opening);
    }

    function _extendRevertsAt(uint256 time, Phase phase) private {
        vm.warp(time);
        bytes memory reason = abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase);
        _proposeReverts(close + 1, reason);
        _approveReverts(_account(2, Role.Member), close + 1, reason);
    }

    function testFuzz_B16_Extend_OnlyWithinItsBounds(uint256 time, uint64 votingCloses) public {
        vm.warp(_bound(time, initiatives.windowsOf(id).votingOpens, close - 1));
        votingCloses = uint64(_bound(votingCloses, close - 10 days, close + 10 days));
        if (block.timestamp + 24 hours > close) {
            _proposeReverts(votingCloses, abi.encodeWithSelector(IInitiatives.ExtensionTooLate.selector, close));
        } else if (votingCloses <= close) {
            _proposeReverts(
                votingCloses, abi.encodeWithSelector(IInitiatives.CloseNotLater.selector, votingCloses, close)
            );
        } else if (votingCloses > close + 5 days) {
            _proposeReverts(
                votingCloses,
                abi.encodeWithSelector(IInitiatives.ExtensionTooLong.selector, votingCloses, close + 5 days)
            );
        } else {
            _propose(votingCloses);
            _approve(2, votingCloses);
            vm.assertEq(initiatives.windowsOf(id).votingCloses, votingCloses);
        }
    }

    // ── reopening ──

    function _reopenCall(uint64 votingCloses) private view returns (bytes memory) {
        return abi.encodeCall(initiatives.reopenVoting, (id, votingCloses));
    }

    function test_Reopen_ByMotionInChallenge() public {
        vm.warp(close + 1 hours);
        vm.expectEmit(address(initiatives));
        emit IInitiatives.VotingReopened(id, close + 3 hours);
        vm.prank(address(consortium));
        initiatives.reopenVoting(id, close + 3 hours);
        vm.assertTrue(initiatives.phase(id) == Phase.Voting);
        vm.warp(close + 3 hours - 1);
        vm.assertTrue(initiatives.phase(id) == Phase.Voting);
        vm.warp(close + 3 hours);
        vm.assertTrue(initiatives.phase(id) == Phase.Challenge);
        vm.warp(close + 5 hours - 1);
        vm.assertTrue(initiatives.phase(id) == Phase.Challenge);
        ballotBox.setBallots(id, 2);
        vm.warp(close + 5 hours);
        vm.assertTrue(initiatives.phase(id) == Phase.Opening);
    }

    function test_B5_Reopen_OnlyInChallenge() public {
        ballotBox.setBallots(id, 2);
        _reopenAt(close - 1, Phase.Voting);
        _reopenAt(close + 2 hours, Phase.Opening);
        _reopenAt(close + 2 hours + 1, Phase.Opening);
        uint256 state = vm.snapshotState();
        vm.warp(close);
        _motion(address(initiatives), _reopenCall(close + 3 hours));
        vm.revertToState(state);
        vm.warp(close + 2 hours - 1);
        _motion(address(initiatives), _reopenCall(close + 3 hours));
        vm.assertTrue(initiatives.phase(id) == Phase.Voting);
    }

    function _reopenAt(uint256 time, Phase phase) private {
        vm.warp(time);
        _motionReverts(
            address(initiatives),
            _reopenCall(close + 3 hours),
            abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase)
        );
    }

    function test_Reopen_RevertsTheSecondTime() public {
        vm.warp(close);
        _motion(address(initiatives), _reopenCall(close + 1));
        vm.warp(close + 1);
        _motionReverts(
            address(initiatives),
            _reopenCall(close + 2 hours),
            abi.encodeWithSelector(IInitiatives.ReopeningUsed.selector, id)
        );
    }

    function test_Reopen_RevertsWhenCloseIsNotAhead() public {
        vm.warp(close + 10);
        _motionReverts(
            address(initiatives),
            _reopenCall(close + 10),
            abi.encodeWithSelector(IInitiatives.CloseNotLater.selector, close + 10, close + 10)
        );
    }

    function test_Reopen_RevertsWhenTooLong() public {
        vm.warp(close);
        _motionReverts(
            address(initiatives),
            _reopenCall(close + 7 days + 1),
            abi.encodeWithSelector(IInitiatives.ReopeningTooLong.selector, close + 7 days + 1, close + 7 days)
        );
        _motion(address(initiatives), _reopenCall(close + 7 days));
    }

    function test_B16_Reopen_IsNotExtendedOnTop() public {
        vm.warp(close);
        _motion(address(initiatives), _reopenCall(close + 7 days));
        _proposeReverts(close + 7 days + 1, abi.encodeWithSelector(IInitiatives.ReopeningUsed.selector, id));
    }

    function test_Reopen_ComesAfterAnExtensionToo() public {
        _propose(close + 1 days);
        _approve(2, close + 1 days);
        vm.warp(close + 1 days);
        _motion(address(initiatives), _reopenCall(close + 2 days));
        vm.assertTrue(initiatives.phase(id) == Phase.Voting);
    }

    function test_K1_Reopen_RevertsForEveryAccount() public {
        vm.warp(close);
        for (uint256 role; role < 5; ++role) {
            address account = _account(1, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IInitiatives.OnlyMotion.selector, account));
            initiatives.reopenVoting(id, close + 3 hours);
        }
    }
}
