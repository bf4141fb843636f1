// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    BallotRules, BallotType, G1Point, InitiativeId, Nullifier, Outcome, Phase, SchnorrProof, Suite
} from "../../contracts/Types.sol";
import {Tally} from "../../contracts/Tally.sol";
import {Dealing, DleqProof, ICeremony} from "../../contracts/interfaces/ICeremony.sol";
import {IConsortium} from "../../contracts/interfaces/IConsortium.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {BallotRecord} from "../../contracts/lib/BallotRecord.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {Complaint, Dealings} from "../../contracts/lib/Dealings.sol";
import {Lagrange} from "../../contracts/lib/Lagrange.sol";
import {Schnorr} from "../../contracts/lib/Schnorr.sol";
import {Seal} from "../../contracts/lib/Seal.sol";
import {Patch} from "./Simulator.sol";
import {Test, Vm} from "./Test.sol";

/// @dev Stands at the vectors' addresses, and answers for initiatives, proposals, ceremony and ballot box alike.
contract SuiteDouble {
    BallotRules private rules;
    uint256[] private costList;
    uint256 public key;
    uint256 public ballots;

    function set(BallotRules calldata rules_, uint256[] calldata costs_, uint256 key_, uint256 ballots_) external {
        (rules, costList, key, ballots) = (rules_, costs_, key_, ballots_);
    }

    function requirePhase(InitiativeId, Phase) external view {}

    function ballotRulesOf(InitiativeId) external view returns (BallotRules memory) {
        return rules;
    }

    function optionCount(InitiativeId) external view returns (uint16) {
        return uint16(costList.length);
    }

    function costs(InitiativeId) external view returns (uint256[] memory) {
        return costList;
    }

    function secretKey(InitiativeId) external view returns (uint256) {
        return key;
    }

    function ballotCount(InitiativeId) external view returns (uint256) {
        return ballots;
    }

    function clearSlots(InitiativeId, uint256[] calldata, uint256[] calldata) external {}
}

/// @dev The ceremony's arithmetic at the vectors' address, which its proofs are bound to.
contract DealingsHarness {
    function requireKnowledge(Dealing calldata dealing, InitiativeId initiative, uint32 epoch, uint8 dealer)
        external
        view
    {
        Dealings.requireKnowledge(dealing, initiative, epoch, dealer);
    }

    function judge(Complaint calldata c, Dealing calldata dealing, DleqProof calldata proof)
        external
        view
        returns (bool upheld)
    {
        Dealings.requireDleq(c, dealing.ephemeral, proof);
        return !Dealings.isGoodShare(dealing, c.complainant, Dealings.unmask(c, dealing));
    }
}

