# SPDX-License-Identifier: AGPL-3.0-or-later
"""A dry run of a draft within a time, with the effort that the real one would take; as JSON and as lines."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from node.draft import Draft
from protocol.allocation import Fate
from protocol.dry_run import DryRun, dry_run
from protocol.effort import Effort, estimate
from protocol.types import BallotType

DEFAULT_OPTIONS = 12
MAX_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came out, over options of these costs."""

    run: DryRun
    costs: tuple[int, ...]
    effort: Effort
    seconds: float

    def to_json(self) -> dict[str, Any]:
        run = self.run
        won = {int(step.option): step for step in run.allocation.steps}
        return {
            "seed": run.seed,
            "ballots": run.ballots,
            "valid": run.totals.valid,
            "blank": run.totals.blank,
            "null": run.totals.null,
            "assisted": run.assisted,
            "winners": list(run.winners),
            "spent": str(run.spent),
            "budget": str(run.budget),
            "quorumMet": run.allocation.quorum_met,
            "options": [
                {
                    "option": option,
                    "cost": str(cost),
                    "score": str(run.totals.scores[option]),
                    "support": run.totals.support[option],
                    "against": run.totals.against[option],
                    "won": won[option].fate is Fate.WON,
                    "why": won[option].fate.value,
                }
                for option, cost in enumerate(self.costs)
            ],
            "close": [asdict(one) for one in run.close],
            "effort": asdict(self.effort),
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        run, effort = self.run, self.effort
        lines = [
            f"{run.ballots:,} ballots nobody cast (seed {run.seed}): {run.totals.valid:,} valid, "
            f"{run.totals.blank:,} blank, {run.totals.null:,} null.",
            f"{len(run.winners)} of {len(self.costs)} options win"
            + (f"; {run.spent:,} of {run.budget:,} minor units are spent." if run.budget else "."),
        ]
        for step in run.allocation.steps:
            number = step.option
            mark = "won" if step.fate is Fate.WON else step.fate.value
            lines.append(f"  option {number:>4}  score {step.score:>8,}  cost {self.costs[number]:>14,}  {mark}")
        for one in run.close:
            what = "a tie" if one.margin == 0 else f"a margin of {one.margin}"
            lines.append(f"Close: options {one.first} and {one.second}, {what}.")
        lines.append(
            f"In earnest about {effort.transactions:,} transactions, {effort.gas / 1e6:,.0f} million gas, "
            f"{effort.chain_seconds:,.0f} s of the chain's time, {effort.process_hours / 24:,.0f} days."
        )
        return lines


def rehearse(
    draft: Draft,
    ballots: int,
    seed: int,
    *,
    costs: Sequence[int] = (),
    options: int = DEFAULT_OPTIONS,
    seconds: float = MAX_SECONDS,
    progress: Callable[[int], None] = lambda done: None,
    clock: Callable[[], float] = time.monotonic,
) -> Rehearsal:
    """Draws costs where none are given, and ends with DryRunError when `seconds` are over while ballots are drawn."""
    begun = clock()

    def go_on(done: int) -> bool:
        progress(done)
        return clock() - begun < seconds

    priced = tuple(costs) or _costs(draft, options, seed)
    run = dry_run(draft.rules, priced, ballots, seed, go_on)
    effort = estimate(
        draft.rules,
        proposals=len(priced),
        accepted=len(priced),
        registered=ballots,
        ballots=ballots,
        words=run.words,
    )
    return Rehearsal(run, priced, effort, clock() - begun)


def _costs(draft: Draft, options: int, seed: int) -> tuple[int, ...]:
    """Between a thirtieth and a third of the budget (or purse) each; zero where nothing has a price."""
    rules = draft.rules
    purse = rules.allocation.budget or rules.ballot.max_cost
    if not (rules.allocation.rule.has_budget or rules.ballot.ballot_type is BallotType.KNAPSACK):
        return (0,) * options
    source = random.Random(f"costs {seed}")
    return tuple(max(1, purse // 30 + int(source.random() * purse * 3 / 10)) for _ in range(options))
