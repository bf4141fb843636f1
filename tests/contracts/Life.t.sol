// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    Commitment, G1Point, InitiativeId, Nullifier, Outcome, Phase, ProposalId, Role, Rules, VoidReason
} from "../../contracts/Types.sol";
import {Dealing} from "../../contracts/interfaces/ICeremony.sol";
import {RegistrationBatch, Replacement} from "../../contracts/interfaces/IElectorate.sol";
import {ExecutionStatus, IFollowUp, Report} from "../../contracts/interfaces/IFollowUp.sol";
import {IInitiatives} from "../../contracts/interfaces/IInitiatives.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {Submission} from "../../contracts/interfaces/IProposals.sol";
import {BallotFixture} from "./BallotFixture.sol";
import {Ledger} from "./Ledger.sol";
import {Patch} from "./Simulator.sol";

/// @dev One initiative, in which everybody does anything at any time, on the whole suite. Each call must succeed
/// exactly where the phase that the events imply allows it, and fail with `WrongPhase` of that phase where not.
contract LifeHandler is BallotFixture {
    InitiativeId public id;
    Ledger public ledger;
    Rules private rules;

    uint256 private persons;
    uint256 private batches;
    uint8[] private dealers;
    mapping(uint8 => bool) private released;
    mapping(uint8 => bool) private attested;
    uint256 private frozenRoot;

    constructor() {
        setUp();
        rules = _rules();
        rules.windows.ceremonyStep = 2 days;
        vm.recordLogs();
        id = _create(rules);
        ledger = new Ledger(rules.windows.votingCloses);
        _fold();
    }

    // ── the model ──

    function phase() public view returns (Phase) {
        return ledger.phaseAt(rules, block.timestamp);
    }

    function _fold() private {
        ledger.fold(vm.getRecordedLogs());
    }

    /// @dev Does `call`, and demands that it succeed exactly if `open`.
    function _act(address sender, address target, bytes memory call, bool open) private {
        bytes memory refusal = abi.encodeWithSelector(IInitiatives.WrongPhase.selector, id, phase());
        vm.prank(sender);
        (bool done, bytes memory answer) = target.call(call);
        _fold();
        vm.assertEq(done, open, "accepted exactly in its window");
        if (!open) vm.assertEq(answer, refusal, "refused for its phase");
    }

    function _in(Phase a, Phase b) private view returns (bool) {
        Phase current = phase();
        return current == a || current == b;
    }

    // ── time ──

    /// @dev To just before, at, or just after the next boundary, or a little on. Seldom where something is still
    /// missing, or nearly every life would end there.
    function advance(uint256 seed) external {
        uint256[8] memory steps = [uint256(1), 6 hours, 12 hours, 1 days, 2 days, 0, 0, 0];
        uint256 step = steps[seed % 8];
        if (step == 0) {
            uint256 next = _nextBoundary();
            if (next == 0) return;
            step = next - block.timestamp + (seed >> 8) % 3;
            if (step != 0 && (seed >> 8) % 3 == 0) --step;
        }
        if (seed >> 16 & 7 != 0 && _isMissingSomethingBefore(block.timestamp + step)) return;
        vm.warp(block.timestamp + step);
    }

    /// @dev Whether this life would end for want of something if it came to `time` as it is.
    function _isMissingSomethingBefore(uint256 time) private view returns (bool) {
        uint256 dealing = rules.windows.registrationOpens + rules.windows.ceremonyStep;
        if (block.timestamp < dealing && time >= dealing && dealers.length < 2) return true;
        uint64 closes = rules.windows.registrationCloses;
        if (block.timestamp < closes && time >= closes) return ledger.size() < 2 || ledger.proposals() == 0;
        uint64 opens = rules.windows.votingOpens;
        if (block.timestamp < opens && time >= opens) return !ledger.finalised() || ledger.options() == 0;
        uint64 ends = ledger.votingCloses();
        return block.timestamp < ends && time >= ends && ledger.distinct() < 3;
    }

    function _nextBoundary() private view returns (uint256) {
        uint256[6] memory boundaries = [
            uint256(rules.windows.registrationOpens),
            rules.windows.registrationOpens + rules.windows.ceremonyStep,
            rules.windows.registrationCloses,
            rules.windows.votingOpens,
            ledger.votingCloses(),
            ledger.votingCloses() + rules.windows.challengePeriod
        ];
        for (uint256 i; i < 6; ++i) {
            if (boundaries[i] > block.timestamp) return boundaries[i];
        }
        return 0;
    }

    // ── electorate and options ──

    /// @dev One to four persons, one perhaps known, one perhaps with another's commitment.
    function register(uint256 seed) external {
        uint256 n = 1 + seed % 4;
        RegistrationBatch memory b = _batch(id, persons + 1, n);
        b.batchId = bytes32(++batches);
        if (persons != 0 && seed >> 8 & 3 == 0) b.tags[0] = _tag(1 + (seed >> 16) % persons);
        if (persons != 0 && seed >> 10 & 3 == 0) b.commitments[n - 1] = _commitment(1 + (seed >> 16) % persons);
        bytes memory call = abi.encodeCall(electorate.register, (b, _signatures(2, _digest(b))));
        bool open = phase() == Phase.Registration;
        if (open) persons += n;
        _act(address(this), address(electorate), call, open);
    }

    /// @dev A first replacement, applied at once where the tree is small enough to know its path.
    function replace(uint256 seed) external {
        if (persons == 0) return;
        uint256 person = 1 + seed % persons;
        uint256 old = ledger.commitmentOf(keccak256(abi.encode("tag", person)));
        if (old == 0 || old != Commitment.unwrap(_commitment(person))) return;
        if (Commitment.unwrap(electorate.pendingReplacement(id, _tag(person))) != 0) return;
        Replacement memory r = Replacement(
            id,
            bytes32(++batches),
            uint64(block.timestamp + 1 hours),
            _tag(person),
            Commitment.wrap(old),
            _commitment(1_000_000 + person),
            0
        );
        bytes memory call = abi.encodeCall(electorate.queueReplacement, (r, _signatures(2, _digest(r))));
        _act(address(this), address(electorate), call, _in(Phase.Registration, Phase.Review));
    }

    function propose(uint256 seed) external {
        Submission memory s = _submission(id, 5_000_000 + batches, seed % 1000);
        s.batchId = bytes32(++batches);
        bytes memory call = abi.encodeCall(proposals.submit, (s, _signatures(2, _digest(s))));
        _act(address(this), address(proposals), call, phase() == Phase.Registration);
    }

    function moderate(uint256 seed) external {
        if (ledger.proposals() == 0) return;
        ProposalId proposal = ProposalId.wrap(uint32(1 + seed % ledger.proposals()));
        bool accepted = uint256(proposals.proposal(id, proposal).status) == 1;
        bytes memory call = accepted
            ? abi.encodeCall(proposals.setCost, (id, proposal, seed >> 128, "reckoned again"))
            : abi.encodeCall(proposals.accept, (id, proposal, seed >> 128, ""));
        _act(_account(1, Role.Publisher), address(proposals), call, _in(Phase.Registration, Phase.Review));
    }

    // ── ceremony ──

    function deal(uint256 seed) external {
        uint64 start = rules.windows.registrationOpens;
        bool open = _in(Phase.Registration, Phase.Review) && block.timestamp < start + rules.windows.ceremonyStep;
        if (open && dealers.length != 0) return;
        for (uint8 i = 1; i <= 3; ++i) {
            if (i == seed % 4) continue;
            Dealing memory dealing = _dealing(id, 0, i);
            vm.prank(_account(i, Role.Trustee));
            (bool done,) = address(ceremony).call(abi.encodeCall(ceremony.deal, (id, dealing)));
            vm.assertEq(done, open, "dealt exactly in the dealing's step");
            if (done) dealers.push(i);
        }
        _fold();
    }

    function finalise() external {
        if (ledger.finalised()) return;
        Dealing[] memory dealings = new Dealing[](dealers.length);
        for (uint256 i; i < dealers.length; ++i) {
            dealings[i] = _dealing(id, 0, dealers[i]);
        }
        bool open = _in(Phase.Registration, Phase.Review) && dealers.length >= 2
            && block.timestamp >= rules.windows.registrationOpens + 2 * rules.windows.ceremonyStep;
        (bool done,) = address(ceremony).call(abi.encodeCall(ceremony.finalise, (id, dealings)));
        _fold();
        vm.assertEq(done, open, "finalised exactly after the complaints and before voting");
    }

    function release(uint256 seed) external {
        uint8 trustee = uint8(1 + seed % 3);
        if (released[trustee]) return;
        uint256 share = _shareOf(id, 0, dealers, trustee);
        bool open = phase() == Phase.Opening;
        released[trustee] = open;
        _act(_account(trustee, Role.Trustee), address(ceremony), abi.encodeCall(ceremony.release, (id, share)), open);
    }

    // ── ballots ──

    /// @dev One to three ballots, of any sequence around what is stored: too low, right, too high.
    function cast(uint256 seed) external {
        G1Point memory key = ledger.finalised() ? ceremony.jointKey(id) : _g(1);
        Booth memory booth = Booth(id, ballotBox.scopeOf(id), electorate.root(id), key);
        bytes[] memory parts = new bytes[](1 + seed % 3);
        for (uint256 i; i < parts.length; ++i) {
            uint256 choice = uint256(keccak256(abi.encode(seed, i)));
            uint256 voters = ledger.size() == 0 ? 1 : ledger.size();
            Ballot memory ballot = _ballot(choice % voters, 0);
            uint256 stored = ballotBox.slotOf(id, Nullifier.wrap(ballot.nullifier)) >> 224;
            ballot.sequence = uint32(stored + (choice >> 32) % 20);
            ballot.channel = uint8(choice >> 64 & 1);
            // A vote, mostly of options that exist; blank; anything.
            uint256[4] memory texts = [uint256(1), (choice >> 96) % 15, 1 << 184, choice];
            ballot.plaintext = abi.encodePacked(texts[(choice >> 68) % 4]);
            parts[i] = _entry(booth, ballot);
        }
        bytes memory call = abi.encodeCall(ballotBox.castBatch, (id, _join(parts)));
        _act(address(this), address(ballotBox), call, phase() == Phase.Voting);
        if (frozenRoot == 0 && phase() == Phase.Voting) frozenRoot = electorate.root(id);
    }

    function count(uint256 seed) external {
        uint256 n = ledger.distinct();
        bytes[] memory parts = new bytes[](1 + (seed >> 128) % 4);
        uint256 found;
        for (uint256 i; i < n && found < parts.length; ++i) {
            uint256 nullifier = ledger.nullifierAt((seed % n + i) % n);
            if (!ledger.counted(nullifier)) parts[found++] = ledger.recordOf(nullifier);
        }
        bytes memory call = abi.encodeCall(tally.count, (id, _join(parts)));
        bool open = phase() == Phase.Opening;
        if (open && ledger.secretKey() == 0) {
            (bool done, bytes memory answer) = address(tally).call(call);
            vm.assertFalse(done, "nothing is opened without the key");
            vm.assertEq(answer, abi.encodeWithSelector(ITally.KeyNotCombined.selector, id));
            return;
        }
        _act(address(this), address(tally), call, open);
    }

    // ── follow-up ──

    /// @dev Of one of two documents.
    function attest(uint256 seed) external {
        uint8 trustee = uint8(1 + seed % 3);
        if (attested[trustee]) return;
        bool open = phase() == Phase.Counted;
        attested[trustee] = open;
        bytes memory call = abi.encodeCall(tally.attest, (id, bytes32(1 + (seed >> 8) % 8 / 7)));
        _act(_account(trustee, Role.Trustee), address(tally), call, open);
    }

    /// @dev Of an option that exists or the first that does not, figures within bounds.
    function report(uint256 seed) external {
        uint16 option = uint16(seed % (ledger.options() + 1));
        bytes memory call = abi.encodeCall(
            followUp.report,
            (id, option, ExecutionStatus((seed >> 16) % 5), uint16((seed >> 24) % 10_001), seed >> 128, bytes32(seed | 1))
        );
        address publisher = _account(1, Role.Publisher);
        bytes memory refusal;
        if (ledger.resultHash() == 0) refusal = abi.encodeWithSelector(IFollowUp.NotAttested.selector, id);
        else if (option == ledger.options()) refusal = abi.encodeWithSelector(IFollowUp.UnknownOption.selector, id, option);
        if (phase() == Phase.Counted && refusal.length != 0) {
            vm.prank(publisher);
            (bool done, bytes memory answer) = address(followUp).call(call);
            vm.assertFalse(done, "no report without a result, or of no option");
            vm.assertEq(answer, refusal);
            return;
        }
        _act(publisher, address(followUp), call, phase() == Phase.Counted);
    }

    function eraseReport(uint256 seed) external {
        uint16 option = uint16(seed % (ledger.options() + 1));
        uint32 number = uint32(1 + (seed >> 16) % 3);
        bool open = number <= ledger.reports(option) && !ledger.erased(option, number);
        vm.prank(_account(1, Role.Publisher));
        (bool done,) = address(followUp).call(abi.encodeCall(followUp.erase, (id, option, number, "asked for")));
        _fold();
        vm.assertEq(done, open, "erased once, and only what there is");
    }

    // ── what moves a close ──

    function extend(uint256 seed) external {
        uint64 close = ledger.votingCloses();
        if (seed % 4 != 0 || ledger.extended() || ledger.reopened()) return;
        bool late = phase() == Phase.Voting && block.timestamp + 24 hours > close;
        if (late) return;
        bool open = phase() == Phase.Voting;
        uint64 later = uint64(close + 1 + (seed >> 8) % 5 days);
        bytes memory call = abi.encodeCall(initiatives.proposeExtension, (id, later));
        _act(_account(1, Role.Publisher), address(initiatives), call, open);
        call = abi.encodeCall(initiatives.approveExtension, (id, later));
        _act(_account(2, Role.Member), address(initiatives), call, open);
    }

    function reopen(uint256 seed) external {
        if (ledger.reopened() || seed % 4 != 0) return;
        uint64 later = uint64(block.timestamp + 1 + (seed >> 8) % 7 days);
        bytes memory call = abi.encodeCall(initiatives.reopenVoting, (id, later));
        _act(address(consortium), address(initiatives), call, phase() == Phase.Challenge);
    }

    function voidByMotion(uint256 seed) external {
        if (seed % 64 != 0) return;
        Phase current = phase();
        bytes memory call = abi.encodeCall(initiatives.voidByMotion, (id, "court order"));
        _act(address(consortium), address(initiatives), call, current != Phase.Counted && current != Phase.Void);
    }

    // ── the sentences ──

    function checkFold() external view {
        vm.assertEq(uint256(initiatives.phase(id)), uint256(phase()), "phase");
        vm.assertEq(initiatives.voidReason(id) != VoidReason.None, phase() == Phase.Void, "a void has its reason");
        vm.assertEq(initiatives.windowsOf(id).votingCloses, ledger.votingCloses(), "close");
        vm.assertEq(electorate.size(id), ledger.size(), "size");
        vm.assertEq(electorate.root(id), ledger.root(), "root");
        for (uint256 person = 1; person <= persons; ++person) {
            uint256 commitment = Commitment.unwrap(electorate.commitmentOf(id, _tag(person)));
            vm.assertEq(commitment, ledger.commitmentOf(keccak256(abi.encode("tag", person))), "commitment");
        }
        vm.assertEq(proposals.proposalCount(id), ledger.proposals(), "proposals");
        vm.assertEq(proposals.costs(id), ledger.costs());
        vm.assertEq(ceremony.isFinalised(id), ledger.finalised(), "joint key");
        vm.assertEq(ceremony.releasedCount(id), ledger.shares(), "shares");
        vm.assertEq(ceremony.secretKey(id), ledger.secretKey(), "key");
    }

    function checkBallots() external view {
        vm.assertEq(ballotBox.ballotCount(id), ledger.distinct(), "distinct nullifiers");
        vm.assertLe(ledger.distinct(), ledger.size(), "at most the registered");
        bytes32 scope = ballotBox.scopeOf(id);
        for (uint256 i; i < ledger.distinct(); ++i) {
            uint256 nullifier = ledger.nullifierAt(i);
            bytes memory record = ledger.recordOf(nullifier);
            uint256 slot = ledger.counted(nullifier)
                ? 0
                : Patch.read(record, 32) >> 224 << 224 | uint256(keccak256(abi.encodePacked(scope, record))) >> 32;
            vm.assertEq(ballotBox.slotOf(id, Nullifier.wrap(nullifier)), slot, "slot");
        }
    }

    function checkCount() external view {
        ITally.Counts memory c = tally.countsOf(id);
        vm.assertEq(c.counted, ledger.countedBallots(), "counted");
        vm.assertEq(c.valid, ledger.countOf(Outcome.Valid), "valid");
        vm.assertEq(c.blank, ledger.countOf(Outcome.Blank), "blank");
        vm.assertEq(c.nulls, ledger.countOf(Outcome.Null), "null");
        vm.assertEq(c.ownDevice, ledger.countOfChannel(0), "own device");
        vm.assertEq(c.assisted, ledger.countOfChannel(1), "assisted");
        vm.assertEq(c.accumulator, ledger.accumulator(), "accumulator");
        uint256[] memory totals = tally.totalsOf(id);
        vm.assertEq(totals.length, ledger.options(), "options");
        for (uint256 option; option < totals.length; ++option) {
            vm.assertEq(totals[option], ledger.scoreOf(option), "score");
        }
        vm.assertEq(
            tally.isComplete(id), c.counted != 0 && c.counted == ledger.distinct(), "complete when all are counted"
        );
    }

    function checkFollowUp() external view {
        vm.assertEq(tally.resultHashOf(id), ledger.resultHash(), "result");
        for (uint16 option; option <= ledger.options(); ++option) {
            uint32 n = ledger.reports(option);
            vm.assertEq(followUp.reportCount(id, option), n, "reports");
            vm.assertTrue(n == 0 || ledger.resultHash() != 0, "nothing is reported before a result is attested");
            bytes32 folded;
            for (uint32 number = 1; number <= n; ++number) {
                Report memory r = followUp.reportOf(id, option, number);
                folded = keccak256(abi.encode(folded, r.status, r.shareDone, uint256(r.spent), r.contentHash));
                vm.assertEq(r.erased, ledger.erased(option, number), "erased");
            }
            vm.assertEq(folded, ledger.reportsHash(option), "reports are what was reported, in its order");
        }
    }

    function checkSecrecy() external view {
        if (frozenRoot != 0) vm.assertEq(electorate.root(id), frozenRoot, "the electorate stands still");
        if (block.timestamp < ledger.votingCloses() + rules.windows.challengePeriod) {
            vm.assertEq(ceremony.releasedCount(id), 0, "no share before the opening");
        }
        if (ledger.shares() < 2) vm.assertEq(ledger.secretKey(), 0, "no key below the threshold");
    }
}

