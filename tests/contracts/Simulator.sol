// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {G1Point} from "../../contracts/Types.sol";
import {Bn254} from "../../contracts/lib/Bn254.sol";

/// @dev A verifying key whose trapdoor is known, and proofs made with it instead of a witness: α = a·G1, β = 2·G2,
/// γ = 3·G2, δ = 5·G2, IC_j = c_j·G1. There is no multiplication on G2 in the EVM, so its points come from a table.
library Simulator {
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 3;
    /// @dev 1 / 5 mod r.
    uint256 private constant DELTA_INVERSE = 0x135b52945a13d9aa49b9b57c33cd568ba9ae5ce9ca4a2d06e7f3fbd4c6666667;

    /// @dev 24 words.
    function key() internal view returns (bytes memory encoded) {
        encoded = abi.encodePacked(_g1(_secret(9)), g2(BETA), g2(GAMMA), g2(5));
        for (uint256 j; j < 5; ++j) {
            encoded = abi.encodePacked(encoded, _g1(_secret(j)));
        }
    }

    /// @dev A valid proof for the signals; another seed, another proof.
    function prove(uint256[4] memory signals, uint256 seed) internal view returns (bytes memory) {
        uint256 b = [uint256(1), 2, 7, 11, 13][seed % 5];
        return proveWith(signals, uint256(keccak256(abi.encode("a", seed))) % Bn254.R, b);
    }

    /// @dev With A = a·G1 and B = b·G2: C = (a·b - α·β - v·γ) / δ.
    function proveWith(uint256[4] memory signals, uint256 a, uint256 b) internal view returns (bytes memory) {
        uint256 v = _secret(0);
        for (uint256 j; j < 4; ++j) {
            v = addmod(v, mulmod(signals[j], _secret(j + 1), Bn254.R), Bn254.R);
        }
        uint256 taken = addmod(mulmod(_secret(9), BETA, Bn254.R), mulmod(v, GAMMA, Bn254.R), Bn254.R);
        uint256 c = mulmod(addmod(mulmod(a, b, Bn254.R), Bn254.R - taken, Bn254.R), DELTA_INVERSE, Bn254.R);
        return abi.encodePacked(_g1(a), g2(b), _g1(c));
    }

    /// @dev What anybody can do to a proof without knowing anything: B + δ, C + A is valid again. For b = 2, since the
    /// table has 2 + 5 = 7.
    function rerandomise(bytes memory proof) internal view returns (bytes memory) {
        G1Point memory a = point(proof, 0);
        return abi.encodePacked(a.x, a.y, g2(7), encode(Bn254.add(point(proof, 192), a)));
    }

    /// @dev k·G2 as the precompile takes it, imaginary parts first.
    function g2(uint256 k) internal pure returns (bytes memory) {
        if (k == 1) return abi.encodePacked(uint256(0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2), uint256(0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed), uint256(0x90689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b), uint256(0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa));
        if (k == 2) return abi.encodePacked(uint256(0x203e205db4f19b37b60121b83a7333706db86431c6d835849957ed8c3928ad79), uint256(0x27dc7234fd11d3e8c36c59277c3e6f149d5cd3cfa9a62aee49f8130962b4b3b9), uint256(0x195e8aa5b7827463722b8c153931579d3505566b4edf48d498e185f0509de152), uint256(0x4bb53b8977e5f92a0bc372742c4830944a59b4fe6b1c0466e2a6dad122b5d2e));
        if (k == 3) return abi.encodePacked(uint256(0x1014772f57bb9742735191cd5dcfe4ebbc04156b6878a0a7c9824f32ffb66e85), uint256(0x6064e784db10e9051e52826e192715e8d7e478cb09a5e0012defa0694fbc7f5), uint256(0x21e2335f3354bb7922ffcc2f38d3323dd9453ac49b55441452aeaca147711b2), uint256(0x58e1d5681b5b9e0074b0f9c8d2c68a069b920d74521e79765036d57666c5597));
        if (k == 5) return abi.encodePacked(uint256(0xa09ccf561b55fd99d1c1208dee1162457b57ac5af3759d50671e510e428b2a1), uint256(0x2e539c423b302d13f4e5773c603948eaf5db5df8ae8a9a9113708390a06410d8), uint256(0x19b763513924a736e4eebd0d78c91c1bc1d657fee4214057d21414011cfcc763), uint256(0x2f8d9f9ab83727c77a2fec063cb7b6e5eb23044ccf535ad49d46d394fb6f6bf6));
        if (k == 7) return abi.encodePacked(uint256(0x2903ba015a9abde26a5d081e84551e63be0fd4516e46ee6d593edeba46362455), uint256(0x224bdc5d4327fcf8ed702e01de1c2f1657a253ba75e32a89c390142aaa28b308), uint256(0x3c8b7cda6b2dedb7aeeaf5fda464ad17036bea1c4e6f7adbaed1ebe0335e0d8), uint256(0x1d92fff52a265017eeccb372e37d7a7bd431800eca28dfd82e21e8054114233f));
        if (k == 11) return abi.encodePacked(uint256(0x228b515a17f28b89920873207477f8c7fc05582debaf3184febf1cfdedc5ce88), uint256(0x12bb1156a9f6b360fcb2614e15d8a3ff07f2c699dc69ca830b20d2df91fe9cd3), uint256(0x2b15dc62a5c9e36597914ddbbfde48806a8eabe45c8d3cccf9578ad08e058f92), uint256(0x2a4fd764f52470e2fcfff325fb9692f55d6b8b077eefeaa04e07152b4d1fa94));
        if (k == 13) return abi.encodePacked(uint256(0x9edaf0698a8c56f51139588acc094cee3c37d427bb6d2eab830aae529097d1), uint256(0x23ad66f3a7cca9dc75049635faebd124316244b91de5fb2764cd151572a905f7), uint256(0x2700e8a29b7bb45f3022a18a07bdc66d0254559e17cce64e3b4ad21578fcf410), uint256(0x1ad4f87d3b4375a39988ac099b042b1e7c0c715678e4c2bea8905f607cf950f8));
        revert("no such multiple in the table");
    }

    /// @dev On the twist, and not in the subgroup of order r.
    function outsideSubgroup() internal pure returns (bytes memory) {
        return abi.encodePacked(
            uint256(1),
            uint256(2),
            uint256(0x2b76c179599bb92a963dac85546a005a777f7c13f6a7b75d5918b6b5808f5fde),
            uint256(0x101f7278419308b95099eca02dcee0c5381f4d26d1d62313f057167f064101ce)
        );
    }

    function point(bytes memory data, uint256 offset) internal pure returns (G1Point memory p) {
        assembly ("memory-safe") {
            mstore(p, mload(add(add(data, 0x20), offset)))
            mstore(add(p, 0x20), mload(add(add(data, 0x40), offset)))
        }
    }

    function encode(G1Point memory p) internal pure returns (bytes memory) {
        return abi.encodePacked(p.x, p.y);
    }

    function _g1(uint256 scalar) private view returns (bytes memory) {
        return encode(Bn254.mul(Bn254.generator(), scalar));
    }

    /// @dev The trapdoor: c_0 … c_4, and 9 for α.
    function _secret(uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("trapdoor", index))) % (Bn254.R - 1) + 1;
    }
}

/// @dev Surgery on encoded proofs and entries.
library Patch {
    /// @dev A copy of `data` with 32 bytes at `offset` replaced.
    function word(bytes memory data, uint256 offset, uint256 value) internal pure returns (bytes memory copy) {
        require(offset + 32 <= data.length, "patch beyond the end");
        copy = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(add(add(copy, 0x20), offset), value)
        }
    }

    function read(bytes memory data, uint256 offset) internal pure returns (uint256 value) {
        require(offset + 32 <= data.length, "read beyond the end");
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), offset))
        }
    }

    function point(bytes memory data, uint256 offset, G1Point memory p) internal pure returns (bytes memory) {
        return word(word(data, offset, p.x), offset + 32, p.y);
    }

    /// @dev A copy of `data` with `value` in place of what stands at `offset`.
    function replace(bytes memory data, uint256 offset, bytes memory value) internal pure returns (bytes memory copy) {
        require(offset + value.length <= data.length, "patch beyond the end");
        copy = bytes.concat(data);
        for (uint256 i; i < value.length; ++i) {
            copy[offset + i] = value[i];
        }
    }

    function slice(bytes memory data, uint256 from, uint256 to) internal pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i; i < part.length; ++i) {
            part[i] = data[from + i];
        }
    }
}
