// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotRules, BallotType, Outcome} from "../../contracts/Types.sol";
import {Test} from "./Test.sol";

/// @dev A slow reading of docs/protocol/ballot.md, byte by byte, to hold the contracts against; and papers filled in at random.
abstract contract PaperFixture is Test {
    struct Paper {
        BallotRules rules;
        uint256 n;
        uint256[] costs;
    }

    function _bitmapSize(uint256 n) internal pure returns (uint256 size) {
        size = 1;
        for (uint256 room = 184; room < n; room += 256) ++size;
    }

    function _size(Paper memory p) internal pure returns (uint256) {
        BallotType kind = p.rules.ballotType;
        if (kind == BallotType.SingleChoice) return 1;
        if (kind == BallotType.YesNoAbstain) return 2 * _bitmapSize(p.n);
        if (kind == BallotType.Approval || kind == BallotType.Knapsack) return _bitmapSize(p.n);
        uint256 bytes_ = 9 + (kind == BallotType.Cumulative ? 4 : 2) * uint256(p.rules.maxLength);
        return bytes_ / 32 + (bytes_ % 32 == 0 ? 0 : 1);
    }

    /// @return outcome and what the ballot adds to the totals (zeros unless valid)
    function _read(bytes memory text, Paper memory p) internal pure returns (Outcome, uint256[] memory scores) {
        uint256[] memory none = new uint256[](p.rules.ballotType == BallotType.YesNoAbstain ? 2 * p.n : p.n);
        for (uint256 i; i < 8; ++i) {
            if (text[i] != 0) return (Outcome.Null, none);
        }
        if (text[8] == 0x01) return (_zeros(text, 9) ? Outcome.Blank : Outcome.Null, none);
        if (text[8] != 0) return (Outcome.Null, none);

        bool ok;
        (ok, scores) = _vote(text, p);
        return ok ? (Outcome.Valid, scores) : (Outcome.Null, none);
    }

    function _vote(bytes memory text, Paper memory p) private pure returns (bool, uint256[] memory) {
        BallotType kind = p.rules.ballotType;
        if (kind == BallotType.SingleChoice) return _readSingle(text, p);
        if (kind == BallotType.Cumulative) return _readCumulative(text, p);
        if (kind == BallotType.Ordered) return _readOrdered(text, p);
        return _readBitmaps(text, p);
    }

    function _readSingle(bytes memory text, Paper memory p) private pure returns (bool, uint256[] memory scores) {
        scores = new uint256[](p.n);
        uint256 named = _two(text, 9);
        if (named == 0 || named > p.n || !_zeros(text, 11)) return (false, scores);
        scores[named - 1] = 1;
        return (p.rules.minLength <= 1 && p.rules.maxLength >= 1, scores);
    }

    function _readBitmaps(bytes memory text, Paper memory p) private pure returns (bool, uint256[] memory scores) {
        bool twofold = p.rules.ballotType == BallotType.YesNoAbstain;
        scores = new uint256[](twofold ? 2 * p.n : p.n);
        uint256 size = _bitmapSize(p.n);
        uint256 named;
        uint256 cost;
        for (uint256 w; w < text.length / 32; ++w) {
            uint256 half = w / size;
            for (uint256 b; b < 256; ++b) {
                if (uint8(text[32 * w + 31 - b / 8]) >> (b % 8) & 1 == 0) continue;
                if (w % size == 0 && b >= 184) return (false, scores);
                uint256 option = w % size == 0 ? b : 184 + 256 * (w % size - 1) + b;
                if (option >= p.n) return (false, scores);
                scores[half * p.n + option] = 1;
                ++named;
                if (p.rules.ballotType == BallotType.Knapsack) cost += p.costs[option];
            }
        }
        for (uint256 o; twofold && o < p.n; ++o) {
            if (scores[o] + scores[p.n + o] > 1) return (false, scores);
        }
        if (p.rules.ballotType == BallotType.Knapsack && cost > p.rules.maxCost) return (false, scores);
        return (named >= p.rules.minLength && named <= p.rules.maxLength, scores);
    }

    function _readCumulative(bytes memory text, Paper memory p) private pure returns (bool, uint256[] memory scores) {
        scores = new uint256[](p.n);
        uint256 named;
        uint256 sum;
        uint256 last;
        for (uint256 i; i < p.rules.maxLength; ++i) {
            uint256 slot = _two(text, 9 + 4 * i);
            uint256 points = _two(text, 11 + 4 * i);
            if (slot == 0) {
                if (!_zeros(text, 9 + 4 * i)) return (false, scores);
                continue;
            }
            if (slot > p.n || slot <= last) return (false, scores);
            if (points < p.rules.minPoints || points > p.rules.maxPoints) return (false, scores);
            last = slot;
            scores[slot - 1] = points;
            ++named;
            sum += points;
        }
        bool ok = _zeros(text, 9 + 4 * uint256(p.rules.maxLength)) && named >= p.rules.minLength
            && sum >= p.rules.minSumPoints && sum <= p.rules.maxSumPoints;
        return (ok, scores);
    }

    function _readOrdered(bytes memory text, Paper memory p) private pure returns (bool, uint256[] memory scores) {
        scores = new uint256[](p.n);
        bool[] memory seen = new bool[](p.n);
        uint256 named;
        for (uint256 i; i < p.rules.maxLength; ++i) {
            uint256 slot = _two(text, 9 + 2 * i);
            if (slot == 0) {
                if (!_zeros(text, 9 + 2 * i)) return (false, scores);
                continue;
            }
            if (slot > p.n || seen[slot - 1]) return (false, scores);
            seen[slot - 1] = true;
            scores[slot - 1] = p.rules.pointsPerRank[i];
            ++named;
        }
        return (_zeros(text, 9 + 2 * uint256(p.rules.maxLength)) && named >= p.rules.minLength, scores);
    }

    function _two(bytes memory text, uint256 offset) private pure returns (uint256) {
        return uint256(uint8(text[offset])) << 8 | uint8(text[offset + 1]);
    }

    function _zeros(bytes memory text, uint256 from) private pure returns (bool) {
        for (uint256 i = from; i < text.length; ++i) {
            if (text[i] != 0) return false;
        }
        return true;
    }

    // ── papers and ballots at random ──

    function _draw(uint256 seed, string memory what, uint256 bound) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what))) % bound;
    }

    /// @dev Sizes around the borders of words, limits that about half of what `_fill` writes keeps.
    function _paper(BallotType kind, uint256 seed) internal pure returns (Paper memory p) {
        uint16[8] memory sizes = [1, 2, 5, 183, 184, 185, 440, 441];
        p.n = sizes[_draw(seed, "n", 8)];
        p.rules.ballotType = kind;
        p.rules.minLength = uint16(kind == BallotType.YesNoAbstain ? _draw(seed, "min", 2) : 1);
        p.rules.maxLength = kind == BallotType.SingleChoice ? 1 : uint16(1 + _draw(seed, "max", 12));
        if (kind == BallotType.Knapsack) {
            p.rules.maxCost = 1 + _draw(seed, "cost", 600);
            p.costs = new uint256[](p.n);
            for (uint256 o; o < p.n; ++o) {
                p.costs[o] = o % 50 == 49 ? type(uint128).max : _draw(seed + o, "cost of", 200);
            }
        }
        if (kind == BallotType.Cumulative) {
            p.rules.minPoints = uint16(_draw(seed, "least points", 2));
            p.rules.maxPoints = _draw(seed, "points", 4) == 0 ? type(uint16).max : 5;
            p.rules.minSumPoints = uint32(_draw(seed, "least sum", 3));
            p.rules.maxSumPoints = p.rules.maxPoints == 5 ? 20 : type(uint32).max;
        }
        if (kind == BallotType.Ordered) {
            p.rules.pointsPerRank = new uint16[](p.rules.maxLength);
            for (uint256 i; i < p.rules.maxLength; ++i) {
                p.rules.pointsPerRank[i] = uint16(_draw(seed + i, "rank", i == 0 ? 65536 : 20));
            }
        }
    }

    /// @dev A ballot that is often valid, often just not, and sometimes noise.
    function _fill(Paper memory p, uint256 seed) internal pure returns (bytes memory text) {
        text = new bytes(32 * _size(p));
        uint256 what = _draw(seed, "what", 16);
        if (what == 0) return abi.encodePacked(_noise(seed, text.length));
        if (what == 1) {
            text[8] = 0x01;
        } else {
            _fillVote(p, seed, text);
        }
        if (what >= 13) text[_draw(seed, "place", text.length)] = bytes1(uint8(_draw(seed, "byte", 256)));
        if (what == 12) text[text.length - 1] = bytes1(uint8(text[text.length - 1]) ^ 1);
    }

    function _noise(uint256 seed, uint256 length) private pure returns (bytes memory text) {
        text = new bytes(length);
        // From byte 9, so that not all of it fails at the tag.
        for (uint256 i = 9 * _draw(seed, "tagged", 2); i < length; ++i) {
            text[i] = keccak256(abi.encode(seed, i))[0];
        }
    }

    function _fillVote(Paper memory p, uint256 seed, bytes memory text) private pure {
        BallotType kind = p.rules.ballotType;
        uint256 named = _draw(seed, "named", uint256(p.rules.maxLength) + 2);
        uint256 option = _draw(seed, "option", p.n + 1);
        for (uint256 i; i < named; ++i) {
            if (kind == BallotType.SingleChoice) {
                _put(text, 9, option + 1);
            } else if (kind == BallotType.Ordered) {
                _put(text, 9 + 2 * i, _draw(seed + i, "option", p.n + 1) + 1);
            } else if (kind == BallotType.Cumulative) {
                option = i == 0 ? _draw(seed, "first", 3) : option + 1 + _draw(seed + i, "step", 3);
                _put(text, 9 + 4 * i, option + 1);
                _put(text, 11 + 4 * i, _draw(seed + i, "points", 16) == 0 ? 65535 : _draw(seed + i, "points", 7));
            } else {
                uint256 size = _bitmapSize(p.n);
                uint256 half = kind == BallotType.YesNoAbstain ? _draw(seed + i, "half", 2) : 0;
                option = _draw(seed + i, "option", p.n + (i == 3 ? 1 : 0));
                uint256 word = option < 184 ? 0 : 1 + (option - 184) / 256;
                uint256 bit = option < 184 ? option : (option - 184) % 256;
                uint256 place = 32 * (half * size + word) + 31 - bit / 8;
                if (place < text.length) text[place] |= bytes1(uint8(1 << (bit % 8)));
            }
        }
    }

    function _put(bytes memory text, uint256 offset, uint256 value) private pure {
        if (offset + 2 > text.length) return;
        (text[offset], text[offset + 1]) = (bytes1(uint8(value >> 8)), bytes1(uint8(value)));
    }
}
