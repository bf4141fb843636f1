// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point} from "./Types.sol";
import {Bn254} from "./lib/Bn254.sol";
import {Words} from "./lib/WordStore.sol";

/// @title Groth16 verification of many proofs under one key, in one product of N + 3 pairings.
/// @notice For proofs (A_i, B_i, C_i) with signals s_ij and coefficients ρ_i (docs/protocol/ballot.md, "Batches"):
/// `∏ e(ρ_i·A_i, B_i) = e(Σρ_i·α, β) · e(Σρ_i·V_i, γ) · e(Σρ_i·C_i, δ)`, V_i = IC_0 + Σ s_ij·IC_{j+1}.
/// If one proof is invalid this holds for at most one in 2^128 of the coefficients, which must therefore depend on every
/// proof and signal of the batch (small exponents test: Bellare, Garay, Rabin, Eurocrypt '98).
/// @dev Warning: who derives draws the coefficients and range-checks the signals.
abstract contract Groth16BatchVerifier {
    /// @dev A batch that is being put together.
    struct Batch {
        uint256 next; // where in memory the next pair goes; three more than the capacity were allocated
        uint256 first;
        uint256 rhoSum;
        uint256[4] signalSums; // Σρ_i·s_ij mod r
        G1Point cSum; // Σρ_i·C_i
    }

    uint256 internal constant SIGNALS = 4;
    uint256 internal constant PROOF_LENGTH = 256;

    uint256 private constant KEY_WORDS = 24;
    // Places in the key: α, β, γ, δ, IC_0 … IC_4, as the precompiles take them.
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant IC = 14;
    uint256 private constant PAIR = 192; // bytes

    address private immutable KEY;
    bytes32 internal immutable KEY_HASH;

    error InvalidVerifyingKey();

    /// @param key 24 words; its hash is what deployment and observer pin
    constructor(bytes memory key) {
        if (key.length != KEY_WORDS * 32) revert InvalidVerifyingKey();
        uint256[] memory words = new uint256[](KEY_WORDS);
        for (uint256 i; i < KEY_WORDS; ++i) {
            // Assembly: a word out of bytes; i < KEY_WORDS, whose length was checked.
            assembly ("memory-safe") {
                mstore(add(add(words, 0x20), mul(i, 0x20)), mload(add(add(key, 0x20), mul(i, 0x20))))
            }
        }
        _requireKey(words);

        KEY = Words.store(words);
        KEY_HASH = keccak256(key);
    }

    function _newBatch(uint256 capacity) internal pure returns (Batch memory batch) {
        uint256[] memory pairs = new uint256[]((capacity + 3) * PAIR / 32);
        uint256 first;
        // Assembly: the address of the array's first element.
        assembly ("memory-safe") {
            first := add(pairs, 0x20)
        }
        batch.first = first;
        batch.next = first;
    }

    /// @notice Whether A, B and C are canonical points on their curves, and not infinity.
    /// @param proof at least `PROOF_LENGTH` bytes, of which the first are the proof
    function _isWellFormed(bytes calldata proof) internal pure returns (bool) {
        uint256[8] memory w;
        // Assembly: eight words at once. The caller vouches for the length.
        assembly ("memory-safe") {
            calldatacopy(w, proof.offset, 0x100)
        }
        return Bn254.isValid(w[0], w[1]) && Bn254.isOnTwist(w[2], w[3], w[4], w[5]) && Bn254.isValid(w[6], w[7]);
    }

    /// @dev Warning: `proof` must be well formed, `rho` in 1 … 2^128 - 1, and the batch not full.
    function _add(Batch memory batch, uint256 rho, bytes calldata proof, uint256[4] memory signals)
        internal
        view
    {
        uint256 next = batch.next;
        G1Point memory cSum = batch.cSum;
        bool done;
        // Assembly: precompiles with exact stipends (prices of ecMul and ecAdd, as in Bn254), points straight from
        // calldata to their place, and scratch beyond the free memory pointer, so that memory does not grow by entry.
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            // (ρ·A, B) becomes a pair
            calldatacopy(scratch, proof.offset, 0x40)
            mstore(add(scratch, 0x40), rho)
            done := and(eq(returndatasize(), 0x40), staticcall(6000, 7, scratch, 0x60, next, 0x40))
            calldatacopy(add(next, 0x40), add(proof.offset, 0x40), 0x80)
            // cSum += ρ·C
            mcopy(scratch, cSum, 0x40)
            calldatacopy(add(scratch, 0x40), add(proof.offset, 0xc0), 0x40)
            mstore(add(scratch, 0x80), rho)
            done := and(
                and(eq(returndatasize(), 0x40), staticcall(6000, 7, add(scratch, 0x40), 0x60, add(scratch, 0x40), 0x40)),
                done
            )
            done := and(and(eq(returndatasize(), 0x40), staticcall(150, 6, scratch, 0x80, cSum, 0x40)), done)
        }
        if (!done) revert Bn254.PrecompileFailed(7);

        // Unchecked: an address in memory.
        unchecked {
            batch.next = next + PAIR;
        }
        batch.rhoSum = addmod(batch.rhoSum, rho, Bn254.R);
        uint256[4] memory sums = batch.signalSums;
        // Unchecked: j < SIGNALS.
        unchecked {
            for (uint256 j; j < SIGNALS; ++j) {
                sums[j] = addmod(sums[j], mulmod(rho, signals[j], Bn254.R), Bn254.R);
            }
        }
    }

    /// @notice Whether every proof of the batch is valid; true for an empty one. Ends the batch.
    function _holds(Batch memory batch) internal view returns (bool) {
        if (batch.next == batch.first) return true;
        uint256[] memory key = Words.load(KEY);

        _close(batch, key, Bn254.mul(_g1(key, 0), batch.rhoSum), BETA);
        _close(batch, key, _combination(batch, key), GAMMA);
        _close(batch, key, batch.cSum, DELTA);
        (bool sound, bool one) = Bn254.pairing(batch.first, (batch.next - batch.first) / PAIR);
        return sound && one;
    }

    /// @dev Σρ_i·V_i.
    function _combination(Batch memory batch, uint256[] memory key) private view returns (G1Point memory sum) {
        sum = Bn254.mul(_g1(key, IC), batch.rhoSum);
        for (uint256 j; j < SIGNALS; ++j) {
            sum = Bn254.add(sum, Bn254.mul(_g1(key, IC + 2 + 2 * j), batch.signalSums[j]));
        }
    }

    /// @dev Appends the pair (-point, the key's G2 point at `place`).
    function _close(Batch memory batch, uint256[] memory key, G1Point memory point, uint256 place) private pure {
        G1Point memory negated = Bn254.negate(point);
        uint256 next = batch.next;
        // Assembly: within the three pairs that `_newBatch` allocated beyond the capacity.
        assembly ("memory-safe") {
            mcopy(next, negated, 0x40)
            mcopy(add(next, 0x40), add(add(key, 0x20), mul(place, 0x20)), 0x80)
        }
        batch.next = next + PAIR;
    }

    function _g1(uint256[] memory key, uint256 place) private pure returns (G1Point memory) {
        return G1Point(key[place], key[place + 1]);
    }

    /// @dev All points canonical, on their curves, not infinity, and those of G2 in their subgroup. That the key comes
    /// from the ceremony is for its hash to show.
    function _requireKey(uint256[] memory key) private view {
        bool sound = Bn254.isValid(key[0], key[1]);
        for (uint256 i = IC; i < KEY_WORDS; i += 2) {
            sound = sound && Bn254.isValid(key[i], key[i + 1]);
        }
        for (uint256 i = BETA; i < IC; i += 4) {
            sound = sound && Bn254.isOnTwist(key[i], key[i + 1], key[i + 2], key[i + 3]);
        }
        if (!sound) revert InvalidVerifyingKey();

        // The precompile checks subgroups; paired with infinity, the product is 1.
        Batch memory batch = _newBatch(0);
        _close(batch, key, G1Point(0, 0), BETA);
        _close(batch, key, G1Point(0, 0), GAMMA);
        _close(batch, key, G1Point(0, 0), DELTA);
        (bool inSubgroup,) = Bn254.pairing(batch.first, 3);
        if (!inSubgroup) revert InvalidVerifyingKey();
    }
}
