// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    EntityId, G1Point, InitiativeId, P256Point, Phase, ProposalId, RegistrarSignature, Role, Rules, SchnorrProof
} from "../../contracts/Types.sol";
import {Dealing, DleqProof} from "../../contracts/interfaces/ICeremony.sol";
import {ExecutionStatus, Report} from "../../contracts/interfaces/IFollowUp.sol";
import {RegistrationBatch, Replacement} from "../../contracts/interfaces/IElectorate.sol";
import {Submission} from "../../contracts/interfaces/IProposals.sol";
import {BallotFixture} from "./BallotFixture.sol";
import {Patch} from "./Simulator.sol";

/// @dev K1: one stolen key tries every state-changing function of every contract, in every phase of an open initiative.
/// Whatever goes through, electorate, key, rules and result stay what they were. The two entities tried are the
/// publisher, which is registrar and trustee too, and one that is only those.
contract SingleKeyTest is BallotFixture {
    /// @dev Who holds the key. A key signs whatever it can be made to sign, under its own name and others'.
    struct Thief {
        string name;
        uint32 entity;
        uint256 key;
    }

    struct Attempt {
        address target;
        bytes call;
    }

    struct Plan {
        Attempt[80] attempts;
        uint256 length;
    }

    /// @dev Where the initiative stands when the thief comes.
    enum Stage {
        Dealing,
        Review,
        Voting,
        Challenge,
        Opening,
        Combined,
        Counted,
        Attested
    }

    uint256 private constant VOTERS = 3;

    InitiativeId private id;
    bytes private ballots;

    function setUp() public override {
        super.setUp();
        id = _create();
    }

    function test_K1_inDealing() public {
        _robAt(Stage.Dealing);
    }

    function test_K1_inReview() public {
        _robAt(Stage.Review);
    }

    function test_K1_inVoting() public {
        _robAt(Stage.Voting);
    }

    function test_K1_inChallenge() public {
        _robAt(Stage.Challenge);
    }

    function test_K1_inOpening() public {
        _robAt(Stage.Opening);
    }

    function test_K1_withTheKeyCombined() public {
        _robAt(Stage.Combined);
    }

    function test_K1_whenCounted() public {
        _robAt(Stage.Counted);
    }

    function test_K1_whenAttested() public {
        _robAt(Stage.Attested);
    }

    // ── the life so far ──

    function _bring(Stage stage) private {
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        _register(id, 1, 4);
        _addOptions(id, OPTIONS);
        if (stage == Stage.Dealing) {
            _deal(id, 3);
            return;
        }
        _ceremony(id);
        vm.warp(initiatives.windowsOf(id).registrationCloses);
        if (stage == Stage.Review) return;
        vm.warp(initiatives.windowsOf(id).votingOpens);
        ballots = _entries(id, 1, VOTERS);
        ballotBox.castBatch(id, ballots);
        if (stage == Stage.Voting) return;
        vm.warp(initiatives.windowsOf(id).votingCloses);
        if (stage == Stage.Challenge) return;
        _toOpening(id);
        if (stage == Stage.Opening) return;
        _release(id, 2);
        _release(id, 3);
        if (stage == Stage.Combined) return;
        tally.count(id, _recordsOf(ballots, ballots.length / VOTERS));
        if (stage == Stage.Counted) return;
        for (uint32 trustee = 1; trustee <= 2; ++trustee) {
            vm.prank(_account(trustee, Role.Trustee));
            tally.attest(id, keccak256("result"));
        }
        vm.prank(_account(1, Role.Publisher));
        followUp.report(id, 0, ExecutionStatus.Planned, 0, 0, keccak256("text"));
    }

    // ── what must stay ──

    function _rulesFacts() private view returns (bytes32) {
        (EntityId[] memory registrars, uint8 k) = initiatives.registrarsOf(id);
        (EntityId[] memory trustees, uint8 t) = initiatives.trusteesOf(id);
        return keccak256(
            abi.encode(
                initiatives.rulesHashOf(id),
                initiatives.publisherOf(id),
                initiatives.windowsOf(id),
                initiatives.ballotRulesOf(id),
                abi.encode(registrars, k, trustees, t),
                initiatives.proposalsPerPersonOf(id),
                initiatives.phase(id),
                initiatives.voidReason(id)
            )
        );
    }

    /// @dev Who decides: entities, floor, suites.
    function _consortiumFacts() private view returns (bytes32 facts) {
        facts = keccak256(
            abi.encode(consortium.entityCount(), consortium.minimumAnonymity(), consortium.suiteCount())
        );
        for (uint32 e = 1; e <= ENTITIES; ++e) {
            facts = keccak256(abi.encode(facts, consortium.isActive(EntityId.wrap(e))));
        }
    }

    function _electorateFacts() private view returns (bytes32 facts) {
        facts = keccak256(abi.encode(electorate.root(id), electorate.size(id)));
        for (uint256 person = 1; person <= 4; ++person) {
            facts = keccak256(
                abi.encode(
                    facts, electorate.commitmentOf(id, _tag(person)), electorate.pendingReplacement(id, _tag(person))
                )
            );
        }
    }

    /// @dev A dealing made in the thief's own turn is one of at least t, and no key.
    function _keyFacts() private view returns (bytes32) {
        (uint32 epoch, uint64 startsAt) = ceremony.epochOf(id);
        return keccak256(
            abi.encode(
                ceremony.trusteeKeys(id),
                epoch,
                startsAt,
                ceremony.isFinalised(id),
                ceremony.isFinalised(id) ? ceremony.keyCommitments(id) : new G1Point[](0),
                ceremony.dealingHash(id, 0, 3),
                ceremony.isDisqualified(id, 0, 3),
                ceremony.secretKey(id)
            )
        );
    }

    /// @dev The options are the publisher's until voting opens.
    function _resultFacts(Stage stage) private view returns (bytes32 facts) {
        facts = keccak256(
            abi.encode(
                ballotBox.ballotCount(id),
                tally.countsOf(id),
                tally.isComplete(id),
                tally.resultHashOf(id),
                proposals.proposalCount(id)
            )
        );
        for (uint256 voter = 1; voter <= VOTERS + 1; ++voter) {
            facts = keccak256(abi.encode(facts, _slot(id, voter)));
        }
        if (stage >= Stage.Voting) {
            facts = keccak256(abi.encode(facts, proposals.optionCount(id), proposals.costs(id), tally.totalsOf(id)));
        }
        for (uint32 p = 1; p <= OPTIONS; ++p) {
            facts = keccak256(abi.encode(facts, proposals.proposal(id, ProposalId.wrap(p)).contentHash));
            if (stage >= Stage.Voting) facts = keccak256(abi.encode(facts, proposals.proposal(id, ProposalId.wrap(p))));
        }
        // What was reported stays, whatever is added; its text may be erased.
        if (stage == Stage.Attested) {
            Report memory r = followUp.reportOf(id, 0, 1);
            facts = keccak256(abi.encode(facts, r.status, r.shareDone, r.reportedAt, r.spent, r.contentHash));
        }
    }

    // ── the robbery ──

    function _robAt(Stage stage) private {
        vm.pauseGasMetering();
        _bring(stage);
        for (uint32 entity = 1; entity <= 2; ++entity) {
            for (uint256 role; role < 5; ++role) {
                string memory name = string.concat("entity ", vm.toString(entity), ", role ", vm.toString(role));
                this.rob(Thief(name, entity, _key(entity, Role(role))), stage);
            }
        }
        this.rob(Thief("a stranger", 2, 0xbad), stage);
        this.rob(Thief("the deployer", 2, 0), stage);
    }

    /// @dev External, for a memory of its own.
    function rob(Thief memory thief, Stage stage) external {
        uint256 before = vm.snapshotState();
        bytes32[5] memory facts =
            [_rulesFacts(), _consortiumFacts(), _electorateFacts(), _keyFacts(), _resultFacts(stage)];
        Plan memory plan = _plan(thief, stage);
        for (uint256 i; i < plan.length; ++i) {
            vm.prank(thief.key == 0 ? address(this) : vm.addr(thief.key));
            (bool done,) = plan.attempts[i].target.call(plan.attempts[i].call);
            string memory what = string.concat(thief.name, ", attempt ", vm.toString(i), done ? "" : " (refused)");
            vm.assertEq(_rulesFacts(), facts[0], string.concat("rules changed by ", what));
            vm.assertEq(_consortiumFacts(), facts[1], string.concat("consortium changed by ", what));
            vm.assertEq(_electorateFacts(), facts[2], string.concat("electorate changed by ", what));
            vm.assertEq(_keyFacts(), facts[3], string.concat("key changed by ", what));
            vm.assertEq(_resultFacts(stage), facts[4], string.concat("result changed by ", what));
        }
        vm.revertToState(before);
    }

    function _try(Plan memory plan, address target, bytes memory call) private pure {
        plan.attempts[plan.length++] = Attempt(target, call);
    }

    function _plan(Thief memory thief, Stage stage) private view returns (Plan memory plan) {
        _planConsortium(plan, thief);
        _planInitiatives(plan);
        _planElectorate(plan, thief);
        _planProposals(plan, thief);
        _planCeremony(plan, thief, stage);
        if (stage >= Stage.Voting) _planBallots(plan);
    }

    /// @dev The entity's other seats are the member's to fill: the rest of the plan is then tried with all of them.
    function _planConsortium(Plan memory plan, Thief memory thief) private view {
        address c = address(consortium);
        _try(plan, c, abi.encodeCall(consortium.suspend, (EntityId.wrap(3))));
        _try(plan, c, abi.encodeCall(consortium.admit, (_draft(9))));
        _try(plan, c, abi.encodeCall(consortium.setMinimumAnonymity, (1000)));
        _try(plan, c, abi.encodeCall(consortium.addSuite, (suite)));
        bytes memory voiding = abi.encodeCall(initiatives.voidByMotion, (id, "mine"));
        bytes memory reopening = abi.encodeCall(initiatives.reopenVoting, (id, uint64(block.timestamp + 1 days)));
        bytes memory suspending = abi.encodeCall(consortium.suspend, (EntityId.wrap(3)));
        _try(plan, c, abi.encodeCall(consortium.propose, (address(initiatives), voiding)));
        _try(plan, c, abi.encodeCall(consortium.propose, (address(initiatives), reopening)));
        _try(plan, c, abi.encodeCall(consortium.propose, (c, suspending)));
        for (uint256 motion = 1; motion <= 4; ++motion) {
            _try(plan, c, abi.encodeCall(consortium.approve, (motion)));
            _try(plan, c, abi.encodeCall(consortium.approve, (motion)));
        }
        _try(plan, c, abi.encodeCall(consortium.setEndpoint, ("https://thief.example")));
        _try(plan, c, abi.encodeCall(consortium.registerBrokerKey, (P256Point(0, 0))));
        uint256 other = uint256(keccak256("the thief's trustee key")) >> 8;
        (G1Point memory key, SchnorrProof memory proof) = _possession(thief.entity, other);
        _try(plan, c, abi.encodeCall(consortium.registerTrusteeKey, (key, proof)));
        _try(plan, c, abi.encodeCall(consortium.setAccount, (Role.Registrar, vm.addr(_thiefs(Role.Registrar)))));
        _try(plan, c, abi.encodeCall(consortium.setAccount, (Role.Gateway, vm.addr(_thiefs(Role.Gateway)))));
    }

    function _thiefs(Role role) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("thief", role))) >> 8;
    }

    function _planInitiatives(Plan memory plan) private view {
        address c = address(initiatives);
        Rules memory rules = _rules();
        _try(plan, c, abi.encodeCall(initiatives.create, (rules, SCOPE, "Another")));
        _try(plan, c, abi.encodeCall(initiatives.withdraw, (id, "mine")));
        _try(plan, c, abi.encodeCall(initiatives.voidByMotion, (id, "mine")));
        uint64 later = initiatives.windowsOf(id).votingCloses + 1 days;
        _try(plan, c, abi.encodeCall(initiatives.proposeExtension, (id, later)));
        _try(plan, c, abi.encodeCall(initiatives.approveExtension, (id, later)));
        _try(plan, c, abi.encodeCall(initiatives.reopenVoting, (id, uint64(block.timestamp + 1 days))));
    }

    /// @dev Signed by the stolen key and by the registrar's that a stolen member's key may seat: alone, in two names,
    /// and twice in one.
    function _signedAlone(Thief memory thief, bytes32 digest, uint256 way)
        private
        pure
        returns (RegistrarSignature[] memory list)
    {
        uint256 key = thief.key == 0 ? 1 : thief.key;
        EntityId own = EntityId.wrap(thief.entity);
        bool pair = way % 3 != 0;
        list = new RegistrarSignature[](pair ? 2 : 1);
        bytes memory signature = _signature(way < 3 ? key : _thiefs(Role.Registrar), digest);
        list[0] = RegistrarSignature(own, signature);
        if (pair) list[1] = RegistrarSignature(way % 3 == 1 ? EntityId.wrap(3) : own, signature);
    }

    function _signature(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _planElectorate(Plan memory plan, Thief memory thief) private view {
        address c = address(electorate);
        for (uint256 way; way < 6; ++way) {
            RegistrationBatch memory b = _batch(id, 100 + way, 1);
            _try(plan, c, abi.encodeCall(electorate.register, (b, _signedAlone(thief, _digest(b), way))));
            Replacement memory r = Replacement(
                id,
                bytes32(way + 1),
                uint64(block.timestamp + 1 hours),
                _tag(1),
                _commitment(1),
                _commitment(200 + way),
                keccak256("evidence")
            );
            _try(plan, c, abi.encodeCall(electorate.queueReplacement, (r, _signedAlone(thief, _digest(r), way))));
        }
        _try(plan, c, abi.encodeCall(electorate.applyReplacement, (id, _tag(1), new uint256[](2))));
    }

    function _planProposals(Plan memory plan, Thief memory thief) private view {
        address c = address(proposals);
        for (uint256 way; way < 6; ++way) {
            Submission memory s = _submission(id, 300 + way, 300 + way);
            _try(plan, c, abi.encodeCall(proposals.submit, (s, _signedAlone(thief, _digest(s), way))));
        }
        ProposalId first = ProposalId.wrap(1);
        _try(plan, c, abi.encodeCall(proposals.accept, (id, first, 1, "")));
        _try(plan, c, abi.encodeCall(proposals.reject, (id, first, true, "no")));
        _try(plan, c, abi.encodeCall(proposals.setCost, (id, first, 1, "cheap")));
        _try(plan, c, abi.encodeCall(proposals.erase, (id, first, "unwelcome")));
        c = address(followUp);
        bytes32 text = keccak256("lies");
        _try(plan, c, abi.encodeCall(followUp.report, (id, 1, ExecutionStatus.Done, 10_000, 0, text)));
        _try(plan, c, abi.encodeCall(followUp.report, (id, 0, ExecutionStatus.Cancelled, 0, 0, text)));
        _try(plan, c, abi.encodeCall(followUp.erase, (id, 0, 1, "unwelcome")));
    }

    function _planCeremony(Plan memory plan, Thief memory thief, Stage stage) private view {
        address c = address(ceremony);
        uint8 index = uint8(thief.entity);
        G1Point[] memory keys = new G1Point[](1);
        keys[0] = _g(7);
        _try(plan, c, abi.encodeCall(ceremony.open, (id, keys, uint64(block.timestamp))));
        Dealing[] memory alone = new Dealing[](1);
        alone[0] = _dealing(id, 0, index);
        Dealing memory honest = _dealing(id, 0, 3);
        _try(plan, c, abi.encodeCall(ceremony.deal, (id, honest)));
        _try(plan, c, abi.encodeCall(ceremony.deal, (id, alone[0])));
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 3, index, honest.ephemeral);
        _try(plan, c, abi.encodeCall(ceremony.complain, (id, 3, honest, shared, proof)));
        _try(plan, c, abi.encodeCall(ceremony.complain, (id, 3, honest, _g(7), proof)));
        _try(plan, c, abi.encodeCall(ceremony.finalise, (id, alone)));
        _try(plan, c, abi.encodeCall(ceremony.startEpoch, (id)));
        _try(plan, c, abi.encodeCall(ceremony.release, (id, 1)));
        if (stage != Stage.Dealing) {
            _try(plan, c, abi.encodeCall(ceremony.release, (id, _shareOf(id, index))));
            _try(plan, c, abi.encodeCall(ceremony.release, (id, _shareOf(id, index))));
        }
    }

    /// @dev Replayed, altered, and for a nullifier that nobody has.
    function _planBallots(Plan memory plan) private view {
        uint256 length = ballots.length / VOTERS;
        bytes memory cast = Patch.slice(ballots, 0, length);
        bytes memory next = Patch.replace(cast, PROOF + 35, hex"02");
        bytes memory fresh = Patch.word(cast, PROOF, _scalar("nullifier", VOTERS + 1));
        _try(plan, address(ballotBox), abi.encodeCall(ballotBox.castBatch, (id, cast)));
        _try(plan, address(ballotBox), abi.encodeCall(ballotBox.castBatch, (id, next)));
        _try(plan, address(ballotBox), abi.encodeCall(ballotBox.castBatch, (id, fresh)));
        uint256[] memory nullifiers = new uint256[](1);
        uint256[] memory slots = new uint256[](1);
        nullifiers[0] = _scalar("nullifier", 1);
        slots[0] = _slot(id, 1);
        _try(plan, address(ballotBox), abi.encodeCall(ballotBox.clearSlots, (id, nullifiers, slots)));
        _try(plan, address(tally), abi.encodeCall(tally.count, (id, _recordOf(next))));
        _try(plan, address(tally), abi.encodeCall(tally.count, (id, _recordOf(fresh))));
        _try(plan, address(tally), abi.encodeCall(tally.attest, (id, keccak256("mine"))));
        _try(plan, address(tally), abi.encodeCall(tally.attest, (id, keccak256("mine"))));
    }

    // ── that the plan is worth something ──

    /// @dev With two registrars' signatures instead of one, and two votes for a motion, the same calls do change it.
    function test_K1_twoKeysTogetherCould() public {
        _bring(Stage.Dealing);
        bytes32 before = _electorateFacts();
        _register(id, 100, 1);
        vm.assertNotEq(_electorateFacts(), before);

        before = _rulesFacts();
        _motion(address(initiatives), abi.encodeCall(initiatives.voidByMotion, (id, "ours")));
        vm.assertNotEq(_rulesFacts(), before);
        vm.assertTrue(initiatives.phase(id) == Phase.Void);
    }
}
