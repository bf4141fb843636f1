# SPDX-License-Identifier: AGPL-3.0-or-later
"""Readers of a gateway, each with a connection of its own, who think before they ask again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

Ask = Callable[[random.Random], tuple[str, str]]
"""What is asked next: its kind, and the path."""


@dataclass(slots=True)
class Answers:
    """Seconds from sending a request to its last byte, by kind, and how many bytes."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    octets: dict[str, int] = field(default_factory=dict)

    def percentiles(self, kind: str) -> tuple[float, float, float]:
        """p50, p95, p99 in milliseconds."""
        cuts = quantiles(self.seconds[kind], n=100, method="inclusive")
        return cuts[49] * 1000, cuts[94] * 1000, cuts[98] * 1000


def read(port: int, readers: int, think: float, seconds: float, ask: Ask) -> Answers:
    """`think` is the mean of an exponential pause before each request. Raises RuntimeError for an answer but 200."""
    answers = Answers()
    asyncio.run(_all(port, readers, think, seconds, ask, answers))
    return answers


async def _all(port: int, readers: int, think: float, seconds: float, ask: Ask, answers: Answers) -> None:
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_reader(port, number, think, end, ask, answers) for number in range(readers)))


async def _reader(port: int, number: int, think: float, end: float, ask: Ask, answers: Answers) -> None:
    dice = random.Random(number)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        await asyncio.sleep(dice.expovariate(1 / think))
        if time.perf_counter() > end:
            break
        kind, path = ask(dice)
        begun = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{path}: {head.decode()}")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        answers.seconds.setdefault(kind, []).append(time.perf_counter() - begun)
        answers.octets[kind] = max(length, answers.octets.get(kind, 0))
    writer.close()
