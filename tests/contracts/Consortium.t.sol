// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, G1Point, P256Point, Role, SchnorrProof, Suite} from "../../contracts/Types.sol";
import {Consortium} from "../../contracts/Consortium.sol";
import {Entity, EntityDraft, IConsortium, Motion} from "../../contracts/interfaces/IConsortium.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {DoublesFixture} from "./Doubles.sol";

contract ConsortiumTest is DoublesFixture {
    function _propose(uint32 entity, address target, bytes memory data) private returns (uint256) {
        vm.prank(_account(entity, Role.Member));
        return consortium.propose(target, data);
    }

    function _approve(uint32 entity, uint256 motion) private {
        vm.prank(_account(entity, Role.Member));
        consortium.approve(motion);
    }

    function _suspendData(uint32 entity) private view returns (bytes memory) {
        return abi.encodeCall(consortium.suspend, (EntityId.wrap(entity)));
    }

    // ── founders ──

    function test_Deploy_AdmitsTheFounders() public view {
        vm.assertEq(consortium.entityCount(), ENTITIES);
        vm.assertEq(consortium.minimumAnonymity(), FLOOR);
        Entity memory e = consortium.entity(EntityId.wrap(3));
        vm.assertEq(e.name, "Entity 3");
        vm.assertEq(e.endpoint, "https://entity-3.example");
        vm.assertTrue(e.active && consortium.isActive(EntityId.wrap(3)));
        for (uint256 role; role < 5; ++role) {
            address account = _account(3, Role(role));
            vm.assertEq(e.accounts[role], account);
            vm.assertEq(consortium.accountOf(EntityId.wrap(3), Role(role)), account);
            vm.assertEq(EntityId.unwrap(consortium.entityOf(account, Role(role))), 3);
            // Of one role alone.
            vm.assertEq(EntityId.unwrap(consortium.entityOf(account, Role((role + 1) % 5))), 0);
        }
    }

    function test_Deploy_EmitsWhatItAdmits() public {
        EntityDraft[] memory founders = new EntityDraft[](2);
        (founders[0], founders[1]) = (_draft(11), _draft(12));
        vm.expectEmit();
        emit IConsortium.EntityAdmitted(EntityId.wrap(1), "Entity 11", "https://entity-11.example", founders[0].accounts);
        vm.expectEmit();
        emit IConsortium.EntityAdmitted(EntityId.wrap(2), "Entity 12", "https://entity-12.example", founders[1].accounts);
        vm.expectEmit();
        emit IConsortium.MinimumAnonymityChanged(9);
        new Consortium(founders, 9);
    }

    function test_K1_Deploy_RevertsWithFewerThanTwoFounders() public {
        vm.expectRevert(abi.encodeWithSelector(IConsortium.TooFewEntities.selector, 0));
        new Consortium(new EntityDraft[](0), FLOOR);
        EntityDraft[] memory founders = new EntityDraft[](1);
        founders[0] = _draft(11);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.TooFewEntities.selector, 1));
        new Consortium(founders, FLOOR);
    }

    function test_K1_Deploy_RevertsWhenTwoFoundersShareAnAccount() public {
        EntityDraft[] memory founders = new EntityDraft[](2);
        (founders[0], founders[1]) = (_draft(11), _draft(12));
        founders[1].accounts[uint256(Role.Registrar)] = _account(11, Role.Trustee);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.AccountInUse.selector, _account(11, Role.Trustee)));
        new Consortium(founders, FLOOR);
    }

    // ── motions ──

    function test_Propose_EmitsAndApproves() public {
        bytes memory data = _suspendData(5);
        vm.expectEmit(address(consortium));
        emit IConsortium.MotionProposed(
            2, EntityId.wrap(4), address(consortium), data, uint64(block.timestamp + 30 days)
        );
        vm.expectEmit(address(consortium));
        emit IConsortium.MotionApproved(2, EntityId.wrap(4));
        vm.assertEq(_propose(4, address(consortium), data), 2);

        Motion memory m = consortium.motion(2);
        vm.assertEq(EntityId.unwrap(m.proposer), 4);
        vm.assertEq(m.target, address(consortium));
        vm.assertEq(m.data, data);
        vm.assertEq(m.expires, block.timestamp + 30 days);
        vm.assertEq(m.approvals, 1);
        vm.assertFalse(m.executed);
    }

    function test_Approve_ExecutesWithTheMajority() public {
        uint256 motion = _propose(1, address(consortium), _suspendData(5));
        _approve(2, motion);
        vm.assertTrue(consortium.isActive(EntityId.wrap(5)));

        vm.expectEmit(address(consortium));
        emit IConsortium.MotionApproved(motion, EntityId.wrap(3));
        vm.expectEmit(address(consortium));
        emit IConsortium.MotionExecuted(motion);
        vm.expectEmit(address(consortium));
        emit IConsortium.EntitySuspended(EntityId.wrap(5));
        _approve(3, motion);

        vm.assertTrue(consortium.motion(motion).executed);
        vm.assertEq(consortium.motion(motion).approvals, 3);
        vm.assertFalse(consortium.isActive(EntityId.wrap(5)));
    }

    /// @dev Half is no majority.
    function test_K1_Approve_HalfOfAnEvenNumberIsNotEnough() public {
        _motion(address(consortium), _suspendData(5));
        uint256 motion = _propose(1, address(consortium), _suspendData(4));
        _approve(2, motion);
        vm.assertFalse(consortium.motion(motion).executed);
        _approve(3, motion);
        vm.assertTrue(consortium.motion(motion).executed);
    }

    function test_Approve_ApprovalsOfTheSuspendedDoNotCount() public {
        uint256 motion = _propose(4, address(consortium), abi.encodeCall(consortium.setMinimumAnonymity, (50)));
        _approve(5, motion);
        _motion(address(consortium), _suspendData(4));
        vm.assertEq(consortium.motion(motion).approvals, 1);
        // Four are active: three needed, of which 5 is one.
        _approve(1, motion);
        vm.assertFalse(consortium.motion(motion).executed);
        _approve(2, motion);
        vm.assertTrue(consortium.motion(motion).executed);
        vm.assertEq(consortium.minimumAnonymity(), 50);
    }

    function test_K1_Propose_RevertsForEveryOtherAccount() public {
        for (uint256 role = 1; role < 5; ++role) {
            address account = _account(1, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
            consortium.propose(address(consortium), "");
        }
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, address(this), Role.Member));
        consortium.propose(address(consortium), "");
    }

    function test_K1_Approve_RevertsForEveryOtherAccount() public {
        uint256 motion = _propose(1, address(consortium), _suspendData(5));
        for (uint256 role = 1; role < 5; ++role) {
            address account = _account(2, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
            consortium.approve(motion);
        }
    }

    function test_K1_Approve_RevertsTheSecondTime() public {
        uint256 motion = _propose(1, address(consortium), _suspendData(5));
        vm.prank(_account(1, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.AlreadyApproved.selector, motion, 1));
        consortium.approve(motion);

        // Nor with the entity's next account: entities are counted.
        vm.prank(_account(1, Role.Member));
        consortium.setAccount(Role.Member, address(0xBEEF));
        vm.prank(address(0xBEEF));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.AlreadyApproved.selector, motion, 1));
        consortium.approve(motion);
    }

    function test_K1_Approve_RevertsForTheSuspended() public {
        uint256 motion = _propose(1, address(consortium), _suspendData(5));
        _motion(address(consortium), _suspendData(4));
        address account = _account(4, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
        consortium.approve(motion);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
        consortium.propose(address(consortium), "");
    }

    function test_Approve_RevertsWhenUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IConsortium.UnknownMotion.selector, 99));
        _approve(2, 99);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.UnknownMotion.selector, 99));
        consortium.motion(99);
    }

    function test_Approve_RevertsWhenExecuted() public {
        _motion(address(consortium), _suspendData(5));
        uint256 executed = 2;
        address account = _account(4, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.MotionAlreadyExecuted.selector, executed));
        consortium.approve(executed);
    }

    function test_Approve_RevertsWhenExpired() public {
        uint256 motion = _propose(1, address(consortium), _suspendData(5));
        vm.warp(block.timestamp + 30 days - 1);
        _approve(2, motion);
        vm.warp(block.timestamp + 1);
        address account = _account(3, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.MotionExpired.selector, motion));
        consortium.approve(motion);
    }

    function test_K1_Propose_RevertsWhenTargetIsNeitherThisNorInASuite() public {
        address account = _account(1, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.InvalidMotionTarget.selector, address(this)));
        consortium.propose(address(this), "");
    }

    function test_Approve_RevertsWithTheCallsOwnError() public {
        _motionReverts(
            address(consortium), _suspendData(99), abi.encodeWithSelector(IConsortium.UnknownEntity.selector, 99)
        );
        // Nothing of it stays: not the third approval either.
        vm.assertEq(consortium.motion(2).approvals, 2);
        vm.assertFalse(consortium.motion(2).executed);
    }

    function test_K1_OnlyMotion_RevertsForEveryAccount() public {
        address account = _account(1, Role.Member);
        bytes memory reason = abi.encodeWithSelector(IConsortium.OnlyMotion.selector, account);
        vm.startPrank(account);
        vm.expectRevert(reason);
        consortium.admit(_draft(6));
        vm.expectRevert(reason);
        consortium.suspend(EntityId.wrap(2));
        vm.expectRevert(reason);
        consortium.setMinimumAnonymity(1000);
        vm.expectRevert(reason);
        consortium.addSuite(suite);
        vm.stopPrank();
    }

    // ── what motions do ──

    function test_Admit_AddsAnEntity() public {
        _motion(address(consortium), abi.encodeCall(consortium.admit, (_draft(6))));
        vm.assertEq(consortium.entityCount(), 6);
        vm.assertTrue(consortium.isActive(EntityId.wrap(6)));
        // Six are active: three approvals are half.
        uint256 motion = _propose(6, address(consortium), _suspendData(1));
        _approve(2, motion);
        _approve(3, motion);
        vm.assertFalse(consortium.motion(motion).executed);
    }

    function test_Admit_RevertsWhenDraftIsUnfit() public {
        EntityDraft memory draft = _draft(6);
        draft.accounts[3] = address(0);
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidAccount.selector, address(0)));
        draft.accounts[3] = address(consortium);
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidAccount.selector, consortium));
        draft.accounts[3] = draft.accounts[1];
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.AccountInUse.selector, draft.accounts[1]));
        draft.accounts[3] = _account(2, Role.Gateway);
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.AccountInUse.selector, draft.accounts[3]));
        draft = _draft(6);
        draft.name = "";
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidText.selector, "name"));
        draft.name = string(new bytes(129));
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidText.selector, "name"));
        draft = _draft(6);
        draft.endpoint = "";
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidText.selector, "endpoint"));
        draft.endpoint = string(new bytes(257));
        _admitReverts(draft, abi.encodeWithSelector(IConsortium.InvalidText.selector, "endpoint"));
        vm.assertEq(consortium.entityCount(), ENTITIES);
    }

    function _admitReverts(EntityDraft memory draft, bytes memory reason) private {
        _motionReverts(address(consortium), abi.encodeCall(consortium.admit, (draft)), reason);
    }

    function test_K2_Suspend_TakesEveryRole() public {
        _motion(address(consortium), _suspendData(5));
        for (uint256 role; role < 5; ++role) {
            vm.assertEq(EntityId.unwrap(consortium.entityOf(_account(5, Role(role)), Role(role))), 0);
        }
        address account = _account(5, Role.Member);
        vm.startPrank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
        consortium.setAccount(Role.Gateway, address(0xBEEF));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
        consortium.setEndpoint("https://elsewhere.example");
        vm.stopPrank();
    }

    function test_Suspend_RevertsTheSecondTime() public {
        _motion(address(consortium), _suspendData(5));
        _motionReverts(
            address(consortium), _suspendData(5), abi.encodeWithSelector(IConsortium.EntityNotActive.selector, 5)
        );
    }

    function test_K1_Suspend_RevertsWhenOneWouldBeLeft() public {
        _motion(address(consortium), _suspendData(5));
        _motion(address(consortium), _suspendData(4));
        _motion(address(consortium), _suspendData(3));
        uint256 motion = _propose(1, address(consortium), _suspendData(2));
        address account = _account(2, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.TooFewEntities.selector, 1));
        consortium.approve(motion);
    }

    function test_P2_SetMinimumAnonymity_KeepsWithinBounds() public {
        uint256 motion = _propose(1, address(consortium), abi.encodeCall(consortium.setMinimumAnonymity, (50)));
        _approve(2, motion);
        vm.expectEmit(address(consortium));
        emit IConsortium.MinimumAnonymityChanged(50);
        _approve(3, motion);
        vm.assertEq(consortium.minimumAnonymity(), 50);
        uint32[3] memory unfit = [uint32(0), 1, (1 << 20) + 1];
        for (uint256 i; i < 3; ++i) {
            _motionReverts(
                address(consortium),
                abi.encodeCall(consortium.setMinimumAnonymity, (unfit[i])),
                abi.encodeWithSelector(IConsortium.InvalidMinimumAnonymity.selector, unfit[i])
            );
        }
    }

    function test_AddSuite_ListsItsContracts() public view {
        vm.assertEq(consortium.suiteCount(), 1);
        vm.assertEq(abi.encode(consortium.suite(0)), abi.encode(suite));
    }

    function test_AddSuite_RevertsWhenAPartIsUnfit() public {
        Suite memory other = suite;
        _motionReverts(
            address(consortium),
            abi.encodeCall(consortium.addSuite, (other)),
            abi.encodeWithSelector(IConsortium.InvalidSuite.selector, suite.initiatives)
        );
        other.initiatives = address(0xBEEF);
        _motionReverts(
            address(consortium),
            abi.encodeCall(consortium.addSuite, (other)),
            abi.encodeWithSelector(IConsortium.InvalidSuite.selector, address(0xBEEF))
        );
        other.initiatives = address(consortium);
        _motionReverts(
            address(consortium),
            abi.encodeCall(consortium.addSuite, (other)),
            abi.encodeWithSelector(IConsortium.InvalidSuite.selector, consortium)
        );
    }

    // ── an entity's own ──

    function test_SetAccount_RetiresTheOldForEver() public {
        address old = _account(2, Role.Registrar);
        vm.expectEmit(address(consortium));
        emit IConsortium.AccountChanged(EntityId.wrap(2), Role.Registrar, address(0xBEEF));
        vm.prank(_account(2, Role.Member));
        consortium.setAccount(Role.Registrar, address(0xBEEF));

        vm.assertEq(consortium.accountOf(EntityId.wrap(2), Role.Registrar), address(0xBEEF));
        vm.assertEq(EntityId.unwrap(consortium.entityOf(address(0xBEEF), Role.Registrar)), 2);
        vm.assertEq(EntityId.unwrap(consortium.entityOf(old, Role.Registrar)), 0);
        vm.prank(_account(2, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.AccountInUse.selector, old));
        consortium.setAccount(Role.Registrar, old);
        vm.prank(_account(3, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.AccountInUse.selector, old));
        consortium.setAccount(Role.Gateway, old);
    }

    function test_K1_SetAccount_RevertsForEveryOtherRole() public {
        for (uint256 role = 1; role < 5; ++role) {
            address account = _account(2, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
            consortium.setAccount(Role(role), address(0xBEEF));
        }
    }

    function test_SetAccount_RevertsWhenAccountInvalid() public {
        vm.prank(_account(2, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.InvalidAccount.selector, address(0)));
        consortium.setAccount(Role.Gateway, address(0));
    }

    function test_SetEndpoint_Emits() public {
        vm.expectEmit(address(consortium));
        emit IConsortium.EndpointChanged(EntityId.wrap(2), "https://new.example");
        vm.prank(_account(2, Role.Member));
        consortium.setEndpoint("https://new.example");
        vm.assertEq(consortium.entity(EntityId.wrap(2)).endpoint, "https://new.example");
        vm.prank(_account(2, Role.Member));
        vm.expectRevert(abi.encodeWithSelector(IConsortium.InvalidText.selector, "endpoint"));
        consortium.setEndpoint("");
    }

    function test_RegisterTrusteeKey_Emits() public {
        (G1Point memory key, SchnorrProof memory proof) = _possession(2, 12345);
        vm.expectEmit(address(consortium));
        emit IConsortium.TrusteeKeyRegistered(EntityId.wrap(2), key);
        vm.prank(_account(2, Role.Trustee));
        consortium.registerTrusteeKey(key, proof);
        vm.assertEq(consortium.trusteeKeyOf(EntityId.wrap(2)).x, key.x);
        vm.assertEq(consortium.trusteeKeyOf(EntityId.wrap(2)).y, key.y);
    }

    function test_K1_RegisterTrusteeKey_RevertsForEveryOtherAccount() public {
        (G1Point memory key, SchnorrProof memory proof) = _possession(2, 12345);
        for (uint256 role; role < 4; ++role) {
            address account = _account(2, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Trustee));
            consortium.registerTrusteeKey(key, proof);
        }
    }

    function _registerReverts(uint32 entity, G1Point memory key, SchnorrProof memory proof) private {
        vm.prank(_account(entity, Role.Trustee));
        vm.expectRevert(IConsortium.InvalidTrusteeKey.selector);
        consortium.registerTrusteeKey(key, proof);
    }

    /// @dev Another's key with another's proof: possession is shown by an entity, to a contract, on a chain.
    function test_B13_RegisterTrusteeKey_RevertsWhenProofIsAnothers() public {
        (G1Point memory key, SchnorrProof memory proof) = _possession(3, _trusteeSecret(3));
        _registerReverts(2, key, proof);
        vm.chainId(block.chainid + 1);
        _registerReverts(3, key, proof);
    }

    function test_B3_RegisterTrusteeKey_RevertsWhenPointIsBad() public {
        (G1Point memory key, SchnorrProof memory proof) = _possession(2, 12345);
        _registerReverts(2, G1Point(0, 0), proof);
        _registerReverts(2, G1Point(key.x + Bn254.P, key.y), proof);
        _registerReverts(2, G1Point(key.x, key.y ^ 1), proof);
        _registerReverts(2, key, SchnorrProof(G1Point(0, 0), proof.s));
        _registerReverts(2, key, SchnorrProof(G1Point(proof.t.x, proof.t.y + Bn254.P), proof.s));
        _registerReverts(2, key, SchnorrProof(proof.t, proof.s + Bn254.R));
    }

    function testFuzz_B13_RegisterTrusteeKey_RevertsWhenScalarDiffers(uint256 s) public {
        (G1Point memory key, SchnorrProof memory proof) = _possession(2, 12345);
        vm.assume(s != proof.s);
        _registerReverts(2, key, SchnorrProof(proof.t, s));
    }

    /// @dev The curve's generator (SEC 2, 2.4.2).
    function _brokerKey() private pure returns (P256Point memory) {
        return P256Point(
            0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
            0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5
        );
    }

    function _registerBrokerKey(uint32 entity, P256Point memory key) private {
        vm.prank(_account(entity, Role.Member));
        consortium.registerBrokerKey(key);
    }

    function test_RegisterBrokerKey_EmitsAndRemoves() public {
        P256Point[2] memory keys = [_brokerKey(), P256Point(0, 0)];
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(consortium));
            emit IConsortium.BrokerKeyRegistered(EntityId.wrap(2), keys[i]);
            _registerBrokerKey(2, keys[i]);
            vm.assertEq(abi.encode(consortium.brokerKeyOf(EntityId.wrap(2))), abi.encode(keys[i]));
            vm.assertEq(abi.encode(consortium.entity(EntityId.wrap(2)).brokerKey), abi.encode(keys[i]));
        }
    }

    function test_K1_RegisterBrokerKey_RevertsForEveryOtherAccount() public {
        P256Point memory key = _brokerKey();
        for (uint256 role = 1; role < 5; ++role) {
            address account = _account(2, Role(role));
            vm.prank(account);
            vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
            consortium.registerBrokerKey(key);
        }
    }

    function test_K2_BrokerKeyOf_IsNoneForTheSuspended() public {
        _registerBrokerKey(5, _brokerKey());
        _motion(address(consortium), _suspendData(5));
        vm.assertEq(abi.encode(consortium.brokerKeyOf(EntityId.wrap(5))), abi.encode(P256Point(0, 0)));
        address account = _account(5, Role.Member);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
        consortium.registerBrokerKey(P256Point(0, 0));
    }

    function testFuzz_B3_RegisterBrokerKey_RevertsWhenNoPoint(uint256 x, uint256 y) public {
        vm.prank(_account(2, Role.Member));
        vm.expectRevert(IConsortium.InvalidBrokerKey.selector);
        consortium.registerBrokerKey(P256Point(x | 1, y)); // by chance on the curve once in 2^255
    }

    function test_B3_RegisterBrokerKey_RevertsWhenPointIsBad() public {
        uint256 p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
        P256Point memory key = _brokerKey();
        P256Point[5] memory unfit = [
            P256Point(1, 1),
            P256Point(key.x, key.y ^ 1),
            P256Point(key.y, key.x),
            P256Point(0, key.y),
            P256Point(p, 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4) // (0, y) is on the curve
        ];
        for (uint256 i; i < 5; ++i) {
            vm.prank(_account(2, Role.Member));
            vm.expectRevert(IConsortium.InvalidBrokerKey.selector);
            consortium.registerBrokerKey(unfit[i]);
        }
    }

    function test_Entity_RevertsWhenUnknown() public {
        uint32[2] memory unknown = [uint32(0), 6];
        for (uint256 i; i < 2; ++i) {
            EntityId id = EntityId.wrap(unknown[i]);
            bytes memory reason = abi.encodeWithSelector(IConsortium.UnknownEntity.selector, id);
            vm.expectRevert(reason);
            consortium.entity(id);
            vm.expectRevert(reason);
            consortium.accountOf(id, Role.Member);
            vm.expectRevert(reason);
            consortium.trusteeKeyOf(id);
            vm.expectRevert(reason);
            consortium.brokerKeyOf(id);
            vm.assertFalse(consortium.isActive(id));
        }
        vm.assertEq(EntityId.unwrap(consortium.entityOf(address(0), Role.Member)), 0);
    }
}
