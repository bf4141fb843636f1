// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, Nullifier, Outcome} from "../Types.sol";

/// @title The count: opens each ballot with the combined key, checks it against the rules, adds it up.
interface ITally {
    event BallotCounted(InitiativeId indexed initiative, Nullifier indexed nullifier, Outcome outcome, bytes plaintext);
    event CountCompleted(InitiativeId indexed initiative, uint256 accumulator, uint256 valid, uint256 blank, uint256 nulls);
    event ResultAttested(InitiativeId indexed initiative, EntityId indexed trustee, bytes32 resultHash);

    error KeyNotCombined(InitiativeId initiative);
    error WrongLength(uint256 length, uint256 recordLength);
    error NotTrustee(InitiativeId initiative, address account);
    error AlreadyAttested(EntityId trustee);

    struct Counts {
        uint256 counted; // of IBallotBox.ballotCount
        uint256 valid;
        uint256 blank;
        uint256 nulls;
        uint256 ownDevice; // counted ballots by channel
        uint256 assisted;
        uint256 accumulator; // sum of keccak256(nullifier | sequence | channel | plaintext) mod 2^256
    }

    /// @notice By anyone, in Opening, once the key is combined: records (without proofs) of any ballots not yet counted.
    function count(InitiativeId initiative, bytes calldata records) external;
    /// @notice By a trustee, in Counted, once: the hash of the result document it recomputed (docs/protocol/result.md).
    function attest(InitiativeId initiative, bytes32 resultHash) external;

    function countsOf(InitiativeId initiative) external view returns (Counts memory);
    function isComplete(InitiativeId initiative) external view returns (bool);
    /// @notice Scores by option number; for yes/no/abstain the yes of every option, then the no of every option.
    function totalsOf(InitiativeId initiative) external view returns (uint256[] memory);
    /// @notice The hash that at least t trustees attested, else 0.
    function resultHashOf(InitiativeId initiative) external view returns (bytes32);
}
