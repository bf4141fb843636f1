// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {EntityId, G1Point, InitiativeId, Role, Rules, SchnorrProof} from "../../contracts/Types.sol";
import {Dealing, DleqProof} from "../../contracts/interfaces/ICeremony.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";
import {Simulator} from "./Simulator.sol";
import {SuiteFixture} from "./SuiteFixture.sol";

/// @dev Trustees' side of the ceremony, from the specification. Trustees are entities 1 … n, so index and entity agree.
abstract contract CeremonyFixture is SuiteFixture {
    function _verifyingKey() internal virtual override returns (bytes memory) {
        return Simulator.key();
    }

    function _g(uint256 scalar) internal view returns (G1Point memory) {
        return Bn254.mul(Bn254.generator(), scalar);
    }

    // ── what a dealer knows ──

    function _coefficient(InitiativeId id, uint32 epoch, uint8 dealer, uint256 k) internal pure returns (uint256) {
        return _scalar("coefficient", uint256(keccak256(abi.encode(id, epoch, dealer, k))));
    }

    function _ephemeral(InitiativeId id, uint32 epoch, uint8 dealer) internal pure returns (uint256) {
        return _scalar("ephemeral", uint256(keccak256(abi.encode(id, epoch, dealer))));
    }

    /// @dev f(j) of the dealer's polynomial of degree t - 1.
    function _polynomial(InitiativeId id, uint32 epoch, uint8 dealer, uint256 t, uint256 j)
        internal
        pure
        returns (uint256 value)
    {
        for (uint256 k = t; k != 0; --k) {
            value = addmod(mulmod(value, j, Bn254.R), _coefficient(id, epoch, dealer, k - 1), Bn254.R);
        }
    }

    function _schnorr(string memory domain, InitiativeId id, uint32 epoch, uint8 dealer, uint256 secret)
        internal
        view
        returns (SchnorrProof memory proof)
    {
        uint256 nonce = _scalar(domain, secret);
        G1Point memory x = _g(secret);
        proof.t = _g(nonce);
        uint256 challenge = uint256(
            keccak256(
                abi.encode(keccak256(bytes(domain)), block.chainid, ceremony, id, epoch, dealer, x, proof.t)
            )
        ) % Bn254.R;
        proof.s = addmod(nonce, mulmod(challenge, secret, Bn254.R), Bn254.R);
    }

    function _mask(InitiativeId id, uint32 epoch, uint8 dealer, uint8 receiver, G1Point memory shared)
        internal
        view
        returns (uint256)
    {
        return uint256(
            keccak256(
                abi.encode(
                    keccak256("urna/deal/share/v1"), block.chainid, ceremony, id, epoch, dealer, receiver, shared
                )
            )
        );
    }

    function _dealing(InitiativeId id, uint32 epoch, uint8 dealer) internal view returns (Dealing memory dealing) {
        G1Point[] memory keys = ceremony.trusteeKeys(id);
        (, uint8 t) = initiatives.trusteesOf(id);
        uint256 e = _ephemeral(id, epoch, dealer);
        dealing.commitments = new G1Point[](t);
        for (uint256 k; k < t; ++k) {
            dealing.commitments[k] = _g(_coefficient(id, epoch, dealer, k));
        }
        dealing.ephemeral = _g(e);
        dealing.shares = new uint256[](keys.length);
        for (uint8 j = 1; j <= keys.length; ++j) {
            uint256 mask = _mask(id, epoch, dealer, j, Bn254.mul(keys[j - 1], e));
            dealing.shares[j - 1] = _polynomial(id, epoch, dealer, t, j) ^ mask;
        }
        dealing.constantProof =
            _schnorr("urna/deal/constant/v1", id, epoch, dealer, _coefficient(id, epoch, dealer, 0));
        dealing.ephemeralProof = _schnorr("urna/deal/ephemeral/v1", id, epoch, dealer, e);
    }

    // ── what a receiver shows ──

    function _complaint(InitiativeId id, uint32 epoch, uint8 dealer, uint8 receiver, G1Point memory ephemeral)
        internal
        view
        returns (G1Point memory shared, DleqProof memory proof)
    {
        uint256 secret = _trusteeSecret(receiver);
        uint256 nonce = _scalar("dleq", uint256(keccak256(abi.encode(id, epoch, dealer, receiver))));
        shared = Bn254.mul(ephemeral, secret);
        proof.t1 = _g(nonce);
        proof.t2 = Bn254.mul(ephemeral, nonce);
        bytes memory context = abi.encode(
            keccak256("urna/complaint/v1"), block.chainid, ceremony, id, epoch, dealer, receiver
        );
        uint256 challenge = uint256(
            keccak256(abi.encodePacked(context, abi.encode(_g(secret), ephemeral, shared, proof.t1, proof.t2)))
        ) % Bn254.R;
        proof.s = addmod(nonce, mulmod(challenge, secret, Bn254.R), Bn254.R);
    }

    // ── steps ──

    function _as(uint8 trustee) internal {
        vm.prank(_account(trustee, Role.Trustee));
    }

    function _deal(InitiativeId id, uint8 dealer, Dealing memory dealing) internal {
        _as(dealer);
        ceremony.deal(id, dealing);
    }

    function _deal(InitiativeId id, uint8 dealer) internal returns (Dealing memory dealing) {
        (uint32 epoch,) = ceremony.epochOf(id);
        dealing = _dealing(id, epoch, dealer);
        _deal(id, dealer, dealing);
    }

    function _afterSteps(InitiativeId id, uint256 steps) internal {
        (, uint64 startsAt) = ceremony.epochOf(id);
        vm.warp(startsAt + steps * initiatives.windowsOf(id).ceremonyStep);
    }

    /// @dev All trustees deal, and the key is finalised.
    function _ceremony(InitiativeId id) internal {
        _afterSteps(id, 0);
        Dealing[] memory dealings = new Dealing[](ceremony.trusteeKeys(id).length);
        for (uint8 i = 1; i <= dealings.length; ++i) {
            dealings[i - 1] = _deal(id, i);
        }
        _afterSteps(id, 2);
        ceremony.finalise(id, dealings);
    }

    /// @dev Trustee j's share of the key that `dealers` made.
    function _shareOf(InitiativeId id, uint32 epoch, uint8[] memory dealers, uint8 j) internal view returns (uint256 share) {
        (, uint8 t) = initiatives.trusteesOf(id);
        for (uint256 i; i < dealers.length; ++i) {
            share = addmod(share, _polynomial(id, epoch, dealers[i], t, j), Bn254.R);
        }
    }

    /// @dev Where all trustees dealt in epoch 0.
    function _shareOf(InitiativeId id, uint8 j) internal view returns (uint256) {
        return _shareOf(id, 0, _upTo(ceremony.trusteeKeys(id).length), j);
    }

    function _secretKeyOf(InitiativeId id) internal view returns (uint256) {
        return _shareOf(id, 0);
    }

    function _release(InitiativeId id, uint8 trustee) internal {
        uint256 share = _shareOf(id, trustee);
        _as(trustee);
        ceremony.release(id, share);
    }

    function _upTo(uint256 n) internal pure returns (uint8[] memory list) {
        list = new uint8[](n);
        for (uint256 i; i < n; ++i) {
            list[i] = uint8(i + 1);
        }
    }

    /// @dev `t` of `n` trustees.
    function _trusteeRules(uint8 t, uint32 n) internal view returns (Rules memory rules) {
        rules = _rules();
        rules.trustees = _entities(1, n);
        rules.trusteeThreshold = t;
    }

    function _toOpening(InitiativeId id) internal {
        vm.warp(initiatives.windowsOf(id).votingCloses + initiatives.windowsOf(id).challengePeriod);
    }
}
