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
        bytes32 scope;
        uint256[9] frame;
        bytes plaintext; // stands in memory as BallotCounted's data do: the outcome's word two before its length
        uint256[] counters;
        uint256 blank;
        uint256 nulls;
        uint256 assisted;
        uint256 accumulator;
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
        _clear(initiative, counting.scope, records, n, length);

        // Unchecked: n records, as many as were found above.
        unchecked {
            for (uint256 i; i < n; ++i) {
                _count(counting, BallotRecord.part(records, i, length));
            }
        }
        BitCounters.merge(totals[initiative], counting.counters);
        Progress memory p = _progress(counting, n);
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
        counting.scope = BallotRecord.scope(address(BALLOT_BOX), InitiativeId.unwrap(initiative));
        counting.frame = Seal.frame(counting.scope);
        counting.plaintext = _newPlaintext(32 * Plaintext.words(rules, n));
        counting.counters = BitCounters.create(Plaintext.totalWords(rules.ballotType, n));
    }

    /// @dev Each record must be what its slot names, and the slot is cleared: a ballot is counted once. Before any is
    /// opened, since what has a slot has been found well formed.
    function _clear(InitiativeId initiative, bytes32 scope, bytes calldata records, uint256 n, uint256 length) private {
        uint256[] memory nullifiers = new uint256[](n);
        uint256[] memory expected = new uint256[](n);
        // Unchecked: as in `count`.
        unchecked {
            for (uint256 i; i < n; ++i) {
                bytes calldata record = BallotRecord.part(records, i, length);
                nullifiers[i] = BallotRecord.nullifier(record);
                expected[i] = BallotRecord.slot(record, BallotRecord.hash(record, scope));
            }
        }

        BALLOT_BOX.clearSlots(initiative, nullifiers, expected);
    }

    /// @dev Opens one ballot and adds it to `counting`; storage is written once a batch.
    function _count(Counting memory counting, bytes calldata record) private {
        bytes memory plaintext = counting.plaintext;
        Seal.open(counting.frame, record, counting.secretKey, plaintext);
        Outcome outcome = Plaintext.outcomeOf(plaintext, counting.rules, counting.options, counting.costs);

        // Unchecked: numbers of ballots, and a sum mod 2^256.
        unchecked {
            if (outcome == Outcome.Valid) Plaintext.addTo(counting.counters, plaintext, counting.rules);
            else if (outcome == Outcome.Blank) ++counting.blank;
            else ++counting.nulls;
            counting.assisted += BallotRecord.channel(record);
            counting.accumulator += BallotRecord.countedHash(record, plaintext);
        }

        _emitCounted(counting.initiative, BallotRecord.nullifier(record), outcome, plaintext);
    }

    /// @dev `emit BallotCounted(initiative, nullifier, outcome, plaintext)`, without copying the plaintext.
    function _emitCounted(InitiativeId initiative, uint256 nullifier, Outcome outcome, bytes memory plaintext) private {
        bytes32 topic = BallotCounted.selector;
        // Assembly: the two words before the plaintext are the event's, see `_newPlaintext`.
        assembly ("memory-safe") {
            let data := sub(plaintext, 0x40)
            mstore(data, outcome)
            log3(data, add(mload(plaintext), 0x60), topic, initiative, nullifier)
        }
    }

    /// @dev Allocates outcome | 0x40 | length | plaintext: the data of BallotCounted, with `plaintext` at its length.
    function _newPlaintext(uint256 length) private pure returns (bytes memory plaintext) {
        bytes memory data = new bytes(0x60 + length);
        // Assembly: a `bytes` within what was just allocated.
        assembly ("memory-safe") {
            mstore(add(data, 0x40), 0x40)
            plaintext := add(data, 0x60)
            mstore(plaintext, length)
        }
    }

    /// @dev As it stands with the n records of `counting`.
    function _progress(Counting memory counting, uint256 n) private view returns (Progress memory p) {
        p = progresses[counting.initiative];
        // Unchecked: no more ballots than leaves, and a sum mod 2^256.
        unchecked {
            p.valid += uint32(n - counting.blank - counting.nulls);
            p.blank += uint32(counting.blank);
            p.nulls += uint32(counting.nulls);
            p.ownDevice += uint32(n - counting.assisted);
            p.assisted += uint32(counting.assisted);
            p.accumulator += counting.accumulator;
        }
        p.complete = _counted(p) == BALLOT_BOX.ballotCount(counting.initiative);
    }

    function _counted(Progress memory p) private pure returns (uint256) {
        return uint256(p.valid) + p.blank + p.nulls;
    }
}
