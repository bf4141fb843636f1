// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, G1Point, InitiativeId, NotInSuite, Phase, Role, Suite} from "./Types.sol";
import {Dealing, DleqProof, ICeremony} from "./interfaces/ICeremony.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IInitiatives} from "./interfaces/IInitiatives.sol";
import {Bn254} from "./lib/Bn254.sol";
import {Complaint, Dealings} from "./lib/Dealings.sol";
import {Lagrange} from "./lib/Lagrange.sol";
import {Words} from "./lib/WordStore.sol";

/// @title Ceremony
/// @dev Pedersen's distributed key generation (Eurocrypt '91) with Feldman's commitments, on bn254's G1.
contract Ceremony is ICeremony {
    /// @dev One slot.
    struct Progress {
        uint32 epoch;
        uint64 startsAt;
        address commitments; // a WordStore; 0 until finalised
    }

    struct Release {
        uint256 trustees; // bit j for the trustee of index j
        uint256 secretKey;
        mapping(uint8 trustee => uint256) shares;
    }

    IConsortium private immutable CONSORTIUM;
    IInitiatives private immutable INITIATIVES;

    mapping(InitiativeId => G1Point[]) private keys;
    mapping(InitiativeId => Progress) private progresses;
    mapping(InitiativeId => mapping(uint32 epoch => mapping(uint8 dealer => bytes32))) private dealings;
    mapping(InitiativeId => mapping(uint32 epoch => uint256)) private disqualified; // bit i for the dealer of index i
    mapping(InitiativeId => Release) private releases;

    constructor(IConsortium consortium, Suite memory suite) {
        if (suite.ceremony != address(this)) revert NotInSuite(suite.ceremony, address(this));

        CONSORTIUM = consortium;
        INITIATIVES = IInitiatives(suite.initiatives);
    }

    /// @inheritdoc ICeremony
    function open(InitiativeId initiative, G1Point[] calldata trustees, uint64 startsAt) external {
        if (msg.sender != address(INITIATIVES)) revert OnlyInitiatives(msg.sender);

        progresses[initiative].startsAt = startsAt;
        for (uint256 i; i < trustees.length; ++i) {
            keys[initiative].push(trustees[i]);
        }

        emit CeremonyOpened(initiative, trustees, startsAt);
    }

    /// @inheritdoc ICeremony
    function deal(InitiativeId initiative, Dealing calldata dealing) external {
        uint8 dealer = _trustee(initiative);
        Progress memory p = progresses[initiative];
        (bool open_, uint256 steps) = _steps(initiative, p);
        if (!open_ || steps != 0) revert NotDealing(initiative, p.epoch);
        if (dealings[initiative][p.epoch][dealer] != 0) revert AlreadyDealt(dealer);
        _requireShape(initiative, dealing);
        Dealings.requireKnowledge(dealing, initiative, p.epoch, dealer);

        dealings[initiative][p.epoch][dealer] = keccak256(abi.encode(dealing));

        emit Dealt(initiative, p.epoch, dealer, dealing);
    }

    /// @inheritdoc ICeremony
    function complain(
        InitiativeId initiative,
        uint8 dealer,
        Dealing calldata dealing,
        G1Point calldata shared,
        DleqProof calldata proof
    ) external {
        uint8 complainant = _trustee(initiative);
        Progress memory p = progresses[initiative];
        (bool open_, uint256 steps) = _steps(initiative, p);
        if (!open_ || steps > 1) revert NotComplaining(initiative, p.epoch);
        bytes32 dealt = dealings[initiative][p.epoch][dealer];
        if (dealt == 0 || dealt != keccak256(abi.encode(dealing))) revert UnknownDealing(dealer);
        if (_isDisqualified(initiative, p.epoch, dealer)) revert AlreadyDisqualified(dealer);
        Complaint memory complaint =
            Complaint(initiative, p.epoch, dealer, complainant, keys[initiative][complainant - 1], shared);
        Dealings.requireDleq(complaint, dealing.ephemeral, proof);

        bool upheld = !Dealings.isGoodShare(dealing, complainant, Dealings.unmask(complaint, dealing));
        if (upheld) disqualified[initiative][p.epoch] |= 1 << dealer;

        emit ComplaintJudged(initiative, p.epoch, dealer, complainant, upheld);
    }

    /// @inheritdoc ICeremony
    function finalise(InitiativeId initiative, Dealing[] calldata given) external {
        Progress memory p = progresses[initiative];
        if (p.commitments != address(0)) revert AlreadyFinalised(initiative);
        _requireFinalising(initiative, p);
        uint8[] memory dealers = _qualified(initiative, p.epoch);
        (, uint8 threshold) = INITIATIVES.trusteesOf(initiative);
        if (dealers.length < threshold) revert TooFewDealers(dealers.length, threshold);
        if (given.length != dealers.length) revert WrongDealings();
        for (uint256 i; i < given.length; ++i) {
            if (keccak256(abi.encode(given[i])) != dealings[initiative][p.epoch][dealers[i]]) revert WrongDealings();
        }
        G1Point[] memory sums = _sum(given, threshold);
        // Infinity would be everybody's key. Without the others' logarithms nobody reaches it.
        if (Bn254.isInfinity(sums[0])) revert InvalidPoint();

        progresses[initiative].commitments = _storePoints(sums);

        emit KeyFinalised(initiative, p.epoch, dealers, sums);
    }

    /// @inheritdoc ICeremony
    function startEpoch(InitiativeId initiative) external {
        Progress storage p = progresses[initiative];
        if (p.commitments != address(0)) revert AlreadyFinalised(initiative);
        _requireFinalising(initiative, p);
        uint256 qualified = _qualified(initiative, p.epoch).length;
        (, uint8 threshold) = INITIATIVES.trusteesOf(initiative);
        if (qualified >= threshold) revert EnoughDealers(qualified);

        ++p.epoch;
        p.startsAt = uint64(block.timestamp);

        emit EpochStarted(initiative, p.epoch, p.startsAt);
    }

    /// @inheritdoc ICeremony
    function release(InitiativeId initiative, uint256 share) external {
        INITIATIVES.requirePhase(initiative, Phase.Opening);
        uint8 trustee = _trustee(initiative);
        Release storage released = releases[initiative];
        if (released.trustees >> trustee & 1 != 0) revert AlreadyReleased(trustee);
        if (share >= Bn254.R) revert InvalidScalar();
        G1Point[] memory commitments = _commitments(initiative);
        if (!Bn254.equal(Bn254.mul(Bn254.generator(), share), Bn254.evaluate(commitments, trustee))) {
            revert InvalidShare(trustee);
        }

        released.shares[trustee] = share;
        released.trustees |= 1 << trustee;

        emit ShareReleased(initiative, trustee, share);

        // As many commitments as are needed shares.
        if (_countBits(released.trustees) == commitments.length) _combine(initiative, released, commitments[0], trustee);
    }

    /// @inheritdoc ICeremony
    function epochOf(InitiativeId initiative) external view returns (uint32 epoch, uint64 startsAt) {
        Progress storage p = progresses[initiative];
        return (p.epoch, p.startsAt);
    }

    /// @inheritdoc ICeremony
    function isFinalised(InitiativeId initiative) external view returns (bool) {
        return progresses[initiative].commitments != address(0);
    }

    /// @inheritdoc ICeremony
    function jointKey(InitiativeId initiative) external view returns (G1Point memory) {
        return _commitments(initiative)[0];
    }

    /// @inheritdoc ICeremony
    function trusteeKeys(InitiativeId initiative) external view returns (G1Point[] memory) {
        return keys[initiative];
    }

    /// @inheritdoc ICeremony
    function keyCommitments(InitiativeId initiative) external view returns (G1Point[] memory) {
        return _commitments(initiative);
    }

    /// @inheritdoc ICeremony
    function dealingHash(InitiativeId initiative, uint32 epoch, uint8 dealer) external view returns (bytes32) {
        return dealings[initiative][epoch][dealer];
    }

    /// @inheritdoc ICeremony
    function isDisqualified(InitiativeId initiative, uint32 epoch, uint8 dealer) external view returns (bool) {
        return _isDisqualified(initiative, epoch, dealer);
    }

    /// @inheritdoc ICeremony
    function releasedShare(InitiativeId initiative, uint8 trustee) external view returns (uint256) {
        return releases[initiative].shares[trustee];
    }

    /// @inheritdoc ICeremony
    function releasedCount(InitiativeId initiative) external view returns (uint256) {
        return _countBits(releases[initiative].trustees);
    }

    /// @inheritdoc ICeremony
    function secretKey(InitiativeId initiative) external view returns (uint256) {
        return releases[initiative].secretKey;
    }

    /// @dev Interpolates at 0 with the t released shares. Each was checked against its public share, so the last
    /// comparison holds; it is what the count relies on, and costs 6,000 gas once.
    function _combine(InitiativeId initiative, Release storage released, G1Point memory joint, uint8 last) private {
        uint256[] memory indices = _bits(released.trustees);
        uint256[] memory shares = new uint256[](indices.length);
        for (uint256 i; i < indices.length; ++i) {
            shares[i] = released.shares[uint8(indices[i])];
        }
        uint256 key = Lagrange.atZero(indices, shares);
        if (!Bn254.equal(Bn254.mul(Bn254.generator(), key), joint)) revert InvalidShare(last);

        released.secretKey = key;

        emit KeyCombined(initiative, key);
    }

    function _trustee(InitiativeId initiative) private view returns (uint8 index) {
        EntityId entity = CONSORTIUM.entityOf(msg.sender, Role.Trustee);
        if (EntityId.unwrap(entity) != 0) index = INITIATIVES.trusteeIndexOf(initiative, entity);
        if (index == 0) revert NotTrustee(initiative, msg.sender);
    }

    /// @return open_ whether the ceremony runs: before voting, not void, not finalised, and its epoch has begun
    /// @return steps whole steps since the epoch began
    function _steps(InitiativeId initiative, Progress memory p) private view returns (bool open_, uint256 steps) {
        Phase phase = INITIATIVES.phase(initiative);
        open_ = (phase == Phase.Registration || phase == Phase.Review) && p.commitments == address(0)
            && block.timestamp >= p.startsAt;
        if (open_) steps = (block.timestamp - p.startsAt) / INITIATIVES.windowsOf(initiative).ceremonyStep;
    }

    function _requireFinalising(InitiativeId initiative, Progress memory p) private view {
        (bool open_, uint256 steps) = _steps(initiative, p);
        if (!open_ || steps < 2) revert NotFinalising(initiative, p.epoch);
    }

    function _requireShape(InitiativeId initiative, Dealing calldata dealing) private view {
        (, uint8 threshold) = INITIATIVES.trusteesOf(initiative);
        if (dealing.commitments.length != threshold) revert InvalidDealing("commitments");
        if (dealing.shares.length != keys[initiative].length) revert InvalidDealing("shares");
        for (uint256 k; k < dealing.commitments.length; ++k) {
            if (!Bn254.isValid(dealing.commitments[k])) revert InvalidPoint();
        }
        if (!Bn254.isValid(dealing.ephemeral)) revert InvalidPoint();
    }

    function _isDisqualified(InitiativeId initiative, uint32 epoch, uint8 dealer) private view returns (bool) {
        return disqualified[initiative][epoch] >> dealer & 1 != 0;
    }

    /// @dev Dealers that dealt and are not disqualified, ascending.
    function _qualified(InitiativeId initiative, uint32 epoch) private view returns (uint8[] memory dealers) {
        uint256 bits;
        for (uint8 i = 1; i <= keys[initiative].length; ++i) {
            if (dealings[initiative][epoch][i] != 0) bits |= 1 << i;
        }
        uint256[] memory indices = _bits(bits & ~disqualified[initiative][epoch]);
        dealers = new uint8[](indices.length);
        for (uint256 i; i < indices.length; ++i) {
            dealers[i] = uint8(indices[i]);
        }
    }

    /// @dev Sums of the dealings' commitments, degree by degree. Their points were checked when they were dealt.
    function _sum(Dealing[] calldata given, uint256 threshold) private view returns (G1Point[] memory sums) {
        sums = new G1Point[](threshold);
        for (uint256 k; k < threshold; ++k) {
            for (uint256 i; i < given.length; ++i) {
                sums[k] = Bn254.add(sums[k], given[i].commitments[k]);
            }
        }
    }

    function _storePoints(G1Point[] memory points) private returns (address) {
        uint256[] memory words = new uint256[](2 * points.length);
        for (uint256 k; k < points.length; ++k) {
            (words[2 * k], words[2 * k + 1]) = (points[k].x, points[k].y);
        }
        return Words.store(words);
    }

    function _commitments(InitiativeId initiative) private view returns (G1Point[] memory points) {
        address stored = progresses[initiative].commitments;
        if (stored == address(0)) revert NotFinalised(initiative);
        uint256[] memory words = Words.load(stored);
        points = new G1Point[](words.length / 2);
        for (uint256 k; k < points.length; ++k) {
            points[k] = G1Point(words[2 * k], words[2 * k + 1]);
        }
    }

    function _countBits(uint256 bits) private pure returns (uint256 ones) {
        for (; bits != 0; bits &= bits - 1) ++ones;
    }

    /// @dev Places of the ones, ascending.
    function _bits(uint256 bits) private pure returns (uint256[] memory places) {
        places = new uint256[](_countBits(bits));
        uint256 found;
        for (uint256 i; found < places.length; ++i) {
            if (bits >> i & 1 != 0) places[found++] = i;
        }
    }
}
