// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {EntityId, G1Point, P256Point, Role, SchnorrProof, Suite} from "./Types.sol";
import {Entity, EntityDraft, IConsortium, Motion} from "./interfaces/IConsortium.sol";
import {Schnorr} from "./lib/Schnorr.sol";

/// @title Consortium
contract Consortium is IConsortium {
    using Address for address;

    /// @dev An account's place, kept for ever: a retired account comes back nowhere.
    struct Seat {
        EntityId entity;
        Role role;
    }

    struct MotionRecord {
        EntityId proposer;
        address target;
        uint64 expires;
        bool executed;
        bytes data;
        EntityId[] approvers;
    }

    bytes32 private constant TRUSTEE_KEY_DOMAIN = keccak256("urna/trustee-key/v1");

    /// @dev With fewer, one entity's key alone would be the majority.
    uint256 private constant MIN_ACTIVE = 2;
    /// @dev An anonymity set of one hides nobody; one beyond the electorate's capacity voids everything.
    uint32 private constant LEAST_ANONYMITY = 2;
    uint32 private constant MOST_ANONYMITY = 1 << 20;
    uint64 private constant MOTION_LIFETIME = 30 days;
    uint256 private constant MAX_NAME = 128; // bytes
    uint256 private constant MAX_ENDPOINT = 256; // bytes

    uint32 private entities;
    uint32 private activeEntities;
    uint32 private anonymity;
    mapping(EntityId => Entity) private entityById;
    mapping(address => Seat) private seats;

    uint256 private motions;
    mapping(uint256 => MotionRecord) private motionById;

    Suite[] private suites;
    mapping(address => bool) private inSuite;

    /// @dev The founders are what a motion would have admitted: more than half of them decide everything later.
    constructor(EntityDraft[] memory founders, uint32 minimum) {
        if (founders.length < MIN_ACTIVE) revert TooFewEntities(founders.length);
        for (uint256 i; i < founders.length; ++i) {
            _admit(founders[i]);
        }
        _setMinimumAnonymity(minimum);
    }

    /// @dev Reverts unless a motion is what runs.
    modifier onlyMotion() {
        if (msg.sender != address(this)) revert OnlyMotion(msg.sender);
        _;
    }

    /// @inheritdoc IConsortium
    function propose(address target, bytes calldata data) external returns (uint256 id) {
        EntityId proposer = _requireEntity(Role.Member);
        if (target != address(this) && !inSuite[target]) revert InvalidMotionTarget(target);

        id = ++motions;
        MotionRecord storage record = motionById[id];
        record.proposer = proposer;
        record.target = target;
        record.expires = uint64(block.timestamp) + MOTION_LIFETIME;
        record.data = data;
        record.approvers.push(proposer);

        emit MotionProposed(id, proposer, target, data, record.expires);
        emit MotionApproved(id, proposer);
    }

    /// @inheritdoc IConsortium
    function approve(uint256 id) external {
        MotionRecord storage record = motionById[id];
        if (record.expires == 0) revert UnknownMotion(id);
        if (record.executed) revert MotionAlreadyExecuted(id);
        if (block.timestamp >= record.expires) revert MotionExpired(id);
        EntityId approver = _requireEntity(Role.Member);
        for (uint256 i; i < record.approvers.length; ++i) {
            if (record.approvers[i] == approver) revert AlreadyApproved(id, approver);
        }

        record.approvers.push(approver);

        emit MotionApproved(id, approver);

        if (2 * _activeApprovals(record) > activeEntities) _execute(id, record);
    }

    /// @inheritdoc IConsortium
    function admit(EntityDraft calldata draft) external onlyMotion {
        _admit(draft);
    }

    /// @inheritdoc IConsortium
    function suspend(EntityId id) external onlyMotion {
        Entity storage record = _entity(id);
        if (!record.active) revert EntityNotActive(id);
        if (activeEntities == MIN_ACTIVE) revert TooFewEntities(activeEntities - 1);

        record.active = false;
        --activeEntities;

        emit EntitySuspended(id);
    }

    /// @inheritdoc IConsortium
    function setMinimumAnonymity(uint32 minimum) external onlyMotion {
        _setMinimumAnonymity(minimum);
    }

    /// @inheritdoc IConsortium
    function addSuite(Suite calldata added) external onlyMotion {
        address[7] memory parts = [
            added.initiatives,
            added.electorate,
            added.proposals,
            added.ceremony,
            added.ballotBox,
            added.tally,
            added.followUp
        ];
        for (uint256 i; i < parts.length; ++i) {
            if (parts[i].code.length == 0 || inSuite[parts[i]] || parts[i] == address(this)) {
                revert InvalidSuite(parts[i]);
            }
            inSuite[parts[i]] = true;
        }
        suites.push(added);

        emit SuiteAdded(suites.length - 1, added);
    }

    /// @inheritdoc IConsortium
    function setAccount(Role role, address account) external {
        EntityId id = _requireEntity(Role.Member);
        _seat(id, role, account);

        emit AccountChanged(id, role, account);
    }

    /// @inheritdoc IConsortium
    function setEndpoint(string calldata endpoint) external {
        EntityId id = _requireEntity(Role.Member);
        _requireEndpoint(endpoint);

        entityById[id].endpoint = endpoint;

        emit EndpointChanged(id, endpoint);
    }

    /// @inheritdoc IConsortium
    function registerTrusteeKey(G1Point calldata key, SchnorrProof calldata proof) external {
        EntityId id = _requireEntity(Role.Trustee);
        bytes32[] memory prefix = new bytes32[](4);
        prefix[0] = TRUSTEE_KEY_DOMAIN;
        prefix[1] = bytes32(block.chainid);
        prefix[2] = bytes32(uint256(uint160(address(this))));
        prefix[3] = bytes32(uint256(EntityId.unwrap(id)));
        if (!Schnorr.verify(prefix, key, proof)) revert InvalidTrusteeKey();

        entityById[id].trusteeKey = key;

        emit TrusteeKeyRegistered(id, key);
    }

    /// @inheritdoc IConsortium
    function registerBrokerKey(P256Point calldata key) external {
        EntityId id = _requireEntity(Role.Member);
        bool removes = key.x == 0 && key.y == 0;
        if (!removes && !P256.isValidPublicKey(bytes32(key.x), bytes32(key.y))) revert InvalidBrokerKey();

        entityById[id].brokerKey = key;

        emit BrokerKeyRegistered(id, key);
    }

    /// @inheritdoc IConsortium
    function entityCount() external view returns (uint32) {
        return entities;
    }

    /// @inheritdoc IConsortium
    function entity(EntityId id) external view returns (Entity memory) {
        return _entity(id);
    }

    /// @inheritdoc IConsortium
    function isActive(EntityId id) external view returns (bool) {
        return entityById[id].active;
    }

    /// @inheritdoc IConsortium
    function accountOf(EntityId id, Role role) external view returns (address) {
        return _entity(id).accounts[uint256(role)];
    }

    /// @inheritdoc IConsortium
    function entityOf(address account, Role role) external view returns (EntityId) {
        return _entityOf(account, role);
    }

    /// @inheritdoc IConsortium
    function trusteeKeyOf(EntityId id) external view returns (G1Point memory) {
        return _entity(id).trusteeKey;
    }

    /// @inheritdoc IConsortium
    function brokerKeyOf(EntityId id) external view returns (P256Point memory key) {
        Entity storage record = _entity(id);
        if (record.active) key = record.brokerKey;
    }

    /// @inheritdoc IConsortium
    function minimumAnonymity() external view returns (uint32) {
        return anonymity;
    }

    /// @inheritdoc IConsortium
    function suiteCount() external view returns (uint256) {
        return suites.length;
    }

    /// @inheritdoc IConsortium
    function suite(uint256 index) external view returns (Suite memory) {
        return suites[index];
    }

    /// @inheritdoc IConsortium
    function motion(uint256 id) external view returns (Motion memory) {
        MotionRecord storage record = motionById[id];
        if (record.expires == 0) revert UnknownMotion(id);
        return Motion(
            record.proposer, record.target, record.data, record.expires, uint32(_activeApprovals(record)), record.executed
        );
    }

    function _execute(uint256 id, MotionRecord storage record) private {
        record.executed = true;

        emit MotionExecuted(id);

        record.target.functionCall(record.data);
    }

    function _admit(EntityDraft memory draft) private {
        if (bytes(draft.name).length == 0 || bytes(draft.name).length > MAX_NAME) revert InvalidText("name");
        _requireEndpoint(draft.endpoint);

        EntityId id = EntityId.wrap(++entities);
        ++activeEntities;
        Entity storage record = entityById[id];
        record.name = draft.name;
        record.endpoint = draft.endpoint;
        record.active = true;
        for (uint256 role; role < draft.accounts.length; ++role) {
            _seat(id, Role(role), draft.accounts[role]);
        }

        emit EntityAdmitted(id, draft.name, draft.endpoint, draft.accounts);
    }

    /// @dev Warning: emits nothing; its callers do. A seat once taken is never given again, to the same entity neither.
    function _seat(EntityId id, Role role, address account) private {
        if (account == address(0) || account == address(this)) revert InvalidAccount(account);
        if (EntityId.unwrap(seats[account].entity) != 0) revert AccountInUse(account);

        seats[account] = Seat(id, role);
        entityById[id].accounts[uint256(role)] = account;
    }

    function _setMinimumAnonymity(uint32 minimum) private {
        if (minimum < LEAST_ANONYMITY || minimum > MOST_ANONYMITY) revert InvalidMinimumAnonymity(minimum);

        anonymity = minimum;

        emit MinimumAnonymityChanged(minimum);
    }

    function _requireEntity(Role role) private view returns (EntityId id) {
        id = _entityOf(msg.sender, role);
        if (EntityId.unwrap(id) == 0) revert NotAuthorised(msg.sender, role);
    }

    /// @dev 0 unless `account` is what the entity's role has now, and the entity is active.
    function _entityOf(address account, Role role) private view returns (EntityId) {
        EntityId id = seats[account].entity;
        Entity storage record = entityById[id];
        if (!record.active || record.accounts[uint256(role)] != account) return EntityId.wrap(0);
        return id;
    }

    function _entity(EntityId id) private view returns (Entity storage) {
        if (EntityId.unwrap(id) == 0 || EntityId.unwrap(id) > entities) revert UnknownEntity(id);
        return entityById[id];
    }

    function _activeApprovals(MotionRecord storage record) private view returns (uint256 approvals) {
        for (uint256 i; i < record.approvers.length; ++i) {
            if (entityById[record.approvers[i]].active) ++approvals;
        }
    }

    function _requireEndpoint(string memory endpoint) private pure {
        if (bytes(endpoint).length == 0 || bytes(endpoint).length > MAX_ENDPOINT) revert InvalidText("endpoint");
    }
}
