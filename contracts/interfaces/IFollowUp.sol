// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {InitiativeId} from "../Types.sol";

enum ExecutionStatus {
    Planned,
    InProgress,
    Delayed,
    Done,
    Cancelled
}

/// @notice What the publisher said of an option at a time. Its text is kept off chain, by its salted hash.
struct Report {
    ExecutionStatus status;
    uint16 shareDone; // basis points
    uint64 reportedAt; // the block's timestamp
    bool erased; // the text, not the figures
    uint128 spent; // so far, in the budget's unit
    bytes32 contentHash;
}

/// @title What became of the winners: the publisher's reports, numbered per option from 1.
/// @notice Append-only: a later report corrects an earlier one, up or down, and both stay. Who won is not contract state
/// but follows from the count; a report of an option that did not win stands, and every observer says so. Nothing here
/// touches electorate, key, rules or result.
interface IFollowUp {
    event ExecutionReported(
        InitiativeId indexed initiative,
        uint16 indexed option,
        uint32 report,
        ExecutionStatus status,
        uint16 shareDone,
        uint256 spent,
        bytes32 contentHash
    );
    event ReportErased(
        InitiativeId indexed initiative, uint16 indexed option, uint32 report, bytes32 contentHash, string reason
    );

    error NotPublisher(InitiativeId initiative, address account);
    error NotAttested(InitiativeId initiative);
    error UnknownOption(InitiativeId initiative, uint16 option);
    error UnknownReport(InitiativeId initiative, uint16 option, uint32 report);
    error ShareTooLarge(uint16 shareDone);
    error SpentTooLarge(uint256 spent);
    error ContentRequired();
    error AlreadyErased(uint32 report);
    error ReasonRequired();
    error ReasonTooLong(uint256 length);

    /// @notice By the initiative's publisher (its present account; not while suspended), in Counted, once t trustees
    /// attested a result. Share done at most 10,000 basis points; spent < 2^128; a content hash. Returns the number.
    function report(
        InitiativeId initiative,
        uint16 option,
        ExecutionStatus status,
        uint16 shareDone,
        uint256 spent,
        bytes32 contentHash
    ) external returns (uint32);
    /// @notice By the publisher, with a reason: the report's text and salt are to be erased wherever they are kept. Its
    /// figures and its hash stay.
    function erase(InitiativeId initiative, uint16 option, uint32 report, string calldata reason) external;

    function reportCount(InitiativeId initiative, uint16 option) external view returns (uint32);
    function reportOf(InitiativeId initiative, uint16 option, uint32 report) external view returns (Report memory);
}
