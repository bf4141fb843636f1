// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotRules, BallotType, Outcome} from "../Types.sol";
import {BitCounters} from "./BitCounters.sol";

/// @title What an opened ballot says: valid, blank or null by its initiative's rules, and what it adds to the totals.
/// @notice Layout in docs/protocol/ballot.md. `n` is the number of options, at most 1,024.
/// @dev Nothing here reverts, whatever the plaintext: a ballot that stopped the count would be worth casting.
/// Unchecked throughout, in loops: indices are below the number of bytes or options, sums below 1,024 · 2^128.
library Plaintext {
    /// @dev Bits of the first word that belong to the body: 32 bytes less 8 of the tag and 1 of the kind.
    uint256 private constant FIRST_BITS = 184;
    uint256 private constant BODY = 9;
    uint256 private constant BLANK = 1 << FIRST_BITS;
    /// @dev No number of options; longer than any maxLength.
    uint256 private constant MISFIT = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    // Every second bit, and so on; for counting ones
    uint256 private constant ODD = 0x5555555555555555555555555555555555555555555555555555555555555555;
    uint256 private constant PAIRS = 0x3333333333333333333333333333333333333333333333333333333333333333;
    uint256 private constant NIBBLES = 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
    uint256 private constant BYTES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
    uint256 private constant SUM = 0x0001000100010001000100010001000100010001000100010001000100010001;

    /// @notice Words of the bitmap of n options.
    function bitmapWords(uint256 n) internal pure returns (uint256) {
        return n <= FIRST_BITS ? 1 : 1 + (n - FIRST_BITS + 255) / 256;
    }

    /// @notice Words of a plaintext.
    function words(BallotRules memory rules, uint256 n) internal pure returns (uint256) {
        BallotType kind = rules.ballotType;
        if (kind == BallotType.SingleChoice) return 1;
        if (kind == BallotType.Cumulative) return (BODY + 4 * uint256(rules.maxLength) + 31) / 32;
        if (kind == BallotType.Ordered) return (BODY + 2 * uint256(rules.maxLength) + 31) / 32;
        return kind == BallotType.YesNoAbstain ? 2 * bitmapWords(n) : bitmapWords(n);
    }

    /// @notice Words of the totals' bitmaps: one bitmap, for yes/no/abstain two.
    function totalWords(BallotType kind, uint256 n) internal pure returns (uint256) {
        return kind == BallotType.YesNoAbstain ? 2 * bitmapWords(n) : bitmapWords(n);
    }

    /// @notice Place of an option in a bitmap.
    function place(uint256 option) internal pure returns (uint256 word, uint256 bit) {
        if (option < FIRST_BITS) return (0, option);
        // Unchecked: option >= FIRST_BITS.
        unchecked {
            uint256 rest = option - FIRST_BITS;
            return (1 + rest / 256, rest % 256);
        }
    }

    /// @param costs by option number; for knapsack only
    function outcomeOf(bytes memory plaintext, BallotRules memory rules, uint256 n, uint256[] memory costs)
        internal
        pure
        returns (Outcome)
    {
        uint256 first = _word(plaintext, 0);
        if (first == BLANK) return _isZeroFrom(plaintext, 32) ? Outcome.Blank : Outcome.Null;
        if (first >> FIRST_BITS != 0) return Outcome.Null;

        BallotType kind = rules.ballotType;
        bool valid;
        if (kind == BallotType.Approval) valid = _isApproval(plaintext, rules, n);
        else if (kind == BallotType.Ordered) valid = _isOrdered(plaintext, rules, n);
        else if (kind == BallotType.Cumulative) valid = _isCumulative(plaintext, rules, n);
        else if (kind == BallotType.Knapsack) valid = _isKnapsack(plaintext, rules, n, costs);
        else if (kind == BallotType.SingleChoice) valid = _isSingleChoice(first, rules, n);
        else valid = _isYesNoAbstain(plaintext, rules, n);
        return valid ? Outcome.Valid : Outcome.Null;
    }

    /// @notice Adds a valid ballot's points to `counters`.
    function addTo(uint256[] memory counters, bytes memory plaintext, BallotRules memory rules) internal pure {
        BallotType kind = rules.ballotType;
        if (kind == BallotType.SingleChoice) {
            _addPoints(counters, _singleChoice(_word(plaintext, 0)) - 1, 1);
        } else if (kind == BallotType.Cumulative || kind == BallotType.Ordered) {
            _addList(counters, plaintext, rules);
        } else {
            BitCounters.addAll(counters, plaintext);
        }
    }

    function _addList(uint256[] memory counters, bytes memory plaintext, BallotRules memory rules) private pure {
        bool ordered = rules.ballotType == BallotType.Ordered;
        uint256 stride = ordered ? 2 : 4;
        unchecked {
            for (uint256 i; i < rules.maxLength; ++i) {
                uint256 named = _uint16(plaintext, BODY + stride * i);
                if (named == 0) return;
                uint256 points = ordered ? rules.pointsPerRank[i] : _uint16(plaintext, BODY + stride * i + 2);
                _addPoints(counters, named - 1, points);
            }
        }
    }

    function _addPoints(uint256[] memory counters, uint256 option, uint256 points) private pure {
        (uint256 word, uint256 bit) = place(option);
        unchecked {
            for (uint256 plane; points != 0; ++plane) {
                if (points & 1 != 0) BitCounters.add(counters, word, plane, 1 << bit);
                points >>= 1;
            }
        }
    }

    function _isSingleChoice(uint256 first, BallotRules memory rules, uint256 n) private pure returns (bool) {
        uint256 named = _singleChoice(first);
        return named != 0 && named <= n && first << 88 == 0 && _isLength(rules, 1);
    }

    function _isApproval(bytes memory plaintext, BallotRules memory rules, uint256 n) private pure returns (bool) {
        return _isLength(rules, _bitmap(plaintext, 0, n));
    }

    function _isKnapsack(bytes memory plaintext, BallotRules memory rules, uint256 n, uint256[] memory costs)
        private
        pure
        returns (bool)
    {
        if (!_isApproval(plaintext, rules, n)) return false;

        uint256 sum;
        unchecked {
            uint256 option;
            for (uint256 w; w < bitmapWords(n); ++w) {
                uint256 start = option;
                for (uint256 bits = _word(plaintext, w); bits != 0; bits >>= 1) {
                    if (bits & 1 != 0) sum += costs[option];
                    ++option;
                }
                option = start + (w == 0 ? FIRST_BITS : 256);
            }
        }
        return sum <= rules.maxCost;
    }

    function _isYesNoAbstain(bytes memory plaintext, BallotRules memory rules, uint256 n) private pure returns (bool) {
        uint256 half = bitmapWords(n);
        uint256 yes = _bitmap(plaintext, 0, n);
        uint256 no = _bitmap(plaintext, half, n);
        unchecked {
            if (yes == MISFIT || no == MISFIT || !_isLength(rules, yes + no)) return false;
            for (uint256 w; w < half; ++w) {
                if (_word(plaintext, w) & _word(plaintext, half + w) != 0) return false;
            }
        }
        return true;
    }

    function _isCumulative(bytes memory plaintext, BallotRules memory rules, uint256 n) private pure returns (bool) {
        uint256 i;
        uint256 sum;
        uint256 previous;
        unchecked {
            for (; i < rules.maxLength; ++i) {
                uint256 named = _uint16(plaintext, BODY + 4 * i);
                if (named == 0) break;
                uint256 points = _uint16(plaintext, BODY + 4 * i + 2);
                if (named > n || named <= previous || points < rules.minPoints || points > rules.maxPoints) return false;
                previous = named;
                sum += points;
            }
            return _isZeroFrom(plaintext, BODY + 4 * i) && _isLength(rules, i) && sum >= rules.minSumPoints
                && sum <= rules.maxSumPoints;
        }
    }

    function _isOrdered(bytes memory plaintext, BallotRules memory rules, uint256 n) private pure returns (bool) {
        uint256 i;
        uint256[4] memory seen; // 1,024 options
        unchecked {
            for (; i < rules.maxLength; ++i) {
                uint256 named = _uint16(plaintext, BODY + 2 * i);
                if (named == 0) break;
                if (named > n) return false;
                uint256 bit = 1 << ((named - 1) % 256);
                uint256 word = (named - 1) / 256;
                if (seen[word] & bit != 0) return false;
                seen[word] |= bit;
            }
            return _isZeroFrom(plaintext, BODY + 2 * i) && _isLength(rules, i);
        }
    }

    function _isLength(BallotRules memory rules, uint256 named) private pure returns (bool) {
        return named >= rules.minLength && named <= rules.maxLength;
    }

    /// @return named how many bits stand in the bitmap that begins at word `from`; MISFIT if one stands beyond the n options
    /// @dev Ones are counted by sums of neighbours (Warren, Hacker's Delight, 5-1). Assembly: every ballot passes here.
    function _bitmap(bytes memory plaintext, uint256 from, uint256 n) private pure returns (uint256 named) {
        assembly ("memory-safe") {
            let cursor := add(add(plaintext, 0x20), mul(from, 0x20))
            let bits := FIRST_BITS
            for {} 1 {} {
                if lt(n, bits) { bits := n }
                let word := mload(cursor)
                // A shift by 256 gives 0.
                if shr(bits, word) {
                    named := MISFIT
                    break
                }
                word := sub(word, and(shr(1, word), ODD))
                word := add(and(word, PAIRS), and(shr(2, word), PAIRS))
                word := and(add(word, shr(4, word)), NIBBLES)
                word := add(and(word, BYTES), and(shr(8, word), BYTES))
                named := add(named, shr(240, mul(word, SUM)))
                n := sub(n, bits)
                if iszero(n) { break }
                bits := 256
                cursor := add(cursor, 0x20)
            }
        }
    }

    /// @dev Option + 1, from bytes 9 and 10.
    function _singleChoice(uint256 first) private pure returns (uint256) {
        return (first >> 168) & 0xffff;
    }

    function _isZeroFrom(bytes memory plaintext, uint256 offset) private pure returns (bool) {
        unchecked {
            if (offset >= plaintext.length) return true;
            uint256 w = offset / 32;
            if (_word(plaintext, w) << (8 * (offset % 32)) != 0) return false;
            while (++w < plaintext.length / 32) {
                if (_word(plaintext, w) != 0) return false;
            }
        }
        return true;
    }

    function _word(bytes memory plaintext, uint256 index) private pure returns (uint256 word) {
        // Assembly: Solidity reads bytes one by one.
        assembly ("memory-safe") {
            word := mload(add(add(plaintext, 0x20), mul(index, 0x20)))
        }
    }

    /// @dev Big-endian. The caller stays within the plaintext's length; what is read past it is shifted away.
    function _uint16(bytes memory plaintext, uint256 offset) private pure returns (uint256 value) {
        // Assembly: as in `_word`.
        assembly ("memory-safe") {
            value := shr(240, mload(add(add(plaintext, 0x20), offset)))
        }
    }
}
