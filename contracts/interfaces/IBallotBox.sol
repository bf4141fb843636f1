// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {InitiativeId, Nullifier} from "../Types.sol";

/// @title The ballot box: anonymous, sealed ballots, verified in batches by one pairing product.
/// @notice An entry is `proof (256) | record`, a record `nullifier (32) | sequence (4) | channel (1) | R (64) |
/// ciphertext (32·words)`, see docs/protocol/ballot.md. A ballot counts iff stored < sequence <= stored + 16.
interface IBallotBox {
    enum CastSkipReason {
        SequenceTooLow, // equal or older: a replay, or a front-run copy that already did the work
        SequenceTooHigh
    }

    /// @param entry the whole entry, proof included: events alone suffice to verify and to count
    event BallotCast(InitiativeId indexed initiative, Nullifier indexed nullifier, bytes entry);
    event BallotSkipped(InitiativeId indexed initiative, Nullifier indexed nullifier, uint32 sequence, CastSkipReason reason);

    error WrongLength(uint256 length, uint256 entryLength);
    error NullifierOutOfRange(uint256 index);
    error InvalidChannel(uint256 index);
    error InvalidEntryPoint(uint256 index); // A, C or R: coordinate >= p, off curve, or infinity; B: coordinate >= p, off curve or infinity
    error InvalidProof();
    error OnlyTally(address caller);
    error SlotMismatch(uint256 index);

    /// @notice By anyone, in Voting. Entries are taken in order; one that cannot count is skipped with an event; a
    /// malformed entry or an invalid proof reverts the batch.
    function castBatch(InitiativeId initiative, bytes calldata entries) external;
    /// @notice By Tally: each slot must hold what is expected, and is cleared.
    function clearSlots(InitiativeId initiative, uint256[] calldata nullifiers, uint256[] calldata expected) external;

    function scopeOf(InitiativeId initiative) external view returns (bytes32);
    /// @notice 32-bit sequence, then the upper 224 bits of the ballot hash; 0 where there is none, or it is counted.
    function slotOf(InitiativeId initiative, Nullifier nullifier) external view returns (uint256);
    /// @notice Number of distinct nullifiers.
    function ballotCount(InitiativeId initiative) external view returns (uint256);
    /// @notice Words of a ciphertext: follows from the ballot rules and the number of options.
    function wordsOf(InitiativeId initiative) external view returns (uint256);
    function keyHash() external view returns (bytes32);
}
