// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {EntityId, InitiativeId, RegistrarSignature, Role} from "./Types.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IRegistrarSignatures} from "./interfaces/IRegistrarSignatures.sol";

/// @title The check that k distinct, active registrars of an initiative signed a batch, and that it comes only once.
/// @dev Suspension only subtracts: the frozen set can lose signers, never gain one. Below k, registration stops.
abstract contract RegistrarSignatures is EIP712, IRegistrarSignatures {
    uint256 internal constant MAX_VALIDITY = 1 days;

    IConsortium internal immutable CONSORTIUM;
    IInitiatives internal immutable INITIATIVES;

    mapping(InitiativeId => mapping(bytes32 batchId => bool)) private usedBatches;

    constructor(IConsortium consortium, IInitiatives initiatives) {
        CONSORTIUM = consortium;
        INITIATIVES = initiatives;
    }

    /// @inheritdoc IRegistrarSignatures
    function isBatchUsed(InitiativeId initiative, bytes32 batchId) external view returns (bool) {
        return usedBatches[initiative][batchId];
    }

    /// @notice Checks a batch and burns its id; returns who signed.
    /// @dev Warning: emits nothing itself; whoever calls it emits the batch id.
    function _useBatch(
        InitiativeId initiative,
        bytes32 batchId,
        uint64 validUntil,
        bytes32 structHash,
        RegistrarSignature[] calldata signatures
    ) internal returns (EntityId[] memory signers) {
        if (usedBatches[initiative][batchId]) revert BatchUsed(batchId);
        if (block.timestamp >= validUntil) revert BatchExpired(batchId, validUntil);
        if (validUntil > block.timestamp + MAX_VALIDITY) revert ValidityTooLong(batchId, validUntil);
        signers = _requireSignatures(initiative, _hashTypedDataV4(structHash), signatures);

        usedBatches[initiative][batchId] = true;
    }

    /// @dev Both lists ascend, so one walk finds each signer in the frozen set, and none can count twice.
    function _requireSignatures(InitiativeId initiative, bytes32 digest, RegistrarSignature[] calldata signatures)
        private
        view
        returns (EntityId[] memory signers)
    {
        (EntityId[] memory registrars, uint8 threshold) = INITIATIVES.registrarsOf(initiative);
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);

        signers = new EntityId[](signatures.length);
        uint256 place;
        EntityId previous;
        for (uint256 i; i < signatures.length; ++i) {
            EntityId entity = signatures[i].entity;
            if (EntityId.unwrap(entity) <= EntityId.unwrap(previous)) revert SignaturesNotAscending(entity);
            while (place < registrars.length && registrars[place] != entity) ++place;
            if (place == registrars.length || !CONSORTIUM.isActive(entity)) revert NotRegistrar(entity);

            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i].signature);
            // An account is never address(0), which stands for a failed recovery.
            if (signer != CONSORTIUM.accountOf(entity, Role.Registrar)) revert InvalidSignature(entity);

            signers[i] = previous = entity;
        }
    }
}
