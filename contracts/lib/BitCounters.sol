// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

/// @title Bit-sliced counters: 256 counters a word, their binary digits in planes.
/// @notice Bit b of plane d of word w is digit d of the counter of option (w, b). Adding a whole bitmap of ones is a
/// ripple-carry over planes, two on average, whatever the number of options.
/// @dev 36 planes: points below 2^16 a ballot, at most 2^20 ballots.
library BitCounters {
    uint256 internal constant PLANES = 36;

    /// @notice Counters in memory, all zero: plane d of word w stands at w·PLANES + d.
    function create(uint256 words) internal pure returns (uint256[] memory) {
        return new uint256[](words * PLANES);
    }

    /// @notice Adds 2^plane to each counter of `word` whose bit stands in `mask`.
    /// @dev Assembly: the innermost loop of the count. No bound is checked: a carry past the last plane would take more
    /// than 2^20 ballots in memory at once.
    function add(uint256[] memory counters, uint256 word, uint256 plane, uint256 mask) internal pure {
        assembly ("memory-safe") {
            let place := add(add(counters, 0x20), mul(0x20, add(mul(word, PLANES), plane)))
            for {} mask { place := add(place, 0x20) } {
                let digit := mload(place)
                mstore(place, xor(digit, mask))
                mask := and(mask, digit)
            }
        }
    }

    /// @notice Adds 1 to each counter whose bit stands in `bitmaps`, one word of them for each word of counters.
    /// @dev Assembly: as in `add`.
    function addAll(uint256[] memory counters, bytes memory bitmaps) internal pure {
        assembly ("memory-safe") {
            let word := add(counters, 0x20)
            let from := add(bitmaps, 0x20)
            let end := add(from, mload(bitmaps))
            for {} lt(from, end) { from := add(from, 0x20) } {
                let mask := mload(from)
                for { let place := word } mask { place := add(place, 0x20) } {
                    let digit := mload(place)
                    mstore(place, xor(digit, mask))
                    mask := and(mask, digit)
                }
                word := add(word, mul(PLANES, 0x20))
            }
        }
    }

    /// @notice Adds counters in memory to those in storage, which are laid out the same. Writes changed planes only.
    function merge(mapping(uint256 => uint256) storage totals, uint256[] memory counters) internal {
        // Unchecked: indices below the array's length.
        unchecked {
            uint256 carry;
            for (uint256 place; place < counters.length; ++place) {
                uint256 added = counters[place];
                if (added | carry == 0) continue;
                uint256 stored = totals[place];
                uint256 sum = stored ^ added ^ carry;
                // The last plane of a word carries nothing over: no counter reaches 2^PLANES.
                carry = (stored & added) | (carry & (stored ^ added));
                if (sum != stored) totals[place] = sum;
            }
        }
    }

    /// @notice The planes of `words` words, from storage.
    function load(mapping(uint256 => uint256) storage totals, uint256 words)
        internal
        view
        returns (uint256[] memory counters)
    {
        counters = create(words);
        for (uint256 place; place < counters.length; ++place) {
            counters[place] = totals[place];
        }
    }

    /// @notice The counter at one bit of one word.
    function read(uint256[] memory counters, uint256 word, uint256 bit) internal pure returns (uint256 value) {
        for (uint256 plane; plane < PLANES; ++plane) {
            value |= ((counters[word * PLANES + plane] >> bit) & 1) << plane;
        }
    }
}
