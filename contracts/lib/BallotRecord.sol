// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

/// @title The record of a ballot: `nullifier (32) | sequence (4) | channel (1) | R (64) | ciphertext (32·words)`.
/// @dev Warning: the readers trust that the record has its length; whoever cuts it out of a batch has checked that.
/// Assembly throughout: the fields are not aligned, and slices would check the same bounds once a field.
library BallotRecord {
    /// @dev Bytes before the ciphertext.
    uint256 internal constant HEAD = 101;

    bytes32 private constant SCOPE_DOMAIN = keccak256("urna/scope/v1");

    /// @notice What binds a ballot to chain, ballot box and initiative.
    function scope(address ballotBox, uint64 initiative) internal view returns (bytes32) {
        return keccak256(abi.encode(SCOPE_DOMAIN, block.chainid, ballotBox, initiative));
    }

    /// @notice The record (or entry) of that index in a row of equally long ones.
    /// @dev Warning: the caller has checked that the row holds more than `index` of them.
    function part(bytes calldata row, uint256 index, uint256 length) internal pure returns (bytes calldata piece) {
        assembly ("memory-safe") {
            piece.offset := add(row.offset, mul(index, length))
            piece.length := length
        }
    }

    /// @notice What follows after the first `skipped` bytes.
    function from(bytes calldata entry, uint256 skipped) internal pure returns (bytes calldata record) {
        assembly ("memory-safe") {
            record.offset := add(entry.offset, skipped)
            record.length := sub(entry.length, skipped)
        }
    }

    function nullifier(bytes calldata record) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(record.offset)
        }
    }

    function sequence(bytes calldata record) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(add(record.offset, 32)))
        }
    }

    function channel(bytes calldata record) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(add(record.offset, 36)))
        }
    }

    function ephemeral(bytes calldata record) internal pure returns (uint256 x, uint256 y) {
        assembly ("memory-safe") {
            x := calldataload(add(record.offset, 37))
            y := calldataload(add(record.offset, 69))
        }
    }

    /// @notice keccak(scope ‖ record), the message of the ballot's proof.
    function hash(bytes calldata record, bytes32 scope_) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            let buffer := mload(0x40) // scratch beyond the free memory pointer, which is not moved
            mstore(buffer, scope_)
            calldatacopy(add(buffer, 0x20), record.offset, record.length)
            value := keccak256(buffer, add(record.length, 0x20))
        }
    }

    /// @notice What the ballot box keeps: the sequence, then the upper 224 bits of the ballot hash.
    function slot(bytes calldata record, bytes32 ballotHash) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            // The sequence, at byte 32, up to the word's upper four bytes
            value := or(shl(224, shr(224, calldataload(add(record.offset, 32)))), shr(32, ballotHash))
        }
    }

    /// @notice keccak(nullifier ‖ sequence ‖ channel ‖ plaintext), the ballot's part of the accumulator.
    function countedHash(bytes calldata record, bytes memory plaintext) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let buffer := mload(0x40) // as in `hash`
            let length := mload(plaintext)
            calldatacopy(buffer, record.offset, 37)
            mcopy(add(buffer, 37), add(plaintext, 0x20), length)
            value := keccak256(buffer, add(length, 37))
        }
    }
}
