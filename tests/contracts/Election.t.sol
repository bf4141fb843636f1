// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point, InitiativeId, Nullifier, Phase} from "../../contracts/Types.sol";
import {BallotBox} from "../../contracts/BallotBox.sol";
import {Tally} from "../../contracts/Tally.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {BallotFixture} from "./BallotFixture.sol";
import {Patch, Simulator} from "./Simulator.sol";
import {Test} from "./Test.sol";

/// @dev Does at random what voters, relays, attackers and counters do to one initiative, and keeps its own books.
contract ElectionHandler is BallotFixture {
    uint256 public constant VOTERS = 6;
    uint256 private constant LENGTH = 256 + 101 + 32;

    InitiativeId public id;
    mapping(uint256 voter => uint256) public slot; // what it should be
    mapping(uint256 voter => bytes) private current; // the entry that counts
    mapping(uint256 voter => bool) public counted;
    bytes[] private seen; // every entry that was ever sent
    mapping(bytes32 recordHash => uint256) private texts; // what it opens to
    uint256 public distinct;
    uint256 public countedBallots;
    uint256[3] public totals;
    uint256 public nulls;
    uint256 public assisted;
    bool public lateAccepted;
    bool public surprised; // a call that should have gone through did not
    uint256 public calls;

    function parts() external view returns (BallotBox, Tally) {
        return (ballotBox, tally);
    }

    function nullifierOf(uint256 voter) external pure returns (Nullifier) {
        return Nullifier.wrap(_scalar("nullifier", voter));
    }

    function start() external {
        setUp();
        id = _toVoting();
    }

    /// @dev A voter's next ballot, or one of any sequence near it.
    function cast(uint256 voter, uint256 step, uint256 text, bool own) external {
        voter = 1 + voter % VOTERS;
        uint256 last = slot[voter] >> 224;
        Ballot memory ballot = _ballot(voter, uint32(step % 4 == 0 ? last + step % 20 : last + 1));
        ballot.channel = own ? 0 : 1;
        ballot.plaintext = abi.encodePacked(uint256(text % 10)); // from 8 on not an approval of three options
        bytes memory entry = _entry(_booth(id), ballot);
        seen.push(entry);
        _send(entry);
    }

    /// @dev Somebody sends again what was seen, up to three at once.
    function replay(uint256 which, uint256 other, uint256 more) external {
        if (seen.length == 0) return;
        bytes memory batch = seen[which % seen.length];
        for (uint256 i; i < more % 3; ++i) {
            batch = bytes.concat(batch, seen[(other % seen.length + i) % seen.length]);
        }
        _send(batch);
    }

    /// @dev Somebody changes a byte of what was seen.
    function tamper(uint256 which, uint256 place, uint8 change) external {
        if (seen.length == 0 || change == 0) return;
        bytes memory entry = bytes.concat(seen[which % seen.length]);
        place %= LENGTH;
        entry[place] = bytes1(uint8(entry[place]) ^ change);
        // A sequence may then be one that is skipped; nothing else of it can take effect.
        (bool done,) = address(ballotBox).call(abi.encodeCall(ballotBox.castBatch, (id, entry)));
        done;
        ++calls;
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + time % 2 days);
        ++calls;
    }

    function release(uint8 trustee) external {
        trustee = 1 + trustee % 3;
        uint256 share = _shareOf(id, trustee);
        _as(trustee);
        try ceremony.release(id, share) {
            if (initiatives.phase(id) < Phase.Opening) lateAccepted = true;
        } catch {}
        ++calls;
    }

    function count(uint256 voter, uint256 more) external {
        bytes memory records;
        uint256 first = 1 + voter % VOTERS;
        bool good = ceremony.secretKey(id) != 0 && initiatives.phase(id) == Phase.Opening;
        for (uint256 i; i <= more % 3; ++i) {
            uint256 v = 1 + (first + i) % VOTERS;
            if (current[v].length == 0) return;
            records = bytes.concat(records, _recordOf(current[v]));
            good = good && !counted[v];
        }
        (bool done,) = address(tally).call(abi.encodeCall(tally.count, (id, records)));
        if (done != good) surprised = true;
        for (uint256 i; done && i <= more % 3; ++i) {
            _book(1 + (first + i) % VOTERS);
        }
        ++calls;
    }

    function _book(uint256 voter) private {
        counted[voter] = true;
        slot[voter] = 0;
        ++countedBallots;
        bytes memory record = _recordOf(current[voter]);
        if (record[36] != 0) ++assisted;
        uint256 text = texts[keccak256(record)];
        if (text == 0 || text > 7) ++nulls;
        for (uint256 o; text <= 7 && o < 3; ++o) {
            totals[o] += text >> o & 1;
        }
    }

    /// @dev All entries are valid but for their sequences, so the batch stands exactly while voting is open.
    function _send(bytes memory batch) private {
        Booth memory b = _booth(id);
        bool open = block.timestamp < initiatives.windowsOf(id).votingCloses;
        (bool done,) = address(ballotBox).call(abi.encodeCall(ballotBox.castBatch, (id, batch)));
        if (done && !open) lateAccepted = true;
        if (!done && open) surprised = true;
        for (uint256 i; done && i < batch.length / LENGTH; ++i) {
            _follow(b, Patch.slice(batch, i * LENGTH, (i + 1) * LENGTH));
        }
        ++calls;
    }

    function _follow(Booth memory b, bytes memory entry) private {
        uint256 nullifier = Patch.read(entry, 256);
        uint256 voter = 1;
        while (_scalar("nullifier", voter) != nullifier) ++voter;
        uint256 next = _slotFor(b, entry);
        uint256 last = slot[voter] >> 224;
        if (next >> 224 <= last || next >> 224 > last + 16) return;
        if (last == 0) ++distinct;
        slot[voter] = next;
        current[voter] = entry;
        bytes memory record = _recordOf(entry);
        bytes memory sealed_ = Patch.slice(record, 101, 133);
        texts[keccak256(record)] = _unseal(b, record, sealed_);
    }

    /// @dev With the key that only this test knows.
    function _unseal(Booth memory b, bytes memory record, bytes memory ciphertext) private view returns (uint256) {
        Ballot memory ballot = Ballot(Patch.read(record, 0), uint32(Patch.read(record, 32) >> 224), 0, ciphertext);
        G1Point memory ephemeral = Simulator.point(record, 37);
        return Patch.read(_masked(b, ballot, ephemeral, Bn254.mul(ephemeral, _secretKeyOf(id))), 0);
    }
}

