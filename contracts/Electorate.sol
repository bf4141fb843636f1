// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {SNARK_SCALAR_FIELD} from "@zk-kit/lean-imt.sol/Constants.sol";
import {InternalLeanIMT, LeanIMTData} from "@zk-kit/lean-imt.sol/InternalLeanIMT.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SlotDerivation} from "@openzeppelin/contracts/utils/SlotDerivation.sol";
import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";

import {
    Commitment, EntityId, InitiativeId, NotInSuite, Phase, RegistrarSignature, Suite, Tag
} from "./Types.sol";
import {RegistrarSignatures} from "./RegistrarSignatures.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IElectorate, RegistrationBatch, Replacement, SkipReason} from "./interfaces/IElectorate.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";

/// @title Electorate
/// @dev The tree's own index of leaves doubles as the list of ever-used commitments, which saves a third storage slot a
/// person: `RESERVED` stands there for a commitment that was used and is no leaf (queued, or replaced).
contract Electorate is IElectorate, RegistrarSignatures {
    using InternalLeanIMT for LeanIMTData;
    using SlotDerivation for bytes32;
    using TransientSlot for *;

    /// @dev What is registered in one batch, and its place.
    struct Accepted {
        uint256 firstIndex;
        bytes32[] tags;
        uint256[] commitments;
    }

    struct Change {
        uint8 queued;
        Commitment pending;
    }

    bytes32 private constant BATCH_TYPEHASH = keccak256(
        "RegistrationBatch(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32[] tags,uint256[] commitments,bytes32 evidenceRoot)"
    );
    bytes32 private constant REPLACEMENT_TYPEHASH = keccak256(
        "Replacement(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 tag,uint256 oldCommitment,uint256 newCommitment,bytes32 evidenceRoot)"
    );

    /// @dev Depth 20 is the circuit's.
    uint256 private constant CAPACITY = 1 << 20;
    uint256 private constant MAX_REPLACEMENTS = 2;
    /// @dev No index of a leaf: those are at most `CAPACITY`.
    uint256 private constant RESERVED = type(uint256).max;
    /// @dev Transient: commitments of the batch at hand, which are not in the tree yet.
    bytes32 private constant SEEN_SLOT = keccak256("urna/electorate/seen");

    mapping(InitiativeId => LeanIMTData) private trees;
    mapping(InitiativeId => mapping(Tag => Commitment)) private commitments;
    mapping(InitiativeId => mapping(Tag => Change)) private changes;

    constructor(IConsortium consortium, Suite memory suite)
        EIP712("Urna Electorate", "1")
        RegistrarSignatures(consortium, IInitiatives(suite.initiatives))
    {
        if (suite.electorate != address(this)) revert NotInSuite(suite.electorate, address(this));
    }

    /// @inheritdoc IElectorate
    function register(RegistrationBatch calldata batch, RegistrarSignature[] calldata signatures) external {
        INITIATIVES.requirePhase(batch.initiative, Phase.Registration);
        if (batch.tags.length == 0) revert EmptyBatch();
        if (batch.tags.length != batch.commitments.length) {
            revert LengthMismatch(batch.tags.length, batch.commitments.length);
        }
        EntityId[] memory registrars =
            _useBatch(batch.initiative, batch.batchId, batch.validUntil, _hash(batch), signatures);

        Accepted memory accepted = _append(batch);

        emit Registered(
            batch.initiative,
            batch.batchId,
            uint32(accepted.firstIndex),
            accepted.tags,
            accepted.commitments,
            batch.evidenceRoot,
            registrars,
            trees[batch.initiative]._root()
        );
    }

    /// @inheritdoc IElectorate
    function queueReplacement(Replacement calldata replacement, RegistrarSignature[] calldata signatures) external {
        InitiativeId initiative = replacement.initiative;
        Phase phase = INITIATIVES.phase(initiative);
        if (phase != Phase.Registration && phase != Phase.Review) revert IInitiatives.WrongPhase(initiative, phase);
        EntityId[] memory registrars =
            _useBatch(initiative, replacement.batchId, replacement.validUntil, _hash(replacement), signatures);
        Change storage change = _requireReplaceable(replacement);

        ++change.queued;
        change.pending = replacement.newCommitment;
        trees[initiative].leaves[Commitment.unwrap(replacement.newCommitment)] = RESERVED;

        emit ReplacementQueued(
            initiative,
            replacement.batchId,
            replacement.tag,
            replacement.oldCommitment,
            replacement.newCommitment,
            replacement.evidenceRoot,
            registrars
        );
    }

    /// @inheritdoc IElectorate
    function applyReplacement(InitiativeId initiative, Tag tag, uint256[] calldata siblings) external {
        INITIATIVES.requirePhase(initiative, Phase.Review);
        Change storage change = changes[initiative][tag];
        Commitment next = change.pending;
        if (Commitment.unwrap(next) == 0) revert NoReplacement(tag);

        LeanIMTData storage tree = trees[initiative];
        Commitment old = commitments[initiative][tag];
        uint256 index = tree._indexOf(Commitment.unwrap(old));
        change.pending = Commitment.wrap(0);
        commitments[initiative][tag] = next;
        // The library refuses a leaf that its index knows, and forgets the old one: so unmark before, mark after.
        tree.leaves[Commitment.unwrap(next)] = 0;
        uint256 newRoot = tree._update(Commitment.unwrap(old), Commitment.unwrap(next), siblings);
        tree.leaves[Commitment.unwrap(old)] = RESERVED;

        emit ReplacementApplied(initiative, tag, uint32(index), old, next, newRoot);
    }

    /// @inheritdoc IElectorate
    function size(InitiativeId initiative) external view returns (uint256) {
        return trees[initiative].size;
    }

    /// @inheritdoc IElectorate
    function root(InitiativeId initiative) external view returns (uint256) {
        return trees[initiative]._root();
    }

    /// @inheritdoc IElectorate
    function commitmentOf(InitiativeId initiative, Tag tag) external view returns (Commitment) {
        return commitments[initiative][tag];
    }

    /// @inheritdoc IElectorate
    function pendingReplacement(InitiativeId initiative, Tag tag) external view returns (Commitment) {
        return changes[initiative][tag].pending;
    }

    /// @dev Appends the entries that count in runs, between those that are skipped: the library inserts slices of
    /// calldata, and many at once for the price of about one hash each.
    function _append(RegistrationBatch calldata batch) private returns (Accepted memory accepted) {
        LeanIMTData storage tree = trees[batch.initiative];
        uint256 length = batch.tags.length;
        accepted = Accepted(tree.size, new bytes32[](length), new uint256[](length));
        uint256 count;
        uint256 start;
        for (uint256 i; i < length; ++i) {
            if (_claim(tree, batch, i)) {
                accepted.tags[count] = Tag.unwrap(batch.tags[i]);
                accepted.commitments[count++] = Commitment.unwrap(batch.commitments[i]);
            } else {
                _insert(tree, batch, start, i);
                start = i + 1;
            }
        }
        _insert(tree, batch, start, length);

        bytes32[] memory tags = accepted.tags;
        uint256[] memory leaves = accepted.commitments;
        // Assembly: shortens both lists in place to what was accepted; `count` is at most their length.
        assembly ("memory-safe") {
            mstore(tags, count)
            mstore(leaves, count)
        }
    }

    /// @dev Whether entry `i` counts; keeps its tag, or says why it is skipped.
    function _claim(LeanIMTData storage tree, RegistrationBatch calldata batch, uint256 i) private returns (bool) {
        InitiativeId initiative = batch.initiative;
        Tag tag = batch.tags[i];
        Commitment commitment = batch.commitments[i];
        _requireInField(commitment);
        if (Commitment.unwrap(commitments[initiative][tag]) != 0) {
            emit RegistrationSkipped(initiative, batch.batchId, tag, commitment, SkipReason.KnownTag);
            return false;
        }
        TransientSlot.BooleanSlot seen = SEEN_SLOT.deriveMapping(uint256(InitiativeId.unwrap(initiative)))
            .deriveMapping(Commitment.unwrap(commitment)).asBoolean();
        if (seen.tload() || tree._has(Commitment.unwrap(commitment))) {
            emit RegistrationSkipped(initiative, batch.batchId, tag, commitment, SkipReason.UsedCommitment);
            return false;
        }

        commitments[initiative][tag] = commitment;
        seen.tstore(true);
        return true;
    }

    function _insert(LeanIMTData storage tree, RegistrationBatch calldata batch, uint256 start, uint256 end) private {
        if (start == end) return;
        if (tree.size + (end - start) > CAPACITY) revert ElectorateFull(batch.initiative);

        Commitment[] calldata typed = batch.commitments;
        uint256[] calldata leaves;
        // Assembly: Solidity has no conversion of arrays of a value type to arrays of what it wraps. Same layout.
        assembly ("memory-safe") {
            leaves.offset := typed.offset
            leaves.length := typed.length
        }
        tree._insertMany(leaves[start:end]);
    }

    function _requireReplaceable(Replacement calldata replacement) private view returns (Change storage change) {
        Tag tag = replacement.tag;
        Commitment current = commitments[replacement.initiative][tag];
        if (Commitment.unwrap(current) == 0) revert UnknownTag(tag);
        if (Commitment.unwrap(current) != Commitment.unwrap(replacement.oldCommitment)) {
            revert UnexpectedCommitment(tag, replacement.oldCommitment, current);
        }
        _requireInField(replacement.newCommitment);
        if (trees[replacement.initiative]._has(Commitment.unwrap(replacement.newCommitment))) {
            revert CommitmentUsed(replacement.newCommitment);
        }
        change = changes[replacement.initiative][tag];
        if (change.queued == MAX_REPLACEMENTS) revert TooManyReplacements(tag);
    }

    function _requireInField(Commitment commitment) private pure {
        uint256 value = Commitment.unwrap(commitment);
        if (value == 0 || value >= SNARK_SCALAR_FIELD) revert InvalidCommitment(commitment);
    }

    function _hash(RegistrationBatch calldata batch) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                BATCH_TYPEHASH,
                batch.initiative,
                batch.batchId,
                batch.validUntil,
                keccak256(abi.encodePacked(batch.tags)),
                keccak256(abi.encodePacked(batch.commitments)),
                batch.evidenceRoot
            )
        );
    }

    function _hash(Replacement calldata replacement) private pure returns (bytes32) {
        // All fields are static words, so the struct's encoding is their row.
        return keccak256(abi.encode(REPLACEMENT_TYPEHASH, replacement));
    }
}
