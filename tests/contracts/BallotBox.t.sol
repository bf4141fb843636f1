// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, G1Point, InitiativeId, NotInSuite, Nullifier, Phase, Rules} from "../../contracts/Types.sol";
import {BallotBox} from "../../contracts/BallotBox.sol";
import {Groth16BatchVerifier} from "../../contracts/Groth16BatchVerifier.sol";
import {IBallotBox} from "../../contracts/interfaces/IBallotBox.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {BallotFixture} from "./BallotFixture.sol";
import {Patch, Simulator} from "./Simulator.sol";
import {Vm} from "./Test.sol";

/// @dev B11: anybody's contract may stand between.
contract Wrapper {
    function forward(address target, bytes calldata data) external {
        (bool done,) = target.call(data);
        require(done, "forwarded call failed");
    }
}

contract BallotBoxTest is BallotFixture {
    uint256 private constant LENGTH = 256 + 101 + 32;
    // Places in an entry
    uint256 private constant NULLIFIER = 256;
    uint256 private constant CHANNEL = 292;
    uint256 private constant POINT = 293;

    InitiativeId private id;

    function setUp() public override {
        super.setUp();
        id = _toVoting();
    }

    // ── casting ──

    function test_castBatch_storesSlotsCountsNullifiersAndEmitsWholeEntries() public {
        for (uint256 n = 1; n <= 5; ++n) {
            bytes memory entries = _entries(id, 10 * n, n);
            uint256 before = ballotBox.ballotCount(id);
            for (uint256 i; i < n; ++i) {
                vm.expectEmit(address(ballotBox));
                emit IBallotBox.BallotCast(
                    id, Nullifier.wrap(_scalar("nullifier", 10 * n + i)), Patch.slice(entries, i * LENGTH, (i + 1) * LENGTH)
                );
            }
            ballotBox.castBatch(id, entries);

            vm.assertEq(ballotBox.ballotCount(id), before + n);
            for (uint256 i; i < n; ++i) {
                bytes memory entry = Patch.slice(entries, i * LENGTH, (i + 1) * LENGTH);
                vm.assertEq(_slot(id, 10 * n + i), _slotFor(_booth(id), entry));
            }
        }
    }

    function test_castBatch_acceptsHundredAtOnce() public {
        ballotBox.castBatch(id, _entries(id, 1, 100));
        vm.assertEq(ballotBox.ballotCount(id), 100);
    }

    function test_castBatch_takesANullifierTwiceInOneBatch() public {
        bytes memory entries = bytes.concat(_entry(id, 1, 1), _entry(id, 2, 1), _entry(id, 1, 2), _entry(id, 1, 17));
        ballotBox.castBatch(id, entries);

        vm.assertEq(ballotBox.ballotCount(id), 2);
        vm.assertEq(_slot(id, 1) >> 224, 17);
    }

    function test_castBatch_revertsOnOneInvalidProofAnywhere() public {
        bytes memory entries = _entries(id, 1, 20);
        for (uint256 i; i < 20; ++i) {
            G1Point memory c = Simulator.point(entries, i * LENGTH + 192);
            bytes memory bad = Patch.point(entries, i * LENGTH + 192, Bn254.add(c, Bn254.generator()));
            _assertRefused(bad, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
        }
        vm.assertEq(ballotBox.ballotCount(id), 0);
        vm.assertEq(_slot(id, 1), 0);
    }

    function test_castBatch_revertsOnErrorsThatCancelUnderEqualCoefficients() public {
        bytes memory entries = _entries(id, 1, 2);
        G1Point memory d = _g(12345);
        bytes memory moved = Patch.point(entries, 192, Bn254.add(Simulator.point(entries, 192), d));
        moved = Patch.point(moved, LENGTH + 192, Bn254.add(Simulator.point(moved, LENGTH + 192), Bn254.negate(d)));
        _assertRefused(moved, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    /// @dev The coefficients follow from every byte of the batch. Errors made to cancel under those of the batch as it
    /// was meet others.
    function test_castBatch_revertsOnErrorsMadeForTheCoefficientsBefore() public {
        bytes memory entries = _entries(id, 1, 2);
        uint256 rho = _rho(entries, 2, 1);
        G1Point memory d = _g(777);
        bytes memory moved =
            Patch.point(entries, 192, Bn254.add(Simulator.point(entries, 192), Bn254.mul(d, rho)));
        moved = Patch.point(moved, LENGTH + 192, Bn254.add(Simulator.point(moved, LENGTH + 192), Bn254.negate(d)));
        _assertRefused(moved, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    function test_castBatch_revertsOnPointOutsideTheSubgroup() public {
        bytes memory entry = Patch.replace(_entry(id, 1, 1), 64, Simulator.outsideSubgroup());
        _assertRefused(entry, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    /// @dev A relay that sends too little gas gets anything but a verdict on the proof.
    function test_castBatch_neverCallsAValidProofInvalidForWantOfGas() public {
        bytes memory call = abi.encodeCall(ballotBox.castBatch, (id, _entries(id, 1, 2)));
        uint256 state = vm.snapshotState();
        for (uint256 limit = 20_000; limit < 600_000; limit += 3_700) {
            (bool done, bytes memory reason) = address(ballotBox).call{gas: limit}(call);
            if (!done && reason.length >= 4) {
                vm.assertNotEq(bytes32(bytes4(reason)), bytes32(IBallotBox.InvalidProof.selector));
            }
            vm.assertEq(ballotBox.ballotCount(id), done ? 2 : 0);
            vm.revertToState(state);
        }
    }

    // ── B1 ──

    function test_B1_castBatch_refusesCiphertextUnderAnotherNullifier() public {
        bytes memory entry = _entry(id, 1, 1);
        bytes memory copied = Patch.word(entry, NULLIFIER, _scalar("nullifier", 2));
        _assertRefused(copied, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    function test_B1_castBatch_refusesProofOfAnotherRecord() public {
        bytes memory mine = _entry(id, 1, 1);
        bytes memory stolen = bytes.concat(Patch.slice(mine, 0, 256), _recordOf(_entry(id, 2, 1)));
        _assertRefused(stolen, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    function testFuzz_B1_castBatch_refusesAnyChangedByteOfTheRecord(uint256 place, uint8 change) public {
        vm.assume(change != 0);
        bytes memory entry = _entry(id, 1, 1);
        place = 256 + place % (LENGTH - 256);
        entry[place] = bytes1(uint8(entry[place]) ^ change);

        (bool done,) = address(ballotBox).call(abi.encodeCall(ballotBox.castBatch, (id, entry)));
        // A sequence that cannot count is skipped: nothing of the entry takes effect.
        vm.assertTrue(!done || (place >= 288 && place < 292));
        vm.assertEq(ballotBox.ballotCount(id), 0);
    }

    function test_B1_castBatch_refusesProofMovedToAnotherInitiative() public {
        vm.warp(NOW);
        InitiativeId other = _toVoting();
        bytes memory entry = _entry(id, 1, 1);
        ballotBox.castBatch(id, entry);

        vm.expectRevert(IBallotBox.InvalidProof.selector);
        ballotBox.castBatch(other, entry);
    }

    function test_B1_castBatch_refusesProofMovedToAnotherContractOrChain() public {
        Booth memory elsewhere = _booth(id);
        elsewhere.scope = keccak256(abi.encode(keccak256("urna/scope/v1"), block.chainid, address(0xbeef), id));
        _assertRefused(
            _entry(elsewhere, _ballot(1, 1)), abi.encodeWithSelector(IBallotBox.InvalidProof.selector)
        );

        bytes memory entry = _entry(id, 1, 1);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        _assertRefused(entry, abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
        vm.chainId(chain);
        ballotBox.castBatch(id, entry);
    }

    function test_B1_castBatch_refusesProofForAnotherElectorate() public {
        Booth memory b = _booth(id);
        b.root = electorate.root(id) ^ 1;
        _assertRefused(_entry(b, _ballot(1, 1)), abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    // ── B2 ──

    function test_B2_castBatch_refusesNullifiersOutOfRange() public {
        Booth memory b = _booth(id);
        uint256[3] memory bad = [_scalar("nullifier", 1) + Bn254.R, Bn254.R, type(uint256).max];
        for (uint256 i; i < 3; ++i) {
            Ballot memory ballot = _ballot(1, 1);
            ballot.nullifier = bad[i];
            bytes memory entries = bytes.concat(_entry(b, _ballot(9, 1)), _entry(b, ballot));
            _assertRefused(entries, abi.encodeWithSelector(IBallotBox.NullifierOutOfRange.selector, 1));
        }
    }

    function test_B2_castBatch_takesASecondBallotOfANullifierAsARevote() public {
        ballotBox.castBatch(id, _entry(id, 1, 1));
        Ballot memory second = _ballot(1, 2);
        second.channel = 1;
        ballotBox.castBatch(id, _entry(_booth(id), second));

        vm.assertEq(ballotBox.ballotCount(id), 1);
        vm.assertEq(_slot(id, 1) >> 224, 2);
    }

    // ── B3 ──

    function test_B3_castBatch_refusesWrongLengths() public {
        bytes memory entries = _entries(id, 1, 2);
        _assertRefused("", abi.encodeWithSelector(IBallotBox.WrongLength.selector, 0, LENGTH));
        bytes memory cut = Patch.slice(entries, 0, 2 * LENGTH - 1);
        _assertRefused(cut, abi.encodeWithSelector(IBallotBox.WrongLength.selector, 2 * LENGTH - 1, LENGTH));
        bytes memory more = bytes.concat(entries, hex"00");
        _assertRefused(more, abi.encodeWithSelector(IBallotBox.WrongLength.selector, 2 * LENGTH + 1, LENGTH));
    }

    function test_B3_castBatch_refusesMalformedPointsByIndex() public {
        bytes memory entries = _entries(id, 1, 3);
        uint256[3] memory points = [uint256(0), 192, POINT];
        for (uint256 k; k < 3; ++k) {
            uint256 offset = 2 * LENGTH + points[k];
            bytes memory expected = abi.encodeWithSelector(IBallotBox.InvalidEntryPoint.selector, 2);
            _assertRefused(Patch.point(entries, offset, G1Point(0, 0)), expected);
            _assertRefused(Patch.word(entries, offset, Patch.read(entries, offset) + Bn254.P), expected);
            _assertRefused(Patch.word(entries, offset + 32, Patch.read(entries, offset + 32) + Bn254.P), expected);
            _assertRefused(Patch.word(entries, offset, Patch.read(entries, offset) ^ 1), expected);
            _assertRefused(Patch.word(entries, offset, Bn254.P), expected);
        }
    }

    /// @dev A malformed entry sinks the batch even where its sequence would have it skipped: what is accepted as
    /// well-formed must not depend on state.
    function test_B3_castBatch_refusesMalformedEntryThatWouldBeSkipped() public {
        ballotBox.castBatch(id, _entry(id, 1, 1));
        bytes memory replay = Patch.word(_entry(id, 1, 1), 0, Bn254.P);
        _assertRefused(replay, abi.encodeWithSelector(IBallotBox.InvalidEntryPoint.selector, 0));
    }

    function test_B3_castBatch_refusesUnknownChannel() public {
        Ballot memory ballot = _ballot(1, 1);
        ballot.channel = 2;
        _assertRefused(_entry(_booth(id), ballot), abi.encodeWithSelector(IBallotBox.InvalidChannel.selector, 0));
    }

    /// @dev No pairing can run at this gas limit, so the error comes before any.
    function testFuzz_B3_castBatch_refusesRandomBlobsBeforeAnyPairing(bytes calldata noise, uint256 entries) public {
        bytes memory blob = bytes.concat(noise, new bytes(entries % 3 * LENGTH));
        (bool done, bytes memory reason) =
            address(ballotBox).call{gas: 140_000}(abi.encodeCall(ballotBox.castBatch, (id, blob)));
        vm.assertFalse(done);
        bytes4 selector = bytes4(reason);
        if (blob.length == 0 || blob.length % LENGTH != 0) {
            vm.assertTrue(selector == IBallotBox.WrongLength.selector);
        } else {
            vm.assertTrue(
                selector == IBallotBox.NullifierOutOfRange.selector || selector == IBallotBox.InvalidChannel.selector
                    || selector == IBallotBox.InvalidEntryPoint.selector
            );
        }
    }

    /// @dev As in the vectors.
    struct BlobCase {
        bytes blob;
        string reason;
        uint256 index;
    }

    function test_B3_castBatch_agreesWithTheSharedBlobs() public {
        vm.pauseGasMetering();
        string memory json = vm.readFile("tests/vectors/blobs.json");
        vm.assertEq(ballotBox.wordsOf(id), vm.parseJsonUint(json, ".words"));
        BlobCase[] memory blobs = abi.decode(
            vm.parseJsonTypeArray(json, ".cases", "BlobVector(bytes blob,string error,uint256 index)"), (BlobCase[])
        );
        vm.assertGt(blobs.length, 100);
        for (uint256 i; i < blobs.length; ++i) {
            BlobCase memory b = blobs[i];
            (bool done, bytes memory reason) =
                address(ballotBox).call(abi.encodeCall(ballotBox.castBatch, (id, b.blob)));
            if (bytes(b.reason).length == 0) {
                // Well formed: either nothing of it counts, or its proofs are for another key.
                vm.assertTrue(done || bytes4(reason) == IBallotBox.InvalidProof.selector);
                vm.assertEq(ballotBox.ballotCount(id), 0);
            } else if (keccak256(bytes(b.reason)) == keccak256("WrongLength")) {
                vm.assertEq(reason, abi.encodeWithSelector(IBallotBox.WrongLength.selector, b.blob.length, LENGTH));
            } else {
                bytes4 selector = bytes4(keccak256(bytes(string.concat(b.reason, "(uint256)"))));
                vm.assertEq(reason, abi.encodeWithSelector(selector, b.index), b.reason);
            }
        }
    }

    // ── B4 ──

    function test_B4_castBatch_givesTheSameSlotToARerandomisedProof() public {
        Booth memory b = _booth(id);
        bytes memory record = _record(b, _ballot(1, 1));
        bytes memory proof = Simulator.proveWith(_signals(b, record), 4321, 2);
        bytes memory front = bytes.concat(Simulator.rerandomise(proof), record);
        ballotBox.castBatch(id, front);
        uint256 slot = _slot(id, 1);

        // The voter's own then does no harm, and its batch stands.
        ballotBox.castBatch(id, bytes.concat(proof, record, _entry(id, 2, 1)));
        vm.assertEq(_slot(id, 1), slot);
        vm.assertEq(slot, _slotFor(b, bytes.concat(proof, record)));
        vm.assertEq(ballotBox.ballotCount(id), 2);
    }

    // ── B5 ──

    function test_B5_castBatch_keepsToTheWindowToTheSecond() public {
        uint256 opens = initiatives.windowsOf(id).votingOpens;
        uint256 closes = initiatives.windowsOf(id).votingCloses;
        uint256 opening = closes + initiatives.windowsOf(id).challengePeriod;
        bytes[3] memory entries = [_entry(id, 1, 1), _entry(id, 2, 1), _entry(id, 3, 1)];

        vm.warp(opens - 1);
        _assertWrongPhase(entries[0], Phase.Review);
        vm.warp(opens);
        ballotBox.castBatch(id, entries[0]);
        vm.warp(closes - 1);
        ballotBox.castBatch(id, entries[1]);
        vm.warp(closes);
        _assertWrongPhase(entries[2], Phase.Challenge);
        vm.warp(opening - 1);
        _assertWrongPhase(entries[2], Phase.Challenge);
        vm.warp(opening);
        _assertWrongPhase(entries[2], Phase.Opening);
    }

    // ── B6 ──

    function test_B6_castBatch_skipsReplaysAndLeapsAndKeepsTheRest() public {
        ballotBox.castBatch(id, _entry(id, 1, 1));
        ballotBox.castBatch(id, _entry(id, 1, 5));
        uint256 slot = _slot(id, 1);
        bytes memory entries =
            bytes.concat(_entry(id, 1, 1), _entry(id, 1, 5), _entry(id, 1, 22), _entry(id, 1, 0), _entry(id, 2, 16));

        Nullifier nullifier = Nullifier.wrap(_scalar("nullifier", 1));
        _expectSkip(nullifier, 1, IBallotBox.CastSkipReason.SequenceTooLow);
        _expectSkip(nullifier, 5, IBallotBox.CastSkipReason.SequenceTooLow);
        _expectSkip(nullifier, 22, IBallotBox.CastSkipReason.SequenceTooHigh);
        _expectSkip(nullifier, 0, IBallotBox.CastSkipReason.SequenceTooLow);
        ballotBox.castBatch(id, entries);

        vm.assertEq(_slot(id, 1), slot);
        vm.assertEq(_slot(id, 2) >> 224, 16);
        vm.assertEq(ballotBox.ballotCount(id), 2);
    }

    /// forge-config: default.fuzz.runs = 250
    function testFuzz_B6_castBatch_countsIffWithinSixteen(uint32 first, uint32 second) public {
        first = uint32(_bound(first, 1, 16));
        second = uint32(_bound(second, 0, 40));
        ballotBox.castBatch(id, _entry(id, 1, first));
        ballotBox.castBatch(id, bytes.concat(_entry(id, 1, second), _entry(id, 2, 1)));

        bool counts = second > first && second <= first + 16;
        vm.assertEq(_slot(id, 1) >> 224, counts ? second : first);
        vm.assertEq(_slot(id, 2) >> 224, 1);
    }

    function test_B6_castBatch_startsFromOneToSixteen() public {
        ballotBox.castBatch(id, bytes.concat(_entry(id, 1, 0), _entry(id, 2, 17), _entry(id, 3, 16)));
        vm.assertEq(ballotBox.ballotCount(id), 1);
        vm.assertEq(_slot(id, 3) >> 224, 16);
    }

    /// @dev Skipped ones need no valid proof, and give none of the others a weaker check.
    function test_B6_castBatch_doesNotVerifySkippedButVerifiesTheOthers() public {
        ballotBox.castBatch(id, _entry(id, 1, 1));
        bytes memory skipped = Patch.point(_entry(id, 1, 1), 0, _g(3));
        ballotBox.castBatch(id, bytes.concat(skipped, _entry(id, 2, 1)));
        vm.assertEq(ballotBox.ballotCount(id), 2);

        bytes memory bad = Patch.point(_entry(id, 3, 1), 0, _g(3));
        _assertRefused(bytes.concat(skipped, bad), abi.encodeWithSelector(IBallotBox.InvalidProof.selector));
    }

    // ── B11 ──

    function test_B11_castBatch_throughAWrapperEmitsAllThatIsNeeded() public {
        bytes memory entries = _entries(id, 1, 2);
        Wrapper wrapper = new Wrapper();
        vm.recordLogs();
        wrapper.forward(address(ballotBox), abi.encodeCall(ballotBox.castBatch, (id, entries)));

        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        for (uint256 i; i < 2; ++i) {
            vm.assertEq(logs[i].emitter, address(ballotBox));
            vm.assertEq(logs[i].topics[0], IBallotBox.BallotCast.selector);
            vm.assertEq(logs[i].topics[1], bytes32(uint256(InitiativeId.unwrap(id))));
            vm.assertEq(logs[i].topics[2], bytes32(_scalar("nullifier", i + 1)));
            vm.assertEq(abi.decode(logs[i].data, (bytes)), Patch.slice(entries, i * LENGTH, (i + 1) * LENGTH));
        }
    }

    // ── the rest ──

    function test_clearSlots_onlyByTally() public {
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.OnlyTally.selector, address(this)));
        ballotBox.clearSlots(id, new uint256[](0), new uint256[](0));
    }

    function test_clearSlots_matchesNoEmptySlot() public {
        vm.prank(address(tally));
        vm.expectRevert(abi.encodeWithSelector(IBallotBox.SlotMismatch.selector, 0));
        ballotBox.clearSlots(id, new uint256[](1), new uint256[](1));
    }

    function test_constructor_refusesAnotherAddressThanTheSuites() public {
        bytes memory key = _verifyingKey();
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.ballotBox, next));
        new BallotBox(consortium, suite, key);
    }

    function test_keyHash_isTheHashOfTheWords() public {
        vm.assertEq(ballotBox.keyHash(), keccak256(_verifyingKey()));
    }

    function test_scopeAndSlot_agreeWithTheSharedVectors() public view {
        string memory json = vm.readFile("tests/vectors/ballot.json");
        address box = vm.parseJsonAddress(json, ".ballotBox");
        uint256 chain = vm.parseJsonUint(json, ".chainId");
        for (uint256 i; vm.keyExistsJson(json, string.concat(".cases[", vm.toString(i), "]")); ++i) {
            string memory path = string.concat(".cases[", vm.toString(i), "]");
            bytes32 scope = keccak256(
                abi.encode(
                    keccak256("urna/scope/v1"), chain, box, vm.parseJsonUint(json, string.concat(path, ".initiative"))
                )
            );
            bytes memory entry = vm.parseJsonBytes(json, string.concat(path, ".entry"));
            Booth memory b = Booth(id, scope, 0, G1Point(0, 0));
            vm.assertEq(scope, vm.parseJsonBytes32(json, string.concat(path, ".scope")));
            vm.assertEq(_signal(scope), vm.parseJsonUint(json, string.concat(path, ".scopeSignal")));
            vm.assertEq(_signals(b, _recordOf(entry))[2], vm.parseJsonUint(json, string.concat(path, ".hashSignal")));
            vm.assertEq(_slotFor(b, entry), vm.parseJsonUint(json, string.concat(path, ".slot")));
        }
        vm.assertEq(
            ballotBox.scopeOf(id),
            keccak256(abi.encode(keccak256("urna/scope/v1"), block.chainid, address(ballotBox), id))
        );
    }

    // ── helpers ──

    function _rho(bytes memory entries, uint256 n, uint256 index) private view returns (uint256) {
        bytes32 seed = keccak256(
            abi.encode(
                keccak256("urna/batch/v1"),
                block.chainid,
                address(ballotBox),
                ballotBox.keyHash(),
                electorate.root(id),
                ballotBox.scopeOf(id),
                n,
                keccak256(entries)
            )
        );
        return uint128(uint256(keccak256(abi.encode(seed, index))));
    }

    function _assertRefused(bytes memory entries, bytes memory expected) private {
        vm.expectRevert(expected);
        ballotBox.castBatch(id, entries);
    }

    function _assertWrongPhase(bytes memory entries, Phase phase) private {
        _assertRefused(entries, abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
    }

    function _expectSkip(Nullifier nullifier, uint32 sequence, IBallotBox.CastSkipReason reason) private {
        vm.expectEmit(address(ballotBox));
        emit IBallotBox.BallotSkipped(id, nullifier, sequence, reason);
    }
}
