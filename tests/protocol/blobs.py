# SPDX-License-Identifier: AGPL-3.0-or-later
"""Seeded blobs for `castBatch`: well-formed entries, and every way to spoil them (B3)."""

import random
from collections.abc import Callable
from functools import cache

import urna_native

from protocol.ballot import Channel, Entry, Record, entry_bytes
from protocol.bn254 import BASE_FIELD, GENERATOR, SCALAR_FIELD, g1_mul
from protocol.hashing import WORD_MAX
from protocol.types import Nullifier

_COORDINATES = (0, 32, 64, 96, 128, 160, 192, 224, 293, 325)  # of A, B, C, R in an entry
_POINTS = ((0, 64), (64, 128), (192, 64), (293, 64))


@cache
def key() -> bytes:
    """A verifying key whose points the proofs are made for; they are proofs of nothing that a ballot says."""
    return urna_native.make_trapdoor_key(bytes(32))[0]


@cache
def _proofs() -> list[bytes]:
    """Proofs for some key: points of the right groups."""
    _, trapdoor = urna_native.make_trapdoor_key(bytes(32))
    data = urna_native.simulate_proofs(trapdoor, b"".join(k.to_bytes(32, "big") for k in range(4 * 64)), b"\1" * 32)
    return [data[at : at + 256] for at in range(0, len(data), 256)]


def _sqrt(value: int) -> int | None:
    root = pow(value, (BASE_FIELD + 1) // 4, BASE_FIELD)
    return root if root * root % BASE_FIELD == value % BASE_FIELD else None


class Blobs:
    """A stream of blobs that follows from its seed."""

    def __init__(self, seed: int, word_count: int) -> None:
        self._random = random.Random(seed)
        self._words = word_count

    def proof(self) -> bytes:
        return self._random.choice(_proofs())

    def entry(self) -> bytes:
        """Well-formed, but no proof of anything."""
        draw = self._random
        sequence = draw.choice([1, 1, 1, 2, 16, 17, 0, (1 << 32) - 1])
        record = Record(
            Nullifier(draw.choice([0, 1, SCALAR_FIELD - 1, draw.randrange(SCALAR_FIELD)])),
            sequence,
            draw.choice(list(Channel)),
            g1_mul(GENERATOR, draw.randrange(1, SCALAR_FIELD)),
            draw.randbytes(32 * self._words),
        )
        return Entry(self.proof(), record).encode()

    def any(self) -> bytes:
        """One to three entries, in half of the cases with one to three faults."""
        draw = self._random
        entries = [self.entry() for _ in range(draw.choice([1, 1, 1, 2, 3]))]
        if draw.random() < 0.15:
            return b"".join(entries)
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            place = draw.randrange(len(entries))
            entries[place] = draw.choice(self._faults)(self, entries[place])
        return self._length(b"".join(entries)) if draw.random() < 0.1 else b"".join(entries)

    def _put(self, entry: bytes, at: int, value: bytes) -> bytes:
        return entry[:at] + value + entry[at + len(value) :]

    def _nullifier(self, entry: bytes) -> bytes:
        value = int.from_bytes(entry[256:288], "big")
        wrong = self._random.choice([SCALAR_FIELD, SCALAR_FIELD + value, WORD_MAX, SCALAR_FIELD + 1])
        return self._put(entry, 256, min(wrong, WORD_MAX).to_bytes(32, "big"))

    def _channel(self, entry: bytes) -> bytes:
        return self._put(entry, 292, bytes((self._random.choice([2, 3, 0x7F, 0x80, 0xFF]),)))

    def _shift(self, entry: bytes) -> bytes:
        """A coordinate plus p: the same point by another name."""
        at = self._random.choice(_COORDINATES)
        value = int.from_bytes(entry[at : at + 32], "big") + BASE_FIELD
        return self._put(entry, at, (value & WORD_MAX).to_bytes(32, "big"))

    def _coordinate(self, entry: bytes) -> bytes:
        at = self._random.choice(_COORDINATES)
        draw = self._random
        value = draw.choice([0, 1, BASE_FIELD - 1, BASE_FIELD, WORD_MAX, draw.randrange(BASE_FIELD)])
        return self._put(entry, at, value.to_bytes(32, "big"))

    def _bit(self, entry: bytes) -> bytes:
        at = self._random.randrange(len(entry))
        return self._put(entry, at, bytes((entry[at] ^ 1 << self._random.randrange(8),)))

    def _infinity(self, entry: bytes) -> bytes:
        at, size = self._random.choice(_POINTS)
        return self._put(entry, at, bytes(size))

    def _swap(self, entry: bytes) -> bytes:
        """Coordinates in the wrong order: of a point of G1, or B with its real parts first."""
        at, size = self._random.choice(_POINTS)
        swapped = b"".join(entry[k + 32 : k + 64] + entry[k : k + 32] for k in range(at, at + size, 64))
        return self._put(entry, at, swapped)

    def _negate(self, entry: bytes) -> bytes:
        """Still a point."""
        at = self._random.choice((32, 224, 325))
        value = BASE_FIELD - int.from_bytes(entry[at : at + 32], "big")
        return self._put(entry, at, (value & WORD_MAX).to_bytes(32, "big"))

    def _subgroup(self, entry: bytes) -> bytes:
        """A point of the twist whose order is not r: well-formed, refused by the pairing."""
        return self._put(entry, 64, self.twist_point())

    def _noise(self, entry: bytes) -> bytes:
        return self._random.randbytes(len(entry))

    def _length(self, blob: bytes) -> bytes:
        draw = self._random
        size = entry_bytes(self._words)
        cut = draw.choice([0, 1, 32, 255, 256, size - 32, size - 1, size + 1, draw.randrange(len(blob))])
        return draw.choice([blob[:cut], blob + draw.randbytes(draw.choice([1, 32, 64, size - 1]))])

    def twist_point(self) -> bytes:
        """A random point of the twist: in the subgroup of order r only with probability 2⁻²⁵⁴."""
        p, draw = BASE_FIELD, self._random
        half = pow(2, -1, p)
        denominator = pow(82, -1, p)  # 3/(9 + u) = (27 − 3u)/82
        while True:
            x0, x1 = draw.randrange(p), draw.randrange(p)
            s0, s1 = (x0 * x0 - x1 * x1) % p, 2 * x0 * x1 % p
            a = (s0 * x0 - s1 * x1 + 27 * denominator) % p
            b = (s0 * x1 + s1 * x0 - 3 * denominator) % p
            # (c + du)² = a + bu: c² = (a ± √(a² + b²))/2, d = b/2c.
            norm = _sqrt(a * a + b * b)
            if norm is None:
                continue
            c = _sqrt((a + norm) * half) or _sqrt((a - norm) * half)
            if not c:
                continue
            d = b * half * pow(c, -1, p) % p
            if (c * c - d * d - a) % p == 0 and (2 * c * d - b) % p == 0:
                return b"".join(value.to_bytes(32, "big") for value in (x1, x0, d, c))

    _faults: tuple[Callable[["Blobs", bytes], bytes], ...] = (
        _nullifier,
        _channel,
        _shift,
        _coordinate,
        _bit,
        _infinity,
        _swap,
        _negate,
        _subgroup,
        _noise,
    )
