// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotRules, BallotType, Outcome} from "../../contracts/Types.sol";
import {BitCounters} from "../../contracts/lib/BitCounters.sol";
import {Plaintext} from "../../contracts/lib/Plaintext.sol";
import {PaperFixture} from "./PaperFixture.sol";

/// forge-config: default.fuzz.runs = 400
contract PlaintextTest is PaperFixture {
    mapping(uint256 => uint256) private totals;

    // ── B9: against the slow reading ──

    function testFuzz_B9_singleChoice_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.SingleChoice, seed);
    }

    function testFuzz_B9_approval_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.Approval, seed);
    }

    function testFuzz_B9_cumulative_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.Cumulative, seed);
    }

    function testFuzz_B9_ordered_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.Ordered, seed);
    }

    function testFuzz_B9_knapsack_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.Knapsack, seed);
    }

    function testFuzz_B9_yesNoAbstain_agreesWithTheSlowReading(uint256 seed) public pure {
        _check(BallotType.YesNoAbstain, seed);
    }

    /// @dev Whatever the plaintext, an outcome.
    function testFuzz_B9_outcomeOf_neverReverts(uint256 seed, bytes memory noise) public pure {
        Paper memory p = _paper(BallotType(seed % 6), seed >> 128);
        bytes memory text = new bytes(32 * _size(p));
        for (uint256 i; i < text.length && i < noise.length; ++i) {
            text[i] = noise[i];
        }
        _compare(p, text);
    }

    /// @dev So that agreement does not rest on everything being null.
    function test_B9_theFuzzedBallotsHaveEveryOutcome() public view {
        for (uint256 kind; kind < 6; ++kind) {
            uint256[3] memory outcomes;
            for (uint256 seed; seed < 120; ++seed) {
                ++outcomes[this.outcomeOfDrawn(BallotType(kind), seed)];
            }
            vm.assertGt(outcomes[0], 12, "valid");
            vm.assertGt(outcomes[1], 1, "blank");
            vm.assertGt(outcomes[2], 12, "null");
        }
    }

    /// @dev A call of its own, whose memory is free again afterwards; so is `checkPaper`.
    function outcomeOfDrawn(BallotType kind, uint256 seed) external pure returns (uint256) {
        Paper memory p = _paper(kind, seed);
        (Outcome outcome,) = _read(_fill(p, seed), p);
        return uint256(outcome);
    }

    function test_B9_outcomeOf_agreesWithTheSharedVectors() public {
        vm.pauseGasMetering();
        string memory json = vm.readFile("tests/vectors/plaintext.json");
        uint256 i;
        for (; vm.keyExistsJson(json, _path(i, "")); ++i) {
            this.checkPaper(json, i);
        }
        vm.assertGt(i, 10);
    }

    /// @dev As in the vectors.
    struct Case {
        bytes plaintext;
        uint256 outcome;
        uint256[] totals;
    }

    function checkPaper(string memory json, uint256 i) external pure {
        Paper memory p = _parse(json, i);
        string memory name = vm.parseJsonString(json, _path(i, ".name"));
        Case[] memory cases = abi.decode(
            vm.parseJsonTypeArray(
                json, _path(i, ".cases"), "Case(bytes plaintext,uint256 outcome,uint256[] totals)"
            ),
            (Case[])
        );
        vm.assertEq(Plaintext.words(p.rules, p.n), vm.parseJsonUint(json, _path(i, ".words")));
        vm.assertGt(cases.length, 10);
        for (uint256 c; c < cases.length; ++c) {
            Outcome outcome = Plaintext.outcomeOf(cases[c].plaintext, p.rules, p.n, p.costs);
            vm.assertEq(uint256(outcome), cases[c].outcome, name);
            if (outcome == Outcome.Valid) vm.assertEq(_scores(p, cases[c].plaintext), cases[c].totals);
        }
    }

    // ── counters ──

    /// forge-config: default.fuzz.runs = 25
    function testFuzz_counters_sumBatchesExactly(uint256 seed) public {
        seed >>= 128; // room for sums
        uint256 words = 1 + seed % 3;
        uint256[] memory expected = new uint256[](256 * words);
        for (uint256 batch; batch < 3; ++batch) {
            uint256[] memory counters = BitCounters.create(words);
            for (uint256 i; i < 20; ++i) {
                uint256 word = _draw(seed + 100 * batch + i, "word", words);
                uint256 plane = _draw(seed + 100 * batch + i, "plane", 16);
                uint256 mask = uint256(keccak256(abi.encode(seed, batch, i)));
                BitCounters.add(counters, word, plane, mask);
                for (uint256 b; b < 256; ++b) {
                    if (mask >> b & 1 != 0) expected[256 * word + b] += 1 << plane;
                }
            }
            BitCounters.merge(totals, counters);
        }
        uint256[] memory stored = BitCounters.load(totals, words);
        for (uint256 o; o < expected.length; ++o) {
            vm.assertEq(BitCounters.read(stored, o / 256, o % 256), expected[o]);
        }
    }

    /// @dev The largest electorate gives one option the largest points: 36 planes hold it.
    function test_counters_holdTheLargestTotal() public {
        for (uint256 batch; batch < 4; ++batch) {
            uint256[] memory counters = BitCounters.create(2);
            // 2^18 ballots of 65,535 points, as their sum's digits
            uint256 sum = 65535 << 18;
            for (uint256 plane; sum != 0; ++plane) {
                if (sum & 1 != 0) BitCounters.add(counters, 0, plane, 1 << 255);
                sum >>= 1;
            }
            BitCounters.merge(totals, counters);
        }
        uint256[] memory stored = BitCounters.load(totals, 2);
        vm.assertEq(BitCounters.read(stored, 0, 255), 65535 << 20);
        vm.assertEq(BitCounters.read(stored, 1, 255), 0);
        vm.assertEq(BitCounters.read(stored, 0, 254), 0);
    }

    // ── helpers ──

    function _check(BallotType kind, uint256 seed) private pure {
        seed >>= 128; // room for sums
        Paper memory p = _paper(kind, seed);
        _compare(p, _fill(p, uint256(keccak256(abi.encode(seed))) >> 128));
    }

    function _compare(Paper memory p, bytes memory text) private pure {
        vm.assertEq(Plaintext.words(p.rules, p.n), _size(p));
        (Outcome expected, uint256[] memory scores) = _read(text, p);
        vm.assertEq(uint256(Plaintext.outcomeOf(text, p.rules, p.n, p.costs)), uint256(expected));
        if (expected == Outcome.Valid) vm.assertEq(_scores(p, text), scores);
    }

    function _scores(Paper memory p, bytes memory text) private pure returns (uint256[] memory scores) {
        bool twofold = p.rules.ballotType == BallotType.YesNoAbstain;
        uint256[] memory counters = BitCounters.create(Plaintext.totalWords(p.rules.ballotType, p.n));
        Plaintext.addTo(counters, text, p.rules);
        scores = new uint256[](twofold ? 2 * p.n : p.n);
        for (uint256 i; i < scores.length; ++i) {
            (uint256 word, uint256 bit) = Plaintext.place(i % p.n);
            if (i >= p.n) word += Plaintext.bitmapWords(p.n);
            scores[i] = BitCounters.read(counters, word, bit);
        }
    }

    function _parse(string memory json, uint256 i) private pure returns (Paper memory p) {
        p.costs = vm.parseJsonUintArray(json, _path(i, ".costs"));
        p.n = p.costs.length;
        p.rules.ballotType = BallotType(vm.parseJsonUint(json, _path(i, ".rules.ballotType")));
        p.rules.minLength = uint16(vm.parseJsonUint(json, _path(i, ".rules.minLength")));
        p.rules.maxLength = uint16(vm.parseJsonUint(json, _path(i, ".rules.maxLength")));
        p.rules.minPoints = uint16(vm.parseJsonUint(json, _path(i, ".rules.minPoints")));
        p.rules.maxPoints = uint16(vm.parseJsonUint(json, _path(i, ".rules.maxPoints")));
        p.rules.minSumPoints = uint32(vm.parseJsonUint(json, _path(i, ".rules.minSumPoints")));
        p.rules.maxSumPoints = uint32(vm.parseJsonUint(json, _path(i, ".rules.maxSumPoints")));
        p.rules.maxCost = vm.parseJsonUint(json, _path(i, ".rules.maxCost"));
        uint256[] memory ranks = vm.parseJsonUintArray(json, _path(i, ".rules.pointsPerRank"));
        p.rules.pointsPerRank = new uint16[](ranks.length);
        for (uint256 k; k < ranks.length; ++k) {
            p.rules.pointsPerRank[k] = uint16(ranks[k]);
        }
    }

    function _path(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".papers[", vm.toString(i), "]", field);
    }
}
