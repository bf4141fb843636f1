// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId} from "../../contracts/Types.sol";
import {Fixture} from "./Fixture.sol";

/// @dev In place of ceremony, ballot box and tally, where a test is about something else: says what it is told to.
contract CountingDouble {
    mapping(InitiativeId => bool) public isFinalised;
    mapping(InitiativeId => bool) public isComplete;
    mapping(InitiativeId => uint256) public ballotCount;
    mapping(InitiativeId => bytes32) public resultHashOf;
    mapping(InitiativeId => uint64) public startsAt;
    mapping(InitiativeId => G1Point[]) private keys;

    function open(InitiativeId id, G1Point[] calldata given, uint64 start) external {
        startsAt[id] = start;
        for (uint256 i; i < given.length; ++i) {
            keys[id].push(given[i]);
        }
    }

    function trusteeKeys(InitiativeId id) external view returns (G1Point[] memory) {
        return keys[id];
    }

    function setFinalised(InitiativeId id, bool value) external {
        isFinalised[id] = value;
    }

    function setComplete(InitiativeId id, bool value) external {
        isComplete[id] = value;
    }

    function setBallots(InitiativeId id, uint256 value) external {
        ballotCount[id] = value;
    }

    function setResult(InitiativeId id, bytes32 value) external {
        resultHashOf[id] = value;
    }
}

/// @dev Everything real but what counts.
abstract contract DoublesFixture is Fixture {
    CountingDouble internal ceremony;
    CountingDouble internal ballotBox;
    CountingDouble internal tally;

    function _deployCeremony() internal override returns (address) {
        ceremony = new CountingDouble();
        return address(ceremony);
    }

    function _deployBallotBox() internal override returns (address) {
        ballotBox = new CountingDouble();
        return address(ballotBox);
    }

    function _deployTally() internal override returns (address) {
        tally = new CountingDouble();
        return address(tally);
    }

    /// @dev An initiative that stands at the opening of its voting: four registered, three options, a key.
    function _createVoting() internal returns (InitiativeId id) {
        id = _create();
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        _register(id, 1, 4);
        _addOptions(id, 3);
        ceremony.setFinalised(id, true);
        vm.warp(initiatives.windowsOf(id).votingOpens);
    }
}
