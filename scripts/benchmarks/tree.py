# SPDX-License-Identifier: AGPL-3.0-or-later
"""The electorate's root, beside the JavaScript library's."""

from __future__ import annotations

import json
import random
import subprocess

import urna_native

from protocol.bn254 import SCALAR_FIELD
from scripts.benchmarks.measure import ROOT, Figure, Options, Part, timed


def measure(options: Options) -> Part:
    """Root of 100,000 leaves; both libraries on a tenth of them."""
    source = random.Random(1)
    count = options.size(100_000, 10_000)
    leaves = b"".join(source.randrange(1, SCALAR_FIELD).to_bytes(32, "big") for _ in range(count))
    whole, _ = timed(lambda: urna_native.lean_imt_root(leaves), options.repeats)
    tenth = leaves[: 32 * (count // 10)]
    own, root = timed(lambda: urna_native.lean_imt_root(tenth), options.repeats)
    theirs_root, theirs = _javascript(tenth)
    assert root == theirs_root
    return Part(
        [
            Figure(f"LeanIMT root of {count:,}", whole.least, "s", note=whole.note()),
            Figure(f"LeanIMT root of {count // 10:,}", own.least, "s", note=own.note()),
            Figure(f"the same by @zk-kit/lean-imt (JavaScript), {count // 10:,}", theirs, "s", note="the same root"),
            Figure("JavaScript / Urna, time", theirs / own.least, "×"),
        ]
    )


def _javascript(leaves: bytes) -> tuple[bytes, float]:
    lines = "\n".join(leaves[at : at + 32].hex() for at in range(0, len(leaves), 32))
    script = ROOT / "scripts" / "benchmarks" / "lean_imt.mjs"
    answer = subprocess.run(["node", str(script)], input=lines, capture_output=True, text=True, check=True, cwd=ROOT)
    result = json.loads(answer.stdout)
    return bytes.fromhex(result["root"]), float(result["seconds"])
