// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Interpolation over the scalar field of bn254 (Shamir, 1979).
library Lagrange {
    /// @notice f(0) of the polynomial of least degree with f(indices[i]) = values[i].
    /// @param indices distinct, non-zero, below r
    function atZero(uint256[] memory indices, uint256[] memory values) internal view returns (uint256 result) {
        for (uint256 i; i < indices.length; ++i) {
            uint256 numerator = values[i];
            uint256 denominator = 1;
            for (uint256 m; m < indices.length; ++m) {
                if (m == i) continue;
                numerator = mulmod(numerator, indices[m], Bn254.R);
                denominator = mulmod(denominator, addmod(indices[m], Bn254.R - indices[i], Bn254.R), Bn254.R);
            }
            result = addmod(result, mulmod(numerator, Bn254.inverse(denominator), Bn254.R), Bn254.R);
        }
    }
}
