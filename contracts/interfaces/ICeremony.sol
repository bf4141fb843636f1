// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId, SchnorrProof} from "../Types.sol";

/// @notice One trustee's dealing: Feldman commitments to a polynomial of degree t - 1, one ephemeral, n masked shares.
struct Dealing {
    G1Point[] commitments; // t
    G1Point ephemeral;
    uint256[] shares; // n, share XOR mask
    SchnorrProof constantProof; // of the constant term, for commitments[0]
    SchnorrProof ephemeralProof;
}

/// @notice log_G(key) == log_ephemeral(shared): s·G == t1 + c·key and s·ephemeral == t2 + c·shared.
struct DleqProof {
    G1Point t1;
    G1Point t2;
    uint256 s;
}

/// @title Distributed key generation, and the release of the key's shares (docs/protocol/ceremony.md).
/// @notice Epoch 0 begins when registration opens. In an epoch: dealing for one step; complaints until two steps are
/// over; then anyone finalises with the qualified dealings, or, where fewer than t qualify, begins the next epoch.
/// Nothing after voting opens. @dev Trustees are named by their index, from 1.
interface ICeremony {
    event CeremonyOpened(InitiativeId indexed initiative, G1Point[] keys, uint64 startsAt);
    event Dealt(InitiativeId indexed initiative, uint32 indexed epoch, uint8 indexed dealer, Dealing dealing);
    event ComplaintJudged(
        InitiativeId indexed initiative, uint32 indexed epoch, uint8 indexed dealer, uint8 complainant, bool upheld
    );
    event EpochStarted(InitiativeId indexed initiative, uint32 indexed epoch, uint64 startsAt);
    /// @param commitments the sum of the qualified dealers' commitments, t points; the first is the joint key
    event KeyFinalised(InitiativeId indexed initiative, uint32 indexed epoch, uint8[] dealers, G1Point[] commitments);
    event ShareReleased(InitiativeId indexed initiative, uint8 indexed trustee, uint256 share);
    event KeyCombined(InitiativeId indexed initiative, uint256 secretKey);

    error OnlyInitiatives(address caller);
    error NotTrustee(InitiativeId initiative, address account);
    error NotDealing(InitiativeId initiative, uint32 epoch);
    error NotComplaining(InitiativeId initiative, uint32 epoch);
    error NotFinalising(InitiativeId initiative, uint32 epoch);
    error AlreadyDealt(uint8 dealer);
    error InvalidDealing(string reason);
    error InvalidPoint();
    error InvalidScalar();
    error BadProofOfKnowledge(uint8 dealer, bool ephemeral);
    error UnknownDealing(uint8 dealer);
    error InvalidDleq(uint8 complainant);
    error AlreadyDisqualified(uint8 dealer);
    error WrongDealings();
    error TooFewDealers(uint256 qualified, uint256 needed);
    error EnoughDealers(uint256 qualified);
    error AlreadyFinalised(InitiativeId initiative);
    error NotFinalised(InitiativeId initiative);
    error InvalidShare(uint8 trustee);
    error AlreadyReleased(uint8 trustee);

    /// @notice By Initiatives, at creation: freezes the trustees' keys.
    function open(InitiativeId initiative, G1Point[] calldata keys, uint64 startsAt) external;
    /// @notice By a trustee. B13: refused without both proofs of knowledge, bound to chain, contract, initiative, epoch, dealer.
    function deal(InitiativeId initiative, Dealing calldata dealing) external;
    /// @notice By the trustee that received a bad share; reveals that one shared point. Judged at once; a false one is
    /// named in the event and changes nothing.
    function complain(InitiativeId initiative, uint8 dealer, Dealing calldata dealing, G1Point calldata shared, DleqProof calldata proof)
        external;
    /// @notice By anyone, with all qualified dealings, ascending.
    function finalise(InitiativeId initiative, Dealing[] calldata dealings) external;
    /// @notice By anyone, when fewer than t dealers qualified.
    function startEpoch(InitiativeId initiative) external;
    /// @notice By a trustee, in Opening. The t-th share combines the key and checks it against the joint key.
    function release(InitiativeId initiative, uint256 share) external;

    function epochOf(InitiativeId initiative) external view returns (uint32 epoch, uint64 startsAt);
    function isFinalised(InitiativeId initiative) external view returns (bool);
    function jointKey(InitiativeId initiative) external view returns (G1Point memory);
    function trusteeKeys(InitiativeId initiative) external view returns (G1Point[] memory);
    function keyCommitments(InitiativeId initiative) external view returns (G1Point[] memory);
    function dealingHash(InitiativeId initiative, uint32 epoch, uint8 dealer) external view returns (bytes32);
    function isDisqualified(InitiativeId initiative, uint32 epoch, uint8 dealer) external view returns (bool);
    function releasedShare(InitiativeId initiative, uint8 trustee) external view returns (uint256);
    function releasedCount(InitiativeId initiative) external view returns (uint256);
    /// @notice 0 until combined.
    function secretKey(InitiativeId initiative) external view returns (uint256);
}
