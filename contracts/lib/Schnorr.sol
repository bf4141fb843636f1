// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, SchnorrProof} from "../Types.sol";
import {Bn254} from "./Bn254.sol";

/// @title Schnorr proofs of knowledge of a discrete logarithm on bn254's G1 (docs/protocol/ceremony.md).
library Schnorr {
    /// @notice Whether `proof` shows knowledge of x with X = x·G, in the context that `prefix` names.
    /// @param prefix the words before X and T in the challenge: domain, chain, contract, …
    /// @return false too where X or T is off the curve, not canonical or infinity, or s >= r
    function verify(bytes32[] memory prefix, G1Point memory x, SchnorrProof memory proof) internal view returns (bool) {
        if (proof.s >= Bn254.R || !Bn254.isValid(x) || !Bn254.isValid(proof.t)) return false;

        uint256 challenge =
            uint256(keccak256(abi.encodePacked(prefix, x.x, x.y, proof.t.x, proof.t.y))) % Bn254.R;
        G1Point memory left = Bn254.mul(Bn254.generator(), proof.s);
        G1Point memory right = Bn254.add(proof.t, Bn254.mul(x, challenge));
        return Bn254.equal(left, right);
    }
}
