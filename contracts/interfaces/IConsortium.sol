// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, G1Point, P256Point, Role, SchnorrProof, Suite} from "../Types.sol";

/// @notice An entity as it is proposed. `accounts` is indexed by Role.
struct EntityDraft {
    string name;
    string endpoint;
    address[5] accounts;
}

struct Entity {
    string name;
    string endpoint;
    bool active;
    address[5] accounts;
    G1Point trusteeKey; // (0, 0) until registered
    P256Point brokerKey; // (0, 0) while there is none
}

struct Motion {
    EntityId proposer;
    address target;
    bytes data;
    uint64 expires;
    uint32 approvals;
    bool executed;
}

/// @title The consortium: who the entities are, and the motions by which only their majority acts.
/// @notice A motion passes when more than half of the active entities approve; approvals of entities suspended since
/// do not count. It executes as a call from this contract, to this contract or to a contract of a listed suite.
interface IConsortium {
    event EntityAdmitted(EntityId indexed entity, string name, string endpoint, address[5] accounts);
    event EntitySuspended(EntityId indexed entity);
    event AccountChanged(EntityId indexed entity, Role indexed role, address account);
    event EndpointChanged(EntityId indexed entity, string endpoint);
    event TrusteeKeyRegistered(EntityId indexed entity, G1Point key);
    event BrokerKeyRegistered(EntityId indexed entity, P256Point key);
    event MinimumAnonymityChanged(uint32 minimum);
    event SuiteAdded(uint256 indexed index, Suite suite);
    event MotionProposed(uint256 indexed motion, EntityId indexed proposer, address target, bytes data, uint64 expires);
    event MotionApproved(uint256 indexed motion, EntityId indexed entity);
    event MotionExecuted(uint256 indexed motion);

    error NotAuthorised(address account, Role role);
    error OnlyMotion(address caller);
    error UnknownEntity(EntityId entity);
    error EntityNotActive(EntityId entity);
    error InvalidAccount(address account);
    error AccountInUse(address account);
    error InvalidText(string field);
    error InvalidTrusteeKey();
    error InvalidBrokerKey();
    error TooFewEntities(uint256 active);
    error InvalidMinimumAnonymity(uint32 minimum);
    error UnknownMotion(uint256 motion);
    error MotionExpired(uint256 motion);
    error MotionAlreadyExecuted(uint256 motion);
    error AlreadyApproved(uint256 motion, EntityId entity);
    error InvalidMotionTarget(address target);
    error InvalidSuite(address part);

    /// @notice By a member account of an active entity; approves at once in its name. Returns the motion's number, from 1.
    function propose(address target, bytes calldata data) external returns (uint256 motion);
    /// @notice By a member account of an active entity. Executes when the majority is reached; reverts with the call's own error.
    function approve(uint256 motion) external;

    // By motion only
    /// @notice An account that ever had a seat gets no other.
    function admit(EntityDraft calldata draft) external;
    /// @notice For ever. Takes every role at once: motions, publishing and moderation, signatures, dealings, shares and
    /// attestations. Running initiatives keep their sets and thresholds, so suspension only subtracts.
    function suspend(EntityId entity) external;
    /// @notice The floor below which no initiative may set its own: 2 … 2^20. Running initiatives keep theirs.
    function setMinimumAnonymity(uint32 minimum) external;
    /// @notice From then on motions may address the suite's contracts, each of which must hold code and be listed once.
    function addSuite(Suite calldata suite) external;

    // By the entity's member account
    function setAccount(Role role, address account) external;
    function setEndpoint(string calldata endpoint) external;
    /// @notice By the entity's trustee account, with proof of possession (docs/protocol/ceremony.md). Running initiatives
    /// keep the key that was registered when they were created.
    function registerTrusteeKey(G1Point calldata key, SchnorrProof calldata proof) external;
    /// @notice By the entity's member account: the key under which its broker signs ID tokens (ES256) for an eID that is
    /// not OpenID Connect (docs/protocol/encodings.md); (0, 0) removes it. An initiative takes tokens under the key that
    /// stood when it was created, while it stands: a change only subtracts, or one stolen key could fill an electorate.
    function registerBrokerKey(P256Point calldata key) external;

    function entityCount() external view returns (uint32);
    function entity(EntityId entity) external view returns (Entity memory);
    function isActive(EntityId entity) external view returns (bool);
    function accountOf(EntityId entity, Role role) external view returns (address);
    /// @notice Entity whose account of `role` this is, and 0 where there is none or it is suspended.
    function entityOf(address account, Role role) external view returns (EntityId);
    function trusteeKeyOf(EntityId entity) external view returns (G1Point memory);
    /// @notice (0, 0) where there is none, or the entity is suspended.
    function brokerKeyOf(EntityId entity) external view returns (P256Point memory);
    function minimumAnonymity() external view returns (uint32);
    function suiteCount() external view returns (uint256);
    function suite(uint256 index) external view returns (Suite memory);
    function motion(uint256 motion) external view returns (Motion memory);
}
