# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gas of real transactions, from their receipts: intrinsic cost, calldata and refunds included."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from node.compiler import build
from node.contracts import Contract, Interface
from node.keys import Call
from protocol import ceremony
from protocol.ballot import Entry
from protocol.ceremony import Epoch
from protocol.types import Dealing, G1Point, Role
from scripts.benchmarks.chain import GAS, Chain, open_chain
from scripts.benchmarks.measure import ROOT, Figure, Options, Part

_STOCK = "node_modules/@semaphore-protocol/contracts/base/SemaphoreVerifier.sol"


def measure(options: Options) -> Part:
    """Registrations, ballots cast and counted, ceremonies of (3, 5) and (2, 3), the stock verifier."""
    part = Part()
    with tempfile.TemporaryDirectory() as folder, open_chain(Path(folder), 5) as chain:
        part.figures += stock_verifier_gas(chain)
        large = chain.create(trustees=5, threshold=3, options=16)
        small = chain.create(trustees=3, threshold=2, options=160)
        part.figures += _registrations(chain, large)
        chain.register(small, 5)
        chain.add_options(large, 16)
        chain.add_options(small, options.size(160, 32))
        ceremonies = [_Ceremony(chain, large, "t=3, n=5"), _Ceremony(chain, small, "t=2, n=3")]
        part.figures += [figure for one in ceremonies for figure in one.deal()]
        part.figures += [one.finalise() for one in ceremonies]
        chain.until(chain.rules[small].windows.voting_opens)
        ballots = chain.ballots(large, 311)
        part.figures += _casts(chain, large, ballots)
        others = chain.ballots(small, 250)
        for start in (0, 100, 200):
            chain.relay.call(chain.cast_call(small, others[start : start + 100]))
        windows = chain.rules[small].windows
        chain.until(windows.voting_closes + windows.challenge_period)
        part.figures += [figure for one in ceremonies for figure in one.release()]
        part.figures += _counts(chain, large, ballots[:200], 16)
        part.figures += _counts(chain, small, others[:200], options.size(160, 32))
        rest = b"".join(entry.record.encode() for entry in others[200:])
        part.profile = _by_opcode(chain, chain.encode("Tally", "count", small, rest), len(others[200:]))
    return part


def _registrations(chain: Chain, initiative: int) -> list[Figure]:
    one = chain.register(initiative, 1).gas_used
    chain.register(initiative, 9)
    hundred = chain.register(initiative, 100).gas_used / 100
    return [
        Figure("registration, in a batch of 1", one, "gas"),
        Figure("registration, in a batch of 100", hundred, "gas", 72_000),
    ]


def _casts(chain: Chain, initiative: int, ballots: Sequence[Entry]) -> list[Figure]:
    figures, start = [], 0
    for size in (1, 10, 100, 200):
        used = chain.relay.call(chain.cast_call(initiative, ballots[start : start + size])).gas_used
        start += size
        goal = 88_000 if size == 100 else None
        figures.append(Figure(f"ballot cast, in a batch of {size}", used / size, "gas", goal))
    return figures


def _counts(chain: Chain, initiative: int, entries: Sequence[Entry], options: int) -> list[Figure]:
    """The mean of two batches of 100; the first of them makes the counters' storage."""
    used = [
        chain.send(
            "Tally", "count", initiative, b"".join(entry.record.encode() for entry in entries[start : start + 100])
        ).gas_used
        / 100
        for start in (0, 100)
    ]
    goal = 14_000 if options == 160 else None
    note = f"first batch of 100: {used[0]:,.0f}, second: {used[1]:,.0f}"
    return [Figure(f"ballot counted, approval of {options} options", sum(used) / 2, "gas", goal, note=note)]


def _by_opcode(chain: Chain, call: Call, count: int) -> str:
    """Where the gas of a count goes, per ballot; calls without what they passed on."""
    quiet = {"disableStack": True, "disableStorage": True, "enableMemory": False}
    assert call.to is not None
    message = {"to": "0x" + call.to.hex(), "data": "0x" + call.data.hex(), "gas": hex(GAS), "gasPrice": "0x0"}
    steps = cast(Any, chain.rpc.call("debug_traceCall", [message, "latest", quiet]))["structLogs"]
    used = chain.relay.call(call).gas_used
    spent: Counter[str] = Counter()
    for step, following in pairwise(steps):
        same = following["depth"] == step["depth"]
        spent[step["op"]] += step["gas"] - following["gas"] if same else 0 if "CALL" in step["op"] else step["gasCost"]
    inside = sum(spent.values())
    lines = [
        f"A count of {count} ballots, {used / count:,.0f} gas each, by opcode (STATICCALL: precompiles, of "
        "them 6,000 for the one ecMul):",
        "",
        *(f"- {gas / count:,.0f} {name}" for name, gas in spent.most_common(8)),
        f"- {(inside - sum(gas for _, gas in spent.most_common(8))) / count:,.0f} all other opcodes",
        f"- {(used - inside) / count:,.0f} calldata and the transaction itself, less what clearing slots refunds",
    ]
    return "\n".join(lines)