/// @dev Written as sentences; they hold after every call.
contract ElectionInvariants is Test {
    ElectionHandler private handler;
    BallotBox private ballotBox;
    Tally private tally;
    InitiativeId private id;

    function setUp() public {
        handler = new ElectionHandler();
        handler.start();
        (ballotBox, tally) = handler.parts();
        id = handler.id();
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = ElectionHandler.cast.selector;
        selectors[1] = ElectionHandler.cast.selector;
        selectors[2] = ElectionHandler.replay.selector;
        selectors[3] = ElectionHandler.tamper.selector;
        selectors[4] = ElectionHandler.pass.selector;
        selectors[5] = ElectionHandler.release.selector;
        selectors[6] = ElectionHandler.count.selector;
        _target(address(handler), selectors);
    }

    /// @dev So that the sentences below do not speak of nothing.
    function test_theHandlerReachesACompleteCount() public {
        for (uint256 voter; voter < 6; ++voter) {
            handler.cast(voter, 1, voter, voter != 2);
        }
        handler.replay(0, 1, 2);
        for (uint256 day; day < 6; ++day) {
            handler.pass(2 days - 1);
        }
        handler.release(0);
        handler.release(1);
        handler.count(0, 2);
        handler.count(3, 2);
        vm.assertTrue(tally.isComplete(id));
        invariant_election();
    }

    /// forge-config: default.invariant.runs = 40
    function invariant_election() public view {
        _slotsAreTheBallotsThatCount();
        _countsAreThoseOfTheAcceptedBallots();
    }

    /// @dev Accepted ballots are distinct nullifiers, each slot holds the ballot that counts, and nothing happens
    /// outside its window.
    function _slotsAreTheBallotsThatCount() private view {
        vm.assertEq(ballotBox.ballotCount(id), handler.distinct());
        vm.assertLe(handler.distinct(), handler.VOTERS());
        for (uint256 voter = 1; voter <= handler.VOTERS(); ++voter) {
            vm.assertEq(ballotBox.slotOf(id, handler.nullifierOf(voter)), handler.slot(voter));
        }
        vm.assertFalse(handler.lateAccepted(), "accepted outside its window");
        vm.assertFalse(handler.surprised(), "refused inside its window");
    }

    /// @dev The counts are those of the accepted ballots, and the count is complete when all of them are counted.
    function _countsAreThoseOfTheAcceptedBallots() private view {
        ITally.Counts memory c = tally.countsOf(id);
        vm.assertEq(c.counted, handler.countedBallots());
        vm.assertEq(c.valid + c.blank + c.nulls, c.counted);
        vm.assertEq(c.ownDevice + c.assisted, c.counted);
        vm.assertEq(c.nulls, handler.nulls());
        vm.assertEq(c.assisted, handler.assisted());
        uint256[] memory totals = tally.totalsOf(id);
        for (uint256 o; o < 3; ++o) {
            vm.assertEq(totals[o], handler.totals(o));
        }
        vm.assertEq(tally.isComplete(id), c.counted != 0 && c.counted == ballotBox.ballotCount(id));
    }
}
