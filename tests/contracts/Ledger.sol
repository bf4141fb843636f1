// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {Outcome, Phase, Rules, VoidReason} from "../../contracts/Types.sol";
import {IBallotBox} from "../../contracts/interfaces/IBallotBox.sol";
import {ICeremony} from "../../contracts/interfaces/ICeremony.sol";
import {IElectorate} from "../../contracts/interfaces/IElectorate.sol";
import {ExecutionStatus, IFollowUp} from "../../contracts/interfaces/IFollowUp.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {IProposals} from "../../contracts/interfaces/IProposals.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {Patch} from "./Simulator.sol";
import {Vm} from "./Test.sol";

/// @dev The state of one initiative (approval, at most 184 options) as a fold of its events alone.
contract Ledger {
    uint256 private constant PROOF = 256;

    // Electorate
    uint256 public size;
    uint256 public root;
    mapping(bytes32 tag => uint256) public commitmentOf;
    // Proposals
    uint256 public proposals;
    uint256[] private optionCosts;
    mapping(uint256 proposal => uint256) public optionOf;
    // Ceremony
    bool public finalised;
    uint256 public shares;
    uint256 public secretKey;
    // Ballots
    uint256 public distinct;
    uint256[] private nullifiers;
    mapping(uint256 nullifier => bytes) public recordOf;
    mapping(uint256 nullifier => bool) public counted;
    mapping(uint256 nullifier => bool) private seen;
    // Count
    uint256[3] private outcomes;
    uint256[2] private channels;
    uint256 public accumulator;
    mapping(uint256 option => uint256) public scoreOf;
    mapping(bytes32 resultHash => uint256) private attestations;
    bytes32 public resultHash;
    // Follow-up
    mapping(uint256 option => uint32) public reports;
    mapping(uint256 option => bytes32) public reportsHash;
    mapping(uint256 option => mapping(uint256 report => bool)) public erased;
    // Initiative
    uint64 public votingCloses;
    VoidReason public voided;
    bool public extended;
    bool public reopened;

    constructor(uint64 close) {
        votingCloses = close;
    }

    function costs() external view returns (uint256[] memory) {
        return optionCosts;
    }

    function options() external view returns (uint256) {
        return optionCosts.length;
    }

    function nullifierAt(uint256 i) external view returns (uint256) {
        return nullifiers[i];
    }

    function countOf(Outcome outcome) external view returns (uint256) {
        return outcomes[uint256(outcome)];
    }

    function countOfChannel(uint256 channel) external view returns (uint256) {
        return channels[channel];
    }

    function countedBallots() public view returns (uint256) {
        return outcomes[0] + outcomes[1] + outcomes[2];
    }

    /// @dev The phase that design, section 4, gives for this state at this time.
    function phaseAt(Rules memory rules, uint256 time) external view returns (Phase) {
        if (voided != VoidReason.None) return Phase.Void;
        if (time < rules.windows.registrationOpens) return Phase.Announced;
        if (time < rules.windows.registrationCloses) return Phase.Registration;
        if (time < rules.windows.votingOpens) return Phase.Review;
        if (size < rules.minAnonymity || !finalised || optionCosts.length == 0) return Phase.Void;
        if (time < votingCloses) return Phase.Voting;
        if (time < votingCloses + rules.windows.challengePeriod) return Phase.Challenge;
        if (distinct < rules.minAnonymity) return Phase.Void;
        return countedBallots() == distinct ? Phase.Counted : Phase.Opening;
    }

    function fold(Vm.Log[] memory logs) external {
        for (uint256 i; i < logs.length; ++i) {
            _fold(logs[i].topics, logs[i].data);
        }
    }

    function _fold(bytes32[] memory topics, bytes memory data) private {
        bytes32 kind = topics[0];
        if (kind == IElectorate.Registered.selector) {
            _register(data);
        } else if (kind == IElectorate.ReplacementApplied.selector) {
            (,, commitmentOf[topics[2]], root) = abi.decode(data, (uint32, uint256, uint256, uint256));
        } else if (kind == IProposals.ProposalSubmitted.selector) {
            require(uint256(topics[2]) == ++proposals, "proposals are numbered in their order");
        } else if (kind == IProposals.ProposalAccepted.selector) {
            (uint16 option, uint256 cost,) = abi.decode(data, (uint16, uint256, string));
            require(option == optionCosts.length, "options are numbered in the order of acceptance");
            optionOf[uint256(topics[2])] = option;
            optionCosts.push(cost);
        } else if (kind == IProposals.CostChanged.selector) {
            (uint256 cost,) = abi.decode(data, (uint256, string));
            optionCosts[optionOf[uint256(topics[2])]] = cost;
        } else if (kind == ICeremony.KeyFinalised.selector) {
            finalised = true;
        } else if (kind == ICeremony.ShareReleased.selector) {
            ++shares;
        } else if (kind == ICeremony.KeyCombined.selector) {
            secretKey = abi.decode(data, (uint256));
        } else if (kind == IBallotBox.BallotCast.selector) {
            _cast(uint256(topics[2]), abi.decode(data, (bytes)));
        } else if (kind == ITally.BallotCounted.selector) {
            (Outcome outcome, bytes memory plaintext) = abi.decode(data, (Outcome, bytes));
            _count(uint256(topics[2]), outcome, plaintext);
        } else if (kind == ITally.ResultAttested.selector) {
            bytes32 attested = abi.decode(data, (bytes32));
            if (++attestations[attested] == 2 && resultHash == 0) resultHash = attested;
        } else if (kind == IFollowUp.ExecutionReported.selector) {
            _report(uint256(topics[2]), data);
        } else if (kind == IFollowUp.ReportErased.selector) {
            (uint32 number,,) = abi.decode(data, (uint32, bytes32, string));
            erased[uint256(topics[2])][number] = true;
        } else if (kind == IInitiatives.VotingExtended.selector) {
            (votingCloses, extended) = (abi.decode(data, (uint64)), true);
        } else if (kind == IInitiatives.VotingReopened.selector) {
            (votingCloses, reopened) = (abi.decode(data, (uint64)), true);
        } else if (kind == IInitiatives.InitiativeVoided.selector) {
            (voided,) = abi.decode(data, (VoidReason, string));
        }
    }

    function _register(bytes memory data) private {
        (uint32 first, bytes32[] memory tags, uint256[] memory commitments,,, uint256 newRoot) =
            abi.decode(data, (uint32, bytes32[], uint256[], bytes32, uint32[], uint256));
        require(first == size, "leaves follow one another");
        for (uint256 i; i < tags.length; ++i) {
            require(commitmentOf[tags[i]] == 0, "one person, one leaf");
            commitmentOf[tags[i]] = commitments[i];
        }
        size += tags.length;
        root = newRoot;
    }

    function _report(uint256 option, bytes memory data) private {
        (uint32 number, ExecutionStatus status, uint16 shareDone, uint256 spent, bytes32 text) =
            abi.decode(data, (uint32, ExecutionStatus, uint16, uint256, bytes32));
        require(number == ++reports[option], "reports are numbered by option in their order");
        reportsHash[option] = keccak256(abi.encode(reportsHash[option], status, shareDone, spent, text));
    }

    function _cast(uint256 nullifier, bytes memory entry) private {
        if (!seen[nullifier]) {
            seen[nullifier] = true;
            nullifiers.push(nullifier);
            ++distinct;
        }
        recordOf[nullifier] = Patch.slice(entry, PROOF, entry.length);
    }

    function _count(uint256 nullifier, Outcome outcome, bytes memory plaintext) private {
        require(seen[nullifier] && !counted[nullifier], "a ballot that was cast, once");
        counted[nullifier] = true;
        ++outcomes[uint256(outcome)];
        bytes memory record = recordOf[nullifier];
        uint8 channel = uint8(record[36]);
        ++channels[channel];
        uint256 sequence = Patch.read(record, 32) >> 224;
        unchecked {
            accumulator +=
                uint256(keccak256(abi.encodePacked(nullifier, uint32(sequence), channel, plaintext)));
        }
        if (outcome != Outcome.Valid) return;
        uint256 bitmap = Patch.read(plaintext, 0);
        for (uint256 option; option < optionCosts.length; ++option) {
            scoreOf[option] += bitmap >> option & 1;
        }
    }
}
