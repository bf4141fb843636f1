// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId} from "../Types.sol";

/// @title What the registrars sign: batches that k of an initiative's registrars co-sign (EIP-712), valid for at most a day, once.
/// @notice A batch is valid before its `validUntil`, no longer at it. Each signature is the registrar account's that the entity has now. Entities are counted, not keys.
interface IRegistrarSignatures {
    error BatchUsed(bytes32 batchId);
    error BatchExpired(bytes32 batchId, uint64 validUntil);
    error ValidityTooLong(bytes32 batchId, uint64 validUntil);
    error TooFewSignatures(uint256 given, uint256 needed);
    error SignaturesNotAscending(EntityId entity);
    /// @notice No registrar of the initiative, or suspended since.
    error NotRegistrar(EntityId entity);
    error InvalidSignature(EntityId entity);

    /// @notice Whether a batch id is burnt. Ids are per initiative and contract.
    function isBatchUsed(InitiativeId initiative, bytes32 batchId) external view returns (bool);
}
