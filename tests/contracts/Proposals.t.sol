// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, NotInSuite, Phase, ProposalId, RegistrarSignature, Role, Tag} from "../../contracts/Types.sol";
import {Proposals} from "../../contracts/Proposals.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {IProposals, Proposal, ProposalStatus, Submission} from "../../contracts/interfaces/IProposals.sol";
import {IRegistrarSignatures} from "../../contracts/interfaces/IRegistrarSignatures.sol";
import {DoublesFixture} from "./Doubles.sol";

contract ProposalsTest is DoublesFixture {
    InitiativeId private id;
    ProposalId private constant FIRST = ProposalId.wrap(1);

    function setUp() public override {
        super.setUp();
        id = _create();
        vm.warp(initiatives.windowsOf(id).registrationOpens);
    }

    function _asPublisher() private {
        vm.prank(_account(1, Role.Publisher));
    }

    // ── submission ──

    function test_Submit_Emits() public {
        Submission memory s = _submission(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(s));
        vm.expectEmit(address(proposals));
        emit IProposals.ProposalSubmitted(
            id, FIRST, s.authorTag, s.contentHash, s.batchId, s.evidenceRoot, _entities(1, 2)
        );
        vm.assertEq(ProposalId.unwrap(proposals.submit(s, signatures)), 1);

        Proposal memory p = proposals.proposal(id, FIRST);
        vm.assertEq(Tag.unwrap(p.authorTag), Tag.unwrap(s.authorTag));
        vm.assertEq(p.contentHash, s.contentHash);
        vm.assertTrue(p.status == ProposalStatus.Submitted);
        vm.assertEq(p.cost, 0);
        vm.assertEq(proposals.proposalCount(id), 1);
        vm.assertEq(proposals.optionCount(id), 0);
        vm.assertTrue(proposals.isBatchUsed(id, s.batchId));
    }

    function test_Submit_RevertsBeyondThePersonsLimit() public {
        _submit(id, 1, 1);
        _submit(id, 1, 2);
        Submission memory s = _submission(id, 1, 3);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(s));
        vm.expectRevert(abi.encodeWithSelector(IProposals.TooManyProposals.selector, s.authorTag, 2));
        proposals.submit(s, signatures);
        _submit(id, 2, 3);
        vm.assertEq(proposals.proposalCount(id), 3);
    }

    function test_K1_Submit_RevertsWhenOneRegistrarSignsAlone() public {
        Submission memory s = _submission(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(1, _digest(s));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.TooFewSignatures.selector, 1, 2));
        proposals.submit(s, signatures);
    }

    function test_B12_Submit_RevertsWhenBatchUsed() public {
        Submission memory s = _submission(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(s));
        proposals.submit(s, signatures);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.BatchUsed.selector, s.batchId));
        proposals.submit(s, signatures);
    }

    function testFuzz_Submit_RevertsWhenOneValueDiffers(uint8 field) public {
        Submission memory s = _submission(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(s));
        uint256 which = field % 5;
        if (which == 0) s.batchId = "other";
        if (which == 1) --s.validUntil;
        if (which == 2) s.authorTag = _tag(2);
        if (which == 3) s.contentHash = "other";
        if (which == 4) s.evidenceRoot = "other";
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 1));
        proposals.submit(s, signatures);
    }

    function test_B5_Submit_OnlyWhileRegistrationIsOpen() public {
        uint64 opens = initiatives.windowsOf(id).registrationOpens;
        uint64 closes = initiatives.windowsOf(id).registrationCloses;
        _expectSubmit(opens - 1, false, Phase.Announced);
        _expectSubmit(opens, true, Phase.Registration);
        _expectSubmit(opens + 1, true, Phase.Registration);
        _expectSubmit(closes - 1, true, Phase.Registration);
        _expectSubmit(closes, false, Phase.Review);
        _expectSubmit(closes + 1, false, Phase.Review);
    }

    function _expectSubmit(uint256 time, bool accepted, Phase phase) private {
        vm.warp(time);
        Submission memory s = _submission(id, time, time);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(s));
        if (!accepted) vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
        proposals.submit(s, signatures);
    }

    // ── moderation ──

    function test_Accept_NumbersOptionsInItsOrder() public {
        _submit(id, 1, 1);
        ProposalId second = _submit(id, 2, 2);
        vm.expectEmit(address(proposals));
        emit IProposals.ProposalAccepted(id, second, 0, 700, "fits");
        _asPublisher();
        proposals.accept(id, second, 700, "fits");
        _asPublisher();
        proposals.accept(id, FIRST, 30, "");

        vm.assertEq(proposals.optionCount(id), 2);
        vm.assertEq(proposals.proposal(id, FIRST).option, 1);
        vm.assertEq(proposals.proposal(id, FIRST).cost, 30);
        vm.assertTrue(proposals.proposal(id, FIRST).status == ProposalStatus.Accepted);
        uint256[] memory costs = proposals.costs(id);
        vm.assertEq(costs.length, 2);
        vm.assertEq(costs[0], 700);
        vm.assertEq(costs[1], 30);
    }

    function test_Reject_EmitsAndCanBeAppealed() public {
        _submit(id, 1, 1);
        vm.expectEmit(address(proposals));
        emit IProposals.ProposalRejected(id, FIRST, false, "not ours to build");
        _asPublisher();
        proposals.reject(id, FIRST, false, "not ours to build");
        vm.assertTrue(proposals.proposal(id, FIRST).status == ProposalStatus.Rejected);
        _asPublisher();
        proposals.accept(id, FIRST, 5, "appeal");
        vm.assertEq(proposals.optionCount(id), 1);
    }

    // ── erasure ──

    function test_Erase_EmitsAndIsFinal() public {
        _submit(id, 1, 1);
        bytes32 text = proposals.proposal(id, FIRST).contentHash;
        vm.expectEmit(address(proposals));
        emit IProposals.ProposalErased(id, FIRST, text, "names a neighbour");
        _asPublisher();
        proposals.erase(id, FIRST, "names a neighbour");
        vm.assertTrue(proposals.proposal(id, FIRST).erased);
        vm.assertEq(proposals.proposal(id, FIRST).contentHash, text);

        bytes memory refusal = abi.encodeWithSelector(IProposals.AlreadyErased.selector, FIRST);
        _asPublisher();
        vm.expectRevert(refusal);
        proposals.erase(id, FIRST, "again");
        _asPublisher();
        vm.expectRevert(refusal);
        proposals.accept(id, FIRST, 5, "");
        _asPublisher();
        proposals.reject(id, FIRST, false, "erased");
        _asPublisher();
        vm.expectRevert(refusal);
        proposals.accept(id, FIRST, 5, "an appeal");
        vm.assertEq(proposals.optionCount(id), 0);
    }

    /// @dev People vote on what it says.
    function test_K1_Erase_RevertsForAnOptionInEveryPhase() public {
        _addOptions(id, 1);
        uint64[4] memory times = [
            uint64(block.timestamp),
            initiatives.windowsOf(id).registrationCloses,
            initiatives.windowsOf(id).votingOpens,
            initiatives.windowsOf(id).votingCloses + 365 days
        ];
        for (uint256 i; i < 4; ++i) {
            vm.warp(times[i]);
            _asPublisher();
            vm.expectRevert(abi.encodeWithSelector(IProposals.AlreadyAccepted.selector, FIRST));
            proposals.erase(id, FIRST, "unwelcome");
        }
    }

    function test_Erase_IsOpenInEveryPhase() public {
        _submit(id, 1, 1);
        _submit(id, 2, 2);
        _asPublisher();
        proposals.reject(id, FIRST, true, "no");
        vm.warp(initiatives.windowsOf(id).votingCloses + 365 days);
        for (uint32 number = 1; number <= 2; ++number) {
            _asPublisher();
            proposals.erase(id, ProposalId.wrap(number), "asked for by its author");
            vm.assertTrue(proposals.proposal(id, ProposalId.wrap(number)).erased);
        }
    }

    function test_K1_Erase_RevertsForEveryOtherAccount() public {
        _submit(id, 1, 1);
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                address account = _account(entity, Role(role));
                vm.prank(account);
                vm.expectRevert(abi.encodeWithSelector(IProposals.NotPublisher.selector, id, account));
                proposals.erase(id, FIRST, "unwelcome");
            }
        }
    }

    function test_Erase_RevertsWithoutReasonOrProposal() public {
        _submit(id, 1, 1);
        _asPublisher();
        vm.expectRevert(IProposals.ReasonRequired.selector);
        proposals.erase(id, FIRST, "");
        _asPublisher();
        vm.expectRevert(abi.encodeWithSelector(IProposals.ReasonTooLong.selector, 1025));
        proposals.erase(id, FIRST, string(new bytes(1025)));
        _asPublisher();
        vm.expectRevert(abi.encodeWithSelector(IProposals.UnknownProposal.selector, id, 2));
        proposals.erase(id, ProposalId.wrap(2), "unwelcome");
    }

    function test_Accept_IsFinal() public {
        _addOptions(id, 1);
        bytes memory reason = abi.encodeWithSelector(IProposals.AlreadyAccepted.selector, FIRST);
        _asPublisher();
        vm.expectRevert(reason);
        proposals.accept(id, FIRST, 5, "");
        _asPublisher();
        vm.expectRevert(reason);
        proposals.reject(id, FIRST, true, "second thoughts");
    }

    function test_SetCost_Emits() public {
        _addOptions(id, 2);
        vm.expectEmit(address(proposals));
        emit IProposals.CostChanged(id, ProposalId.wrap(2), type(uint128).max, "prices rose");
        _asPublisher();
        proposals.setCost(id, ProposalId.wrap(2), type(uint128).max, "prices rose");
        vm.assertEq(proposals.costs(id)[0], 100);
        vm.assertEq(proposals.costs(id)[1], type(uint128).max);
    }

    function test_SetCost_RevertsWhenNotAccepted() public {
        _submit(id, 1, 1);
        _asPublisher();
        vm.expectRevert(abi.encodeWithSelector(IProposals.NotAccepted.selector, FIRST));
        proposals.setCost(id, FIRST, 1, "why");
    }

    function testFuzz_B9_Accept_RevertsWhenCostTooLarge(uint256 cost) public {
        cost = _bound(cost, uint256(type(uint128).max) + 1, type(uint256).max);
        _submit(id, 1, 1);
        _asPublisher();
        vm.expectRevert(abi.encodeWithSelector(IProposals.CostTooLarge.selector, cost));
        proposals.accept(id, FIRST, cost, "");
    }

    function test_Reason_RevertsWhenMissingOrTooLong() public {
        _addOptions(id, 1);
        ProposalId open = _submit(id, 1, 99);
        _asPublisher();
        vm.expectRevert(IProposals.ReasonRequired.selector);
        proposals.reject(id, open, true, "");
        _asPublisher();
        vm.expectRevert(IProposals.ReasonRequired.selector);
        proposals.setCost(id, FIRST, 1, "");
        bytes memory reason = abi.encodeWithSelector(IProposals.ReasonTooLong.selector, 1025);
        string memory long = string(new bytes(1025));
        _asPublisher();
        vm.expectRevert(reason);
        proposals.reject(id, open, true, long);
        _asPublisher();
        vm.expectRevert(reason);
        proposals.setCost(id, FIRST, 1, long);
        _asPublisher();
        vm.expectRevert(reason);
        proposals.accept(id, open, 1, long);
    }

    function test_Moderate_RevertsWhenProposalUnknown() public {
        _submit(id, 1, 1);
        uint32[2] memory unknown = [uint32(0), 2];
        for (uint256 i; i < 2; ++i) {
            ProposalId proposal = ProposalId.wrap(unknown[i]);
            bytes memory reason = abi.encodeWithSelector(IProposals.UnknownProposal.selector, id, proposal);
            _asPublisher();
            vm.expectRevert(reason);
            proposals.accept(id, proposal, 1, "");
            _asPublisher();
            vm.expectRevert(reason);
            proposals.reject(id, proposal, true, "why");
            _asPublisher();
            vm.expectRevert(reason);
            proposals.setCost(id, proposal, 1, "why");
            vm.expectRevert(reason);
            proposals.proposal(id, proposal);
        }
    }

    function test_K1_Moderate_RevertsForEveryOtherAccount() public {
        _submit(id, 1, 1);
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                _expectNotPublisher(_account(entity, Role(role)));
            }
        }
    }

    function test_K1_Moderate_RevertsForASuspendedPublisher() public {
        _submit(id, 1, 1);
        vm.prank(_account(2, Role.Member));
        uint256 motion = consortium.propose(address(consortium), abi.encodeCall(consortium.suspend, (PUBLISHER)));
        vm.prank(_account(3, Role.Member));
        consortium.approve(motion);
        vm.prank(_account(4, Role.Member));
        consortium.approve(motion);
        _expectNotPublisher(_account(1, Role.Publisher));
    }

    function _expectNotPublisher(address account) private {
        bytes memory reason = abi.encodeWithSelector(IProposals.NotPublisher.selector, id, account);
        vm.startPrank(account);
        vm.expectRevert(reason);
        proposals.accept(id, FIRST, 1, "");
        vm.expectRevert(reason);
        proposals.reject(id, FIRST, true, "why");
        vm.expectRevert(reason);
        proposals.setCost(id, FIRST, 1, "why");
        vm.stopPrank();
    }

    function test_B5_Moderate_OnlyInRegistrationAndReview() public {
        _register(id, 1, 4);
        _addOptions(id, 1);
        _submit(id, 1, 99);
        ceremony.setFinalised(id, true);
        uint64 opens = initiatives.windowsOf(id).registrationOpens;
        uint64 closes = initiatives.windowsOf(id).registrationCloses;
        uint64 votingOpens = initiatives.windowsOf(id).votingOpens;
        _expectModerate(opens - 1, false, Phase.Announced);
        _expectModerate(opens, true, Phase.Registration);
        _expectModerate(closes - 1, true, Phase.Registration);
        _expectModerate(closes, true, Phase.Review);
        _expectModerate(votingOpens - 1, true, Phase.Review);
        _expectModerate(votingOpens, false, Phase.Voting);
        _expectModerate(votingOpens + 1, false, Phase.Voting);
    }

    function _expectModerate(uint256 time, bool accepted, Phase phase) private {
        uint256 state = vm.snapshotState();
        vm.warp(time);
        bytes memory reason = abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase);
        vm.startPrank(_account(1, Role.Publisher));
        if (!accepted) vm.expectRevert(reason);
        proposals.setCost(id, FIRST, 1, "why");
        if (!accepted) vm.expectRevert(reason);
        proposals.reject(id, ProposalId.wrap(2), true, "why");
        if (!accepted) vm.expectRevert(reason);
        proposals.accept(id, ProposalId.wrap(2), 1, "");
        vm.stopPrank();
        vm.revertToState(state);
    }

    function test_Accept_RevertsBeyond1024Options() public {
        bytes32 slot = keccak256(abi.encode(id, OPTION_COSTS_SLOT));
        vm.store(address(proposals), slot, bytes32(uint256(1023)));
        vm.assertEq(proposals.optionCount(id), 1023);
        _submit(id, 1, 1);
        _submit(id, 1, 2);
        _asPublisher();
        proposals.accept(id, FIRST, 1, "");
        vm.assertEq(proposals.proposal(id, FIRST).option, 1023);
        _asPublisher();
        vm.expectRevert(abi.encodeWithSelector(IProposals.TooManyOptions.selector, 1024));
        proposals.accept(id, ProposalId.wrap(2), 1, "");
    }

    /// @dev Of `optionCosts` in Proposals: two of EIP712, burnt batches, counts, proposals, per person.
    uint256 private constant OPTION_COSTS_SLOT = 6;

    function test_Deploy_RevertsOutsideItsSuite() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.proposals, next));
        new Proposals(consortium, suite);
    }
}
