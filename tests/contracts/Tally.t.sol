// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotType, InitiativeId, NotInSuite, Nullifier, Outcome, Phase, Role, Rules} from "../../contracts/Types.sol";
import {Tally} from "../../contracts/Tally.sol";
import {IBallotBox} from "../../contracts/interfaces/IBallotBox.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {BallotFixture} from "./BallotFixture.sol";
import {Patch} from "./Simulator.sol";
import {PaperFixture} from "./PaperFixture.sol";
import {Vm} from "./Test.sol";

contract TallyTest is BallotFixture, PaperFixture {
    uint256 private constant LENGTH = 256 + 101 + 32;

    InitiativeId private id;

    function setUp() public override {
        super.setUp();
        id = _toVoting();
    }

    // ── counting ──

    function test_count_opensEveryBallotOnceAndCompletes() public {
        // Approvals of {0}, {0, 1}, {2}, blank, null; the fourth by the assisted channel.
        bytes memory entries = _castTexts(id, _five());
        _combine(id);
        bytes memory records = _recordsOf(entries, LENGTH);

        tally.count(id, Patch.slice(records, 0, 2 * 133));
        _assertCounts(2, 2, 0, 0, 2, 0);
        vm.assertFalse(tally.isComplete(id));
        vm.assertTrue(initiatives.phase(id) == Phase.Opening);

        uint256 accumulator = _accumulator(records, _five());
        vm.expectEmit(address(tally));
        emit ITally.CountCompleted(id, accumulator, 3, 1, 1);
        tally.count(id, Patch.slice(records, 2 * 133, 5 * 133));
        _assertCounts(5, 3, 1, 1, 4, 1);
        vm.assertEq(tally.countsOf(id).accumulator, accumulator);
        vm.assertTrue(tally.isComplete(id));
        vm.assertTrue(initiatives.phase(id) == Phase.Counted);
        uint256[] memory totals = tally.totalsOf(id);
        vm.assertEq(totals.length, 3);
        vm.assertEq(totals[0], 2);
        vm.assertEq(totals[1], 1);
        vm.assertEq(totals[2], 1);
        vm.assertEq(ballotBox.ballotCount(id), 5);
        for (uint256 voter = 1; voter <= 5; ++voter) {
            vm.assertEq(_slot(id, voter), 0);
        }
    }

    function test_count_emitsThePlaintexts() public {
        bytes[] memory texts = _five();
        bytes memory records = _recordsOf(_castTexts(id, texts), LENGTH);
        _combine(id);
        Outcome[5] memory outcomes = [Outcome.Valid, Outcome.Valid, Outcome.Valid, Outcome.Blank, Outcome.Null];
        for (uint256 i; i < 5; ++i) {
            vm.expectEmit(address(tally));
            emit ITally.BallotCounted(id, Nullifier.wrap(_scalar("nullifier", i + 1)), outcomes[i], texts[i]);
        }
        tally.count(id, records);
    }

    function test_count_givesTheSameInAnyOrderAndCut() public {
        bytes[] memory texts = _five();
        bytes memory records = _recordsOf(_castTexts(id, texts), LENGTH);
        _combine(id);
        uint256 state = vm.snapshotState();
        tally.count(id, records);
        bytes32 whole = keccak256(abi.encode(tally.countsOf(id), tally.totalsOf(id)));
        vm.revertToState(state);

        uint8[5] memory order = [3, 0, 4, 2, 1];
        for (uint256 i; i < 5; ++i) {
            tally.count(id, Patch.slice(records, uint256(order[i]) * 133, (uint256(order[i]) + 1) * 133));
        }
        vm.assertEq(keccak256(abi.encode(tally.countsOf(id), tally.totalsOf(id))), whole);
    }

    function test_count_completesOnce() public {
        bytes memory records = _recordsOf(_castTexts(id, _five()), LENGTH);
        _combine(id);
        vm.recordLogs();
        for (uint256 i; i < 5; ++i) {
            tally.count(id, Patch.slice(records, i * 133, (i + 1) * 133));
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 completed;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == ITally.CountCompleted.selector) ++completed;
        }
        vm.assertEq(completed, 1);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Counted));
        tally.count(id, records);
    }

    function test_count_refusesABallotTwice() public {
        bytes memory records = _recordsOf(_castTexts(id, _five()), LENGTH);
        _combine(id);
        bytes memory first = Patch.slice(records, 0, 133);
        bytes memory second = Patch.slice(records, 133, 266);
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.SlotMismatch.selector, 2));
        tally.count(id, bytes.concat(first, second, first));

        tally.count(id, first);
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.SlotMismatch.selector, 1));
        tally.count(id, bytes.concat(second, first));
        _assertCounts(1, 1, 0, 0, 1, 0);
    }

    function test_count_refusesASupersededBallot() public {
        bytes memory old = _entry(id, 1, 1);
        bytes memory now_ = _entry(id, 1, 2);
        ballotBox.castBatch(id, bytes.concat(old, now_, _entry(id, 2, 1)));
        _combine(id);
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.SlotMismatch.selector, 0));
        tally.count(id, _recordOf(old));
        tally.count(id, _recordOf(now_));
    }

    /// forge-config: default.fuzz.runs = 250
    function testFuzz_count_refusesAChangedRecord(uint256 place, uint8 change) public {
        vm.assume(change != 0);
        bytes memory entries = _entries(id, 1, 2);
        ballotBox.castBatch(id, entries);
        _combine(id);
        bytes memory record = Patch.slice(entries, 256, LENGTH);
        record[place % 133] = bytes1(uint8(record[place % 133]) ^ change);
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.SlotMismatch.selector, 0));
        tally.count(id, record);
    }

    function test_B3_count_refusesWrongLengths() public {
        bytes memory records = _recordsOf(_castTexts(id, _five()), LENGTH);
        _combine(id);
        vm.expectRevert(abi.encodeWithSelector(ITally.WrongLength.selector, 0, 133));
        tally.count(id, "");
        vm.expectRevert(abi.encodeWithSelector(ITally.WrongLength.selector, 5 * 133 + 1, 133));
        tally.count(id, bytes.concat(records, hex"00"));
        bytes memory cut = Patch.slice(records, 0, 132);
        vm.expectRevert(abi.encodeWithSelector(ITally.WrongLength.selector, 132, 133));
        tally.count(id, cut);
    }

    function test_B5_count_onlyInOpening() public {
        bytes memory records = _recordsOf(_castTexts(id, _five()), LENGTH);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Voting));
        tally.count(id, records);
        _toOpening(id);
        vm.warp(block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Challenge));
        tally.count(id, records);
    }

    // ── B9: whatever was sealed ──

    function test_B9_count_singleChoice() public {
        _runElection(BallotType.SingleChoice, 11);
    }

    function test_B9_count_approval() public {
        _runElection(BallotType.Approval, 12);
    }

    function test_B9_count_cumulative() public {
        _runElection(BallotType.Cumulative, 13);
    }

    function test_B9_count_ordered() public {
        _runElection(BallotType.Ordered, 14);
    }

    function test_B9_count_knapsack() public {
        _runElection(BallotType.Knapsack, 15);
    }

    function test_B9_count_yesNoAbstain() public {
        _runElection(BallotType.YesNoAbstain, 16);
    }

    /// @dev A ballot whose R is not r·G of any r that the voter knows, or whose ciphertext is noise, opens to noise: null.
    /// forge-config: default.fuzz.runs = 100
    function testFuzz_B9_count_noiseIsNull(uint256 seed) public {
        Booth memory b = _booth(id);
        Ballot memory noise = _ballot(1, 1);
        bytes memory record = _record(b, noise);
        record = Patch.word(record, 101, uint256(keccak256(abi.encode(seed))));
        ballotBox.castBatch(id, bytes.concat(_prove(b, record), _entry(b, _ballot(2, 1))));
        _combine(id);
        tally.count(id, record);
        _assertCounts(1, 0, 0, 1, 1, 0);
    }

    // ── attestation ──

    function test_attest_givesTheHashThatEnoughTrusteesName() public {
        _counted();
        vm.expectEmit(address(tally));
        emit ITally.ResultAttested(id, _entities(1, 1)[0], keccak256("result"));
        _attest(1, keccak256("result"));
        vm.assertEq(tally.resultHashOf(id), 0);
        _attest(2, keccak256("another"));
        vm.assertEq(tally.resultHashOf(id), 0);
        _attest(3, keccak256("result"));
        vm.assertEq(tally.resultHashOf(id), keccak256("result"));
    }

    function test_attest_onceByATrusteeInCounted() public {
        _as(1);
        vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, Phase.Voting));
        tally.attest(id, keccak256("result"));

        _counted();
        _attest(1, keccak256("result"));
        _as(1);
        vm.expectRevert(abi.encodeWithSelector(ITally.AlreadyAttested.selector, 1));
        tally.attest(id, keccak256("result"));

        vm.expectRevert(abi.encodeWithSelector(ITally.NotTrustee.selector, id, address(this)));
        tally.attest(id, keccak256("result"));
        _as(4);
        vm.expectRevert(abi.encodeWithSelector(ITally.NotTrustee.selector, id, _account(4, Role.Trustee)));
        tally.attest(id, keccak256("result"));
    }

    function test_constructor_refusesAnotherAddressThanTheSuites() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.tally, next));
        new Tally(consortium, suite);
    }

    // ── helpers ──

    function _five() private pure returns (bytes[] memory texts) {
        texts = new bytes[](5);
        texts[0] = abi.encodePacked(uint256(1));
        texts[1] = abi.encodePacked(uint256(3));
        texts[2] = abi.encodePacked(uint256(4));
        texts[3] = abi.encodePacked(uint256(1) << 184);
        texts[4] = abi.encodePacked(uint256(8)); // the fourth of three options
    }

    /// @dev One voter each, from 1; every fourth by the assisted channel.
    function _castTexts(InitiativeId initiative, bytes[] memory texts) private returns (bytes memory entries) {
        Booth memory b = _booth(initiative);
        bytes[] memory parts = new bytes[](texts.length);
        for (uint256 i; i < texts.length; ++i) {
            Ballot memory ballot = _ballot(i + 1, 1);
            ballot.channel = i % 4 == 3 ? 1 : 0;
            ballot.plaintext = texts[i];
            parts[i] = _entry(b, ballot);
        }
        entries = _join(parts);
        ballotBox.castBatch(initiative, entries);
    }

    function _combine(InitiativeId initiative) private {
        _toOpening(initiative);
        _release(initiative, 1);
        _release(initiative, 3);
    }

    function _counted() private {
        bytes memory records = _recordsOf(_castTexts(id, _five()), LENGTH);
        _combine(id);
        tally.count(id, records);
    }

    function _attest(uint8 trustee, bytes32 hash) private {
        _as(trustee);
        tally.attest(id, hash);
    }

    function _accumulator(bytes memory records, bytes[] memory texts) private pure returns (uint256 sum) {
        for (uint256 i; i < texts.length; ++i) {
            bytes memory head = Patch.slice(records, i * (101 + texts[i].length), i * (101 + texts[i].length) + 37);
            unchecked {
                sum += uint256(keccak256(bytes.concat(head, texts[i])));
            }
        }
    }

    /// @dev 30 ballots, drawn by `_fill`, against the slow reading's sums.
    function _runElection(BallotType kind, uint256 seed) private {
        vm.warp(NOW);
        Paper memory p = _paper(kind, seed);
        p.n = 5;
        p.costs = new uint256[](5);
        for (uint256 o; o < 5; ++o) {
            p.costs[o] = 100 + o;
        }
        if (kind == BallotType.Knapsack) p.rules.maxCost = 305;
        p.rules.maxLength = kind == BallotType.SingleChoice ? 1 : 4;
        if (kind == BallotType.Ordered) p.rules.pointsPerRank = _ranks();
        Rules memory rules = _rules();
        rules.ballot = p.rules;
        InitiativeId initiative = _toVoting(rules, 5);
        vm.assertEq(ballotBox.wordsOf(initiative), _size(p));

        bytes[] memory texts = new bytes[](30);
        uint256[3] memory outcomes;
        uint256[] memory totals = new uint256[](kind == BallotType.YesNoAbstain ? 10 : 5);
        for (uint256 i; i < texts.length; ++i) {
            texts[i] = _fill(p, 1000 * seed + i);
            (Outcome outcome, uint256[] memory scores) = _read(texts[i], p);
            ++outcomes[uint256(outcome)];
            for (uint256 o; outcome == Outcome.Valid && o < totals.length; ++o) {
                totals[o] += scores[o];
            }
        }
        bytes memory records = _recordsOf(_castTexts(initiative, texts), 357 + texts[0].length);
        _combine(initiative);
        uint256 half = records.length / 2;
        tally.count(initiative, Patch.slice(records, 0, half));
        tally.count(initiative, Patch.slice(records, half, records.length));

        ITally.Counts memory c = tally.countsOf(initiative);
        vm.assertEq(c.valid, outcomes[0]);
        vm.assertEq(c.blank, outcomes[1]);
        vm.assertEq(c.nulls, outcomes[2]);
        vm.assertEq(c.assisted, 7);
        vm.assertEq(c.ownDevice, 23);
        vm.assertEq(c.accumulator, _accumulator(records, texts));
        vm.assertEq(tally.totalsOf(initiative), totals);
        vm.assertTrue(tally.isComplete(initiative));
        vm.assertGt(outcomes[0], 3);
        vm.assertGt(outcomes[2], 3);
    }

    function _ranks() private pure returns (uint16[] memory ranks) {
        ranks = new uint16[](4);
        (ranks[0], ranks[1], ranks[2], ranks[3]) = (65535, 7, 0, 1);
    }

    function _assertCounts(
        uint256 counted,
        uint256 valid,
        uint256 blank,
        uint256 nulls,
        uint256 ownDevice,
        uint256 assisted
    ) private view {
        ITally.Counts memory c = tally.countsOf(id);
        vm.assertEq(c.counted, counted);
        vm.assertEq(c.valid, valid);
        vm.assertEq(c.blank, blank);
        vm.assertEq(c.nulls, nulls);
        vm.assertEq(c.ownDevice, ownDevice);
        vm.assertEq(c.assisted, assisted);
    }
}
