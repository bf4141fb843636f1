// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId, Nullifier, Rules} from "../../contracts/Types.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {CeremonyFixture} from "./CeremonyFixture.sol";
import {Patch, Simulator} from "./Simulator.sol";

/// @dev The voter's side, from the specification: sealed, proved (with the trapdoor) and cast.
abstract contract BallotFixture is CeremonyFixture {
    struct Ballot {
        uint256 nullifier;
        uint32 sequence;
        uint8 channel;
        bytes plaintext;
    }

    uint256 internal constant PROOF = 256;
    uint256 internal constant OPTIONS = 3;

    /// @dev What voters need to know of an initiative in voting; read once.
    struct Booth {
        InitiativeId id;
        bytes32 scope;
        uint256 root;
        G1Point key;
    }

    function _booth(InitiativeId id) internal view returns (Booth memory) {
        return Booth(id, ballotBox.scopeOf(id), electorate.root(id), ceremony.jointKey(id));
    }

    /// @dev An initiative that stands at the opening of its voting.
    function _toVoting(Rules memory rules, uint256 options) internal returns (InitiativeId id) {
        id = _create(rules);
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        _register(id, 1, 4);
        _addOptions(id, options);
        _ceremony(id);
        vm.warp(initiatives.windowsOf(id).votingOpens);
    }

    function _toVoting() internal returns (InitiativeId) {
        return _toVoting(_rules(), OPTIONS);
    }

    function _ballot(uint256 voter, uint32 sequence) internal pure returns (Ballot memory) {
        return Ballot(_scalar("nullifier", voter), sequence, 0, abi.encodePacked(uint256(1)));
    }

    // ── sealing ──

    function _masked(Booth memory b, Ballot memory ballot, G1Point memory ephemeral, G1Point memory shared)
        internal
        pure
        returns (bytes memory text)
    {
        text = bytes.concat(ballot.plaintext);
        for (uint256 k; k < text.length / 32; ++k) {
            bytes32 mask = keccak256(
                abi.encode(
                    keccak256("urna/seal/v1"), b.scope, ballot.nullifier, ballot.sequence, ephemeral, shared, k
                )
            );
            text = Patch.word(text, 32 * k, Patch.read(text, 32 * k) ^ uint256(mask));
        }
    }

    function _record(Booth memory b, Ballot memory ballot) internal view returns (bytes memory) {
        uint256 r = _scalar("r", uint256(keccak256(abi.encode(ballot))));
        G1Point memory ephemeral = _g(r);
        bytes memory ciphertext = _masked(b, ballot, ephemeral, Bn254.mul(b.key, r));
        return abi.encodePacked(
            ballot.nullifier, ballot.sequence, ballot.channel, ephemeral.x, ephemeral.y, ciphertext
        );
    }

    // ── proving ──

    function _signal(bytes32 value) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(value))) >> 8;
    }

    function _signals(Booth memory b, bytes memory record) internal pure returns (uint256[4] memory) {
        bytes32 ballotHash = keccak256(abi.encodePacked(b.scope, record));
        return [b.root, Patch.read(record, 0), _signal(ballotHash), _signal(b.scope)];
    }

    /// @dev The record with a valid proof of it in front.
    function _prove(Booth memory b, bytes memory record) internal view returns (bytes memory) {
        return bytes.concat(Simulator.prove(_signals(b, record), uint256(keccak256(record))), record);
    }

    function _entry(Booth memory b, Ballot memory ballot) internal view returns (bytes memory) {
        return _prove(b, _record(b, ballot));
    }

    function _entry(InitiativeId id, uint256 voter, uint32 sequence) internal view returns (bytes memory) {
        return _entry(_booth(id), _ballot(voter, sequence));
    }

    /// @dev One ballot each of voters `first` … `first + count - 1`.
    function _entries(InitiativeId id, uint256 first, uint256 count) internal view returns (bytes memory batch) {
        Booth memory b = _booth(id);
        bytes[] memory parts = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            parts[i] = _entry(b, _ballot(first + i, 1));
        }
        return _join(parts);
    }

    function _join(bytes[] memory parts) internal pure returns (bytes memory joined) {
        uint256 length;
        for (uint256 i; i < parts.length; ++i) {
            length += parts[i].length;
        }
        joined = new bytes(length);
        uint256 offset;
        for (uint256 i; i < parts.length; ++i) {
            bytes memory part = parts[i];
            assembly ("memory-safe") {
                mcopy(add(add(joined, 0x20), offset), add(part, 0x20), mload(part))
            }
            offset += part.length;
        }
    }

    /// @dev The records of equally long entries.
    function _recordsOf(bytes memory entries, uint256 entryLength) internal pure returns (bytes memory) {
        bytes[] memory parts = new bytes[](entries.length / entryLength);
        for (uint256 i; i < parts.length; ++i) {
            parts[i] = Patch.slice(entries, i * entryLength + PROOF, (i + 1) * entryLength);
        }
        return _join(parts);
    }

    function _recordOf(bytes memory entry) internal pure returns (bytes memory) {
        return Patch.slice(entry, PROOF, entry.length);
    }

    function _slotFor(Booth memory b, bytes memory entry) internal pure returns (uint256) {
        bytes memory record = _recordOf(entry);
        uint256 sequence = Patch.read(record, 32) >> 224;
        return sequence << 224 | uint256(keccak256(abi.encodePacked(b.scope, record))) >> 32;
    }

    function _slot(InitiativeId id, uint256 voter) internal view returns (uint256) {
        return ballotBox.slotOf(id, Nullifier.wrap(_scalar("nullifier", voter)));
    }
}
