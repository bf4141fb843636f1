# SPDX-License-Identifier: AGPL-3.0-or-later
"""Verification of proofs: one by one, in a batch, with one bad; beside snarkjs and the stock verifier."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
from pathlib import Path

from node.deploy import PINNED_KEY_FILE, pinned_key
from protocol import proof
from protocol.bn254 import SCALAR_FIELD
from protocol.proof import ProofStatement
from protocol.types import Nullifier
from scripts.benchmarks.chain import open_chain, simulate, trapdoor
from scripts.benchmarks.gas import stock_verifier
from scripts.benchmarks.measure import ROOT, Figure, Options, Part, Timing, timed

VECTORS = ROOT / "tests" / "vectors" / "proof.json"


def measure(options: Options) -> Part:
    """Milliseconds per proof. The batch is of simulated proofs, which cost exactly the same to verify."""
    single = _single(options)
    snarkjs = _snarkjs(options)
    batch = _batch(options)
    stock = _stock(options)
    ratio = snarkjs.value / batch[0].value
    return Part([*batch, single, snarkjs, stock, Figure("snarkjs / batch, time per proof", ratio, "×")])


def _single(options: Options) -> Figure:
    key = pinned_key()
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    given = []
    for case in cases:
        root, nullifier, message, scope = (int(signal, 16) for signal in case["publics"])
        statement = ProofStatement(root, Nullifier(nullifier), message, scope)
        given.append((bytes.fromhex(case["proof"][2:]), statement))
    timing, valid = timed(lambda: all(proof.verify(key, *each) for each in given), options.repeats)
    assert valid
    return _milliseconds("one proof alone, one core", timing, len(given), note=f"{len(given)} real proofs")


def _batch(options: Options) -> list[Figure]:
    count = options.size(10_000, 1_000)
    key = trapdoor()[0]
    root, scope = secrets.randbelow(SCALAR_FIELD), secrets.randbelow(SCALAR_FIELD)
    statements = [
        ProofStatement(root, Nullifier(secrets.randbelow(SCALAR_FIELD)), secrets.randbelow(SCALAR_FIELD), scope)
        for _ in range(count)
    ]
    proofs = simulate(statements)
    good, none = timed(lambda: proof.bad_proofs(key, proofs, statements), options.repeats)
    assert none == []
    place = count * 2 // 3
    forged = [*proofs[:place], proofs[0], *proofs[place + 1 :]]
    bad, found = timed(lambda: proof.bad_proofs(key, forged, statements), options.repeats)
    assert found == [place]
    cores = os.cpu_count() or 1
    idle = f"that is {good.processor * 1000 / count / cores:.3g} ms on {cores} cores with nothing else to do"
    return [
        _milliseconds(f"a batch of {count:,}, per proof", good, count, 0.25, note=idle),
        Figure(
            f"one bad proof in {count:,}, found and named", bad.least, "s", note=f"the batch alone: {good.least:.3g} s"
        ),
    ]


def _snarkjs(options: Options) -> Figure:
    script = ROOT / "scripts" / "benchmarks" / "snarkjs.mjs"
    command = ["node", str(script), str(VECTORS), str(PINNED_KEY_FILE), str(options.repeats)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    timing = Timing(tuple(value / 1000 for value in json.loads(answer.stdout)))
    return _milliseconds("snarkjs, one proof", timing, 1, note="the same real proofs")


def _stock(options: Options) -> Figure:
    with tempfile.TemporaryDirectory() as folder, open_chain(Path(folder), 3) as chain:
        verifier, cases = stock_verifier(chain)
        timing, valid = timed(
            lambda: all(verifier.read(chain.rpc, "verifyProof", *case) for case in cases), options.repeats
        )
    assert valid
    note = "eth_call to anvil, its RPC included; the same real proofs"
    name = "Semaphore's stock verifier contract, one proof"
    return _milliseconds(name, Timing(timing.all), len(cases), note=note)


def _milliseconds(what: str, timing: Timing, count: int, goal: float | None = None, note: str = "") -> Figure:
    scale = 1000 / count
    told = "; ".join(part for part in (timing.note(scale, "ms"), note) if part)
    return Figure(what, timing.least * scale, "ms", goal, note=told)
