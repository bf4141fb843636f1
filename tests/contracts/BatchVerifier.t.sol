// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {SemaphoreVerifier} from "@semaphore-protocol/contracts/base/SemaphoreVerifier.sol";
import {G1Point} from "../../contracts/Types.sol";
import {Groth16BatchVerifier} from "../../contracts/Groth16BatchVerifier.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {Patch, Simulator} from "./Simulator.sol";
import {Test} from "./Test.sol";

/// @dev The verifier alone, with signals and coefficients of the test's choice.
contract VerifierHarness is Groth16BatchVerifier {
    error Malformed(uint256 index);

    constructor(bytes memory key) Groth16BatchVerifier(key) {}

    function keyHash() external view returns (bytes32) {
        return KEY_HASH;
    }

    function verify(bytes calldata proofs, uint256[4][] calldata signals, uint256[] calldata rhos)
        external
        view
        returns (bool)
    {
        Batch memory batch = _newBatch(rhos.length);
        for (uint256 i; i < rhos.length; ++i) {
            bytes calldata proof = proofs[i * PROOF_LENGTH:(i + 1) * PROOF_LENGTH];
            if (!_isWellFormed(proof)) revert Malformed(i);
            _add(batch, rhos[i], proof, signals[i]);
        }
        return _holds(batch);
    }
}

