// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    EntityId, G1Point, InitiativeId, NotInSuite, Phase, Role, Rules, VoidReason, Windows
} from "../../contracts/Types.sol";
import {Initiatives} from "../../contracts/Initiatives.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev Creation and decided voids; RulesCheck.t.sol has the rules, Phases.t.sol what time does, Extension.t.sol what moves a close.
contract InitiativesTest is DoublesFixture {
    // ── creation ──

    function test_Create_FreezesTheRules() public {
        Rules memory rules = _rules();
        bytes32 rulesHash = keccak256(abi.encode(rules));
        vm.expectEmit(address(initiatives));
        emit IInitiatives.InitiativeCreated(
            InitiativeId.wrap(1), PUBLISHER, rulesHash, abi.encode(rules), SCOPE, "Budget"
        );
        InitiativeId id = _create(rules);

        vm.assertEq(initiatives.count(), 1);
        vm.assertEq(InitiativeId.unwrap(id), 1);
        vm.assertEq(EntityId.unwrap(initiatives.publisherOf(id)), 1);
        vm.assertEq(initiatives.rulesHashOf(id), rulesHash);
        vm.assertEq(abi.encode(initiatives.windowsOf(id)), abi.encode(rules.windows));
        vm.assertEq(abi.encode(initiatives.ballotRulesOf(id)), abi.encode(rules.ballot));
        vm.assertEq(initiatives.proposalsPerPersonOf(id), 2);
        (EntityId[] memory entities, uint8 threshold) = initiatives.registrarsOf(id);
        vm.assertEq(abi.encode(entities, threshold), abi.encode(rules.registrars, 2));
        (entities, threshold) = initiatives.trusteesOf(id);
        vm.assertEq(abi.encode(entities, threshold), abi.encode(rules.trustees, 2));
    }

    function test_Create_FreezesTheTrusteesKeys() public {
        Rules memory rules = _rules();
        rules.trustees = _entities(2, 4);
        InitiativeId id = _create(rules);
        G1Point[] memory keys = ceremony.trusteeKeys(id);
        vm.assertEq(keys.length, 4);
        vm.assertEq(ceremony.startsAt(id), rules.windows.registrationOpens);
        for (uint32 i; i < 4; ++i) {
            vm.assertEq(keys[i].x, consortium.trusteeKeyOf(EntityId.wrap(i + 2)).x);
            vm.assertEq(initiatives.trusteeIndexOf(id, EntityId.wrap(i + 2)), i + 1);
        }
        vm.assertEq(initiatives.trusteeIndexOf(id, EntityId.wrap(1)), 0);
    }

    function test_K1_Create_RevertsForEveryOtherAccount() public {
        Rules memory rules = _rules();
        for (uint256 role; role < 5; ++role) {
            if (Role(role) == Role.Publisher) continue;
            _expectNotPublisher(_account(1, Role(role)), rules);
        }
        _expectNotPublisher(address(this), rules);
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(5))));
        _expectNotPublisher(_account(5, Role.Publisher), rules);
    }

    function _expectNotPublisher(address account, Rules memory rules) private {
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.NotPublisher.selector, account));
        initiatives.create(rules, SCOPE, "Budget");
    }

    function test_Unknown_RevertsEverywhere() public {
        _create();
        uint64[2] memory unknown = [uint64(0), 2];
        for (uint256 i; i < 2; ++i) {
            InitiativeId id = InitiativeId.wrap(unknown[i]);
            bytes memory reason = abi.encodeWithSelector(IInitiatives.UnknownInitiative.selector, id);
            vm.expectRevert(reason);
            initiatives.phase(id);
            vm.expectRevert(reason);
            initiatives.requirePhase(id, Phase.Announced);
            vm.expectRevert(reason);
            initiatives.voidReason(id);
            vm.expectRevert(reason);
            initiatives.publisherOf(id);
            vm.expectRevert(reason);
            initiatives.rulesHashOf(id);
            vm.expectRevert(reason);
            initiatives.windowsOf(id);
            vm.expectRevert(reason);
            initiatives.ballotRulesOf(id);
            vm.expectRevert(reason);
            initiatives.registrarsOf(id);
            vm.expectRevert(reason);
            initiatives.trusteesOf(id);
            vm.expectRevert(reason);
            initiatives.trusteeIndexOf(id, PUBLISHER);
            vm.expectRevert(reason);
            initiatives.proposalsPerPersonOf(id);
            vm.prank(_account(1, Role.Publisher));
            vm.expectRevert(reason);
            initiatives.withdraw(id, "why");
            vm.prank(_account(1, Role.Publisher));
            vm.expectRevert(reason);
            initiatives.proposeExtension(id, 1);
            vm.expectRevert(reason);
            initiatives.approveExtension(id, 1);
        }
    }

    function test_Deploy_RevertsOutsideItsSuite() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.initiatives, next));
        new Initiatives(consortium, suite);
    }

    // ── voids that are decided ──

    function test_Withdraw_ByThePublisherBeforeRegistration() public {
        InitiativeId id = _create();
        uint64 opens = initiatives.windowsOf(id).registrationOpens;
        vm.warp(opens - 1);
        vm.expectEmit(address(initiatives));
        emit IInitiatives.InitiativeVoided(id, VoidReason.Withdrawn, "wrong dates");
        vm.prank(_account(1, Role.Publisher));
        initiatives.withdraw(id, "wrong dates");
        vm.assertTrue(initiatives.phase(id) == Phase.Void);
        vm.assertTrue(initiatives.voidReason(id) == VoidReason.Withdrawn);
        vm.warp(opens + 100 days);
        vm.assertTrue(initiatives.phase(id) == Phase.Void);
        vm.prank(_account(1, Role.Publisher));
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Void));
        initiatives.withdraw(id, "again");
    }

    function test_B5_Withdraw_RevertsOnceRegistrationOpens() public {
        InitiativeId id = _create();
        uint64 opens = initiatives.windowsOf(id).registrationOpens;
        for (uint256 i; i < 2; ++i) {
            vm.warp(opens + i);
            vm.prank(_account(1, Role.Publisher));
            vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Registration));
            initiatives.withdraw(id, "late");
        }
    }

    function test_K1_Withdraw_RevertsForEveryOtherAccount() public {
        InitiativeId id = _create();
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                if (entity == 1 && Role(role) == Role.Publisher) continue;
                address account = _account(entity, Role(role));
                vm.prank(account);
                vm.expectRevert(abi.encodeWithSelector(IInitiatives.NotPublisher.selector, account));
                initiatives.withdraw(id, "mine");
            }
        }
        vm.prank(_account(1, Role.Member));
        consortium.setAccount(Role.Publisher, address(0xBEEF));
        address retired = _account(1, Role.Publisher);
        vm.prank(retired);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.NotPublisher.selector, retired));
        initiatives.withdraw(id, "retired");
    }

    function test_VoidByMotion_InEveryPhaseUntilCounted() public {
        InitiativeId id = _createVoting();
        ballotBox.setBallots(id, 2);
        Windows memory w = initiatives.windowsOf(id);
        uint256[6] memory times = [
            NOW, w.registrationOpens, w.registrationCloses, w.votingOpens, w.votingCloses,
            w.votingCloses + w.challengePeriod
        ];
        for (uint256 i; i < 6; ++i) {
            uint256 state = vm.snapshotState();
            vm.warp(times[i]);
            _motion(address(initiatives), abi.encodeCall(initiatives.voidByMotion, (id, "court order")));
            vm.assertTrue(initiatives.phase(id) == Phase.Void);
            vm.assertTrue(initiatives.voidReason(id) == VoidReason.Motion);
            vm.revertToState(state);
        }
        vm.warp(times[5]);
        tally.setComplete(id, true);
        bytes memory call = abi.encodeCall(initiatives.voidByMotion, (id, "court order"));
        _motionReverts(
            address(initiatives), call, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Counted)
        );
        ballotBox.setBallots(id, 1);
        _motionReverts(
            address(initiatives), call, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Void)
        );
    }

    function test_VoidByMotion_Emits() public {
        InitiativeId id = _create();
        vm.expectEmit(address(initiatives));
        emit IInitiatives.InitiativeVoided(id, VoidReason.Motion, "court order");
        vm.prank(address(consortium));
        initiatives.voidByMotion(id, "court order");
    }

    function test_K1_VoidByMotion_RevertsForEveryAccount() public {
        InitiativeId id = _create();
        for (uint256 role; role < 5; ++role) {
            address account = _account(1, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IInitiatives.OnlyMotion.selector, account));
            initiatives.voidByMotion(id, "mine");
        }
    }

    function test_Void_RevertsWhenExplanationMissingOrTooLong() public {
        InitiativeId id = _create();
        uint256[2] memory lengths = [uint256(0), 1025];
        for (uint256 i; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(IInitiatives.InvalidExplanation.selector, lengths[i]);
            string memory explanation = string(new bytes(lengths[i]));
            vm.prank(_account(1, Role.Publisher));
            vm.expectRevert(reason);
            initiatives.withdraw(id, explanation);
            vm.prank(address(consortium));
            vm.expectRevert(reason);
            initiatives.voidByMotion(id, explanation);
        }
    }
}
