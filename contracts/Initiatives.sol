// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    BallotRules, EntityId, G1Point, InitiativeId, NotInSuite, Phase, Role, Rules, Suite, VoidReason, Windows
} from "./Types.sol";
import {IBallotBox} from "./interfaces/IBallotBox.sol";
import {ICeremony} from "./interfaces/ICeremony.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IElectorate} from "./interfaces/IElectorate.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IProposals} from "./interfaces/IProposals.sol";
import {ITally} from "./interfaces/ITally.sol";
import {RulesCheck} from "./lib/RulesCheck.sol";

/// @title Initiatives
/// @dev A window is [opens, closes): at its closing second it is closed. Only withdrawal and motion store a void; the
/// other reasons are computed from what the suite's contracts hold, which stands still when it is asked for.
contract Initiatives is IInitiatives {
    /// @dev All that is frozen at creation but `voided`, `extended`, `reopened`, `proposedClose` and `windows.votingCloses`.
    struct Record {
        EntityId publisher;
        uint32 minAnonymity;
        uint8 registrarThreshold;
        uint8 trusteeThreshold;
        uint16 proposalsPerPerson;
        VoidReason voided;
        bool extended;
        bool reopened;
        uint64 proposedClose; // 0 = none
        Windows windows;
        bytes32 rulesHash;
        EntityId[] registrars;
        EntityId[] trustees;
        BallotRules ballot;
    }

    uint256 private constant EXTENSION_NOTICE = 24 hours;
    uint256 private constant MAX_REOPENING = 7 days;
    uint256 private constant MAX_TITLE = 256; // bytes
    uint256 private constant MAX_SCOPE = 8192; // bytes
    uint256 private constant MAX_EXPLANATION = 1024; // bytes

    IConsortium private immutable CONSORTIUM;
    IElectorate private immutable ELECTORATE;
    IProposals private immutable PROPOSALS;
    ICeremony private immutable CEREMONY;
    IBallotBox private immutable BALLOT_BOX;
    ITally private immutable TALLY;

    uint64 private initiatives;
    mapping(InitiativeId => Record) private records;

    constructor(IConsortium consortium, Suite memory suite) {
        if (suite.initiatives != address(this)) revert NotInSuite(suite.initiatives, address(this));

        CONSORTIUM = consortium;
        ELECTORATE = IElectorate(suite.electorate);
        PROPOSALS = IProposals(suite.proposals);
        CEREMONY = ICeremony(suite.ceremony);
        BALLOT_BOX = IBallotBox(suite.ballotBox);
        TALLY = ITally(suite.tally);
    }

    /// @inheritdoc IInitiatives
    function create(Rules calldata rules, string calldata scope, string calldata title)
        external
        returns (InitiativeId id)
    {
        EntityId publisher = CONSORTIUM.entityOf(msg.sender, Role.Publisher);
        if (EntityId.unwrap(publisher) == 0) revert NotPublisher(msg.sender);
        _requireTexts(rules.scopeHash, scope, title);
        RulesCheck.requireValid(rules, CONSORTIUM);

        id = InitiativeId.wrap(++initiatives);
        bytes memory encoded = abi.encode(rules);
        _store(records[id], publisher, rules, keccak256(encoded));

        emit InitiativeCreated(id, publisher, records[id].rulesHash, encoded, scope, title);

        CEREMONY.open(id, _trusteeKeys(rules.trustees), rules.windows.registrationOpens);
    }

    /// @inheritdoc IInitiatives
    function withdraw(InitiativeId id, string calldata explanation) external {
        Record storage record = _requirePublisher(id);
        _requirePhase(id, Phase.Announced);

        _void(id, record, VoidReason.Withdrawn, explanation);
    }

    /// @inheritdoc IInitiatives
    function voidByMotion(InitiativeId id, string calldata explanation) external {
        if (msg.sender != address(CONSORTIUM)) revert OnlyMotion(msg.sender);
        (Phase current,) = _status(id);
        if (current == Phase.Counted || current == Phase.Void) revert WrongPhase(id, current);

        _void(id, records[id], VoidReason.Motion, explanation);
    }

    /// @inheritdoc IInitiatives
    function proposeExtension(InitiativeId id, uint64 votingCloses) external {
        Record storage record = _requirePublisher(id);
        _requireExtensible(id, record);
        uint64 close = record.windows.votingCloses;
        if (votingCloses <= close) revert CloseNotLater(votingCloses, close);
        uint64 latest = close + record.windows.maxExtension;
        if (votingCloses > latest) revert ExtensionTooLong(votingCloses, latest);

        record.proposedClose = votingCloses;

        emit ExtensionProposed(id, record.publisher, votingCloses);
    }

    /// @inheritdoc IInitiatives
    function approveExtension(InitiativeId id, uint64 votingCloses) external {
        Record storage record = _record(id);
        EntityId approver = CONSORTIUM.entityOf(msg.sender, Role.Member);
        if (
            EntityId.unwrap(approver) == 0 || approver == record.publisher
                || (_place(record.registrars, approver) == 0 && _place(record.trustees, approver) == 0)
        ) revert SecondEntityRequired(approver);
        _requireExtensible(id, record);
        if (votingCloses == 0 || votingCloses != record.proposedClose) revert ExtensionNotProposed(id, votingCloses);

        record.extended = true;
        record.windows.votingCloses = votingCloses;

        emit VotingExtended(id, approver, votingCloses);
    }

    /// @inheritdoc IInitiatives
    function reopenVoting(InitiativeId id, uint64 votingCloses) external {
        if (msg.sender != address(CONSORTIUM)) revert OnlyMotion(msg.sender);
        _requirePhase(id, Phase.Challenge);
        Record storage record = records[id];
        if (record.reopened) revert ReopeningUsed(id);
        if (votingCloses <= block.timestamp) revert CloseNotLater(votingCloses, uint64(block.timestamp));
        uint64 latest = uint64(block.timestamp + MAX_REOPENING);
        if (votingCloses > latest) revert ReopeningTooLong(votingCloses, latest);

        record.reopened = true;
        record.windows.votingCloses = votingCloses;

        emit VotingReopened(id, votingCloses);
    }

    /// @inheritdoc IInitiatives
    function count() external view returns (uint64) {
        return initiatives;
    }

    /// @inheritdoc IInitiatives
    function phase(InitiativeId id) external view returns (Phase current) {
        (current,) = _status(id);
    }

    /// @inheritdoc IInitiatives
    function requirePhase(InitiativeId id, Phase expected) external view {
        _requirePhase(id, expected);
    }

    /// @inheritdoc IInitiatives
    function voidReason(InitiativeId id) external view returns (VoidReason reason) {
        (, reason) = _status(id);
    }

    /// @inheritdoc IInitiatives
    function publisherOf(InitiativeId id) external view returns (EntityId) {
        return _record(id).publisher;
    }

    /// @inheritdoc IInitiatives
    function rulesHashOf(InitiativeId id) external view returns (bytes32) {
        return _record(id).rulesHash;
    }

    /// @inheritdoc IInitiatives
    function windowsOf(InitiativeId id) external view returns (Windows memory) {
        return _record(id).windows;
    }

    /// @inheritdoc IInitiatives
    function ballotRulesOf(InitiativeId id) external view returns (BallotRules memory) {
        return _record(id).ballot;
    }

    /// @inheritdoc IInitiatives
    function registrarsOf(InitiativeId id) external view returns (EntityId[] memory entities, uint8 threshold) {
        Record storage record = _record(id);
        return (record.registrars, record.registrarThreshold);
    }

    /// @inheritdoc IInitiatives
    function trusteesOf(InitiativeId id) external view returns (EntityId[] memory entities, uint8 threshold) {
        Record storage record = _record(id);
        return (record.trustees, record.trusteeThreshold);
    }

    /// @inheritdoc IInitiatives
    function trusteeIndexOf(InitiativeId id, EntityId entity) external view returns (uint8) {
        return _place(_record(id).trustees, entity);
    }

    /// @inheritdoc IInitiatives
    function proposalsPerPersonOf(InitiativeId id) external view returns (uint16) {
        return _record(id).proposalsPerPerson;
    }

    /// @dev Warning: emits nothing; `create` does.
    function _store(Record storage record, EntityId publisher, Rules calldata rules, bytes32 rulesHash) private {
        record.publisher = publisher;
        record.minAnonymity = rules.minAnonymity;
        record.registrarThreshold = rules.registrarThreshold;
        record.trusteeThreshold = rules.trusteeThreshold;
        record.proposalsPerPerson = rules.proposalsPerPerson;
        record.windows = rules.windows;
        record.rulesHash = rulesHash;
        record.registrars = rules.registrars;
        record.trustees = rules.trustees;
        record.ballot = rules.ballot;
    }

    function _void(InitiativeId id, Record storage record, VoidReason reason, string calldata explanation) private {
        uint256 length = bytes(explanation).length;
        if (length == 0 || length > MAX_EXPLANATION) revert InvalidExplanation(length);

        record.voided = reason;

        emit InitiativeVoided(id, reason, explanation);
    }

    /// @dev What is asked of the other contracts stands still by then: the electorate since registration closed, key
    /// and options since voting opened, ballots since the challenge period ended, for until then voting may reopen.
    function _status(InitiativeId id) private view returns (Phase, VoidReason) {
        Record storage record = _record(id);
        if (record.voided != VoidReason.None) return (Phase.Void, record.voided);

        Windows memory w = record.windows;
        if (block.timestamp < w.registrationOpens) return (Phase.Announced, VoidReason.None);
        if (block.timestamp < w.registrationCloses) return (Phase.Registration, VoidReason.None);
        if (block.timestamp < w.votingOpens) return (Phase.Review, VoidReason.None);

        if (ELECTORATE.size(id) < record.minAnonymity) return (Phase.Void, VoidReason.TooFewRegistered);
        if (!CEREMONY.isFinalised(id)) return (Phase.Void, VoidReason.NoJointKey);
        if (PROPOSALS.optionCount(id) == 0) return (Phase.Void, VoidReason.NoOptions);

        if (block.timestamp < w.votingCloses) return (Phase.Voting, VoidReason.None);
        if (block.timestamp < w.votingCloses + w.challengePeriod) return (Phase.Challenge, VoidReason.None);

        if (BALLOT_BOX.ballotCount(id) < record.minAnonymity) return (Phase.Void, VoidReason.TooFewBallots);
        return (TALLY.isComplete(id) ? Phase.Counted : Phase.Opening, VoidReason.None);
    }

    function _requirePhase(InitiativeId id, Phase expected) private view {
        (Phase current,) = _status(id);
        if (current != expected) revert WrongPhase(id, current);
    }

    function _requirePublisher(InitiativeId id) private view returns (Record storage record) {
        record = _record(id);
        EntityId entity = CONSORTIUM.entityOf(msg.sender, Role.Publisher);
        if (EntityId.unwrap(entity) == 0 || entity != record.publisher) revert NotPublisher(msg.sender);
    }

    /// @dev A reopened window is not extended on top: the close would then pass what the motion may grant.
    function _requireExtensible(InitiativeId id, Record storage record) private view {
        _requirePhase(id, Phase.Voting);
        if (record.extended) revert ExtensionUsed(id);
        if (record.reopened) revert ReopeningUsed(id);
        uint64 close = record.windows.votingCloses;
        if (block.timestamp + EXTENSION_NOTICE > close) revert ExtensionTooLate(close);
    }

    function _record(InitiativeId id) private view returns (Record storage record) {
        record = records[id];
        if (EntityId.unwrap(record.publisher) == 0) revert UnknownInitiative(id);
    }

    function _trusteeKeys(EntityId[] calldata trustees) private view returns (G1Point[] memory keys) {
        keys = new G1Point[](trustees.length);
        for (uint256 i; i < trustees.length; ++i) {
            keys[i] = CONSORTIUM.trusteeKeyOf(trustees[i]);
        }
    }

    /// @dev From 1; 0 where it is not in the list, which has at most 32 entries.
    function _place(EntityId[] storage list, EntityId entity) private view returns (uint8) {
        for (uint256 i; i < list.length; ++i) {
            if (list[i] == entity) return uint8(i + 1);
        }
        return 0;
    }

    function _requireTexts(bytes32 scopeHash, string calldata scope, string calldata title) private pure {
        if (bytes(title).length == 0 || bytes(title).length > MAX_TITLE) revert InvalidRules("title");
        if (bytes(scope).length == 0 || bytes(scope).length > MAX_SCOPE) revert InvalidRules("scope");
        bytes32 actual = keccak256(bytes(scope));
        if (actual != scopeHash) revert ScopeMismatch(scopeHash, actual);
    }
}
