# SPDX-License-Identifier: AGPL-3.0-or-later
"""The figures as text: on the terminal, and as docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.measure import Figure, Run

_TITLES = {
    "gas": "Gas",
    "verification": "Verification of proofs",
    "tree": "The electorate's tree",
    "allocation": "Allocation",
    "run": "A whole election",
    "throughput": "Accepted ballots per second",
    "replay": "The observer",
    "index": "The index, at the size of a country",
}
_NOTES = {
    "gas": "Real transactions on the embedded chain, `gasUsed` of their receipts: intrinsic cost, calldata and refunds "
    "included. A ballot's event carries the whole entry, its proof too.",
    "verification": "The batch is of simulated proofs under a key with a known trapdoor, at exactly the same cost of "
    "verification; the single ones are real. All in the same run, one after the other.",
    "tree": "Poseidon over bn254; both libraries give the same root.",
    "allocation": "`lodz_2022.pb`, from parsed ballots to winners. pabutools 1.2.3 in an environment of its own, exact "
    "rationals (gmpy2), equal ballots grouped (`as_multiprofile`); both name the same winners, or the benchmark fails. "
    "Add-1 there raises the endowment one unit at a time; Urna leaps over endowments that cannot change a winner.",
    "run": "The command as a newcomer types it: chain, issuer, three entities as processes, real proofs, observer.",
    "throughput": "A gateway process on the embedded chain, fed by clients over HTTP, a request for each ballot; "
    "then the same chain with batches of 100 that were made beforehand. Gateway, chain and clients share the cores.",
    "replay": "Simulated proofs, counted by the trustees' own software, then the observer on the live chain with the "
    "benchmark's key as the pinned one.",
    "index": "Rebuilding folds the events that the index keeps, verified when they were read, into its tables; the "
    "reads are the gateway's endpoints in a process of their own, without its limits and counters.",
}
_NOT_HERE = """\
Of the design's section 10, these are not measured here, and why:

- proof and sealing in the browser: there is no browser side yet. What `urna run` proves with takes part in the figures
  of a whole election.
- what four Besu validators take: there is no validator network yet.
"""


def table(figures: Sequence[Figure]) -> list[str]:
    """Markdown rows: what, measured, goal, met or missed."""
    lines = ["| what | measured | goal | | how |", "|---|--:|--:|---|---|"]
    return lines + [f"| {one.what} | {_amount(one)} | {_goal(one)} | {_verdict(one)} | {one.note} |" for one in figures]


def plain(run: Run) -> str:
    """For the terminal."""
    lines = [f"{_TITLES[run.part]} ({run.seconds:.0f} s; load {run.load_before:.1f} → {run.load_after:.1f})"]
    for one in run.figures:
        goal = f"  [{_goal(one)}: {_verdict(one, plain=True)}]" if one.goal is not None else ""
        note = f"  ({one.note})" if one.note else ""
        lines.append(f"  {one.what:<62} {_amount(one):>14}{goal}{note}")
    return "\n".join(lines)


def document(runs: Sequence[Run]) -> str:
    """docs/benchmarks.md from the latest run of each part."""
    goals = [(run, one) for run in runs for one in run.figures if one.goal is not None]
    missed = [one for _, one in goals if not one.met]
    lines = [
        "# Benchmarks",
        "",
        "*Written by `scripts/bench`; do not edit.* Goals are those of the design, section 10, and of the issue. Other "
        "work ran on the machine meanwhile (see the load, on so many cores): times are the least of several "
        "repetitions, and only ratios within one part compare well. A missed goal is written down as missed.",
        "",
        f"## {len(goals) - len(missed)} of {len(goals)} goals met",
        "",
        *table([one for _, one in goals]),
        "",
        _NOT_HERE,
    ]
    for run in runs:
        lines += [
            f"## {_TITLES[run.part]}",
            "",
            _NOTES[run.part],
            "",
            *table(run.figures),
            "",
            *([run.profile, ""] if run.profile else []),
            f"*{run.date}, commit {run.commit}; {run.machine}; load average {run.load_before:.1f} before, "
            f"{run.load_after:.1f} after; took {run.seconds:.0f} s. `scripts/bench {run.part}`*",
            "",
        ]
    return "\n".join(lines)


def _amount(one: Figure) -> str:
    return _with_unit(one.value, one.unit)


def _with_unit(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}".strip()


def _goal(one: Figure) -> str:
    if one.goal is None:
        return ""
    return ("≥ " if one.at_least else "≤ ") + _with_unit(one.goal, one.unit)


def _verdict(one: Figure, *, plain: bool = False) -> str:
    if one.met is None:
        return ""
    return "met" if one.met else ("missed" if plain else "**missed**")
