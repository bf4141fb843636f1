# SPDX-License-Identifier: AGPL-3.0-or-later
"""Poseidon with two inputs, round by round, as the paper's pseudocode has it."""

from collections.abc import Iterator
from functools import cache
from itertools import islice

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
T, FULL, PARTIAL, BITS = 3, 8, 57, 254


def _lfsr() -> Iterator[int]:
    state = [int(bit) for bit in f"{1:02b}{0:04b}{BITS:012b}{T:012b}{FULL:010b}{PARTIAL:010b}" + "1" * 30]
    while True:
        bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        state = [*state[1:], bit]
        yield bit


def _shrunk(raw: Iterator[int]) -> Iterator[int]:
    for keep in raw:
        bit = next(raw)
        if keep:
            yield bit


def _integers() -> Iterator[int]:
    bits = _shrunk(islice(_lfsr(), 160, None))
    while True:
        yield int("".join(str(next(bits)) for _ in range(BITS)), 2)


@cache
def parameters() -> tuple[list[int], list[list[int]]]:
    """Round constants in order of use, and the matrix."""
    integers = _integers()
    constants: list[int] = []
    while len(constants) < (FULL + PARTIAL) * T:
        candidate = next(integers)
        if candidate < R:
            constants.append(candidate)
    seeds = [next(integers) % R for _ in range(2 * T)]
    matrix = [[pow(x + y, -1, R) for y in seeds[T:]] for x in seeds[:T]]
    return constants, matrix


def poseidon2(a: int, b: int) -> int:
    constants, matrix = parameters()
    state = [0, a, b]
    for step in range(FULL + PARTIAL):
        state = [(value + constant) % R for value, constant in zip(state, constants[T * step :], strict=False)]
        full = step < FULL // 2 or step >= FULL // 2 + PARTIAL
        state = [pow(value, 5, R) if full or lane == 0 else value for lane, value in enumerate(state)]
        state = [sum(m * value for m, value in zip(row, state, strict=True)) % R for row in matrix]
    return state[0]
