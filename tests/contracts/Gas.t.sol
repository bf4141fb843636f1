// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotType, G1Point, InitiativeId, Role, Rules} from "../../contracts/Types.sol";
import {Dealing, DleqProof} from "../../contracts/interfaces/ICeremony.sol";
import {ExecutionStatus} from "../../contracts/interfaces/IFollowUp.sol";
import {BallotFixture} from "./BallotFixture.sol";

interface VmGas {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory);
}

/// @dev Gas of whole transactions, each run on its own: intrinsic cost, calldata and refunds included.
/// `forge test --match-contract GasTest -vv` prints the table. The design's goal for casting (section 10) is asserted. The
/// one for counting, 14,000, is missed: some 13,000 of what is asserted here are the slot, the event, ecMul and calldata.
/// forge-config: default.isolate = true
contract GasTest is BallotFixture {
    event log_named_uint(string key, uint256 val);

    function test_gas_castBatch() public {
        InitiativeId id = _toVoting(_wide(16), 16);
        uint256[4] memory sizes = [uint256(1), 10, 100, 200];
        uint256 first = 1;
        for (uint256 i; i < 4; ++i) {
            bytes memory entries = _entries(id, first, sizes[i]);
            first += sizes[i];
            ballotBox.castBatch(id, entries);
            uint256 each = _last() / sizes[i];
            _report("cast, gas per ballot, batch of", sizes[i], each);
            if (sizes[i] >= 100) vm.assertLe(each, 88_000);
        }
    }

    function test_gas_count16() public {
        _count(16);
    }

    function test_gas_count160() public {
        _count(160);
    }

    function test_gas_ceremony() public {
        InitiativeId id = _create(_trusteeRules(3, 5));
        vm.warp(initiatives.windowsOf(id).registrationOpens);
        _register(id, 1, 4);
        _addOptions(id, 2);
        Dealing[] memory dealings = new Dealing[](5);
        for (uint8 i = 1; i <= 5; ++i) {
            dealings[i - 1] = _dealing(id, 0, i);
            if (i == 5) dealings[4].shares[1] ^= 1;
            _deal(id, i, dealings[i - 1]);
            if (i == 5) _report("ceremony, dealing (t, n = 3, 5)", 0, _last());
        }
        (G1Point memory shared, DleqProof memory proof) = _complaint(id, 0, 5, 2, dealings[4].ephemeral);
        _as(2);
        ceremony.complain(id, 5, dealings[4], shared, proof);
        _report("ceremony, complaint upheld", 0, _last());
        (shared, proof) = _complaint(id, 0, 4, 2, dealings[3].ephemeral);
        _as(2);
        ceremony.complain(id, 4, dealings[3], shared, proof);
        _report("ceremony, complaint false", 0, _last());

        _afterSteps(id, 2);
        Dealing[] memory good = new Dealing[](4);
        for (uint256 i; i < 4; ++i) {
            good[i] = dealings[i];
        }
        ceremony.finalise(id, good);
        _report("ceremony, finalise with 4 dealings", 0, _last());
        _openWith(id, _upTo(4));
    }

    function test_gas_report() public {
        InitiativeId id = _toVoting();
        bytes memory entries = _entries(id, 1, 2);
        ballotBox.castBatch(id, entries);
        _toOpening(id);
        _release(id, 1);
        _release(id, 2);
        tally.count(id, _recordsOf(entries, entries.length / 2));
        for (uint8 trustee = 1; trustee <= 2; ++trustee) {
            _as(trustee);
            tally.attest(id, keccak256("result"));
            _report("attestation", trustee, _last());
        }
        for (uint256 i = 1; i <= 2; ++i) {
            vm.prank(_account(1, Role.Publisher));
            followUp.report(id, 0, ExecutionStatus.InProgress, 2500, 40, keccak256(abi.encode(i)));
            _report("follow-up, report", i, _last());
            vm.assertLe(_last(), 160_000);
        }
        vm.prank(_account(1, Role.Publisher));
        followUp.erase(id, 0, 1, "names a worker");
        _report("follow-up, erasure", 0, _last());
    }

    // ── helpers ──

    /// @dev 200 ballots in a first batch of 100 and a second, approving every third option or so.
    function _count(uint256 options) private {
        InitiativeId id = _toVoting(_wide(uint16(options)), options);
        Booth memory b = _booth(id);
        bytes[] memory records = new bytes[](211);
        for (uint256 i; i < 211; ++i) {
            Ballot memory ballot = _ballot(i + 1, 1);
            uint256 seed = uint256(keccak256(abi.encode(i)));
            ballot.plaintext = abi.encodePacked((seed & (seed << 1) & ((1 << options) - 1)) | 1);
            bytes memory entry = _entry(b, ballot);
            records[i] = _recordOf(entry);
            ballotBox.castBatch(id, entry);
        }
        _toOpening(id);
        _release(id, 1);
        _release(id, 2);
        uint256[4] memory sizes = [uint256(100), 100, 10, 1];
        uint256 next;
        for (uint256 i; i < 4; ++i) {
            bytes[] memory part = new bytes[](sizes[i]);
            for (uint256 k; k < sizes[i]; ++k) {
                part[k] = records[next++];
            }
            tally.count(id, _join(part));
            uint256 each = _last() / sizes[i];
            _report(string.concat("count, gas per ballot of ", vm.toString(options), " options, batch of"), sizes[i], each);
            if (i == 1) vm.assertLe(each, 16_500);
        }
    }

    function _openWith(InitiativeId id, uint8[] memory dealers) private {
        vm.warp(initiatives.windowsOf(id).votingOpens);
        ballotBox.castBatch(id, _entries(id, 1, 2));
        _toOpening(id);
        for (uint8 j = 1; j <= 3; ++j) {
            uint256 share = _shareOf(id, 0, dealers, j);
            _as(j);
            ceremony.release(id, share);
            _report(j < 3 ? "ceremony, release" : "ceremony, release and combine", j, _last());
        }
    }

    function _wide(uint16 options) private view returns (Rules memory rules) {
        rules = _rules();
        rules.ballot.maxLength = options;
    }

    function _last() private view returns (uint256) {
        return VmGas(address(vm)).lastCallGas().gasTotalUsed;
    }

    function _report(string memory what, uint256 size, uint256 gasUsed) private {
        emit log_named_uint(size == 0 ? what : string.concat(what, " ", vm.toString(size)), gasUsed);
    }
}
