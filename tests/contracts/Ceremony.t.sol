// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId, NotInSuite, Phase, Role, Rules, SchnorrProof} from "../../contracts/Types.sol";
import {Ceremony} from "../../contracts/Ceremony.sol";
import {Dealing, DleqProof, ICeremony} from "../../contracts/interfaces/ICeremony.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {BallotFixture} from "./BallotFixture.sol";

contract CeremonyTest is BallotFixture {
    InitiativeId private id;

    /// @dev 3 of 5.
    function setUp() public override {
        super.setUp();
        id = _create(_trusteeRules(3, 5));
        _afterSteps(id, 0);
    }

    // ── opening ──

    function test_open_keepsTheTrusteesKeysAndTheStart() public view {
        G1Point[] memory keys = ceremony.trusteeKeys(id);
        vm.assertEq(keys.length, 5);
        for (uint32 e = 1; e <= 5; ++e) {
            _assertPoint(keys[e - 1], _g(_trusteeSecret(e)));
        }
        (uint32 epoch, uint64 startsAt) = ceremony.epochOf(id);
        vm.assertEq(epoch, 0);
        vm.assertEq(startsAt, initiatives.windowsOf(id).registrationOpens);
    }

    function test_open_onlyByInitiatives() public {
        vm.expectRevert(abi.encodeWithSelector(ICeremony.OnlyInitiatives.selector, address(this)));
        ceremony.open(id, new G1Point[](0), 0);
    }

    function test_constructor_refusesAnotherAddressThanTheSuites() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(NotInSuite.selector, suite.ceremony, next));
        new Ceremony(consortium, suite);
    }

    // ── dealing ──

    function test_deal_keepsTheHash() public {
        Dealing memory dealing = _dealing(id, 0, 2);
        vm.expectEmit(address(ceremony));
        emit ICeremony.Dealt(id, 0, 2, dealing);
        _deal(id, 2, dealing);

        vm.assertEq(ceremony.dealingHash(id, 0, 2), keccak256(abi.encode(dealing)));
    }

    function test_deal_onlyByATrustee() public {
        Dealing memory dealing = _dealing(id, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotTrustee.selector, id, address(this)));
        ceremony.deal(id, dealing);

        vm.prank(_account(1, Role.Registrar));
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotTrustee.selector, id, _account(1, Role.Registrar)));
        ceremony.deal(id, dealing);

        _motion(address(consortium), abi.encodeCall(consortium.suspend, (_entities(5, 1)[0])));
        dealing = _dealing(id, 0, 5);
        _assertDealRefused(5, dealing, abi.encodeWithSelector(ICeremony.NotTrustee.selector, id, _account(5, Role.Trustee)));
    }

    function test_deal_notByATrusteeOfAnotherInitiative() public {
        vm.warp(NOW);
        InitiativeId other = _create();
        _afterSteps(other, 0);
        Dealing memory dealing = _dealing(id, 0, 5);
        _as(5);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotTrustee.selector, other, _account(5, Role.Trustee)));
        ceremony.deal(other, dealing);
    }

    function test_B5_deal_keepsToItsStepToTheSecond() public {
        Dealing memory dealing = _dealing(id, 0, 1);
        bytes memory closed = abi.encodeWithSelector(ICeremony.NotDealing.selector, id, 0);
        (, uint64 start) = ceremony.epochOf(id);

        vm.warp(start - 1);
        _assertDealRefused(1, dealing, closed);
        vm.warp(start + 1 hours);
        _assertDealRefused(1, dealing, closed);
        vm.warp(start + 1 hours - 1);
        _deal(id, 1, dealing);
        vm.warp(start);
        _deal(id, 2);
    }

    function test_deal_refusesASecondOne() public {
        Dealing memory dealing = _deal(id, 1);
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.AlreadyDealt.selector, 1));
    }

    function test_deal_refusesWrongShapes() public {
        Dealing memory dealing = _dealing(id, 0, 1);
        dealing.commitments = new G1Point[](2);
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.InvalidDealing.selector, "commitments"));

        dealing = _dealing(id, 0, 1);
        dealing.shares = new uint256[](4);
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.InvalidDealing.selector, "shares"));
    }

    function test_B3_deal_refusesBadPoints() public {
        bytes memory refused = abi.encodeWithSelector(ICeremony.InvalidPoint.selector);
        G1Point[4] memory bad = [
            G1Point(0, 0), G1Point(1, 3), G1Point(1 + Bn254.P, 2), G1Point(1, type(uint256).max)
        ];
        for (uint256 i; i < 4; ++i) {
            for (uint256 k; k < 3; ++k) {
                Dealing memory dealing = _dealing(id, 0, 1);
                dealing.commitments[k] = bad[i];
                _assertDealRefused(1, dealing, refused);
            }
            Dealing memory other = _dealing(id, 0, 1);
            other.ephemeral = bad[i];
            _assertDealRefused(1, other, refused);
        }
    }

    // ── B13 ──

    function test_B13_deal_refusesAnothersEphemeral() public {
        Dealing memory honest = _deal(id, 1);
        Dealing memory copy = _dealing(id, 0, 2);
        copy.ephemeral = honest.ephemeral;
        copy.ephemeralProof = honest.ephemeralProof;
        _assertDealRefused(2, copy, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 2, true));
        vm.assertEq(ceremony.dealingHash(id, 0, 2), 0);
    }

    function test_B13_deal_refusesAnothersConstant() public {
        Dealing memory honest = _deal(id, 1);
        Dealing memory copy = _dealing(id, 0, 2);
        copy.commitments[0] = honest.commitments[0];
        copy.constantProof = honest.constantProof;
        _assertDealRefused(2, copy, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 2, false));
    }

    function test_B13_deal_refusesAWholeDealingCopied() public {
        Dealing memory honest = _deal(id, 1);
        _assertDealRefused(2, honest, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 2, false));
    }

    function test_B13_deal_refusesMissingProofs() public {
        SchnorrProof memory none;
        Dealing memory dealing = _dealing(id, 0, 1);
        dealing.constantProof = none;
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, false));

        dealing = _dealing(id, 0, 1);
        dealing.ephemeralProof = none;
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, true));

        dealing = _dealing(id, 0, 1);
        dealing.ephemeralProof.s += Bn254.R;
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, true));

        // The proofs are for one place each.
        dealing = _dealing(id, 0, 1);
        dealing.commitments[0] = dealing.ephemeral;
        dealing.constantProof = dealing.ephemeralProof;
        _assertDealRefused(1, dealing, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, false));
    }

    function test_B13_deal_refusesTheSameDealingInANewEpoch() public {
        Dealing memory old = _deal(id, 1);
        _afterSteps(id, 2);
        ceremony.startEpoch(id);

        _assertDealRefused(1, old, abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, false));
        Dealing memory fresh = _deal(id, 1);
        vm.assertEq(ceremony.dealingHash(id, 1, 1), keccak256(abi.encode(fresh)));
    }

    function test_B13_deal_refusesDealingsOfAnotherInitiativeOrChain() public {
        Dealing memory dealing = _dealing(id, 0, 1);
        bytes memory refused = abi.encodeWithSelector(ICeremony.BadProofOfKnowledge.selector, 1, false);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        _assertDealRefused(1, dealing, refused);
        vm.chainId(chain);

        vm.warp(NOW);
        InitiativeId other = _create(_trusteeRules(3, 5));
        _afterSteps(other, 0);
        _as(1);
        vm.expectRevert(refused);
        ceremony.deal(other, dealing);
    }

    // ── complaints (B8) ──

    function test_B8_complain_disqualifiesADealerOfABadShare() public {
        Dealing[] memory dealings = new Dealing[](5);
        for (uint8 i = 1; i <= 5; ++i) {
            dealings[i - 1] = i == 4 ? _dealBadly(4, 2) : _deal(id, i);
        }
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealings[3].ephemeral);
        _afterSteps(id, 1);
        vm.expectEmit(address(ceremony));
        emit ICeremony.ComplaintJudged(id, 0, 4, 2, true);
        _as(2);
        ceremony.complain(id, 4, dealings[3], shared, proof);
        vm.assertTrue(ceremony.isDisqualified(id, 0, 4));

        // Repaired: the others' dealings make the key, and all five trustees hold a share of it.
        Dealing[] memory good = new Dealing[](4);
        (good[0], good[1], good[2], good[3]) = (dealings[0], dealings[1], dealings[2], dealings[4]);
        uint8[] memory dealers = new uint8[](4);
        (dealers[0], dealers[1], dealers[2], dealers[3]) = (1, 2, 3, 5);
        _afterSteps(id, 2);
        vm.expectRevert(ICeremony.WrongDealings.selector);
        ceremony.finalise(id, dealings);
        ceremony.finalise(id, good);
        _assertPoint(ceremony.jointKey(id), _g(_shareOf(id, 0, dealers, 0)));
    }

    function test_B8_complain_disqualifiesADealerWhoseShareIsOutOfRange() public {
        Dealing memory dealing = _dealing(id, 0, 4);
        // f(2) + r: right mod r, and yet no scalar.
        G1Point memory d = Bn254.mul(dealing.ephemeral, _trusteeSecret(2));
        dealing.shares[1] = (_polynomial(id, 0, 4, 3, 2) + Bn254.R) ^ _mask(id, 0, 4, 2, d);
        _deal(id, 4, dealing);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        _as(2);
        ceremony.complain(id, 4, dealing, shared, proof);
        vm.assertTrue(ceremony.isDisqualified(id, 0, 4));
    }

    function test_B8_complain_namesAFalseComplaint() public {
        Dealing memory dealing = _deal(id, 4);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        vm.expectEmit(address(ceremony));
        emit ICeremony.ComplaintJudged(id, 0, 4, 2, false);
        _as(2);
        ceremony.complain(id, 4, dealing, shared, proof);
        vm.assertFalse(ceremony.isDisqualified(id, 0, 4));
    }

    function test_B8_complain_refusesAFalseSharedPoint() public {
        Dealing memory dealing = _deal(id, 4);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        bytes memory refused = abi.encodeWithSelector(ICeremony.InvalidDleq.selector, 2);
        _assertComplaintRefused(2, 4, dealing, _g(5), proof, refused);

        // Another's complaint, by its proof.
        (G1Point memory others, DleqProof memory othersProof) = _complaint(id, 0, 4, 3, dealing.ephemeral);
        _assertComplaintRefused(2, 4, dealing, others, othersProof, refused);
        // Right about E, wrong about the key: a proof for any point whose logarithm the liar knows.
        (shared, proof) = _complaint(id, 0, 4, 2, _g(5));
        _assertComplaintRefused(2, 4, dealing, shared, proof, refused);
    }

    function testFuzz_B8_complain_refusesAnyChangedProof(uint256 place, uint256 factor) public {
        factor = _bound(factor, 2, Bn254.R - 1);
        Dealing memory dealing = _dealBadly(4, 2);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        if (place % 4 == 0) proof.t1 = Bn254.mul(proof.t1, factor);
        if (place % 4 == 1) proof.t2 = Bn254.mul(proof.t2, factor);
        if (place % 4 == 2) proof.s = mulmod(proof.s, factor, Bn254.R);
        if (place % 4 == 3) shared = Bn254.mul(shared, factor);
        _assertComplaintRefused(
            2, 4, dealing, shared, proof, abi.encodeWithSelector(ICeremony.InvalidDleq.selector, 2)
        );
    }

    function test_B3_complain_refusesBadPointsAndScalars() public {
        Dealing memory dealing = _deal(id, 4);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        bytes memory point = abi.encodeWithSelector(ICeremony.InvalidPoint.selector);
        _assertComplaintRefused(2, 4, dealing, G1Point(0, 0), proof, point);

        G1Point memory t = proof.t1;
        proof.t1 = G1Point(t.x + Bn254.P, t.y);
        _assertComplaintRefused(2, 4, dealing, shared, proof, point);
        (proof.t1, proof.t2) = (t, G1Point(1, 1));
        _assertComplaintRefused(2, 4, dealing, shared, proof, point);

        (, proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        proof.s += Bn254.R;
        _assertComplaintRefused(2, 4, dealing, shared, proof, abi.encodeWithSelector(ICeremony.InvalidScalar.selector));
    }

    function test_complain_refusesUnknownDealingsAndSecondJudgements() public {
        Dealing memory dealing = _dealBadly(4, 2);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        _assertComplaintRefused(2, 3, dealing, shared, proof, abi.encodeWithSelector(ICeremony.UnknownDealing.selector, 3));
        Dealing memory changed = _dealing(id, 0, 4);
        _assertComplaintRefused(2, 4, changed, shared, proof, abi.encodeWithSelector(ICeremony.UnknownDealing.selector, 4));

        _as(2);
        ceremony.complain(id, 4, dealing, shared, proof);
        _assertComplaintRefused(
            2, 4, dealing, shared, proof, abi.encodeWithSelector(ICeremony.AlreadyDisqualified.selector, 4)
        );
    }

    function test_B5_complain_keepsToItsTime() public {
        Dealing memory dealing = _dealBadly(4, 2);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealing.ephemeral);
        (, uint64 start) = ceremony.epochOf(id);
        vm.warp(start + 2 hours);
        _assertComplaintRefused(
            2, 4, dealing, shared, proof, abi.encodeWithSelector(ICeremony.NotComplaining.selector, id, 0)
        );
        vm.warp(start + 2 hours - 1);
        _as(2);
        ceremony.complain(id, 4, dealing, shared, proof);
    }

    // ── finalising ──

    function test_finalise_sumsTheQualified() public {
        Dealing[] memory dealings = new Dealing[](3);
        uint8[] memory dealers = new uint8[](3);
        for (uint8 i; i < 3; ++i) {
            dealers[i] = 2 * i + 1;
            dealings[i] = _deal(id, dealers[i]);
        }
        _afterSteps(id, 2);
        ceremony.finalise(id, dealings);

        vm.assertTrue(ceremony.isFinalised(id));
        G1Point[] memory commitments = ceremony.keyCommitments(id);
        vm.assertEq(commitments.length, 3);
        _assertPoint(commitments[0], ceremony.jointKey(id));
        _assertPoint(commitments[0], _g(_shareOf(id, 0, dealers, 0)));
        for (uint8 j = 1; j <= 5; ++j) {
            _assertPoint(Bn254.evaluate(commitments, j), _g(_shareOf(id, 0, dealers, j)));
        }
    }

    function test_B5_finalise_onlyAfterBothSteps() public {
        Dealing[] memory dealings = _allDeal();
        (, uint64 start) = ceremony.epochOf(id);
        vm.warp(start + 2 hours - 1);
        bytes memory early = abi.encodeWithSelector(ICeremony.NotFinalising.selector, id, 0);
        vm.expectRevert(early);
        ceremony.finalise(id, dealings);
        vm.expectRevert(early);
        ceremony.startEpoch(id);
        vm.warp(start + 2 hours);
        ceremony.finalise(id, dealings);

        bytes memory again = abi.encodeWithSelector(ICeremony.AlreadyFinalised.selector, id);
        vm.expectRevert(again);
        ceremony.finalise(id, dealings);
        vm.expectRevert(again);
        ceremony.startEpoch(id);
    }

    function test_finalise_refusesMissingForeignAndUnorderedDealings() public {
        Dealing[] memory dealings = _allDeal();
        _afterSteps(id, 2);
        Dealing[] memory fewer = new Dealing[](4);
        for (uint256 i; i < 4; ++i) {
            fewer[i] = dealings[i];
        }
        vm.expectRevert(ICeremony.WrongDealings.selector);
        ceremony.finalise(id, fewer);

        (dealings[0], dealings[1]) = (dealings[1], dealings[0]);
        vm.expectRevert(ICeremony.WrongDealings.selector);
        ceremony.finalise(id, dealings);

        (dealings[0], dealings[1]) = (dealings[1], dealings[0]);
        dealings[4].shares[0] ^= 1;
        vm.expectRevert(ICeremony.WrongDealings.selector);
        ceremony.finalise(id, dealings);
    }

    function test_startEpoch_whereTooFewDealt() public {
        Dealing[] memory dealings = new Dealing[](2);
        dealings[0] = _deal(id, 1);
        dealings[1] = _deal(id, 2);
        _afterSteps(id, 2);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.TooFewDealers.selector, 2, 3));
        ceremony.finalise(id, dealings);

        vm.warp(block.timestamp + 1000);
        vm.expectEmit(address(ceremony));
        emit ICeremony.EpochStarted(id, 1, uint64(block.timestamp));
        ceremony.startEpoch(id);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotFinalising.selector, id, 1));
        ceremony.finalise(id, dealings);

        dealings = _allDeal();
        _afterSteps(id, 2);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.EnoughDealers.selector, 5));
        ceremony.startEpoch(id);
        ceremony.finalise(id, dealings);
        _assertPoint(ceremony.jointKey(id), _g(_shareOf(id, 1, _upTo(5), 0)));
    }

    function test_ceremony_endsWhenVotingOpens() public {
        Dealing[] memory dealings = _allDeal();
        _register(id, 1, 4);
        _addOptions(id, 2);
        (, uint64 start) = ceremony.epochOf(id);
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 4, 2, dealings[3].ephemeral);
        vm.warp(initiatives.windowsOf(id).votingOpens);
        vm.assertTrue(start + 2 hours < block.timestamp);

        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotFinalising.selector, id, 0));
        ceremony.finalise(id, dealings);
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotFinalising.selector, id, 0));
        ceremony.startEpoch(id);
        _assertComplaintRefused(
            2, 4, dealings[3], shared, proof, abi.encodeWithSelector(ICeremony.NotComplaining.selector, id, 0)
        );
        vm.assertTrue(initiatives.phase(id) == Phase.Void);
    }

    function test_finalise_refusesAVoidInitiative() public {
        Dealing[] memory dealings = _allDeal();
        _afterSteps(id, 2);
        _motion(address(initiatives), abi.encodeCall(initiatives.voidByMotion, (id, "no longer wanted")));
        vm.expectRevert(abi.encodeWithSelector(ICeremony.NotFinalising.selector, id, 0));
        ceremony.finalise(id, dealings);
    }

    function test_jointKey_refusedUntilFinalised() public {
        bytes memory refused = abi.encodeWithSelector(ICeremony.NotFinalised.selector, id);
        vm.expectRevert(refused);
        ceremony.jointKey(id);
        vm.expectRevert(refused);
        ceremony.keyCommitments(id);
    }

    // ── helpers ──

    function _allDeal() private returns (Dealing[] memory dealings) {
        dealings = new Dealing[](5);
        for (uint8 i = 1; i <= 5; ++i) {
            dealings[i - 1] = _deal(id, i);
        }
    }

    /// @dev With a share for `receiver` that is one off.
    function _dealBadly(uint8 dealer, uint8 receiver) private returns (Dealing memory dealing) {
        dealing = _dealing(id, 0, dealer);
        dealing.shares[receiver - 1] ^= 1;
        _deal(id, dealer, dealing);
    }

    function _assertDealRefused(uint8 dealer, Dealing memory dealing, bytes memory expected) private {
        _as(dealer);
        vm.expectRevert(expected);
        ceremony.deal(id, dealing);
    }

    function _assertComplaintRefused(
        uint8 complainant,
        uint8 dealer,
        Dealing memory dealing,
        G1Point memory shared,
        DleqProof memory proof,
        bytes memory expected
    ) private {
        _as(complainant);
        vm.expectRevert(expected);
        ceremony.complain(id, dealer, dealing, shared, proof);
    }

    function _assertPoint(G1Point memory a, G1Point memory b) private pure {
        vm.assertTrue(Bn254.equal(a, b));
    }
}
