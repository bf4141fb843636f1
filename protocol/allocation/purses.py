# SPDX-License-Identifier: AGPL-3.0-or-later
"""Money of the voters under equal shares, exact and grouped.

Equal ballots are one group. Groups that hold the same sum are one class, and an option is priced by looking at the
classes of its supporters: there are few, since whoever was drained has nothing left and the others differ only in what
they paid for. Every sum is an integer over one common denominator, `scale`, which grows with each purchase.

Beside each sum stands its derivative by the starting endowment. Sums are piecewise linear in the endowment, so while no
comparison changes its answer, the whole course of purchases stays the same; `Reach` keeps how far that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, lcm
from typing import NamedTuple

from protocol.allocation.result import Ballot


@dataclass(frozen=True, slots=True)
class Supporters:
    """Ballots, grouped. sizes: ballots in each group; of: per option, the groups that give it each score (> 0)."""

    voters: int
    sizes: tuple[int, ...]
    of: tuple[dict[int, list[int]], ...]


def group(ballots: Iterable[Ballot], options: int) -> Supporters:
    """Group valid ballots; the order in which they come does not matter to anything that follows."""
    counted = Counter(tuple(sorted(ballot.items())) for ballot in ballots)
    of: tuple[dict[int, list[int]], ...] = tuple({} for _ in range(options))
    for number, ballot in enumerate(counted):
        for option, score in ballot:
            if score > 0:
                of[option].setdefault(score, []).append(number)
    return Supporters(sum(counted.values()), tuple(counted.values()), of)


class Reach:
    """How many steps the endowment can rise before some comparison changes; None while nothing bounds it."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: int | None = None

    def hold(self, margin: int, slope: int, *, strict: bool) -> None:
        """Keep `margin + slope * steps` at least 0, or above 0 where strict. It holds at steps = 0."""
        if slope < 0:
            steps = (margin - 1 if strict else margin) // -slope
            if self.steps is None or steps < self.steps:
                self.steps = steps


class Offer(NamedTuple):
    """Price of an option per point of score: `(rest + rest_slope * steps) / weight`, over the purses' scale.

    rest: what those pay who are not drained; weight: the sum of their scores; payers, drained: how many there are.
    """

    rest: int
    rest_slope: int
    weight: int
    payers: int
    drained: int
    backing: int


class Purses:
    """What every group of voters still holds. Class 0 is empty purses for good."""

    def __init__(self, supporters: Supporters, start: int, scale: int) -> None:
        """Every voter starts with `start / scale`, which grows by 1 per step of the endowment."""
        self.scale = scale
        self._sizes = supporters.sizes
        self._class = [1] * len(supporters.sizes)
        self._sum = [0, start]
        self._slope = [0, scale]
        self._groups: list[dict[int, list[int]]] = [dict(by_score) for by_score in supporters.of]

    def _classes(self, option: int) -> list[tuple[int, int, int, int]]:
        """(sum, slope, score, voters) of the option's supporters who still have a purse, poorest per point first."""
        mine, sizes = self._class, self._sizes
        by_score = self._groups[option]
        found: list[tuple[int, int, int, int]] = []
        for score, groups in by_score.items():
            by_score[score] = groups = [g for g in groups if mine[g]]
            voters: dict[int, int] = {}
            for g in groups:
                voters[mine[g]] = voters.get(mine[g], 0) + sizes[g]
            found += [(self._sum[c], self._slope[c], score, n) for c, n in voters.items()]
        common = lcm(*(score for _, _, score, _ in found))
        found.sort(key=lambda item: item[0] * (common // item[2]))
        return found

    def offer(self, option: int, cost: int, reach: Reach) -> Offer | None:
        """The price at which the supporters can pay `cost` (> 0) together, None if they cannot.

        Everybody pays price times score, or all that is left if that is less.
        """
        classes = self._classes(option)
        due = cost * self.scale
        backing = sum(held * n for held, _, _, n in classes)
        if backing < due:
            reach.hold(due - backing, -sum(slope * n for _, slope, _, n in classes), strict=True)
            return None
        rest, rest_slope, drained = due, 0, 0
        weight = sum(score * n for _, _, score, n in classes)
        voters = sum(n for _, _, _, n in classes)
        for held, slope, score, n in classes:
            if held * weight >= rest * score:
                break
            rest, rest_slope = rest - held * n, rest_slope - slope * n
            weight -= score * n
            drained += n
        # As the endowment rises every purse grows and the price falls: who can pay in full still can, and only the
        # drained may stop being so.
        for held, slope, score, _ in classes:
            short = rest * score - held * weight
            if short > 0:
                reach.hold(short, rest_slope * score - slope * weight, strict=False)
        return Offer(rest, rest_slope, weight, voters - drained, drained, backing)

    def pay(self, option: int, offer: Offer) -> None:
        """Take the price from every supporter."""
        common = gcd(offer.rest, offer.rest_slope, offer.weight)
        price, price_slope = offer.rest // common, offer.rest_slope // common
        factor = offer.weight // common
        if factor != 1:
            self._sum = [held * factor for held in self._sum]
            self._slope = [slope * factor for slope in self._slope]
            self.scale *= factor
        mine = self._class
        for score, groups in self._groups[option].items():
            after: dict[int, int] = {}
            for g in groups:
                old = mine[g]
                if old not in after:
                    after[old] = self._reduced(old, price * score, price_slope * score)
                mine[g] = after[old]

    def _reduced(self, old: int, payment: int, payment_slope: int) -> int:
        """The class of those of class `old` who paid, 0 for the drained."""
        left, slope = self._sum[old] - payment, self._slope[old] - payment_slope
        if left < 0:
            return 0
        self._sum.append(left)
        self._slope.append(slope)
        return len(self._sum) - 1
