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
    using TransientSlot for bytes32;
    using TransientSlot for TransientSlot.BooleanSlot;

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
        Tag[] calldata tags = batch.tags;
        uint256[] calldata leaves = _unwrap(batch.commitments);
        accepted = Accepted(tree.size, new bytes32[](tags.length), new uint256[](tags.length));
        uint256 count;
        uint256 start;
        for (uint256 i; i < tags.length; ++i) {
            Tag tag = tags[i];
            uint256 leaf = leaves[i];
            if (_claim(tree, batch, i, tag, leaf)) {
                accepted.tags[count] = Tag.unwrap(tag);
                accepted.commitments[count++] = leaf;
            } else {
                _insert(tree, batch.initiative, leaves[start:i]);
                start = i + 1;
            }
        }
        _insert(tree, batch.initiative, leaves[start:]);

        _truncate(accepted, count);
    }

    /// @dev Whether an entry counts; keeps its tag, or says why it is skipped.
    function _claim(LeanIMTData storage tree, RegistrationBatch calldata batch, uint256 position, Tag tag, uint256 leaf)
        private
        returns (bool)
    {
        InitiativeId initiative = batch.initiative;
        mapping(Tag => Commitment) storage known = commitments[initiative];
        Commitment commitment = Commitment.wrap(leaf);
        _requireInField(commitment);
        if (Commitment.unwrap(known[tag]) != 0) {
            emit RegistrationSkipped(
                initiative, batch.batchId, uint32(position), tag, commitment, SkipReason.KnownTag
            );
            return false;
        }
        TransientSlot.BooleanSlot seen = _seenSlot(tree, leaf);
        if (seen.tload() || tree._has(leaf)) {
            emit RegistrationSkipped(
                initiative, batch.batchId, uint32(position), tag, commitment, SkipReason.UsedCommitment
            );
            return false;
        }

        known[tag] = commitment;
        seen.tstore(true);
        return true;
    }

    /// @dev Transient mark of a commitment of the batch at hand, which is not in the tree yet. A mark outlives its batch
    /// within one transaction, and is true there: a commitment that was marked is in the tree.
    function _seenSlot(LeanIMTData storage tree, uint256 leaf) private pure returns (TransientSlot.BooleanSlot) {
        bytes32 base;
        // Assembly: Solidity has no transient mapping. The tree's own slot tells initiatives apart.
        assembly ("memory-safe") {
            base := tree.slot
        }
        return base.deriveMapping(leaf).asBoolean();
    }

    function _insert(LeanIMTData storage tree, InitiativeId initiative, uint256[] calldata leaves) private {
        if (leaves.length == 0) return;
        if (tree.size + leaves.length > CAPACITY) revert ElectorateFull(initiative);

        tree._insertMany(leaves);
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

    /// @dev Shortens both lists in place to what was accepted.
    function _truncate(Accepted memory accepted, uint256 count) private pure {
        bytes32[] memory tags = accepted.tags;
        uint256[] memory leaves = accepted.commitments;
        // Assembly: Solidity cannot change the length of a list in memory. `count` is at most the old one.
        assembly ("memory-safe") {
            mstore(tags, count)
            mstore(leaves, count)
        }
    }

    function _unwrap(Commitment[] calldata wrapped) private pure returns (uint256[] calldata values) {
        // Assembly: Solidity has no conversion of lists of a value type to lists of what it wraps. Same layout.
        assembly ("memory-safe") {
            values.offset := wrapped.offset
            values.length := wrapped.length
        }
    }

    function _unwrap(Tag[] calldata wrapped) private pure returns (bytes32[] calldata values) {
        // Assembly: as above.
        assembly ("memory-safe") {
            values.offset := wrapped.offset
            values.length := wrapped.length
        }
    }

    /// @dev Unwrapped lists, because the compiler copies those in one go.
    function _hash(RegistrationBatch calldata batch) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                BATCH_TYPEHASH,
                batch.initiative,
                batch.batchId,
                batch.validUntil,
                keccak256(abi.encodePacked(_unwrap(batch.tags))),
                keccak256(abi.encodePacked(_unwrap(batch.commitments))),
                batch.evidenceRoot
            )
        );
    }

    function _hash(Replacement calldata replacement) private pure returns (bytes32) {
        // All fields are static words, so the struct's encoding is their row.
        return keccak256(abi.encode(REPLACEMENT_TYPEHASH, replacement));
    }
}