/// @dev The contracts against the vectors that Python and JavaScript read too.
contract VectorsTest is Test {
    struct JsonComplaint {
        uint8 dealer;
        uint8 complainant;
        Dealing dealing;
        G1Point shared;
        DleqProof proof;
        bool upheld;
    }

    string private constant DEALING =
        "Dealing(uint256[2][] commitments,uint256[2] ephemeral,uint256[] shares,Proof constantProof,Proof ephemeralProof)";
    string private constant SCHNORR = "Proof(uint256[2] t,uint256 s)";

    function setUp() public {
        vm.chainId(31337);
    }

    // ── points ──

    function test_bn254_agreesWithTheSharedPoints() public view {
        string memory json = vm.readFile("tests/vectors/points.json");
        uint256 i;
        for (; vm.keyExistsJson(json, _path(".products", i, "")); ++i) {
            G1Point memory p = _point(vm.parseJsonBytes(json, _path(".products", i, ".point")));
            uint256 scalar = vm.parseJsonUint(json, _path(".products", i, ".scalar"));
            G1Point memory product = _point(vm.parseJsonBytes(json, _path(".products", i, ".product")));
            vm.assertTrue(Bn254.equal(Bn254.mul(p, scalar), product));
        }
        for (i = 0; vm.keyExistsJson(json, _path(".sums", i, "")); ++i) {
            G1Point memory left = _point(vm.parseJsonBytes(json, _path(".sums", i, ".left")));
            G1Point memory right = _point(vm.parseJsonBytes(json, _path(".sums", i, ".right")));
            G1Point memory sum = _point(vm.parseJsonBytes(json, _path(".sums", i, ".sum")));
            vm.assertTrue(Bn254.equal(Bn254.add(left, right), sum));
        }
        vm.assertGt(i, 10);
    }

    function test_B3_bn254_agreesWithTheSharedEncodings() public view {
        string memory json = vm.readFile("tests/vectors/points.json");
        uint256 checked;
        for (uint256 i; vm.keyExistsJson(json, _path(".encodings", i, "")); ++i) {
            bytes memory blob = vm.parseJsonBytes(json, _path(".encodings", i, ".blob"));
            bytes32 kind = keccak256(bytes(vm.parseJsonString(json, _path(".encodings", i, ".kind"))));
            bytes32 reason = keccak256(bytes(vm.parseJsonString(json, _path(".encodings", i, ".reason"))));
            if (reason == keccak256("wrong-length") || kind == keccak256("proof")) continue;
            // Subgroups are the pairing's to check.
            bool good = reason == keccak256("") || reason == keccak256("outside-subgroup");
            vm.assertEq(kind == keccak256("g1") ? _isG1(blob) : _isG2(blob), good, vm.toString(i));
            ++checked;
        }
        vm.assertGt(checked, 20);
    }

    function testFuzz_bn254_inverse(uint256 a) public view {
        a = _bound(a, 1, Bn254.R - 1);
        vm.assertEq(mulmod(a, Bn254.inverse(a), Bn254.R), 1);
        vm.assertEq(Bn254.inverse(0), 0);
    }

    function testFuzz_lagrange_findsThePolynomialsConstant(uint256[4] memory f, uint8[4] memory offsets) public view {
        uint256[] memory indices = new uint256[](4);
        uint256[] memory values = new uint256[](4);
        for (uint256 i; i < 4; ++i) {
            indices[i] = 64 * i + 1 + offsets[i] % 64;
            for (uint256 k = 4; k != 0; --k) {
                values[i] = addmod(mulmod(values[i], indices[i], Bn254.R), f[k - 1], Bn254.R);
            }
        }
        vm.assertEq(Lagrange.atZero(indices, values), f[0] % Bn254.R);
    }

    // ── Schnorr ──

    function testFuzz_schnorr_takesHonestProofsAndNoOthers(uint256 secret, uint256 nonce, uint256 place) public view {
        secret = _bound(secret, 1, Bn254.R - 1);
        nonce = _bound(nonce, 1, Bn254.R - 1);
        bytes32[] memory prefix = new bytes32[](2);
        (prefix[0], prefix[1]) = (keccak256("domain"), bytes32(uint256(7)));
        G1Point memory x = Bn254.mul(Bn254.generator(), secret);
        SchnorrProof memory proof;
        proof.t = Bn254.mul(Bn254.generator(), nonce);
        uint256 challenge = uint256(keccak256(abi.encode(prefix[0], prefix[1], x, proof.t))) % Bn254.R;
        proof.s = addmod(nonce, mulmod(challenge, secret, Bn254.R), Bn254.R);
        vm.assertTrue(Schnorr.verify(prefix, x, proof));

        place %= 8;
        if (place == 0) proof.s = addmod(proof.s, 1, Bn254.R);
        if (place == 1) proof.s += Bn254.R;
        if (place == 2) proof.t = Bn254.negate(proof.t);
        if (place == 3) proof.t.x += Bn254.P;
        if (place == 4) x = Bn254.negate(x);
        if (place == 5) x.y += Bn254.P;
        if (place == 6) prefix[1] = bytes32(uint256(8));
        if (place == 7) x = G1Point(0, 0);
        vm.assertFalse(Schnorr.verify(prefix, x, proof));
    }

    function test_schnorr_refusesInfinityAsCommitment() public view {
        // X = x·G, T = infinity, s = c·x would hold.
        G1Point memory x = Bn254.mul(Bn254.generator(), 5);
        SchnorrProof memory proof;
        uint256 challenge = uint256(keccak256(abi.encode(x, proof.t))) % Bn254.R;
        proof.s = mulmod(challenge, 5, Bn254.R);
        vm.assertFalse(Schnorr.verify(new bytes32[](0), x, proof));
    }

    // ── ceremony ──

    function test_ceremony_agreesWithTheSharedDealingsAndComplaints() public {
        string memory json = vm.readFile("tests/vectors/ceremony.json");
        address place = vm.parseJsonAddress(json, ".ceremony");
        vm.etch(place, type(DealingsHarness).runtimeCode);
        uint256 i;
        for (; vm.keyExistsJson(json, _path(".cases", i, "")); ++i) {
            InitiativeId id = InitiativeId.wrap(uint64(vm.parseJsonUint(json, _path(".cases", i, ".initiative"))));
            uint32 epoch = uint32(vm.parseJsonUint(json, _path(".cases", i, ".epoch")));
            _checkDealings(json, i, id, epoch, DealingsHarness(place));
            _checkComplaints(json, i, id, epoch, DealingsHarness(place));
            _checkShares(json, i);
        }
        vm.assertGt(i, 1);
    }

    function _checkDealings(string memory json, uint256 i, InitiativeId id, uint32 epoch, DealingsHarness harness)
        private
    {
        Dealing[] memory dealings = abi.decode(
            vm.parseJsonTypeArray(json, _path(".cases", i, ".dealings"), string.concat(DEALING, SCHNORR)), (Dealing[])
        );
        uint256[] memory dealers = vm.parseJsonUintArray(json, _path(".cases", i, ".dealers"));
        for (uint256 k; k < dealings.length; ++k) {
            harness.requireKnowledge(dealings[k], id, epoch, uint8(dealers[k]));
            vm.expectRevert(abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, dealers[k], false));
            harness.requireKnowledge(dealings[k], id, epoch + 1, uint8(dealers[k]));
        }
    }

    function _checkComplaints(string memory json, uint256 i, InitiativeId id, uint32 epoch, DealingsHarness harness)
        private
        view
    {
        string memory types = string.concat(
            "ComplaintVector(uint8 dealer,uint8 complainant,Dealing dealing,uint256[2] shared,Dleq proof,bool upheld)",
            DEALING,
            "Dleq(uint256[2] t1,uint256[2] t2,uint256 s)",
            SCHNORR
        );
        JsonComplaint[] memory list =
            abi.decode(vm.parseJsonTypeArray(json, _path(".cases", i, ".complaints"), types), (JsonComplaint[]));
        bool[2] memory seen;
        for (uint256 k; k < list.length; ++k) {
            string memory keyPath = string.concat(_path(".cases", i, ".keys["), vm.toString(list[k].complainant - 1), "]");
            uint256[] memory key = vm.parseJsonUintArray(json, keyPath);
            Complaint memory c = Complaint(
                id, epoch, list[k].dealer, list[k].complainant, G1Point(key[0], key[1]), list[k].shared
            );
            vm.assertEq(harness.judge(c, list[k].dealing, list[k].proof), list[k].upheld);
            seen[list[k].upheld ? 1 : 0] = true;
        }
        vm.assertTrue(seen[0] && seen[1]);
    }

    function _checkShares(string memory json, uint256 i) private view {
        uint256[] memory shares = vm.parseJsonUintArray(json, _path(".cases", i, ".shares"));
        uint256 t = vm.parseJsonUint(json, _path(".cases", i, ".threshold"));
        G1Point[] memory commitments = new G1Point[](t);
        for (uint256 k; k < t; ++k) {
            string memory path = string.concat(_path(".cases", i, ".commitments["), vm.toString(k), "]");
            uint256[] memory xy = vm.parseJsonUintArray(json, path);
            commitments[k] = G1Point(xy[0], xy[1]);
        }
        uint256[] memory indices = new uint256[](t);
        uint256[] memory last = new uint256[](t);
        for (uint256 k; k < t; ++k) {
            indices[k] = shares.length - k;
            last[k] = shares[indices[k] - 1];
            G1Point memory publicShare = Bn254.evaluate(commitments, indices[k]);
            vm.assertTrue(Bn254.equal(publicShare, Bn254.mul(Bn254.generator(), last[k])));
        }
        vm.assertEq(Lagrange.atZero(indices, last), vm.parseJsonUint(json, _path(".cases", i, ".secretKey")));
    }

    // ── seals ──

    function open(bytes calldata record, bytes32 scope, uint256 secretKey) external view returns (bytes memory text) {
        text = new bytes(record.length - BallotRecord.HEAD);
        Seal.open(Seal.frame(scope), record, secretKey, text);
    }

    function test_seal_agreesWithTheSharedVectors() public view {
        string memory json = vm.readFile("tests/vectors/seal.json");
        uint256 i;
        for (; vm.keyExistsJson(json, _path(".cases", i, "")); ++i) {
            bytes memory text = this.open(
                vm.parseJsonBytes(json, _path(".cases", i, ".record")),
                vm.parseJsonBytes32(json, _path(".cases", i, ".scope")),
                vm.parseJsonUint(json, _path(".cases", i, ".secretKey"))
            );
            vm.assertEq(text, vm.parseJsonBytes(json, _path(".cases", i, ".plaintext")));
        }
        vm.assertGt(i, 2);
    }

    // ── whole counts ──

    struct Result {
        uint256 valid;
        uint256 blank;
        uint256 nulls;
        uint256 ownDevice;
        uint256 assisted;
        uint256 accumulator;
    }

    function test_B9_tally_agreesWithTheSharedElections() public {
        vm.pauseGasMetering();
        string memory json = vm.readFile("tests/vectors/tally.json");
        address place = vm.parseJsonAddress(json, ".ballotBox");
        vm.etch(place, type(SuiteDouble).runtimeCode);
        Suite memory suite = Suite(place, place, place, place, place, address(0), address(0));
        suite.tally = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        Tally tally = new Tally(IConsortium(place), suite);
        uint256 i;
        for (; vm.keyExistsJson(json, _path(".elections", i, "")); ++i) {
            _checkElection(json, i, tally, SuiteDouble(place));
        }
        vm.assertGt(i, 10);
    }

    function _checkElection(string memory json, uint256 i, Tally tally, SuiteDouble suite) private {
        InitiativeId id = InitiativeId.wrap(uint64(vm.parseJsonUint(json, _path(".elections", i, ".initiative"))));
        bytes[] memory records = vm.parseJsonBytesArray(json, _path(".elections", i, ".records"));
        suite.set(
            _rules(json, _path(".elections", i, ".rules")),
            vm.parseJsonUintArray(json, _path(".elections", i, ".costs")),
            vm.parseJsonUint(json, ".secretKey"),
            records.length
        );
        bytes memory joined;
        for (uint256 k; k < records.length; ++k) {
            joined = bytes.concat(joined, records[k]);
        }
        vm.recordLogs();
        tally.count(id, joined);

        _checkEvents(json, i, records.length);
        ITally.Counts memory c = tally.countsOf(id);
        string memory base = _path(".elections", i, "");
        vm.assertEq(c.valid, vm.parseJsonUint(json, string.concat(base, ".valid")));
        vm.assertEq(c.blank, vm.parseJsonUint(json, string.concat(base, ".blank")));
        vm.assertEq(c.nulls, vm.parseJsonUint(json, string.concat(base, ".nulls")));
        vm.assertEq(c.ownDevice, vm.parseJsonUint(json, string.concat(base, ".ownDevice")));
        vm.assertEq(c.assisted, vm.parseJsonUint(json, string.concat(base, ".assisted")));
        vm.assertEq(c.accumulator, vm.parseJsonUint(json, string.concat(base, ".accumulator")));
        vm.assertEq(tally.totalsOf(id), vm.parseJsonUintArray(json, string.concat(base, ".totals")));
    }

    function _checkEvents(string memory json, uint256 i, uint256 count) private {
        bytes[] memory texts = vm.parseJsonBytesArray(json, _path(".elections", i, ".plaintexts"));
        uint256[] memory outcomes = vm.parseJsonUintArray(json, _path(".elections", i, ".outcomes"));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, count + 1);
        for (uint256 k; k < count; ++k) {
            vm.assertEq(logs[k].topics[0], ITally.BallotCounted.selector);
            (uint256 outcome, bytes memory text) = abi.decode(logs[k].data, (uint256, bytes));
            vm.assertEq(outcome, outcomes[k]);
            vm.assertEq(text, texts[k]);
        }
    }

    // ── helpers ──

    function _rules(string memory json, string memory path) private pure returns (BallotRules memory rules) {
        rules.ballotType = BallotType(vm.parseJsonUint(json, string.concat(path, ".ballotType")));
        rules.minLength = uint16(vm.parseJsonUint(json, string.concat(path, ".minLength")));
        rules.maxLength = uint16(vm.parseJsonUint(json, string.concat(path, ".maxLength")));
        rules.minPoints = uint16(vm.parseJsonUint(json, string.concat(path, ".minPoints")));
        rules.maxPoints = uint16(vm.parseJsonUint(json, string.concat(path, ".maxPoints")));
        rules.minSumPoints = uint32(vm.parseJsonUint(json, string.concat(path, ".minSumPoints")));
        rules.maxSumPoints = uint32(vm.parseJsonUint(json, string.concat(path, ".maxSumPoints")));
        rules.maxCost = vm.parseJsonUint(json, string.concat(path, ".maxCost"));
        uint256[] memory ranks = vm.parseJsonUintArray(json, string.concat(path, ".pointsPerRank"));
        rules.pointsPerRank = new uint16[](ranks.length);
        for (uint256 k; k < ranks.length; ++k) {
            rules.pointsPerRank[k] = uint16(ranks[k]);
        }
    }

    function _point(bytes memory blob) private pure returns (G1Point memory) {
        return G1Point(Patch.read(blob, 0), Patch.read(blob, 32));
    }

    function _isG1(bytes memory blob) private pure returns (bool) {
        return Bn254.isValid(_point(blob));
    }

    function _isG2(bytes memory blob) private pure returns (bool) {
        return
            Bn254.isOnTwist(Patch.read(blob, 0), Patch.read(blob, 32), Patch.read(blob, 64), Patch.read(blob, 96));
    }

    function _path(string memory list, uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", field);
    }
}
