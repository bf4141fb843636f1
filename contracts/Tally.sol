// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    BallotRules, BallotType, EntityId, InitiativeId, NotInSuite, Nullifier, Outcome, Phase, Role, Suite
} from "./Types.sol";
import {IBallotBox} from "./interfaces/IBallotBox.sol";
import {ICeremony} from "./interfaces/ICeremony.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IProposals} from "./interfaces/IProposals.sol";
import {ITally} from "./interfaces/ITally.sol";
import {BallotRecord} from "./lib/BallotRecord.sol";
import {BitCounters} from "./lib/BitCounters.sol";
import {Plaintext} from "./lib/Plaintext.sol";
import {Seal} from "./lib/Seal.sol";

/// @title Tally
contract Tally is ITally {
    /// @dev 32 bits: an electorate has at most 2^20 leaves.
    struct Progress {
        uint32 valid;
        uint32 blank;
        uint32 nulls;
        uint32 ownDevice;
        uint32 assisted;
        bool complete;
        uint256 accumulator;
    }

    /// @dev What a batch of records is counted with, and into.
    struct Counting {
        InitiativeId initiative;
        BallotRules rules;
        uint256 options;
        uint256[] costs; // knapsack only
        uint256 secretKey;
        uint256[9] frame;
        bytes plaintext;
        uint256[] counters;
        Progress progress;
    }

    struct Attestations {
        uint256 trustees; // bit i for the trustee of index i
        bytes32 resultHash;
        mapping(bytes32 resultHash => uint256) count;
    }

    IConsortium private immutable CONSORTIUM;
    IInitiatives private immutable INITIATIVES;
    IProposals private immutable PROPOSALS;
    ICeremony private immutable CEREMONY;
    IBallotBox private immutable BALLOT_BOX;

    mapping(InitiativeId => Progress) private progresses;
    mapping(InitiativeId => mapping(uint256 => uint256)) private totals;
    mapping(InitiativeId => Attestations) private attestations;

    constructor(IConsortium consortium, Suite memory suite) {
        if (suite.tally != address(this)) revert NotInSuite(suite.tally, address(this));

        CONSORTIUM = consortium;
        INITIATIVES = IInitiatives(suite.initiatives);
        PROPOSALS = IProposals(suite.proposals);
        CEREMONY = ICeremony(suite.ceremony);
        BALLOT_BOX = IBallotBox(suite.ballotBox);
    }

    /// @inheritdoc ITally
    function count(InitiativeId initiative, bytes calldata records) external {
        INITIATIVES.requirePhase(initiative, Phase.Opening);
        Counting memory counting = _counting(initiative);
        uint256 length = BallotRecord.HEAD + counting.plaintext.length;
        uint256 n = records.length / length;
        if (n == 0 || n * length != records.length) revert WrongLength(records.length, length);
        _clear(initiative, bytes32(counting.frame[1]), records, n, length);

        for (uint256 i; i < n; ++i) {
            _count(counting, records[i * length:(i + 1) * length]);
        }
        BitCounters.merge(totals[initiative], counting.counters);
        Progress memory p = counting.progress;
        p.complete = _counted(p) == BALLOT_BOX.ballotCount(initiative);
        progresses[initiative] = p;

        // Once: no ballot is left to count, and the phase is no longer Opening.
        if (p.complete) emit CountCompleted(initiative, p.accumulator, p.valid, p.blank, p.nulls);
    }

    /// @inheritdoc ITally
    function attest(InitiativeId initiative, bytes32 resultHash) external {
        INITIATIVES.requirePhase(initiative, Phase.Counted);
        EntityId trustee = CONSORTIUM.entityOf(msg.sender, Role.Trustee);
        uint8 index = EntityId.unwrap(trustee) == 0 ? 0 : INITIATIVES.trusteeIndexOf(initiative, trustee);
        if (index == 0) revert NotTrustee(initiative, msg.sender);
        Attestations storage given = attestations[initiative];
        if (given.trustees >> index & 1 != 0) revert AlreadyAttested(trustee);

        given.trustees |= 1 << index;
        uint256 same = ++given.count[resultHash];
        (, uint8 threshold) = INITIATIVES.trusteesOf(initiative);
        // The first to reach the threshold stays.
        if (same >= threshold && given.resultHash == 0) given.resultHash = resultHash;

        emit ResultAttested(initiative, trustee, resultHash);
    }

    /// @inheritdoc ITally
    function countsOf(InitiativeId initiative) external view returns (Counts memory) {
        Progress memory p = progresses[initiative];
        return Counts(_counted(p), p.valid, p.blank, p.nulls, p.ownDevice, p.assisted, p.accumulator);
    }

    /// @inheritdoc ITally
    function isComplete(InitiativeId initiative) external view returns (bool) {
        return progresses[initiative].complete;
    }

    /// @inheritdoc ITally
    function totalsOf(InitiativeId initiative) external view returns (uint256[] memory scores) {
        BallotType kind = INITIATIVES.ballotRulesOf(initiative).ballotType;
        uint256 n = PROPOSALS.optionCount(initiative);
        uint256 halves = kind == BallotType.YesNoAbstain ? 2 : 1;
        uint256[] memory counters = BitCounters.load(totals[initiative], Plaintext.totalWords(kind, n));

        scores = new uint256[](halves * n);
        for (uint256 i; i < scores.length; ++i) {
            (uint256 word, uint256 bit) = Plaintext.place(i % n);
            scores[i] = BitCounters.read(counters, word + i / n * Plaintext.bitmapWords(n), bit);
        }
    }

    /// @inheritdoc ITally
    function resultHashOf(InitiativeId initiative) external view returns (bytes32) {
        return attestations[initiative].resultHash;
    }

    function _counting(InitiativeId initiative) private view returns (Counting memory counting) {
        counting.secretKey = CEREMONY.secretKey(initiative);
        if (counting.secretKey == 0) revert KeyNotCombined(initiative);

        BallotRules memory rules = INITIATIVES.ballotRulesOf(initiative);
        uint256 n = PROPOSALS.optionCount(initiative);
        counting.initiative = initiative;
        counting.rules = rules;
        counting.options = n;
        if (rules.ballotType == BallotType.Knapsack) counting.costs = PROPOSALS.costs(initiative);
        counting.frame = Seal.frame(BallotRecord.scope(address(BALLOT_BOX), InitiativeId.unwrap(initiative)));
        counting.plaintext = new bytes(32 * Plaintext.words(rules, n));
        counting.counters = BitCounters.create(Plaintext.totalWords(rules.ballotType, n));
        counting.progress = progresses[initiative];
    }

    /// @dev Each record must be what its slot names, and the slot is cleared: a ballot is counted once.
    function _clear(InitiativeId initiative, bytes32 scope, bytes calldata records, uint256 n, uint256 length) private {
        uint256[] memory nullifiers = new uint256[](n);
        uint256[] memory expected = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            bytes calldata record = records[i * length:(i + 1) * length];
            nullifiers[i] = BallotRecord.nullifier(record);
            expected[i] = BallotRecord.slot(record, BallotRecord.hash(record, scope));
        }

        BALLOT_BOX.clearSlots(initiative, nullifiers, expected);
    }

    /// @dev Opens one ballot and adds it to `counting`; storage is written once a batch.
    function _count(Counting memory counting, bytes calldata record) private {
        bytes memory plaintext = counting.plaintext;
        Seal.open(counting.frame, record, counting.secretKey, plaintext);
        Outcome outcome = Plaintext.outcomeOf(plaintext, counting.rules, counting.options, counting.costs);

        Progress memory p = counting.progress;
        // Unchecked: ballots are at most 2^20; the accumulator is a sum mod 2^256.
        unchecked {
            if (outcome == Outcome.Valid) {
                Plaintext.addTo(counting.counters, plaintext, counting.rules);
                ++p.valid;
            } else if (outcome == Outcome.Blank) {
                ++p.blank;
            } else {
                ++p.nulls;
            }
            if (BallotRecord.channel(record) == 0) ++p.ownDevice;
            else ++p.assisted;
            p.accumulator += BallotRecord.countedHash(record, plaintext);
        }

        emit BallotCounted(
            counting.initiative, Nullifier.wrap(BallotRecord.nullifier(record)), outcome, plaintext
        );
    }

    function _counted(Progress memory p) private pure returns (uint256) {
        return uint256(p.valid) + p.blank + p.nulls;
    }
}
