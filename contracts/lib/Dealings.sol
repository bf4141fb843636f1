// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId} from "../Types.sol";
import {Dealing, DleqProof, ICeremony} from "../interfaces/ICeremony.sol";
import {Bn254} from "./Bn254.sol";
import {Schnorr} from "./Schnorr.sol";

/// @dev That `complainant`, whose key is `key`, calls its share of `dealer` bad and reveals the point it shares with it.
struct Complaint {
    InitiativeId initiative;
    uint32 epoch;
    uint8 dealer;
    uint8 complainant;
    G1Point key;
    G1Point shared;
}

/// @title What is proved about a dealing, and what its receivers can show against it (docs/protocol/ceremony.md).
/// @dev Internal, so that `address(this)` is the ceremony that the proofs are bound to.
library Dealings {
    bytes32 private constant CONSTANT_DOMAIN = keccak256("urna/deal/constant/v1");
    bytes32 private constant EPHEMERAL_DOMAIN = keccak256("urna/deal/ephemeral/v1");
    bytes32 private constant SHARE_DOMAIN = keccak256("urna/deal/share/v1");
    bytes32 private constant COMPLAINT_DOMAIN = keccak256("urna/complaint/v1");

    /// @dev B13. Without proofs of knowledge somebody could deal with another's ephemeral, and complaints about it
    /// would reveal what the other dealt.
    function requireKnowledge(Dealing calldata dealing, InitiativeId initiative, uint32 epoch, uint8 dealer)
        internal
        view
    {
        bytes32[] memory prefix = new bytes32[](6);
        prefix[1] = bytes32(block.chainid);
        prefix[2] = bytes32(uint256(uint160(address(this))));
        prefix[3] = bytes32(uint256(InitiativeId.unwrap(initiative)));
        prefix[4] = bytes32(uint256(epoch));
        prefix[5] = bytes32(uint256(dealer));

        prefix[0] = CONSTANT_DOMAIN;
        if (!Schnorr.verify(prefix, dealing.commitments[0], dealing.constantProof)) {
            revert ICeremony.BadProofOfKnowledge(dealer, false);
        }
        prefix[0] = EPHEMERAL_DOMAIN;
        if (!Schnorr.verify(prefix, dealing.ephemeral, dealing.ephemeralProof)) {
            revert ICeremony.BadProofOfKnowledge(dealer, true);
        }
    }

    /// @dev log_G(key) == log_ephemeral(shared) (Chaum, Pedersen, Crypto '92): the shared point is what it is said to be.
    function requireDleq(Complaint memory c, G1Point memory ephemeral, DleqProof memory proof) internal view {
        if (!Bn254.isValid(c.shared) || !Bn254.isValid(proof.t1) || !Bn254.isValid(proof.t2)) {
            revert ICeremony.InvalidPoint();
        }
        if (proof.s >= Bn254.R) revert ICeremony.InvalidScalar();

        uint256 challenge = uint256(
            keccak256(
                abi.encodePacked(
                    _context(COMPLAINT_DOMAIN, c), abi.encode(c.key, ephemeral, c.shared, proof.t1, proof.t2)
                )
            )
        ) % Bn254.R;
        bool holds = _sumsTo(Bn254.generator(), proof.s, proof.t1, c.key, challenge)
            && _sumsTo(ephemeral, proof.s, proof.t2, c.shared, challenge);
        if (!holds) revert ICeremony.InvalidDleq(c.complainant);
    }

    /// @notice The share that the dealing holds for the complainant. Whatever 256 bits: the dealer chose them.
    function unmask(Complaint memory c, Dealing calldata dealing) internal view returns (uint256) {
        bytes32 mask = keccak256(abi.encodePacked(_context(SHARE_DOMAIN, c), abi.encode(c.shared)));
        return dealing.shares[c.complainant - 1] ^ uint256(mask);
    }

    /// @dev Feldman: f(j)·G == Σ j^k·C_k.
    function isGoodShare(Dealing calldata dealing, uint8 j, uint256 share) internal view returns (bool) {
        return share < Bn254.R
            && Bn254.equal(Bn254.mul(Bn254.generator(), share), Bn254.evaluate(dealing.commitments, j));
    }

    function _context(bytes32 domain, Complaint memory c) private view returns (bytes memory) {
        return abi.encode(domain, block.chainid, address(this), c.initiative, c.epoch, c.dealer, c.complainant);
    }

    /// @dev s·base == t + c·x.
    function _sumsTo(G1Point memory base, uint256 s, G1Point memory t, G1Point memory x, uint256 c)
        private
        view
        returns (bool)
    {
        return Bn254.equal(Bn254.mul(base, s), Bn254.add(t, Bn254.mul(x, c)));
    }
}
