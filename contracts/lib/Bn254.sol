// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point} from "../Types.sol";

/// @title The curve bn254 (alt_bn128) through the EVM's precompiles (EIP-196, EIP-197; prices of EIP-1108).
/// @dev A precompile burns all the gas that it is given when it fails, so each gets exactly what it costs. A call that
/// fails for want of gas reverts as `PrecompileFailed`, never as "the equation does not hold".
/// @dev Warning: `add` and `mul` trust their points. Whatever comes from outside goes through `isValid` first.
library Bn254 {
    /// @dev Order of the base field.
    uint256 internal constant P = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @dev Order of the groups and of the scalar field.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @dev Coefficient of the twist, b' = 3 / (9 + i) = B2_REAL + B2_IMAGINARY·i.
    uint256 private constant B2_REAL = 19485874751759354771024239261021720505790618469301721065564631296452457478373;
    uint256 private constant B2_IMAGINARY = 266929791119991161246907387137283842545076965332900288569378510910307636690;

    uint256 internal constant ADD_GAS = 150;
    uint256 internal constant MUL_GAS = 6_000;
    uint256 internal constant PAIRING_GAS = 45_000;
    uint256 internal constant PAIRING_GAS_PER_PAIR = 34_000;

    error PrecompileFailed(uint256 precompile);

    function generator() internal pure returns (G1Point memory) {
        return G1Point(1, 2);
    }

    /// @notice True for a point of G1 other than infinity, with canonical coordinates. The cofactor is 1.
    function isValid(G1Point memory a) internal pure returns (bool) {
        return isValid(a.x, a.y);
    }

    /// @dev Infinity, (0, 0), is not on the curve y² = x³ + 3.
    function isValid(uint256 x, uint256 y) internal pure returns (bool) {
        return x < P && y < P && mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 3, P);
    }

    /// @notice True for a point on the twist with canonical coordinates, other than infinity; x = x1·i + x0.
    /// @dev Says nothing about the subgroup: the pairing precompile fails for a point outside it.
    function isOnTwist(uint256 x1, uint256 x0, uint256 y1, uint256 y0) internal pure returns (bool) {
        if (x1 >= P || x0 >= P || y1 >= P || y0 >= P) return false;
        // Unchecked: canonical coordinates are below P < 2^254, so P - a and sums of two of them cannot overflow.
        unchecked {
            uint256 square0 = mulmod(x0 + x1, x0 + P - x1, P);
            uint256 square1 = mulmod(x0 + x0, x1, P);
            uint256 right0 = addmod(mulmod(square0, x0, P), P - mulmod(square1, x1, P), P);
            uint256 right1 = addmod(mulmod(square0, x1, P), mulmod(square1, x0, P), P);
            return mulmod(y0 + y1, y0 + P - y1, P) == addmod(right0, B2_REAL, P)
                && mulmod(y0 + y0, y1, P) == addmod(right1, B2_IMAGINARY, P);
        }
    }

    function equal(G1Point memory a, G1Point memory b) internal pure returns (bool) {
        return a.x == b.x && a.y == b.y;
    }

    function isInfinity(G1Point memory a) internal pure returns (bool) {
        return a.x == 0 && a.y == 0;
    }

    /// @dev `a` is canonical.
    function negate(G1Point memory a) internal pure returns (G1Point memory) {
        return G1Point(a.x, a.y == 0 ? 0 : P - a.y);
    }

    function add(G1Point memory a, G1Point memory b) internal view returns (G1Point memory sum) {
        bool done;
        // Assembly: precompiles can be given an exact stipend only here. Scratch lies beyond the free memory pointer,
        // which is not moved.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, mload(a))
            mstore(add(input, 0x20), mload(add(a, 0x20)))
            mstore(add(input, 0x40), mload(b))
            mstore(add(input, 0x60), mload(add(b, 0x20)))
            done := and(eq(returndatasize(), 0x40), staticcall(ADD_GAS, 6, input, 0x80, sum, 0x40))
        }
        if (!done) revert PrecompileFailed(6);
    }

    function mul(G1Point memory a, uint256 scalar) internal view returns (G1Point memory product) {
        bool done;
        // Assembly: as in `add`.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, mload(a))
            mstore(add(input, 0x20), mload(add(a, 0x20)))
            mstore(add(input, 0x40), scalar)
            done := and(eq(returndatasize(), 0x40), staticcall(MUL_GAS, 7, input, 0x60, product, 0x40))
        }
        if (!done) revert PrecompileFailed(7);
    }

    /// @notice Σ j^k·points[k], by Horner's rule.
    function evaluate(G1Point[] memory points, uint256 j) internal view returns (G1Point memory value) {
        uint256 k = points.length - 1;
        value = points[k];
        while (k != 0) {
            // Unchecked: k > 0.
            unchecked {
                --k;
            }
            value = add(mul(value, j), points[k]);
        }
    }

    /// @notice a^-1 mod r, by Fermat; 0 for 0.
    function inverse(uint256 a) internal view returns (uint256 result) {
        bool done;
        // Assembly: modexp (EIP-198) has no Solidity form. It cannot fail on these lengths, but for want of gas.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 0x20)
            mstore(add(input, 0x20), 0x20)
            mstore(add(input, 0x40), 0x20)
            mstore(add(input, 0x60), a)
            mstore(add(input, 0x80), sub(R, 2))
            mstore(add(input, 0xa0), R)
            done := and(eq(returndatasize(), 0x20), staticcall(gas(), 5, input, 0xc0, 0, 0x20))
            result := mload(0)
        }
        if (!done) revert PrecompileFailed(5);
    }

    /// @notice Whether the product of the pairings is 1. `input` points at `pairs` × 192 bytes of memory.
    /// @return sound false where the precompile refused the input: a point outside its subgroup, once the others are
    /// checked. @return one whether the product is 1; false where not sound.
    function pairing(uint256 input, uint256 pairs) internal view returns (bool sound, bool one) {
        uint256 stipend = PAIRING_GAS + PAIRING_GAS_PER_PAIR * pairs;
        // A call passes on at most 63/64 of what is left (EIP-150). With less than the price the precompile fails as it
        // would on bad input; say so here, where the two can still be told apart. 2,000 covers the call itself.
        if (gasleft() < stipend + stipend / 63 + 2_000) revert PrecompileFailed(8);
        // Assembly: as in `add`; the result goes to scratch space.
        assembly ("memory-safe") {
            sound := and(eq(returndatasize(), 0x20), staticcall(stipend, 8, input, mul(pairs, 0xc0), 0, 0x20))
            one := and(sound, eq(mload(0), 1))
        }
    }
}
