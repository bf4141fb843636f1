// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Opening of sealed ballots: S = sk·R, word k XOR keccak(domain, scope, nullifier, sequence, R, S, k).
library Seal {
    bytes32 private constant DOMAIN = keccak256("urna/seal/v1");

    /// @dev The nine words that are hashed, once a batch; `open` fills in all but the first two.
    function frame(bytes32 scope) internal pure returns (uint256[9] memory words) {
        words[0] = uint256(DOMAIN);
        words[1] = uint256(scope);
    }

    /// @notice Opens the record's ciphertext into `plaintext`, whose length is the ciphertext's.
    /// @dev R is a valid point: the ballot box took it (B3).
    function open(uint256[9] memory words, bytes calldata record, uint256 secretKey, bytes memory plaintext)
        internal
        view
    {
        bool done;
        // Assembly: the frame is laid out such that R and the key are the input of ecMul, whose output takes its place
        // behind R; no memory is allocated.
        assembly ("memory-safe") {
            mstore(add(words, 0x40), calldataload(record.offset))
            mstore(add(words, 0x60), shr(224, calldataload(add(record.offset, 32))))
            calldatacopy(add(words, 0x80), add(record.offset, 37), 0x40)
            mstore(add(words, 0xc0), secretKey)
            let s := add(words, 0xc0)
            // 6,000: the price of ecMul, Bn254.MUL_GAS; the output overlaps the input, which is read before.
            done := and(eq(returndatasize(), 0x40), staticcall(6000, 7, add(words, 0x80), 0x60, s, 0x40))

            let text := add(plaintext, 0x20)
            let ciphertext := add(record.offset, 101)
            for { let k := 0 } lt(mul(k, 0x20), mload(plaintext)) { k := add(k, 1) } {
                mstore(add(words, 0x100), k)
                mstore(add(text, mul(k, 0x20)), xor(keccak256(words, 0x120), calldataload(add(ciphertext, mul(k, 0x20)))))
            }
        }
        if (!done) revert Bn254.PrecompileFailed(7);
    }
}