contract BatchVerifierTest is Test {
    uint256 private constant A = 0;
    uint256 private constant B = 64;
    uint256 private constant C = 192;

    SemaphoreVerifier private semaphore;
    VerifierHarness private pinned;
    VerifierHarness private simulated;
    bytes private key;
    bytes[] private realProofs;
    uint256[4][] private realSignals;

    function setUp() public {
        string memory json = vm.readFile("tests/vectors/proof.json");
        key = vm.parseJsonBytes(json, ".key");
        semaphore = new SemaphoreVerifier();
        pinned = new VerifierHarness(key);
        simulated = new VerifierHarness(Simulator.key());
        for (uint256 i; vm.keyExistsJson(json, _path(i, "")); ++i) {
            realProofs.push(vm.parseJsonBytes(json, _path(i, ".proof")));
            realSignals.push(_four(vm.parseJsonUintArray(json, _path(i, ".publics"))));
        }
        vm.assertGt(realProofs.length, 10);
        vm.assertEq(pinned.keyHash(), vm.parseJsonBytes32(json, ".keyHash"));
    }

    // ── real proofs ──

    function test_verify_acceptsRealProofsAloneAndTogether() public view {
        bytes memory all;
        uint256[] memory rhos = new uint256[](realProofs.length);
        for (uint256 i; i < realProofs.length; ++i) {
            vm.assertTrue(_pinnedAccepts(realProofs[i], realSignals[i]));
            vm.assertTrue(_semaphoreAccepts(realProofs[i], realSignals[i]));
            all = bytes.concat(all, realProofs[i]);
            rhos[i] = i == 0 ? 1 : uint128(uint256(keccak256(abi.encode("rho", i))));
        }
        vm.assertTrue(pinned.verify(all, realSignals, rhos));
    }

    function test_verify_rejectsProofOfTheCircuitOfAnotherDepth() public view {
        string memory json = vm.readFile("tests/vectors/proof.json");
        bytes memory proof = vm.parseJsonBytes(json, ".foreign.proof");
        uint256[4] memory signals = _four(vm.parseJsonUintArray(json, ".foreign.publics"));

        vm.assertFalse(_pinnedAccepts(proof, signals));
        vm.assertFalse(_semaphoreAccepts(proof, signals));
        vm.assertTrue(_semaphoreAcceptsAt(proof, signals, vm.parseJsonUint(json, ".foreign.depth")));
    }

    function test_verify_rejectsEachRealProofUnderAnothersSignals() public view {
        for (uint256 i; i < realProofs.length; ++i) {
            uint256[4] memory others = realSignals[(i + 1) % realProofs.length];
            vm.assertFalse(_pinnedAccepts(realProofs[i], others));
            vm.assertFalse(_semaphoreAccepts(realProofs[i], others));
        }
    }

    /// @dev Accept and reject must agree with Semaphore's own verifier, whatever was done to a real proof.
    function testFuzz_verify_agreesWithSemaphore(uint256 seed, uint256 mutations) public view {
        uint256 which = seed % realProofs.length;
        bytes memory proof = realProofs[which];
        uint256[4] memory signals = realSignals[which];
        for (uint256 i; i <= mutations % 3; ++i) {
            (proof, signals) = _mutate(proof, signals, uint256(keccak256(abi.encode(seed, i))));
        }
        vm.assertEq(_pinnedAccepts(proof, signals), _semaphoreAccepts(proof, signals));
    }

    /// @dev The same on every single bit: none may be flipped.
    function testFuzz_verify_rejectsEveryFlippedBit(uint256 seed, uint256 bit) public view {
        bit %= 8 * 256;
        bytes memory proof = bytes.concat(realProofs[seed % realProofs.length]);
        proof[bit / 8] = bytes1(uint8(proof[bit / 8]) ^ uint8(1 << (bit % 8)));

        vm.assertFalse(_pinnedAccepts(proof, realSignals[seed % realProofs.length]));
        vm.assertFalse(_semaphoreAccepts(proof, realSignals[seed % realProofs.length]));
    }

    function testFuzz_verify_rejectsOtherSignals(uint256 seed, uint256 place, uint256 value) public view {
        uint256 which = seed % realProofs.length;
        uint256[4] memory signals = realSignals[which];
        value %= Bn254.R;
        vm.assume(value != signals[place % 4]);
        signals[place % 4] = value;

        vm.assertFalse(_pinnedAccepts(realProofs[which], signals));
        vm.assertFalse(_semaphoreAccepts(realProofs[which], signals));
    }

    // ── forgeries ──

    function test_verify_rejectsSwappedNegatedAndForeignPoints() public view {
        bytes memory proof = realProofs[0];
        G1Point memory a = Simulator.point(proof, A);
        G1Point memory c = Simulator.point(proof, C);

        _assertRejected(Patch.point(Patch.point(proof, A, c), C, a), "A and C swapped");
        _assertRejected(Patch.point(proof, A, Bn254.negate(a)), "A negated");
        _assertRejected(Patch.point(proof, C, Bn254.negate(c)), "C negated");
        _assertRejected(Patch.point(Patch.point(proof, A, Bn254.negate(a)), C, Bn254.negate(c)), "both negated");
        _assertRejected(Patch.point(proof, A, Simulator.point(key, 0)), "alpha as A");
        _assertRejected(Patch.replace(proof, B, Patch.slice(key, 64, 192)), "beta as B");
        // A = alpha, B = beta leaves V·gamma + C·delta = 0: no C is known that does it, the points of the key are not it.
        bytes memory trivial = Patch.replace(Patch.point(proof, A, Simulator.point(key, 0)), B, Patch.slice(key, 64, 192));
        for (uint256 j; j < 5; ++j) {
            G1Point memory ic = Simulator.point(key, 448 + 64 * j);
            _assertRejected(Patch.point(trivial, C, ic), "the key's own points");
            _assertRejected(Patch.point(trivial, C, Bn254.negate(ic)), "the key's own points, negated");
        }
    }

    function test_verify_acceptsWhatAnybodyCanDoToAValidProof() public view {
        // (-A, -B, C) is the same product. That is why no proof is part of a ballot's hash (B4).
        bytes memory proof = realProofs[0];
        bytes memory negated = Patch.point(proof, A, Bn254.negate(Simulator.point(proof, A)));
        negated = Patch.word(negated, B + 64, Bn254.P - Patch.read(proof, B + 64));
        negated = Patch.word(negated, B + 96, Bn254.P - Patch.read(proof, B + 96));
        vm.assertTrue(_pinnedAccepts(negated, realSignals[0]));
        vm.assertTrue(_semaphoreAccepts(negated, realSignals[0]));

        uint256[4] memory signals = [uint256(1), 2, 3, 4];
        bytes memory made = Simulator.proveWith(signals, 77, 2);
        bytes memory again = Simulator.rerandomise(made);
        vm.assertNotEq(keccak256(made), keccak256(again));
        vm.assertTrue(_accepts(simulated, made, signals));
        vm.assertTrue(_accepts(simulated, again, signals));
    }

    function test_B3_verify_refusesMalformedPointsBeforeAnyPrecompile() public {
        bytes memory proof = realProofs[0];
        _assertMalformed(new bytes(256), "all zero");
        _assertMalformed(Patch.replace(proof, A, new bytes(64)), "A at infinity");
        _assertMalformed(Patch.replace(proof, B, new bytes(128)), "B at infinity");
        _assertMalformed(Patch.replace(proof, C, new bytes(64)), "C at infinity");
        for (uint256 offset; offset < 256; offset += 32) {
            uint256 value = Patch.read(proof, offset);
            _assertMalformed(Patch.word(proof, offset, value + Bn254.P), "coordinate + p");
            _assertMalformed(Patch.word(proof, offset, Bn254.P), "coordinate = p");
            _assertMalformed(Patch.word(proof, offset, type(uint256).max), "coordinate = 2^256 - 1");
            _assertMalformed(Patch.word(proof, offset, value ^ 1), "off the curve");
        }
    }

    function test_verify_rejectsPointOutsideTheSubgroupWithoutBurningTheRest() public view {
        bytes memory proof = Patch.replace(realProofs[0], B, Simulator.outsideSubgroup());
        uint256 before = gasleft();
        vm.assertFalse(_pinnedAccepts(proof, realSignals[0]));
        vm.assertLt(before - gasleft(), 400_000);
        vm.assertFalse(_semaphoreAccepts(proof, realSignals[0]));
    }

    function test_verify_acceptsEmptyBatch() public view {
        vm.assertTrue(pinned.verify("", new uint256[4][](0), new uint256[](0)));
    }

    // ── batches ──

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_verify_rejectsOneInvalidAmongHundred(uint256 seed) public view {
        (bytes memory proofs, uint256[4][] memory signals, uint256[] memory rhos) = _batch(100, seed);
        vm.assertTrue(simulated.verify(proofs, signals, rhos));

        uint256 bad = uint256(keccak256(abi.encode(seed))) % 100;
        signals[bad][seed % 4] = addmod(signals[bad][seed % 4], 1, Bn254.R);
        vm.assertFalse(simulated.verify(proofs, signals, rhos));
    }

    function test_verify_equalCoefficientsWouldLetErrorsCancel() public view {
        (bytes memory proofs, uint256[4][] memory signals,) = _batch(2, 5);
        uint256[] memory equal = new uint256[](2);
        (equal[0], equal[1]) = (1, 1);
        uint256[] memory random = new uint256[](2);
        (random[0], random[1]) = (1, uint128(uint256(keccak256("rho"))));

        // C moved by +D here, by -D there; and nullifiers moved likewise.
        G1Point memory d = Bn254.mul(Bn254.generator(), 12345);
        bytes memory moved = Patch.point(proofs, C, Bn254.add(Simulator.point(proofs, C), d));
        moved = Patch.point(moved, 256 + C, Bn254.add(Simulator.point(moved, 256 + C), Bn254.negate(d)));
        vm.assertTrue(simulated.verify(moved, signals, equal), "the attack works on equal coefficients");
        vm.assertFalse(simulated.verify(moved, signals, random));

        signals[0][1] = addmod(signals[0][1], 99, Bn254.R);
        signals[1][1] = addmod(signals[1][1], Bn254.R - 99, Bn254.R);
        vm.assertTrue(simulated.verify(proofs, signals, equal), "the attack works on equal coefficients");
        vm.assertFalse(simulated.verify(proofs, signals, random));
    }

    function test_verify_negatedPairsDoNotCancel() public view {
        // Entries (A, B, C) and (-A, B, -C) take each other's pairings away; what α and V leave does not vanish.
        (bytes memory proofs, uint256[4][] memory signals, uint256[] memory rhos) = _batch(1, 6);
        bytes memory negated = Patch.point(proofs, A, Bn254.negate(Simulator.point(proofs, A)));
        negated = Patch.point(negated, C, Bn254.negate(Simulator.point(proofs, C)));
        uint256[4][] memory twice = new uint256[4][](2);
        (twice[0], twice[1]) = (signals[0], signals[0]);
        uint256[] memory ones = new uint256[](2);
        (ones[0], ones[1]) = (rhos[0], rhos[0]);

        vm.assertFalse(simulated.verify(bytes.concat(proofs, negated), twice, ones));
        vm.assertTrue(simulated.verify(bytes.concat(proofs, proofs), twice, ones));
    }

    function test_verify_coefficientsThatSumToTheOrderWouldHideARepeatedForgery() public view {
        // Hence coefficients of 128 bits, drawn by the contract: 2^128 · N stays below r.
        (bytes memory proofs, uint256[4][] memory signals,) = _batch(1, 7);
        signals[0][0] ^= 1;
        uint256[4][] memory twice = new uint256[4][](2);
        (twice[0], twice[1]) = (signals[0], signals[0]);
        uint256[] memory opposite = new uint256[](2);
        (opposite[0], opposite[1]) = (5, Bn254.R - 5);
        vm.assertTrue(simulated.verify(bytes.concat(proofs, proofs), twice, opposite));

        opposite[1] = type(uint128).max;
        vm.assertFalse(simulated.verify(bytes.concat(proofs, proofs), twice, opposite));
    }

    /// @dev Too little gas must never look like an answer, neither true nor false.
    function test_verify_revertsOnTooLittleGas() public {
        uint256[4][] memory signals = new uint256[4][](1);
        signals[0] = realSignals[0];
        uint256[] memory rhos = new uint256[](1);
        rhos[0] = 1;
        bytes memory call = abi.encodeCall(pinned.verify, (realProofs[0], signals, rhos));
        uint256 answered;
        for (uint256 limit = 5_000; limit < 400_000; limit += 1_500) {
            (bool done, bytes memory result) = address(pinned).call{gas: limit}(call);
            if (done) vm.assertTrue(abi.decode(result, (bool)), "a valid proof was called invalid");
            if (done) ++answered;
        }
        vm.assertGt(answered, 10);
        vm.assertLt(answered, 200);
    }

    // ── verifying keys ──

    function test_constructor_refusesBadKeys() public {
        _assertKeyRefused("");
        _assertKeyRefused(Patch.slice(key, 0, 767));
        _assertKeyRefused(bytes.concat(key, hex"00"));
        for (uint256 i; i < 24; ++i) {
            _assertKeyRefused(Patch.word(key, 32 * i, Patch.read(key, 32 * i) + 1));
            _assertKeyRefused(Patch.word(key, 32 * i, Bn254.P));
        }
        for (uint256 offset = 448; offset < 768; offset += 64) {
            _assertKeyRefused(Patch.replace(key, offset, new bytes(64)));
        }
        for (uint256 offset = 64; offset < 448; offset += 128) {
            _assertKeyRefused(Patch.replace(key, offset, new bytes(128)));
            _assertKeyRefused(Patch.replace(key, offset, Simulator.outsideSubgroup()));
        }
    }

    // ── helpers ──

    function _mutate(bytes memory proof, uint256[4] memory signals, uint256 seed)
        private
        view
        returns (bytes memory, uint256[4] memory)
    {
        uint256 kind = seed % 12;
        uint256 offset = (seed >> 8) % 8 * 32;
        uint256 other = (seed >> 16) % realProofs.length;
        G1Point memory g = Bn254.mul(Bn254.generator(), seed >> 4);
        if (kind == 0) return (Patch.word(proof, offset, Patch.read(proof, offset) ^ (1 << (seed >> 32) % 256)), signals);
        if (kind == 1) return (Patch.point(proof, A, g), signals);
        if (kind == 2) return (Patch.point(proof, C, g), signals);
        if (kind == 3) return (Patch.point(proof, A, Simulator.point(proof, C)), signals);
        if (kind == 4) return (Patch.word(proof, 32, Bn254.P - Patch.read(proof, 32) % Bn254.P), signals);
        if (kind == 5) return (Patch.word(proof, C + 32, Bn254.P - Patch.read(proof, C + 32) % Bn254.P), signals);
        if (kind == 6) {
            proof = Patch.word(proof, B + 64, Bn254.P - Patch.read(proof, B + 64) % Bn254.P);
            return (Patch.word(proof, B + 96, Bn254.P - Patch.read(proof, B + 96) % Bn254.P), signals);
        }
        if (kind == 7) return (Patch.replace(proof, B, Patch.slice(realProofs[other], B, C)), signals);
        if (kind == 8) return (Patch.replace(proof, B, Simulator.g2([uint256(1), 2, 3, 5, 7, 11, 13][seed >> 40 & 3])), signals);
        if (kind == 9) {
            unchecked {
                // wraps for large values, on purpose
                return (Patch.word(proof, offset, Patch.read(proof, offset) + Bn254.P), signals);
            }
        }
        if (kind == 10) signals[(seed >> 48) % 4] = (seed >> 50) % Bn254.R;
        else signals = realSignals[other];
        return (proof, signals);
    }

    /// @dev `n` simulated proofs of signals of their own.
    function _batch(uint256 n, uint256 seed)
        private
        view
        returns (bytes memory proofs, uint256[4][] memory signals, uint256[] memory rhos)
    {
        proofs = new bytes(256 * n);
        signals = new uint256[4][](n);
        rhos = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            for (uint256 j; j < 4; ++j) {
                signals[i][j] = uint256(keccak256(abi.encode(seed, i, j))) % Bn254.R;
            }
            rhos[i] = i == 0 ? 1 : uint128(uint256(keccak256(abi.encode(seed, i))));
            bytes memory proof = Simulator.prove(signals[i], uint256(keccak256(abi.encode(seed, i, "proof"))));
            assembly ("memory-safe") {
                mcopy(add(add(proofs, 0x20), mul(i, 256)), add(proof, 0x20), 256)
            }
        }
    }

    function _accepts(VerifierHarness harness, bytes memory proof, uint256[4] memory signals)
        private
        view
        returns (bool)
    {
        uint256[4][] memory one = new uint256[4][](1);
        one[0] = signals;
        uint256[] memory rhos = new uint256[](1);
        rhos[0] = 1;
        try harness.verify(proof, one, rhos) returns (bool accepted) {
            return accepted;
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodeWithSelector(VerifierHarness.Malformed.selector, 0));
            return false;
        }
    }

    function _pinnedAccepts(bytes memory proof, uint256[4] memory signals) private view returns (bool) {
        return _accepts(pinned, proof, signals);
    }

    function _semaphoreAccepts(bytes memory proof, uint256[4] memory signals) private view returns (bool) {
        return _semaphoreAcceptsAt(proof, signals, 20);
    }

    function _semaphoreAcceptsAt(bytes memory proof, uint256[4] memory signals, uint256 depth)
        private
        view
        returns (bool)
    {
        (uint256[2] memory a, uint256[2][2] memory b, uint256[2] memory c) =
            abi.decode(proof, (uint256[2], uint256[2][2], uint256[2]));
        return semaphore.verifyProof(a, b, c, signals, depth);
    }

    function _assertRejected(bytes memory proof, string memory what) private view {
        vm.assertFalse(_pinnedAccepts(proof, realSignals[0]), what);
        vm.assertFalse(_semaphoreAccepts(proof, realSignals[0]), what);
    }

    function _assertMalformed(bytes memory proof, string memory what) private {
        uint256[4][] memory signals = new uint256[4][](2);
        uint256[] memory rhos = new uint256[](2);
        (rhos[0], rhos[1]) = (1, 1);
        (bool done, bytes memory reason) = address(pinned).call(
            abi.encodeCall(pinned.verify, (bytes.concat(realProofs[0], proof), signals, rhos))
        );
        vm.assertFalse(done, what);
        vm.assertEq(reason, abi.encodeWithSelector(VerifierHarness.Malformed.selector, 1), what);
    }

    function _assertKeyRefused(bytes memory bad) private {
        vm.expectRevert(Groth16BatchVerifier.InvalidVerifyingKey.selector);
        new VerifierHarness(bad);
    }

    function _path(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(index), "]", field);
    }

    function _four(uint256[] memory list) private pure returns (uint256[4] memory) {
        return [list[0], list[1], list[2], list[3]];
    }
}
