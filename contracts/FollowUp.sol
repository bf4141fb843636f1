// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, InitiativeId, NotInSuite, Phase, Role, Suite} from "./Types.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {ExecutionStatus, IFollowUp, Report} from "./interfaces/IFollowUp.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IProposals} from "./interfaces/IProposals.sol";
import {ITally} from "./interfaces/ITally.sol";

/// @title FollowUp
contract FollowUp is IFollowUp {
    uint256 private constant WHOLE = 10_000; // basis points
    uint256 private constant MAX_REASON = 1024; // bytes

    IConsortium private immutable CONSORTIUM;
    IInitiatives private immutable INITIATIVES;
    IProposals private immutable PROPOSALS;
    ITally private immutable TALLY;

    mapping(InitiativeId => mapping(uint16 option => Report[])) private reports;

    constructor(IConsortium consortium, Suite memory suite) {
        if (suite.followUp != address(this)) revert NotInSuite(suite.followUp, address(this));

        CONSORTIUM = consortium;
        INITIATIVES = IInitiatives(suite.initiatives);
        PROPOSALS = IProposals(suite.proposals);
        TALLY = ITally(suite.tally);
    }

    /// @inheritdoc IFollowUp
    function report(
        InitiativeId initiative,
        uint16 option,
        ExecutionStatus status,
        uint16 shareDone,
        uint256 spent,
        bytes32 contentHash
    ) external returns (uint32 number) {
        _requirePublisher(initiative);
        INITIATIVES.requirePhase(initiative, Phase.Counted);
        if (TALLY.resultHashOf(initiative) == 0) revert NotAttested(initiative);
        if (option >= PROPOSALS.optionCount(initiative)) revert UnknownOption(initiative, option);
        if (shareDone > WHOLE) revert ShareTooLarge(shareDone);
        if (spent > type(uint128).max) revert SpentTooLarge(spent);
        if (contentHash == 0) revert ContentRequired();

        Report[] storage given = reports[initiative][option];
        given.push(Report(status, shareDone, uint64(block.timestamp), false, uint128(spent), contentHash));
        number = uint32(given.length);

        emit ExecutionReported(initiative, option, number, status, shareDone, spent, contentHash);
    }

    /// @inheritdoc IFollowUp
    function erase(InitiativeId initiative, uint16 option, uint32 number, string calldata reason) external {
        _requirePublisher(initiative);
        Report storage given = _report(initiative, option, number);
        if (given.erased) revert AlreadyErased(number);
        if (bytes(reason).length == 0) revert ReasonRequired();
        if (bytes(reason).length > MAX_REASON) revert ReasonTooLong(bytes(reason).length);

        given.erased = true;

        emit ReportErased(initiative, option, number, given.contentHash, reason);
    }

    /// @inheritdoc IFollowUp
    function reportCount(InitiativeId initiative, uint16 option) external view returns (uint32) {
        return uint32(reports[initiative][option].length);
    }

    /// @inheritdoc IFollowUp
    function reportOf(InitiativeId initiative, uint16 option, uint32 number) external view returns (Report memory) {
        return _report(initiative, option, number);
    }

    /// @dev By the publisher's present account.
    function _requirePublisher(InitiativeId initiative) private view {
        EntityId entity = CONSORTIUM.entityOf(msg.sender, Role.Publisher);
        if (EntityId.unwrap(entity) == 0 || entity != INITIATIVES.publisherOf(initiative)) {
            revert NotPublisher(initiative, msg.sender);
        }
    }

    function _report(InitiativeId initiative, uint16 option, uint32 number) private view returns (Report storage) {
        Report[] storage given = reports[initiative][option];
        if (number == 0 || number > given.length) revert UnknownReport(initiative, option, number);
        return given[number - 1];
    }
}
