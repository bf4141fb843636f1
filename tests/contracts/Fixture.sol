// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {
    AllocationRule, AllocationRules, BallotRules, BallotType, Commitment, EntityId, G1Point, InitiativeId, Kind,
    ProposalId, RegistrarSignature, Role, Rules, SchnorrProof, Suite, Tag, TieBreak, Windows
} from "../../contracts/Types.sol";
import {Consortium} from "../../contracts/Consortium.sol";
import {Electorate} from "../../contracts/Electorate.sol";
import {FollowUp} from "../../contracts/FollowUp.sol";
import {Initiatives} from "../../contracts/Initiatives.sol";
import {Proposals} from "../../contracts/Proposals.sol";
import {EntityDraft} from "../../contracts/interfaces/IConsortium.sol";
import {RegistrationBatch, Replacement} from "../../contracts/interfaces/IElectorate.sol";
import {Submission} from "../../contracts/interfaces/IProposals.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {Test} from "./Test.sol";

/// @dev A consortium of five, all with trustee keys, and a listed suite; who derives chooses ceremony, ballot box and tally.
abstract contract Fixture is Test {
    uint32 internal constant ENTITIES = 5;
    uint32 internal constant FLOOR = 2;
    uint256 internal constant NOW = 1_750_000_000;
    string internal constant SCOPE = '{"residence":["PT-1106"]}';
    EntityId internal constant PUBLISHER = EntityId.wrap(1);

    Consortium internal consortium;
    Initiatives internal initiatives;
    Electorate internal electorate;
    Proposals internal proposals;
    FollowUp internal followUp;
    Suite internal suite;

    function setUp() public virtual {
        vm.warp(NOW);
        EntityDraft[] memory founders = new EntityDraft[](ENTITIES);
        for (uint32 e = 1; e <= ENTITIES; ++e) {
            founders[e - 1] = _draft(e);
        }
        consortium = new Consortium(founders, FLOOR);
        for (uint32 e = 1; e <= ENTITIES; ++e) {
            _registerTrusteeKey(e);
        }
        _deploySuite();
        _motion(address(consortium), abi.encodeCall(consortium.addSuite, (suite)));
    }

    function _deployCeremony() internal virtual returns (address);
    function _deployBallotBox() internal virtual returns (address);
    function _deployTally() internal virtual returns (address);

    function _deploySuite() private {
        uint64 nonce = vm.getNonce(address(this));
        suite = Suite(
            vm.computeCreateAddress(address(this), nonce),
            vm.computeCreateAddress(address(this), nonce + 1),
            vm.computeCreateAddress(address(this), nonce + 2),
            vm.computeCreateAddress(address(this), nonce + 3),
            vm.computeCreateAddress(address(this), nonce + 4),
            vm.computeCreateAddress(address(this), nonce + 5),
            vm.computeCreateAddress(address(this), nonce + 6)
        );
        initiatives = new Initiatives(consortium, suite);
        electorate = new Electorate(consortium, suite);
        proposals = new Proposals(consortium, suite);
        vm.assertEq(_deployCeremony(), suite.ceremony);
        vm.assertEq(_deployBallotBox(), suite.ballotBox);
        vm.assertEq(_deployTally(), suite.tally);
        followUp = new FollowUp(consortium, suite);
    }

    // ── entities ──

    function _key(uint32 entity, Role role) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("account", entity, role))) >> 8;
    }

    function _account(uint32 entity, Role role) internal pure returns (address) {
        return vm.addr(_key(entity, role));
    }

    /// @dev A trustee's decryption key, and with another label any scalar.
    function _trusteeSecret(uint32 entity) internal pure returns (uint256) {
        return _scalar("trustee", entity);
    }

    function _scalar(string memory label, uint256 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(label, number))) % (Bn254.R - 1) + 1;
    }

    function _draft(uint32 entity) internal pure returns (EntityDraft memory draft) {
        draft.name = string.concat("Entity ", vm.toString(entity));
        draft.endpoint = string.concat("https://entity-", vm.toString(entity), ".example");
        for (uint256 role; role < 5; ++role) {
            draft.accounts[role] = _account(entity, Role(role));
        }
    }

    function _possession(uint32 entity, uint256 secret) internal view returns (G1Point memory key, SchnorrProof memory proof) {
        key = Bn254.mul(Bn254.generator(), secret);
        uint256 nonce = _scalar("nonce", secret);
        proof.t = Bn254.mul(Bn254.generator(), nonce);
        uint256 challenge = uint256(
            keccak256(
                abi.encode(
                    keccak256("urna/trustee-key/v1"), block.chainid, consortium, entity, key.x, key.y, proof.t.x, proof.t.y
                )
            )
        ) % Bn254.R;
        proof.s = addmod(nonce, mulmod(challenge, secret, Bn254.R), Bn254.R);
    }

    function _registerTrusteeKey(uint32 entity) internal {
        (G1Point memory key, SchnorrProof memory proof) = _possession(entity, _trusteeSecret(entity));
        vm.prank(_account(entity, Role.Trustee));
        consortium.registerTrusteeKey(key, proof);
    }

    /// @dev Entity 1 proposes, 2, 3, … approve until it is executed.
    function _motion(address target, bytes memory data) internal {
        vm.prank(_account(1, Role.Member));
        uint256 motion = consortium.propose(target, data);
        for (uint32 e = 2; !consortium.motion(motion).executed; ++e) {
            if (!consortium.isActive(EntityId.wrap(e))) continue;
            vm.prank(_account(e, Role.Member));
            consortium.approve(motion);
        }
    }

    /// @dev As `_motion`, for one whose execution fails with `reason`.
    function _motionReverts(address target, bytes memory data, bytes memory reason) internal {
        vm.prank(_account(1, Role.Member));
        uint256 motion = consortium.propose(target, data);
        vm.prank(_account(2, Role.Member));
        consortium.approve(motion);
        vm.prank(_account(3, Role.Member));
        vm.expectRevert(reason);
        consortium.approve(motion);
    }

    // ── initiatives ──

    function _entities(uint32 first, uint32 count) internal pure returns (EntityId[] memory list) {
        list = new EntityId[](count);
        for (uint32 i; i < count; ++i) {
            list[i] = EntityId.wrap(first + i);
        }
    }

    /// @dev Approval of 1 to 3 options, greedy; registrars and trustees 1 to 3, two of each needed.
    function _rules() internal view returns (Rules memory rules) {
        rules.kind = Kind.ParticipatoryBudget;
        rules.scopeHash = keccak256(bytes(SCOPE));
        rules.windows = Windows({
            registrationOpens: uint64(block.timestamp + 1 days),
            registrationCloses: uint64(block.timestamp + 8 days),
            votingOpens: uint64(block.timestamp + 10 days),
            votingCloses: uint64(block.timestamp + 20 days),
            challengePeriod: 2 hours,
            maxExtension: 5 days,
            ceremonyStep: 1 hours
        });
        rules.ballot.ballotType = BallotType.Approval;
        rules.ballot.minLength = 1;
        rules.ballot.maxLength = 3;
        rules.allocation = AllocationRules({
            rule: AllocationRule.Greedy, tieBreak: TieBreak.OptionNumber, budget: 1000, threshold: 0, winners: 0, quorum: 0
        });
        rules.registrars = _entities(1, 3);
        rules.registrarThreshold = 2;
        rules.trustees = _entities(1, 3);
        rules.trusteeThreshold = 2;
        rules.minAnonymity = 2;
        rules.proposalsPerPerson = 2;
        rules.pepperHash = keccak256("pepper");
        rules.issuers = new string[](1);
        rules.issuers[0] = "https://issuer.example";
    }

    function _create() internal returns (InitiativeId) {
        return _create(_rules());
    }

    function _create(Rules memory rules) internal returns (InitiativeId) {
        vm.prank(_account(1, Role.Publisher));
        return initiatives.create(rules, SCOPE, "Budget");
    }

    // ── signed batches ──

    function _sign(uint32 entity, bytes32 digest) internal pure returns (RegistrarSignature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(entity, Role.Registrar), digest);
        return RegistrarSignature(EntityId.wrap(entity), abi.encodePacked(r, s, v));
    }

    /// @dev By entities 1, 2, … `count`.
    function _signatures(uint32 count, bytes32 digest) internal pure returns (RegistrarSignature[] memory list) {
        list = new RegistrarSignature[](count);
        for (uint32 i; i < count; ++i) {
            list[i] = _sign(i + 1, digest);
        }
    }

    function _domain(string memory name, address verifier) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
    }

    function _digest(RegistrationBatch memory b) internal view returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "RegistrationBatch(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32[] tags,uint256[] commitments,bytes32 evidenceRoot)"
                ),
                b.initiative,
                b.batchId,
                b.validUntil,
                keccak256(abi.encodePacked(b.tags)),
                keccak256(abi.encodePacked(b.commitments)),
                b.evidenceRoot
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", _domain("Urna Electorate", address(electorate)), structHash));
    }

    function _digest(Replacement memory r) internal view returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Replacement(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 tag,uint256 oldCommitment,uint256 newCommitment,bytes32 evidenceRoot)"
                ),
                r.initiative,
                r.batchId,
                r.validUntil,
                r.tag,
                r.oldCommitment,
                r.newCommitment,
                r.evidenceRoot
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", _domain("Urna Electorate", address(electorate)), structHash));
    }

    function _digest(Submission memory s) internal view returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Submission(uint64 initiative,bytes32 batchId,uint64 validUntil,bytes32 authorTag,bytes32 contentHash,bytes32 evidenceRoot)"
                ),
                s.initiative,
                s.batchId,
                s.validUntil,
                s.authorTag,
                s.contentHash,
                s.evidenceRoot
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", _domain("Urna Proposals", address(proposals)), structHash));
    }

    function _tag(uint256 person) internal pure returns (Tag) {
        return Tag.wrap(keccak256(abi.encode("tag", person)));
    }

    function _commitment(uint256 number) internal pure returns (Commitment) {
        return Commitment.wrap(_scalar("commitment", number));
    }

    /// @dev Persons `first` … `first + count - 1`, each with the commitment of its number.
    function _batch(InitiativeId id, uint256 first, uint256 count) internal view returns (RegistrationBatch memory b) {
        b.initiative = id;
        b.batchId = keccak256(abi.encode("batch", first, count));
        b.validUntil = uint64(block.timestamp + 1 hours);
        b.evidenceRoot = keccak256("evidence");
        b.tags = new Tag[](count);
        b.commitments = new Commitment[](count);
        for (uint256 i; i < count; ++i) {
            b.tags[i] = _tag(first + i);
            b.commitments[i] = _commitment(first + i);
        }
    }

    function _register(InitiativeId id, uint256 first, uint256 count) internal {
        RegistrationBatch memory b = _batch(id, first, count);
        electorate.register(b, _signatures(2, _digest(b)));
    }

    function _submission(InitiativeId id, uint256 author, uint256 number) internal view returns (Submission memory) {
        return Submission(
            id,
            keccak256(abi.encode("submission", author, number)),
            uint64(block.timestamp + 1 hours),
            _tag(author),
            keccak256(abi.encode("content", number)),
            keccak256("evidence")
        );
    }

    function _submit(InitiativeId id, uint256 author, uint256 number) internal returns (ProposalId) {
        Submission memory s = _submission(id, author, number);
        return proposals.submit(s, _signatures(2, _digest(s)));
    }

    /// @dev `count` options, of cost 100, 101, …
    function _addOptions(InitiativeId id, uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            ProposalId proposal = _submit(id, 1_000_000 + i, i);
            vm.prank(_account(1, Role.Publisher));
            proposals.accept(id, proposal, 100 + i, "");
        }
    }
}
