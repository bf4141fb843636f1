// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    Commitment, EntityId, InitiativeId, NotInSuite, Phase, RegistrarSignature, Role, Suite, Tag
} from "../../contracts/Types.sol";
import {Electorate} from "../../contracts/Electorate.sol";
import {IElectorate, RegistrationBatch, SkipReason} from "../../contracts/interfaces/IElectorate.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {IRegistrarSignatures} from "../../contracts/interfaces/IRegistrarSignatures.sol";
import {DoublesFixture} from "./Doubles.sol";

/// @dev Every call is a transaction of its own, for what one batch marks in transient storage ends with it.
/// forge-config: default.isolate = true
contract ElectorateTest is DoublesFixture {
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev Of `trees` in Electorate: two slots of EIP712, then the burnt batches.
    uint256 private constant TREES_SLOT = 3;

    InitiativeId private id;

    function setUp() public override {
        super.setUp();
        id = _create();
        vm.warp(initiatives.windowsOf(id).registrationOpens);
    }

    // ── registration ──

    function test_Register_AppendsAndEmits() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(3, _digest(b));
        bytes32[] memory tags = new bytes32[](1);
        tags[0] = Tag.unwrap(_tag(1));
        uint256[] memory commitments = new uint256[](1);
        commitments[0] = Commitment.unwrap(_commitment(1));

        // A tree of one leaf has it as its root.
        vm.expectEmit(address(electorate));
        emit IElectorate.Registered(
            id, b.batchId, 0, tags, commitments, b.evidenceRoot, _entities(1, 3), commitments[0]
        );
        electorate.register(b, signatures);

        vm.assertEq(electorate.size(id), 1);
        vm.assertEq(electorate.root(id), commitments[0]);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(1))), commitments[0]);
        vm.assertTrue(electorate.isBatchUsed(id, b.batchId));
    }

    function test_Register_RootsEqualJavaScripts() public {
        string memory json = vm.readFile("tests/vectors/electorate.json");
        uint256[] memory commitments = vm.parseJsonUintArray(json, ".commitments");
        uint256[] memory sizes = vm.parseJsonUintArray(json, ".sizes");
        uint256[] memory roots = vm.parseJsonUintArray(json, ".roots");
        uint256 first;
        for (uint256 i; i < sizes.length; ++i) {
            RegistrationBatch memory b = _batch(id, first, sizes[i]);
            for (uint256 j; j < sizes[i]; ++j) {
                b.commitments[j] = Commitment.wrap(commitments[first + j]);
            }
            electorate.register(b, _signatures(2, _digest(b)));
            vm.assertEq(electorate.root(id), roots[i], "root");
            first += sizes[i];
        }
        vm.assertEq(electorate.size(id), commitments.length);
    }

    /// @dev Runs between skipped entries give the same tree as the accepted entries in one batch.
    /// forge-config: default.fuzz.runs = 100
    function testFuzz_Register_SkippingLeavesTheTreeOfTheAccepted(uint256 known, uint8 count) public {
        uint256 n = _bound(count, 1, 24);
        InitiativeId plain = _create();
        vm.warp(initiatives.windowsOf(plain).registrationOpens);

        // A set bit of `known`: the entry's commitment is that of person 500, who is in both trees.
        _register(id, 500, 1);
        _register(plain, 500, 1);
        RegistrationBatch memory mixed = _batch(id, 1, n);
        RegistrationBatch memory clean = _batch(plain, 1, n);
        uint256 kept;
        for (uint256 i; i < n; ++i) {
            if ((known >> i) & 1 == 1) {
                mixed.commitments[i] = _commitment(500);
            } else {
                clean.tags[kept] = mixed.tags[i];
                clean.commitments[kept++] = mixed.commitments[i];
            }
        }
        clean.tags = _shorten(clean.tags, kept);
        clean.commitments = _shorten(clean.commitments, kept);
        electorate.register(mixed, _signatures(2, _digest(mixed)));
        if (kept != 0) electorate.register(clean, _signatures(2, _digest(clean)));

        vm.assertEq(electorate.size(id), kept + 1);
        vm.assertEq(electorate.root(id), electorate.root(plain));
    }

    function test_B12_Register_SkipsKnownTag() public {
        _register(id, 1, 2);
        RegistrationBatch memory b = _batch(id, 3, 2);
        b.tags[0] = _tag(1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));

        vm.expectEmit(address(electorate));
        emit IElectorate.RegistrationSkipped(id, b.batchId, 0, _tag(1), _commitment(3), SkipReason.KnownTag);
        electorate.register(b, signatures);

        vm.assertEq(electorate.size(id), 3);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(1))), Commitment.unwrap(_commitment(1)));
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(4))), Commitment.unwrap(_commitment(4)));
    }

    function test_B12_Register_SkipsCommitmentCopiedUnderAnotherTag() public {
        _register(id, 1, 2);
        RegistrationBatch memory b = _batch(id, 3, 2);
        b.commitments[1] = _commitment(1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));

        vm.expectEmit(address(electorate));
        emit IElectorate.RegistrationSkipped(id, b.batchId, 1, _tag(4), _commitment(1), SkipReason.UsedCommitment);
        electorate.register(b, signatures);

        vm.assertEq(electorate.size(id), 3);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(4))), 0);
    }

    function test_B12_Register_SkipsRepetitionWithinTheBatch() public {
        RegistrationBatch memory b = _batch(id, 1, 4);
        b.commitments[1] = _commitment(1);
        b.tags[3] = _tag(3);
        electorate.register(b, _signatures(2, _digest(b)));

        vm.assertEq(electorate.size(id), 2);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(2))), 0);
        vm.assertEq(Commitment.unwrap(electorate.commitmentOf(id, _tag(3))), Commitment.unwrap(_commitment(3)));
    }

    /// @dev The marks of one batch are transient storage: they must hold across initiatives, calls and reverts alike.
    function test_Register_SameCommitmentInAnotherInitiativeCounts() public {
        InitiativeId other = _create();
        vm.warp(initiatives.windowsOf(other).registrationOpens);
        _register(id, 1, 2);
        _register(other, 1, 2);
        vm.assertEq(electorate.size(other), 2);
    }

    function test_Register_AllSkippedStillBurnsTheBatch() public {
        _register(id, 1, 2);
        RegistrationBatch memory b = _batch(id, 1, 2);
        b.batchId = "again";
        uint256 root = electorate.root(id);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));

        vm.expectEmit(address(electorate));
        emit IElectorate.Registered(
            id, b.batchId, 2, new bytes32[](0), new uint256[](0), b.evidenceRoot, _entities(1, 2), root
        );
        electorate.register(b, signatures);

        vm.assertTrue(electorate.isBatchUsed(id, b.batchId));
        vm.assertEq(electorate.size(id), 2);
    }

    function test_B12_Register_RevertsWhenBatchUsed() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        electorate.register(b, signatures);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.BatchUsed.selector, b.batchId));
        electorate.register(b, signatures);
    }

    function test_B12_Register_RevertsWhenBatchExpired() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        uint256 state = vm.snapshotState();
        vm.warp(b.validUntil - 1);
        electorate.register(b, signatures);

        vm.revertToState(state);
        vm.warp(b.validUntil);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.BatchExpired.selector, b.batchId, b.validUntil));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenValidityTooLong() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        b.validUntil = uint64(block.timestamp + 1 days + 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.ValidityTooLong.selector, b.batchId, b.validUntil));
        electorate.register(b, signatures);

        --b.validUntil;
        electorate.register(b, _signatures(2, _digest(b)));
    }

    function test_Register_RevertsWhenEmpty() public {
        RegistrationBatch memory b = _batch(id, 1, 0);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(IElectorate.EmptyBatch.selector);
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenLengthsDiffer() public {
        RegistrationBatch memory b = _batch(id, 1, 2);
        b.tags = _shorten(b.tags, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IElectorate.LengthMismatch.selector, 1, 2));
        electorate.register(b, signatures);
    }

    function testFuzz_Register_RevertsWhenCommitmentOutsideField(uint256 commitment) public {
        commitment = _bound(commitment, R - 1, type(uint256).max);
        if (commitment == R - 1) commitment = 0;
        RegistrationBatch memory b = _batch(id, 1, 2);
        b.commitments[1] = Commitment.wrap(commitment);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IElectorate.InvalidCommitment.selector, commitment));
        electorate.register(b, signatures);
    }

    function test_Register_TakesTheLargestCommitment() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        b.commitments[0] = Commitment.wrap(R - 1);
        electorate.register(b, _signatures(2, _digest(b)));
        vm.assertEq(electorate.root(id), R - 1);
    }

    function test_Register_RevertsWhenElectorateFull() public {
        bytes32 tree = keccak256(abi.encode(id, TREES_SLOT));
        vm.store(address(electorate), tree, bytes32(uint256((1 << 20) - 2)));
        vm.store(address(electorate), bytes32(uint256(tree) + 1), bytes32(uint256(20)));
        vm.assertEq(electorate.size(id), (1 << 20) - 2);

        RegistrationBatch memory b = _batch(id, 1, 3);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IElectorate.ElectorateFull.selector, id));
        electorate.register(b, signatures);

        _register(id, 1, 2);
        vm.assertEq(electorate.size(id), 1 << 20);
        b = _batch(id, 3, 1);
        signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IElectorate.ElectorateFull.selector, id));
        electorate.register(b, signatures);
    }

    function test_B5_Register_OnlyWhileRegistrationIsOpen() public {
        uint64 opens = initiatives.windowsOf(id).registrationOpens;
        uint64 closes = initiatives.windowsOf(id).registrationCloses;
        _expectRegister(opens - 1, false, Phase.Announced);
        _expectRegister(opens, true, Phase.Registration);
        _expectRegister(opens + 1, true, Phase.Registration);
        _expectRegister(closes - 1, true, Phase.Registration);
        _expectRegister(closes, false, Phase.Review);
        _expectRegister(closes + 1, false, Phase.Review);
    }

    function _expectRegister(uint256 time, bool accepted, Phase phase) private {
        vm.warp(time);
        RegistrationBatch memory b = _batch(id, time, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        if (!accepted) vm.expectRevert(abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase));
        electorate.register(b, signatures);
    }

    // ── signatures ──

    function test_K1_Register_RevertsWhenOneRegistrarSignsAlone() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(1, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.TooFewSignatures.selector, 1, 2));
        electorate.register(b, signatures);
    }

    function test_B14_Register_RevertsWhenOneEntitySignsTwice() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        signatures[1] = signatures[0];
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.SignaturesNotAscending.selector, 1));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenSignaturesDescend() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(3, _digest(b));
        (signatures[1], signatures[2]) = (signatures[2], signatures[1]);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.SignaturesNotAscending.selector, 2));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenSignerIsNoRegistrar() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        signatures[1] = _sign(4, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.NotRegistrar.selector, 4));
        electorate.register(b, signatures);
        signatures[1].entity = EntityId.wrap(type(uint32).max);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.NotRegistrar.selector, type(uint32).max));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenRegistrarSuspended() public {
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(2))));
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(3, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.NotRegistrar.selector, 2));
        electorate.register(b, signatures);

        // The other two still make k; below k registration stops.
        signatures = _signatures(2, _digest(b));
        signatures[1] = _sign(3, _digest(b));
        uint256 state = vm.snapshotState();
        electorate.register(b, signatures);
        vm.revertToState(state);
        _motion(address(consortium), abi.encodeCall(consortium.suspend, (EntityId.wrap(3))));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.NotRegistrar.selector, 3));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenAnotherRolesKeySigns() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(2, Role.Member), _digest(b));
        signatures[1].signature = abi.encodePacked(r, s, v);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 2));
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenAccountRetired() public {
        vm.prank(_account(2, Role.Member));
        consortium.setAccount(Role.Registrar, vm.addr(77));
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 2));
        electorate.register(b, signatures);

        (uint8 v, bytes32 r, bytes32 s) = vm.sign(77, _digest(b));
        signatures[1].signature = abi.encodePacked(r, s, v);
        electorate.register(b, signatures);
    }

    function test_Register_RevertsWhenSignatureMalleable() public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(2, Role.Registrar), _digest(b));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        signatures[1].signature = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? 28 : 27);
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 2));
        electorate.register(b, signatures);
    }

    function testFuzz_Register_RevertsWhenSignatureIsGarbage(bytes calldata garbage) public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        signatures[1].signature = garbage;
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 2));
        electorate.register(b, signatures);
    }

    /// @dev What was signed for something else, in any one value, signs nothing here.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_B1_Register_RevertsWhenOneValueDiffers(uint8 field, uint256 value) public {
        RegistrationBatch memory b = _batch(id, 1, 1);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        uint256 which = field % 7;
        if (which == 0) {
            b.initiative = _create();
            vm.warp(initiatives.windowsOf(b.initiative).registrationOpens);
            b.validUntil += 1 days;
        } else if (which == 1) {
            b.batchId = keccak256(abi.encode(value));
        } else if (which == 2) {
            --b.validUntil;
        } else if (which == 3) {
            b.tags[0] = _tag(value % 1000 + 2);
        } else if (which == 4) {
            b.commitments[0] = _commitment(value % 1000 + 2);
        } else if (which == 5) {
            b.evidenceRoot = keccak256(abi.encode(value));
        } else {
            vm.chainId(value % 1000 + 1_000_000);
        }
        vm.expectRevert(abi.encodeWithSelector(IRegistrarSignatures.InvalidSignature.selector, 1));
        electorate.register(b, signatures);
    }

    function test_Deploy_RevertsOutsideItsSuite() public {
        Suite memory wrong = suite;
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.electorate, next));
        new Electorate(consortium, wrong);
    }

    // ── cost ──

    /// @dev Design, section 10: at most 72,000 a registration in batches of 100, all in.
    function test_Gas_RegisterInBatchesOf100() public {
        _register(id, 1, 100);
        RegistrationBatch memory b = _batch(id, 101, 100);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        electorate.register(b, signatures);
        uint256 used = vm.lastCallGas().gasTotalUsed / 100;
        emit GasPerRegistration(used);
        vm.assertLe(used, 72_000, "gas per registration");
    }

    /// @dev In the tree of a city, whose ten further levels cost a hash each a batch.
    function test_Gas_RegisterInATreeOf90000() public {
        bytes32 tree = keccak256(abi.encode(id, TREES_SLOT));
        vm.store(address(electorate), tree, bytes32(uint256(90_000)));
        vm.store(address(electorate), bytes32(uint256(tree) + 1), bytes32(uint256(17)));
        for (uint256 level; level < 18; ++level) {
            bytes32 sideNode = keccak256(abi.encode(level, uint256(tree) + 2));
            vm.store(address(electorate), sideNode, bytes32(_scalar("node", level)));
        }
        RegistrationBatch memory b = _batch(id, 101, 100);
        RegistrarSignature[] memory signatures = _signatures(2, _digest(b));
        electorate.register(b, signatures);
        uint256 used = vm.lastCallGas().gasTotalUsed / 100;
        emit GasPerRegistration(used);
        vm.assertLe(used, 72_000, "gas per registration");
    }

    event GasPerRegistration(uint256 gas);

    function _shorten(Tag[] memory list, uint256 length) private pure returns (Tag[] memory) {
        assembly ("memory-safe") {
            mstore(list, length)
        }
        return list;
    }

    function _shorten(Commitment[] memory list, uint256 length) private pure returns (Commitment[] memory) {
        assembly ("memory-safe") {
            mstore(list, length)
        }
        return list;
    }
}
