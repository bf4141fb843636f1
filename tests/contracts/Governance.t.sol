// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, Role} from "../../contracts/Types.sol";
import {IConsortium} from "../../contracts/interfaces/IConsortium.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev Entities propose, approve, are admitted, are suspended and change accounts in any order; the model counts heads.
contract GovernanceHandler is DoublesFixture {
    uint32 private entities = ENTITIES;
    uint256 private motions = 1; // the fixture's, which added the suite
    uint256 private accounts;
    mapping(uint32 => bool) private suspended;
    mapping(uint32 => address) private member;
    mapping(uint256 => uint32) private subject; // 0: admission
    mapping(uint256 => mapping(uint32 => bool)) private approved;
    mapping(uint256 => bool) private executed;
    mapping(uint256 => uint256) private expires;
    address[] private retired;

    constructor() {
        setUp();
        executed[1] = true;
        for (uint32 e = 1; e <= ENTITIES; ++e) {
            member[e] = _account(e, Role.Member);
        }
    }

    function _any(uint256 seed) private view returns (uint32) {
        return uint32(1 + seed % entities);
    }

    function _active() private view returns (uint256 count) {
        for (uint32 e = 1; e <= entities; ++e) {
            if (!suspended[e]) ++count;
        }
    }

    function _heads(uint256 motion) private view returns (uint256 count) {
        for (uint32 e = 1; e <= entities; ++e) {
            if (approved[motion][e] && !suspended[e]) ++count;
        }
    }

    function wait_(uint256 seed) external {
        vm.warp(block.timestamp + seed % 4 days);
    }

    function propose(uint256 seed) external {
        uint32 proposer = _any(seed);
        // Half of the motions suspend somebody; the others admit the next.
        uint32 target = seed >> 32 & 1 == 0 ? _any(seed >> 64) : 0;
        bytes memory data = target == 0
            ? abi.encodeCall(consortium.admit, (_draft(100 + uint32(motions))))
            : abi.encodeCall(consortium.suspend, (EntityId.wrap(target)));
        vm.prank(member[proposer]);
        (bool done,) = address(consortium).call(abi.encodeCall(consortium.propose, (address(consortium), data)));
        vm.assertEq(done, !suspended[proposer], "the active propose");
        if (!done) return;
        ++motions;
        subject[motions] = target;
        approved[motions][proposer] = true;
        expires[motions] = block.timestamp + 30 days;
    }

    function approve(uint256 seed) external {
        uint256 motion = motions - (seed >> 32) % (motions < 4 ? motions : 4);
        uint32 approver = _any(seed);
        uint32 target = subject[motion];
        bool open = !executed[motion] && block.timestamp < expires[motion] && !suspended[approver]
            && !approved[motion][approver];
        bool passes = open && 2 * (_heads(motion) + 1) > _active();
        // What a passing motion cannot do takes the approval back with it.
        bool possible = target == 0 ? true : !suspended[target] && _active() > 2;
        vm.prank(member[approver]);
        (bool done,) = address(consortium).call(abi.encodeCall(consortium.approve, (motion)));
        vm.assertEq(done, open && (!passes || possible), "accepted exactly where it counts");
        if (!done) return;
        approved[motion][approver] = true;
        if (!passes) return;
        executed[motion] = true;
        if (target != 0) {
            suspended[target] = true;
        } else {
            ++entities;
            member[entities] = consortium.accountOf(EntityId.wrap(entities), Role.Member);
        }
    }

    /// @dev Often to an account that had a seat before.
    function setMember(uint256 seed) external {
        uint32 entity = _any(seed);
        bool used = retired.length != 0 && seed >> 32 & 1 == 0;
        address next = used ? retired[(seed >> 64) % retired.length] : vm.addr(1_000_000 + accounts++);
        vm.prank(member[entity]);
        (bool done,) = address(consortium).call(abi.encodeCall(consortium.setAccount, (Role.Member, next)));
        vm.assertEq(done, !used && !suspended[entity], "a seat is given once");
        if (!done) return;
        retired.push(member[entity]);
        member[entity] = next;
    }

    function outsider(uint256 seed) external {
        address account = retired.length == 0 ? address(this) : retired[seed % retired.length];
        vm.prank(account);
        (bool done, bytes memory answer) =
            address(consortium).call(abi.encodeCall(consortium.propose, (address(consortium), "")));
        vm.assertFalse(done, "who has no seat does nothing");
        vm.assertEq(answer, abi.encodeWithSelector(IConsortium.NotAuthorised.selector, account, Role.Member));
    }

    function check() external view {
        vm.assertEq(consortium.entityCount(), entities, "entities");
        for (uint32 e = 1; e <= entities; ++e) {
            EntityId id = EntityId.wrap(e);
            vm.assertEq(consortium.isActive(id), !suspended[e], "active");
            vm.assertEq(consortium.accountOf(id, Role.Member), member[e], "account");
            vm.assertEq(
                EntityId.unwrap(consortium.entityOf(member[e], Role.Member)), suspended[e] ? 0 : e, "one seat, while active"
            );
        }
        for (uint256 i; i < retired.length; ++i) {
            vm.assertEq(EntityId.unwrap(consortium.entityOf(retired[i], Role.Member)), 0, "retired for ever");
        }
        for (uint256 m = 1; m <= motions; ++m) {
            vm.assertEq(consortium.motion(m).executed, executed[m], "executed");
            if (m > 1) vm.assertEq(consortium.motion(m).approvals, _heads(m), "approvals are heads of the active");
        }
        vm.assertGe(_active(), 2, "never one alone");
    }
}

/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: default.invariant.runs = 60
contract GovernanceTest is DoublesFixture {
    GovernanceHandler private handler;

    function setUp() public override {
        handler = new GovernanceHandler();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = handler.wait_.selector;
        selectors[1] = handler.propose.selector;
        selectors[2] = handler.approve.selector;
        selectors[3] = handler.approve.selector;
        selectors[4] = handler.setMember.selector;
        selectors[5] = handler.outsider.selector;
        _target(address(handler), selectors);
    }

    function invariant_OnlyAMajorityOfTheActiveActs() public view {
        handler.check();
    }
}