class _Ceremony:
    """A ceremony in which the last dealer sends a bad share to trustee 2, who complains."""

    def __init__(self, chain: Chain, initiative: int, name: str) -> None:
        self._chain = chain
        self._initiative = initiative
        self._name = name
        rules = chain.rules[initiative]
        self._trustees = rules.trustees
        self._threshold = rules.trustee_threshold
        self._epoch = Epoch(chain.deployment.chain_id, chain.deployment.address("Ceremony"), initiative, 0)
        self._dealings: dict[int, Dealing] = {}

    def deal(self) -> list[Figure]:
        chain, last = self._chain, len(self._trustees)
        keys = [G1Point(key.x, key.y) for key in chain.read("Ceremony", "trusteeKeys", self._initiative)]
        dealt = []
        for place in self._trustees:
            seed = chain.members[place - 1].folder.trustee_seed().reveal()
            dealing = ceremony.deal(seed, self._epoch, place, self._threshold, keys)
            if place == last:
                shares = list(dealing.shares)
                shares[1] ^= 1
                dealing = replace(dealing, shares=tuple(shares))
            self._dealings[place] = dealing
            dealt.append(chain.act(place, Role.TRUSTEE, "Ceremony", "deal", self._initiative, dealing).gas_used)
        complaint = ceremony.complain(self._dealings[last], self._epoch, last, 2, self._secret(2))
        arguments = (self._initiative, last, self._dealings[last], complaint.shared, complaint.proof)
        complained = chain.act(2, Role.TRUSTEE, "Ceremony", "complain", *arguments).gas_used
        del self._dealings[last]
        return [
            Figure(f"ceremony ({self._name}): a dealing", max(dealt), "gas"),
            Figure(f"ceremony ({self._name}): a complaint, upheld", complained, "gas"),
        ]

    def finalise(self) -> Figure:
        chain = self._chain
        windows = chain.rules[self._initiative].windows
        chain.until(windows.registration_opens + 2 * windows.ceremony_step)
        finalised = chain.send("Ceremony", "finalise", self._initiative, list(self._dealings.values())).gas_used
        return Figure(f"ceremony ({self._name}): finalise, {len(self._dealings)} dealings", finalised, "gas")

    def release(self) -> list[Figure]:
        """The share that completes the threshold combines the key in the same transaction."""
        used = []
        for place in self._trustees[: self._threshold]:
            share = ceremony.secret_share(self._dealings, self._epoch, place, self._secret(place))
            used.append(self._chain.act(place, Role.TRUSTEE, "Ceremony", "release", self._initiative, share).gas_used)
        return [
            Figure(f"ceremony ({self._name}): release", max(used[:-1]), "gas"),
            Figure(f"ceremony ({self._name}): last release, with combination", used[-1], "gas"),
        ]

    def _secret(self, place: int) -> int:
        return self._chain.members[place - 1].folder.trustee_decryption_key()


def stock_verifier(chain: Chain) -> tuple[Contract, list[tuple[Any, ...]]]:
    """Semaphore's own verifier, deployed, and the arguments of `verifyProof` for the committed real proofs."""
    artefact = build(extra=(_STOCK,))["SemaphoreVerifier"]
    receipt = chain.relay.call(Call(None, artefact.bytecode, "the creation of the stock verifier", 10_000_000))
    assert receipt.contract is not None
    interface = Interface(artefact.name, cast(Any, artefact.abi))
    cases = json.loads((ROOT / "tests/vectors/proof.json").read_text(encoding="utf-8"))
    arguments = []
    for case in cases["cases"]:
        words = [int(case["proof"][at : at + 64], 16) for at in range(2, 2 + 8 * 64, 64)]
        publics = [int(signal, 16) for signal in case["publics"]]
        arguments.append((words[0:2], [words[2:4], words[4:6]], words[6:8], publics, cases["depth"]))
    return Contract(interface, receipt.contract), arguments


def stock_verifier_gas(chain: Chain) -> list[Figure]:
    verifier, cases = stock_verifier(chain)
    assert verifier.read(chain.rpc, "verifyProof", *cases[0])
    used = chain.relay.call(verifier.call("verifyProof", *cases[0], gas=5_000_000)).gas_used
    return [Figure("for comparison: Semaphore's stock verifier, one proof", used, "gas", note="it stores nothing")]
