// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {Commitment, EntityId, InitiativeId, RegistrarSignature, Tag} from "../Types.sol";
import {IRegistrarSignatures} from "./IRegistrarSignatures.sol";

/// @notice EIP-712 type: RegistrationBatch(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32[] tags,
/// uint256[] commitments,bytes32 evidenceRoot), domain ("Urna Electorate", "1", chainId, this contract).
struct RegistrationBatch {
    InitiativeId initiative;
    bytes32 batchId;
    uint64 validUntil;
    Tag[] tags;
    Commitment[] commitments;
    bytes32 evidenceRoot;
}

/// @notice EIP-712 type: Replacement(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 tag,
/// uint256 oldCommitment,uint256 newCommitment,bytes32 evidenceRoot), same domain.
struct Replacement {
    InitiativeId initiative;
    bytes32 batchId;
    uint64 validUntil;
    Tag tag;
    Commitment oldCommitment;
    Commitment newCommitment;
    bytes32 evidenceRoot;
}

enum SkipReason {
    KnownTag,
    UsedCommitment
}

/// @title Who may vote: one leaf a person, on a LeanIMT (Poseidon, depth at most 20) that only grows while
/// registration is open, changes leaves in review by queued replacements, and stands still afterwards.
interface IElectorate is IRegistrarSignatures {
    /// @notice The accepted persons in order of their leaves, the first at `firstIndex`. `registrars` are the signers.
    event Registered(
        InitiativeId indexed initiative,
        bytes32 indexed batchId,
        uint32 firstIndex,
        bytes32[] tags,
        uint256[] commitments,
        bytes32 evidenceRoot,
        EntityId[] registrars,
        uint256 root
    );
    /// @param position the entry's place in the batch as signed, from 0: order and content of the batch follow from events
    event RegistrationSkipped(
        InitiativeId indexed initiative,
        bytes32 indexed batchId,
        uint32 position,
        Tag tag,
        Commitment commitment,
        SkipReason reason
    );
    event ReplacementQueued(
        InitiativeId indexed initiative,
        bytes32 indexed batchId,
        Tag indexed tag,
        Commitment oldCommitment,
        Commitment newCommitment,
        bytes32 evidenceRoot,
        EntityId[] registrars
    );
    event ReplacementApplied(
        InitiativeId indexed initiative, Tag indexed tag, uint32 index, Commitment oldCommitment, Commitment newCommitment, uint256 root
    );

    error EmptyBatch();
    error LengthMismatch(uint256 tags, uint256 commitments);
    error InvalidCommitment(Commitment commitment);
    error ElectorateFull(InitiativeId initiative);
    error UnknownTag(Tag tag);
    error CommitmentUsed(Commitment commitment);
    error UnexpectedCommitment(Tag tag, Commitment expected, Commitment actual);
    error TooManyReplacements(Tag tag);
    error NoReplacement(Tag tag);

    /// @notice Anyone may bring a batch that k distinct active registrars of the initiative signed. Registration only.
    /// A batch id burns on use, were all its entries skipped; `validUntil` is at most one day ahead. Known tags and ever-used commitments are skipped.
    function register(RegistrationBatch calldata batch, RegistrarSignature[] calldata signatures) external;
    /// @notice Registration or Review. At most two per tag, ever; the latest queued counts. The new commitment is used from now on.
    function queueReplacement(Replacement calldata replacement, RegistrarSignature[] calldata signatures) external;
    /// @notice By anyone, in Review. `siblings` are the LeanIMT's, leaf level first; the library's own errors apply to them.
    function applyReplacement(InitiativeId initiative, Tag tag, uint256[] calldata siblings) external;

    function size(InitiativeId initiative) external view returns (uint256);
    function root(InitiativeId initiative) external view returns (uint256);
    function commitmentOf(InitiativeId initiative, Tag tag) external view returns (Commitment);
    function pendingReplacement(InitiativeId initiative, Tag tag) external view returns (Commitment);
}