/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: default.invariant.runs = 50
/// forge-config: default.invariant.depth = 150
contract LifeTest is BallotFixture {
    LifeHandler private handler;

    function setUp() public override {
        handler = new LifeHandler();
        bytes4[] memory selectors = new bytes4[](21);
        selectors[0] = handler.advance.selector;
        selectors[1] = handler.register.selector;
        selectors[2] = handler.replace.selector;
        selectors[3] = handler.propose.selector;
        selectors[4] = handler.moderate.selector;
        selectors[5] = handler.deal.selector;
        selectors[6] = handler.finalise.selector;
        selectors[7] = handler.release.selector;
        selectors[8] = handler.cast.selector;
        selectors[9] = handler.count.selector;
        selectors[10] = handler.extend.selector;
        selectors[11] = handler.reopen.selector;
        selectors[12] = handler.voidByMotion.selector;
        // More often, for a life is long.
        selectors[13] = handler.advance.selector;
        selectors[14] = handler.advance.selector;
        selectors[15] = handler.cast.selector;
        selectors[16] = handler.count.selector;
        selectors[17] = handler.release.selector;
        selectors[18] = handler.attest.selector;
        selectors[19] = handler.report.selector;
        selectors[20] = handler.eraseReport.selector;
        _target(address(handler), selectors);
    }

    /// @dev State is a pure fold of the events. Accepted ballots are distinct nullifiers and at most the registered. The
    /// counts are those of the accepted ballots. Nothing is opened before its time. (Nothing is accepted outside its
    /// window: every call of the handler asserts that.)
    function invariant_TheFiveSentencesHold() public view {
        handler.checkFold();
        handler.checkBallots();
        handler.checkCount();
        handler.checkFollowUp();
        handler.checkSecrecy();
    }

    /// @dev So that the invariants are about something: among lives drawn like the runs', some are counted to the end.
    function test_SomeLivesReachTheCountAndReports() public {
        bytes4[] memory selectors = targetSelectors()[0].selectors;
        uint256 reached;
        uint256 start = vm.snapshotState();
        for (uint256 life; life < 12 && reached == 0; ++life) {
            for (uint256 i; i < 150; ++i) {
                uint256 seed = uint256(keccak256(abi.encode(life, i)));
                bytes4 selector = selectors[seed % selectors.length];
                (bool done,) = address(handler).call(abi.encodeWithSelector(selector, seed >> 8));
                vm.assertTrue(done, "the handler asserts, and never fails");
            }
            if (handler.phase() == Phase.Counted && handler.ledger().countedBallots() > 2) {
                ++reached;
                for (uint256 trustee; trustee < 3; ++trustee) {
                    handler.attest(trustee);
                }
                handler.report(0);
                vm.assertGt(handler.ledger().reports(0), 0, "two of three agree, so that it can be reported on");
                handler.checkFollowUp();
            }
            vm.revertToState(start);
        }
        vm.assertGt(reached, 0, "lives that were counted");
    }
}
