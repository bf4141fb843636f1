// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, ProposalId, RegistrarSignature, Tag} from "../Types.sol";
import {IRegistrarSignatures} from "./IRegistrarSignatures.sol";

/// @notice EIP-712 type: Submission(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 authorTag,
/// bytes32 contentHash,bytes32 evidenceRoot), domain ("Urna Proposals", "1", chainId, this contract).
struct Submission {
    InitiativeId initiative;
    bytes32 batchId;
    uint64 validUntil;
    Tag authorTag;
    bytes32 contentHash;
    bytes32 evidenceRoot;
}

enum ProposalStatus {
    Submitted,
    Accepted,
    Rejected
}

struct Proposal {
    Tag authorTag;
    bytes32 contentHash;
    ProposalStatus status;
    uint16 option; // where accepted
    uint256 cost;
    bool erased; // its text
}

/// @title What may be voted on. An accepted proposal's option number is its place in the order of acceptance, from 0;
/// acceptance is final, so numbers are fixed as given; costs are fixed when voting opens.
interface IProposals is IRegistrarSignatures {
    event ProposalSubmitted(
        InitiativeId indexed initiative,
        ProposalId indexed proposal,
        Tag indexed authorTag,
        bytes32 contentHash,
        bytes32 batchId,
        bytes32 evidenceRoot,
        EntityId[] registrars
    );
    event ProposalAccepted(InitiativeId indexed initiative, ProposalId indexed proposal, uint16 option, uint256 cost, string reason);
    event ProposalRejected(InitiativeId indexed initiative, ProposalId indexed proposal, bool feasible, string reason);
    event CostChanged(InitiativeId indexed initiative, ProposalId indexed proposal, uint256 cost, string reason);
    event ProposalErased(InitiativeId indexed initiative, ProposalId indexed proposal, bytes32 contentHash, string reason);

    error NotPublisher(InitiativeId initiative, address account);
    error UnknownProposal(InitiativeId initiative, ProposalId proposal);
    error TooManyProposals(Tag authorTag, uint16 limit);
    error AlreadyAccepted(ProposalId proposal);
    error NotAccepted(ProposalId proposal);
    error AlreadyErased(ProposalId proposal);
    error TooManyOptions(uint256 limit);
    error ReasonRequired();
    error ReasonTooLong(uint256 length);
    error CostTooLarge(uint256 cost);

    /// @notice Anyone may bring what k registrars signed. Registration only.
    function submit(Submission calldata submission, RegistrarSignature[] calldata signatures) external returns (ProposalId);
    /// @notice By the initiative's publisher, in Registration or Review. At most 1,024 options; costs < 2^128.
    function accept(InitiativeId initiative, ProposalId proposal, uint256 cost, string calldata reason) external;
    /// @notice By the publisher, with a reason; may be followed by `accept` (an appeal), never undoes one.
    function reject(InitiativeId initiative, ProposalId proposal, bool feasible, string calldata reason) external;
    /// @notice By the publisher, with a reason, in Registration or Review, of an accepted proposal.
    function setCost(InitiativeId initiative, ProposalId proposal, uint256 cost, string calldata reason) external;
    /// @notice By the publisher, with a reason, in any phase: the text and salt of a proposal that was not accepted are to
    /// be erased wherever they are kept; its hash stays, and it is never accepted. Options' texts cannot be erased: people
    /// voted on them.
    function erase(InitiativeId initiative, ProposalId proposal, string calldata reason) external;

    function proposalCount(InitiativeId initiative) external view returns (uint32);
    function proposal(InitiativeId initiative, ProposalId proposal) external view returns (Proposal memory);
    function optionCount(InitiativeId initiative) external view returns (uint16);
    /// @notice Costs by option number.
    function costs(InitiativeId initiative) external view returns (uint256[] memory);
}
