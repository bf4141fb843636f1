// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {EntityId, InitiativeId, NotInSuite, Phase, ProposalId, RegistrarSignature, Role, Suite, Tag} from "./Types.sol";
import {RegistrarSignatures} from "./RegistrarSignatures.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IProposals, Proposal, ProposalStatus, Submission} from "./interfaces/IProposals.sol";

/// @title Proposals
contract Proposals is IProposals, RegistrarSignatures {
    struct Record {
        Tag authorTag;
        bytes32 contentHash;
        ProposalStatus status;
        uint16 option;
        bool erased;
    }

    bytes32 private constant SUBMISSION_TYPEHASH = keccak256(
        "Submission(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 authorTag,bytes32 contentHash,bytes32 evidenceRoot)"
    );

    uint256 private constant MAX_OPTIONS = 1024;
    uint256 private constant MAX_REASON = 1024; // bytes

    mapping(InitiativeId => uint32) private proposalCounts;
    mapping(InitiativeId => mapping(ProposalId => Record)) private proposals;
    mapping(InitiativeId => mapping(Tag => uint16)) private submitted;
    mapping(InitiativeId => uint128[]) private optionCosts;

    constructor(IConsortium consortium, Suite memory suite)
        EIP712("Urna Proposals", "1")
        RegistrarSignatures(consortium, IInitiatives(suite.initiatives))
    {
        if (suite.proposals != address(this)) revert NotInSuite(suite.proposals, address(this));
    }

    /// @inheritdoc IProposals
    function submit(Submission calldata submission, RegistrarSignature[] calldata signatures)
        external
        returns (ProposalId id)
    {
        InitiativeId initiative = submission.initiative;
        INITIATIVES.requirePhase(initiative, Phase.Registration);
        EntityId[] memory registrars =
            _useBatch(initiative, submission.batchId, submission.validUntil, _hash(submission), signatures);
        uint16 limit = INITIATIVES.proposalsPerPersonOf(initiative);
        if (submitted[initiative][submission.authorTag] >= limit) revert TooManyProposals(submission.authorTag, limit);

        ++submitted[initiative][submission.authorTag];
        id = ProposalId.wrap(++proposalCounts[initiative]);
        proposals[initiative][id] =
            Record(submission.authorTag, submission.contentHash, ProposalStatus.Submitted, 0, false);

        emit ProposalSubmitted(
            initiative,
            id,
            submission.authorTag,
            submission.contentHash,
            submission.batchId,
            submission.evidenceRoot,
            registrars
        );
    }

    /// @inheritdoc IProposals
    function accept(InitiativeId initiative, ProposalId id, uint256 cost, string calldata reason) external {
        Record storage record = _requireModerator(initiative, id);
        if (record.status == ProposalStatus.Accepted) revert AlreadyAccepted(id);
        if (record.erased) revert AlreadyErased(id);
        if (bytes(reason).length > MAX_REASON) revert ReasonTooLong(bytes(reason).length);
        uint256 option = optionCosts[initiative].length;
        if (option == MAX_OPTIONS) revert TooManyOptions(MAX_OPTIONS);

        record.status = ProposalStatus.Accepted;
        record.option = uint16(option);
        optionCosts[initiative].push(_cost(cost));

        emit ProposalAccepted(initiative, id, uint16(option), cost, reason);
    }

    /// @inheritdoc IProposals
    function reject(InitiativeId initiative, ProposalId id, bool feasible, string calldata reason) external {
        Record storage record = _requireModerator(initiative, id);
        if (record.status == ProposalStatus.Accepted) revert AlreadyAccepted(id);
        _requireReason(reason);

        record.status = ProposalStatus.Rejected;

        emit ProposalRejected(initiative, id, feasible, reason);
    }

    /// @inheritdoc IProposals
    function setCost(InitiativeId initiative, ProposalId id, uint256 cost, string calldata reason) external {
        Record storage record = _requireModerator(initiative, id);
        if (record.status != ProposalStatus.Accepted) revert NotAccepted(id);
        _requireReason(reason);

        optionCosts[initiative][record.option] = _cost(cost);

        emit CostChanged(initiative, id, cost, reason);
    }

    /// @inheritdoc IProposals
    function erase(InitiativeId initiative, ProposalId id, string calldata reason) external {
        _requirePublisher(initiative);
        Record storage record = _record(initiative, id);
        if (record.status == ProposalStatus.Accepted) revert AlreadyAccepted(id);
        if (record.erased) revert AlreadyErased(id);
        _requireReason(reason);

        record.erased = true;

        emit ProposalErased(initiative, id, record.contentHash, reason);
    }

    /// @inheritdoc IProposals
    function proposalCount(InitiativeId initiative) external view returns (uint32) {
        return proposalCounts[initiative];
    }

    /// @inheritdoc IProposals
    function proposal(InitiativeId initiative, ProposalId id) external view returns (Proposal memory) {
        Record storage record = _record(initiative, id);
        uint256 cost = record.status == ProposalStatus.Accepted ? optionCosts[initiative][record.option] : 0;
        return Proposal(record.authorTag, record.contentHash, record.status, record.option, cost, record.erased);
    }

    /// @inheritdoc IProposals
    function optionCount(InitiativeId initiative) external view returns (uint16) {
        return uint16(optionCosts[initiative].length);
    }

    /// @inheritdoc IProposals
    function costs(InitiativeId initiative) external view returns (uint256[] memory result) {
        uint128[] memory packed = optionCosts[initiative];
        result = new uint256[](packed.length);
        for (uint256 i; i < packed.length; ++i) {
            result[i] = packed[i];
        }
    }

    /// @dev By the publisher's present account.
    function _requirePublisher(InitiativeId initiative) private view {
        EntityId entity = CONSORTIUM.entityOf(msg.sender, Role.Publisher);
        if (EntityId.unwrap(entity) == 0 || entity != INITIATIVES.publisherOf(initiative)) {
            revert NotPublisher(initiative, msg.sender);
        }
    }

    /// @dev By the publisher, in Registration or Review.
    function _requireModerator(InitiativeId initiative, ProposalId id) private view returns (Record storage) {
        _requirePublisher(initiative);
        Phase phase = INITIATIVES.phase(initiative);
        if (phase != Phase.Registration && phase != Phase.Review) revert IInitiatives.WrongPhase(initiative, phase);
        return _record(initiative, id);
    }

    function _record(InitiativeId initiative, ProposalId id) private view returns (Record storage) {
        uint32 number = ProposalId.unwrap(id);
        if (number == 0 || number > proposalCounts[initiative]) revert UnknownProposal(initiative, id);
        return proposals[initiative][id];
    }

    function _requireReason(string calldata reason) private pure {
        if (bytes(reason).length == 0) revert ReasonRequired();
        if (bytes(reason).length > MAX_REASON) revert ReasonTooLong(bytes(reason).length);
    }

    function _cost(uint256 cost) private pure returns (uint128) {
        if (cost > type(uint128).max) revert CostTooLarge(cost);
        return uint128(cost);
    }

    function _hash(Submission calldata submission) private pure returns (bytes32) {
        // All fields are static words, so the struct's encoding is their row.
        return keccak256(abi.encode(SUBMISSION_TYPEHASH, submission));
    }
}
