// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {InitiativeId, NotInSuite, Nullifier, Phase, Suite} from "./Types.sol";
import {Groth16BatchVerifier} from "./Groth16BatchVerifier.sol";
import {IBallotBox} from "./interfaces/IBallotBox.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IElectorate} from "./interfaces/IElectorate.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {IProposals} from "./interfaces/IProposals.sol";
import {BallotRecord} from "./lib/BallotRecord.sol";
import {Bn254} from "./lib/Bn254.sol";
import {Plaintext} from "./lib/Plaintext.sol";

/// @title BallotBox
contract BallotBox is IBallotBox, Groth16BatchVerifier {
    /// @dev What is the same for every entry of a batch.
    struct Casting {
        InitiativeId initiative;
        bytes32 scope;
        bytes32 seed;
        uint256[4] signals; // root, nullifier, message, scope; the middle two change by entry
    }

    bytes32 private constant BATCH_DOMAIN = keccak256("urna/batch/v1");
    /// @dev Without a bound a coercer could end revoting with one ballot; without sequences anyone, by replaying an older one.
    uint256 private constant MAX_STEP = 16;

    IInitiatives private immutable INITIATIVES;
    IElectorate private immutable ELECTORATE;
    IProposals private immutable PROPOSALS;
    address private immutable TALLY;

    mapping(InitiativeId => mapping(uint256 nullifier => uint256)) private slots;
    mapping(InitiativeId => uint256) private distinct;

    /// @param verifyingKey 24 words: α, β, γ, δ, IC_0 … IC_4
    constructor(IConsortium, Suite memory suite, bytes memory verifyingKey) Groth16BatchVerifier(verifyingKey) {
        if (suite.ballotBox != address(this)) revert NotInSuite(suite.ballotBox, address(this));

        INITIATIVES = IInitiatives(suite.initiatives);
        ELECTORATE = IElectorate(suite.electorate);
        PROPOSALS = IProposals(suite.proposals);
        TALLY = suite.tally;
    }

    /// @inheritdoc IBallotBox
    function castBatch(InitiativeId initiative, bytes calldata entries) external {
        INITIATIVES.requirePhase(initiative, Phase.Voting);
        uint256 length = PROOF_LENGTH + BallotRecord.HEAD + 32 * wordsOf(initiative);
        uint256 n = entries.length / length;
        if (n == 0 || n * length != entries.length) revert WrongLength(entries.length, length);

        Casting memory casting = _casting(initiative, entries, n);
        Batch memory batch = _newBatch(n);
        uint256 fresh;
        // Unchecked: n entries, as many as were found above.
        unchecked {
            for (uint256 i; i < n; ++i) {
                if (_cast(casting, batch, i, BallotRecord.part(entries, i, length))) ++fresh;
            }
        }
        if (fresh != 0) distinct[initiative] += fresh;

        // The precompiles are the only calls after a write. Whatever fails takes the whole batch back.
        if (!_holds(batch)) revert InvalidProof();
    }

    /// @inheritdoc IBallotBox
    function clearSlots(InitiativeId initiative, uint256[] calldata nullifiers, uint256[] calldata expected) external {
        if (msg.sender != TALLY) revert OnlyTally(msg.sender);

        if (nullifiers.length != expected.length) revert SlotMismatch(expected.length);
        mapping(uint256 => uint256) storage slotOfNullifier = slots[initiative];
        // Unchecked: i runs over the arrays.
        unchecked {
            for (uint256 i; i < nullifiers.length; ++i) {
                bool matches;
                // Assembly: slotOfNullifier[nullifiers[i]] against expected[i], within the arrays' lengths. An empty slot
                // matches nothing: the same ballot twice in one call fails here.
                assembly ("memory-safe") {
                    let offset := mul(i, 0x20)
                    mstore(0, calldataload(add(nullifiers.offset, offset)))
                    mstore(0x20, slotOfNullifier.slot)
                    let slot := keccak256(0, 0x40)
                    let stored := sload(slot)
                    matches := and(gt(stored, 0), eq(stored, calldataload(add(expected.offset, offset))))
                    if matches { sstore(slot, 0) }
                }
                if (!matches) revert SlotMismatch(i);
            }
        }
    }

    /// @inheritdoc IBallotBox
    function scopeOf(InitiativeId initiative) external view returns (bytes32) {
        return BallotRecord.scope(address(this), InitiativeId.unwrap(initiative));
    }

    /// @inheritdoc IBallotBox
    function slotOf(InitiativeId initiative, Nullifier nullifier) external view returns (uint256) {
        return slots[initiative][Nullifier.unwrap(nullifier)];
    }

    /// @inheritdoc IBallotBox
    function ballotCount(InitiativeId initiative) external view returns (uint256) {
        return distinct[initiative];
    }

    /// @inheritdoc IBallotBox
    function keyHash() external view returns (bytes32) {
        return KEY_HASH;
    }

    /// @inheritdoc IBallotBox
    function wordsOf(InitiativeId initiative) public view returns (uint256) {
        return Plaintext.words(INITIATIVES.ballotRulesOf(initiative), PROPOSALS.optionCount(initiative));
    }

    /// @dev The coefficients' seed covers all that the proofs speak of, skipped entries too.
    function _casting(InitiativeId initiative, bytes calldata entries, uint256 n)
        private
        view
        returns (Casting memory casting)
    {
        uint256 root = ELECTORATE.root(initiative);
        casting.initiative = initiative;
        casting.scope = BallotRecord.scope(address(this), InitiativeId.unwrap(initiative));
        casting.seed = keccak256(
            abi.encode(
                BATCH_DOMAIN, block.chainid, address(this), KEY_HASH, root, casting.scope, n, keccak256(entries)
            )
        );
        casting.signals[0] = root;
        casting.signals[3] = _signal(casting.scope);
    }

    /// @return fresh whether a nullifier was seen for the first time
    function _cast(Casting memory casting, Batch memory batch, uint256 index, bytes calldata entry)
        private
        returns (bool fresh)
    {
        bytes calldata record = BallotRecord.from(entry, PROOF_LENGTH);
        _requireWellFormed(entry, index);
        uint256 nullifier = BallotRecord.nullifier(record);
        mapping(uint256 => uint256) storage slotOfNullifier = slots[casting.initiative];
        uint256 stored = slotOfNullifier[nullifier];
        if (_skips(casting.initiative, nullifier, BallotRecord.sequence(record), stored >> 224)) return false;

        casting.signals[1] = nullifier;
        casting.signals[2] = uint256(BallotRecord.hash(record, casting.scope));
        slotOfNullifier[nullifier] = BallotRecord.slot(record, bytes32(casting.signals[2]));

        emit BallotCast(casting.initiative, Nullifier.wrap(nullifier), entry);

        casting.signals[2] = _signal(bytes32(casting.signals[2]));
        _add(batch, _coefficient(casting.seed, index), entry, casting.signals);
        return stored == 0;
    }

    function _skips(InitiativeId initiative, uint256 nullifier, uint256 sequence, uint256 last) private returns (bool) {
        if (sequence > last && sequence <= last + MAX_STEP) return false;

        emit BallotSkipped(
            initiative,
            Nullifier.wrap(nullifier),
            uint32(sequence),
            sequence > last ? CastSkipReason.SequenceTooHigh : CastSkipReason.SequenceTooLow
        );
        return true;
    }

    /// @dev B2, B3: before any precompile sees the entry, and whether it will be skipped or not.
    function _requireWellFormed(bytes calldata entry, uint256 index) private pure {
        bytes calldata record = BallotRecord.from(entry, PROOF_LENGTH);
        if (BallotRecord.nullifier(record) >= Bn254.R) revert NullifierOutOfRange(index);
        if (BallotRecord.channel(record) > 1) revert InvalidChannel(index);
        (uint256 x, uint256 y) = BallotRecord.ephemeral(record);
        if (!Bn254.isValid(x, y) || !_isWellFormed(entry)) revert InvalidEntryPoint(index);
    }

    /// @dev ρ_i: 128 bits of keccak(seed ‖ i), never zero; ρ_0 = 1, since one coefficient is free.
    function _coefficient(bytes32 seed, uint256 index) private pure returns (uint256 rho) {
        if (index == 0) return 1;
        // Assembly: two words hashed in scratch space.
        assembly ("memory-safe") {
            mstore(0, seed)
            mstore(0x20, index)
            rho := and(keccak256(0, 0x40), 0xffffffffffffffffffffffffffffffff)
        }
        if (rho == 0) rho = 1;
    }

    /// @dev Semaphore's reduction of 32 bytes to a signal.
    function _signal(bytes32 value) private pure returns (uint256 signal) {
        // Assembly: a word hashed in scratch space.
        assembly ("memory-safe") {
            mstore(0, value)
            signal := shr(8, keccak256(0, 0x20))
        }
    }
}
