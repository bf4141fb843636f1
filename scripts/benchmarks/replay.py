# SPDX-License-Identifier: AGPL-3.0-or-later
"""The observer over a counted election with simulated proofs: replay and full verification."""

from __future__ import annotations

import cProfile
import io
import pstats
import tempfile
import time
from pathlib import Path

from node.cli.observing import published
from node.observer import LiveSource, observe
from node.trustee import TrusteeRun
from protocol.types import Phase
from scripts.benchmarks.chain import Chain, open_chain, trapdoor
from scripts.benchmarks.measure import Figure, Options, Part

CITY = 90_494
GOAL = 120.0
_BATCH = 100


def measure(options: Options) -> Part:
    """A part of a city's ballots, cast and counted; the time for all of them is reckoned from it in proportion."""
    count = options.size(5_000, 500)
    with tempfile.TemporaryDirectory() as folder, open_chain(Path(folder), 3) as chain:
        _hold(chain, count)
        begun = time.monotonic()
        source = LiveSource(chain.rpc, chain.deployment.to_json())
        report = observe(source, published(), pinned=trapdoor()[0].key_hash())
        seconds = time.monotonic() - begun
        if not report.ok:
            raise AssertionError(f"the observer refuses the benchmark's chain: {report.failed[:3]}")
        profile = cProfile.Profile()
        again = LiveSource(chain.rpc, chain.deployment.to_json())
        profile.runcall(observe, again, published(), pinned=trapdoor()[0].key_hash())
    city = seconds / count * CITY
    figures = [
        Figure(f"replay and verification of {count:,} ballots, cast and counted", seconds, "s"),
        Figure(f"in proportion for {CITY:,} ballots", city, "s", GOAL, note="reckoned, not measured"),
    ]
    return Part(figures, _top(profile))


def _hold(chain: Chain, count: int) -> None:
    """Registered in batches of 100, cast in batches of 100, counted by the trustees."""
    initiative = chain.create(trustees=3, threshold=2, options=16)
    for _ in range(0, count, _BATCH):
        chain.register(initiative, _BATCH)
    chain.add_options(initiative, 16)
    chain.make_key(initiative)
    windows = chain.rules[initiative].windows
    chain.until(windows.voting_opens)
    ballots = chain.ballots(initiative, count)
    calls = [chain.cast_call(initiative, ballots[at : at + _BATCH]) for at in range(0, count, _BATCH)]
    for at in range(0, len(calls), 20):
        chain.relay.wait(chain.relay.submit(calls[at : at + 20]))
    chain.until(windows.voting_closes + windows.challenge_period)
    for member in (*chain.members[:2], chain.members[0]):
        report = TrusteeRun(member).run(initiative)[0]
        if report.problem:
            raise RuntimeError(report.problem)
    if report.phase is not Phase.COUNTED:
        raise RuntimeError(f"the benchmark's election is in {report.phase}")


def _top(profile: cProfile.Profile) -> str:
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(12)
    rows = text.getvalue().splitlines()
    begin = next(place for place, row in enumerate(rows) if row.strip().startswith("ncalls"))
    short = [row.replace(str(Path(__file__).resolve().parents[2]) + "/", "") for row in rows[begin:] if row.strip()]
    return "By cProfile (which slows the interpreter down):\n\n```\n" + "\n".join(short) + "\n```"
