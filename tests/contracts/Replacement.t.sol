// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {LeafGreaterThanSnarkScalarField, WrongSiblingNodes} from "@zk-kit/lean-imt.sol/InternalLeanIMT.sol";

import {Commitment, InitiativeId, Phase, RegistrarSignature, Tag} from "../../contracts/Types.sol";
import {IElectorate, RegistrationBatch, Replacement, SkipReason} from "../../contracts/interfaces/IElectorate.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {IRegistrarSignatures} from "../../contracts/interfaces/IRegistrarSignatures.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev A lost phone is not a lost vote: queued with k signatures, applied in review.
contract ReplacementTest is DoublesFixture {
    InitiativeId private id;
    uint64 private opens;
    uint64 private closes;

    function setUp() public override {
        super.setUp();
        id = _create();
        opens = initiatives.windowsOf(id).registrationOpens;
        closes = initiatives.windowsOf(id).registrationCloses;
        vm.warp(opens);
        // Persons 1 and 2: each the other's sibling.
        _register(id, 1, 2);
    }

    function _replacement(uint256 person, uint256 old, uint256 next) private view returns (Replacement memory) {
        return Replacement(
            id,
            keccak256(abi.encode("replacement", person, old, next)),
            uint64(block.timestamp + 1 hours),
            _tag(person),
            _commitment(old),
            _commitment(next),
            keccak256("evidence")
        );
    }

    function _queue(Replacement memory r) private {
        electorate.queueReplacement(r, _signatures(2, _digest(r)));
    }

    function _queueReverts(Replacement memory r, bytes memory reason) private {
        RegistrarSignature[] memory signatures = _signatures(2, _digest(r));
        vm.expectRevert(reason);
        electorate.queueReplacement(r, signatures);
    }

    function _siblings(uint256 person) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = Commitment.unwrap(_commitment(person));
    }

    function test_Queue_EmitsAndLeavesTheTree() public {
        Replacement memory r = _replacement(1, 1, 11);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(r));
        uint256 root = electorate.root(id);
        vm.expectEmit(address(electorate));
        emit IElectorate.ReplacementQueued(
            id, r.batchId, _tag(1), _commitment(1), _commitment(11), r.evidenceRoot, _entities(1, 2)
        );
        electorate.queueReplacement(r, signatures);

        vm.assertEq(electorate.root(id), root);
        vm.assertEq(Commitment.unwrap(electorate.pendingReplacement(id, _tag(1))), Commitment.unwrap(_commitment(11)));
        vm.assertTrue(electorate.isBatchUsed(id, r.batchId));
    }

    function test_Apply_ChangesTheLeaf() public {
        _queue(_replacement(1, 1, 11));
        vm.warp(closes);
        InitiativeId other = _twin(11, 2);

        vm.expectEmit(address(electorate));
        emit IElectorate.ReplacementApplied(
            id, _tag(1), 0, _commitment(1), _commitment(11), electorate.root(other)
        );
        electorate.applyReplacement(id, _tag(1), _siblings(2));

        vm.assertEq(electorate.root(id), electorate.root(other));
        vm.assertEq(electorate.size(id), 2);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(1))), Commitment.unwrap(_commitment(11)));
        vm.assertEq(Commitment.unwrap(electorate.pendingReplacement(id, _tag(1))), 0);
    }

    /// @dev Another initiative, whose two leaves are `left` and `right`; comes back to the time it was.
    function _twin(uint256 left, uint256 right) private returns (InitiativeId other) {
        uint256 time = block.timestamp;
        other = _create();
        vm.warp(initiatives.windowsOf(other).registrationOpens);
        _register(other, left, 1);
        _register(other, right, 1);
        vm.warp(time);
    }

    function test_Apply_RootsEqualJavaScripts() public {
        string memory json = vm.readFile("tests/vectors/electorate.json");
        uint256[] memory commitments = vm.parseJsonUintArray(json, ".commitments");
        id = _create();
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        RegistrationBatch memory b = _batch(id, 1, commitments.length);
        for (uint256 i; i < commitments.length; ++i) {
            b.commitments[i] = Commitment.wrap(commitments[i]);
        }
        electorate.register(b, _signatures(2, _digest(b)));

        vm.warp(initiatives.windowsOf(id).registrationCloses);
        for (uint256 i; i < 10; ++i) {
            string memory key = string.concat(".updates[", vm.toString(i), "]");
            Tag tag = _tag(1 + vm.parseJsonUint(json, string.concat(key, ".index")));
            Replacement memory r = Replacement(
                id,
                keccak256(abi.encode("vector", i)),
                uint64(block.timestamp + 1 hours),
                tag,
                electorate.commitmentOf(id, tag),
                Commitment.wrap(vm.parseJsonUint(json, string.concat(key, ".commitment"))),
                0
            );
            _queue(r);
            electorate.applyReplacement(id, tag, vm.parseJsonUintArray(json, string.concat(key, ".siblings")));
            vm.assertEq(electorate.root(id), vm.parseJsonUint(json, string.concat(key, ".root")), "root");
        }
    }

    function test_Queue_TheLatestCounts() public {
        _queue(_replacement(1, 1, 11));
        _queue(_replacement(1, 1, 12));
        vm.warp(closes);
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(1))), Commitment.unwrap(_commitment(12)));
    }

    function test_Queue_RevertsTheThirdTime() public {
        _queue(_replacement(1, 1, 11));
        vm.warp(closes);
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        _queue(_replacement(1, 11, 12));
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        _queueReverts(
            _replacement(1, 12, 13), abi.encodeWithSelector(IElectorate.TooManyReplacements.selector, _tag(1))
        );
    }

    function test_Queue_RevertsWhenTagUnknown() public {
        _queueReverts(_replacement(3, 3, 11), abi.encodeWithSelector(IElectorate.UnknownTag.selector, _tag(3)));
    }

    function test_Queue_RevertsWhenOldCommitmentDiffers() public {
        _queueReverts(
            _replacement(1, 2, 11),
            abi.encodeWithSelector(
                IElectorate.UnexpectedCommitment.selector, _tag(1), _commitment(2), _commitment(1)
            )
        );
    }

    function test_Queue_RevertsWhenCommitmentOutsideField() public {
        Replacement memory r = _replacement(1, 1, 11);
        r.newCommitment = Commitment.wrap(0);
        _queueReverts(r, abi.encodeWithSelector(IElectorate.InvalidCommitment.selector, 0));
        r.newCommitment = Commitment.wrap(21888242871839275222246405745257275088548364400416034343698204186575808495617);
        _queueReverts(r, abi.encodeWithSelector(IElectorate.InvalidCommitment.selector, r.newCommitment));
    }

    /// @dev Ever-used: a leaf, one queued, one replaced, one whose queue was overtaken, the own.
    function test_B12_Queue_RevertsWhenCommitmentEverUsed() public {
        _queueReverts(_replacement(1, 1, 2), abi.encodeWithSelector(IElectorate.CommitmentUsed.selector, _commitment(2)));
        _queueReverts(_replacement(1, 1, 1), abi.encodeWithSelector(IElectorate.CommitmentUsed.selector, _commitment(1)));
        _queue(_replacement(1, 1, 11));
        _queueReverts(
            _replacement(2, 2, 11), abi.encodeWithSelector(IElectorate.CommitmentUsed.selector, _commitment(11))
        );
        _queue(_replacement(1, 1, 12));
        _queueReverts(
            _replacement(2, 2, 11), abi.encodeWithSelector(IElectorate.CommitmentUsed.selector, _commitment(11))
        );
        vm.warp(closes);
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        _queueReverts(
            _replacement(2, 2, 1), abi.encodeWithSelector(IElectorate.CommitmentUsed.selector, _commitment(1))
        );
    }

    function test_B12_Register_SkipsQueuedCommitment() public {
        _queue(_replacement(1, 1, 11));
        RegistrationBatch memory b = _batch(id, 11, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectEmit(address(electorate));
        emit IElectorate.RegistrationSkipped(id, b.batchId, 0, _tag(11), _commitment(11), SkipReason.UsedCommitment);
        electorate.register(b, signatures);
        vm.assertEq(electorate.size(id), 2);
    }

    function test_K1_Queue_RevertsWhenOneRegistrarSignsAlone() public {
        Replacement memory r = _replacement(1, 1, 11);
        RegistrarSignature[] memory signatures = _signatures(1, _digest(r));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.TooFewSignatures.selector, 1, 2));
        electorate.queueReplacement(r, signatures);
    }

    function testFuzz_Queue_RevertsWhenOneValueDiffers(uint8 field) public {
        Replacement memory r = _replacement(1, 1, 11);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(r));
        uint256 which = field % 5;
        if (which == 0) r.batchId = "other";
        if (which == 1) --r.validUntil;
        if (which == 2) (r.tag, r.oldCommitment) = (_tag(2), _commitment(2));
        if (which == 3) r.newCommitment = _commitment(12);
        if (which == 4) r.evidenceRoot = "other";
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 1));
        electorate.queueReplacement(r, signatures);
    }

    function test_B12_Queue_RevertsWhenBatchUsed() public {
        Replacement memory r = _replacement(1, 1, 11);
        _queue(r);
        _queueReverts(r, abi.encodeWithSelector(IRegistrarSignatures.BatchUsed.selector, r.batchId));
    }

    function test_Apply_RevertsWhenNoneQueued() public {
        vm.warp(closes);
        vm.expectRevert(abi.encodeWithSelector(IElectorate.NoReplacement.selector, _tag(1)));
        electorate.applyReplacement(id, _tag(1), _siblings(2));
    }

    function test_Apply_RevertsTheSecondTime() public {
        _queue(_replacement(1, 1, 11));
        vm.warp(closes);
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        vm.expectRevert(abi.encodeWithSelector(IElectorate.NoReplacement.selector, _tag(1)));
        electorate.applyReplacement(id, _tag(1), _siblings(2));
    }

    function test_Apply_RevertsWhenSiblingsAreWrong() public {
        _queue(_replacement(1, 1, 11));
        vm.warp(closes);
        vm.expectRevert(WrongSiblingNodes.selector);
        electorate.applyReplacement(id, _tag(1), _siblings(3));
        uint256[] memory siblings = _siblings(2);
        siblings[0] = type(uint256).max;
        vm.expectRevert(LeafGreaterThanSnarkScalarField.selector);
        electorate.applyReplacement(id, _tag(1), siblings);
        // Too few: an index out of bounds.
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x32));
        electorate.applyReplacement(id, _tag(1), new uint256[](0));
    }

    function test_B5_Queue_OnlyInRegistrationAndReview() public {
        uint64 votingOpens = initiatives.windowsOf(id).votingOpens;
        _expectQueue(opens - 1, Phase.Announced, false);
        _expectQueue(opens, Phase.Registration, true);
        _expectQueue(closes - 1, Phase.Registration, true);
        _expectQueue(closes, Phase.Review, true);
        _expectQueue(votingOpens - 1, Phase.Review, true);
        // Without a key the initiative is void by then.
        _expectQueue(votingOpens, Phase.Void, false);
        ceremony.setFinalised(id, true);
        _addOption();
        _expectQueue(votingOpens, Phase.Voting, false);
        _expectQueue(votingOpens + 1, Phase.Voting, false);
    }

    function _addOption() private {
        vm.warp(opens);
        _addOptions(id, 1);
    }

    function _expectQueue(uint256 time, Phase phase, bool accepted) private {
        uint256 state = vm.snapshotState();
        vm.warp(time);
        Replacement memory r = _replacement(1, 1, 11);
        if (accepted) _queue(r);
        else _queueReverts(r, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
        vm.revertToState(state);
    }

    function test_B5_Apply_OnlyInReview() public {
        uint64 votingOpens = initiatives.windowsOf(id).votingOpens;
        _addOption();
        ceremony.setFinalised(id, true);
        _queue(_replacement(1, 1, 11));
        _expectApply(closes - 1, Phase.Registration, false);
        _expectApply(closes, Phase.Review, true);
        _expectApply(closes + 1, Phase.Review, true);
        _expectApply(votingOpens - 1, Phase.Review, true);
        _expectApply(votingOpens, Phase.Voting, false);
        _expectApply(votingOpens + 1, Phase.Voting, false);
    }

    function _expectApply(uint256 time, Phase phase, bool accepted) private {
        uint256 state = vm.snapshotState();
        vm.warp(time);
        if (!accepted) vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
        electorate.applyReplacement(id, _tag(1), _siblings(2));
        vm.revertToState(state);
    }
}
