# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an initiative takes, reckoned beforehand: transactions, gas, bytes on chain, acts of people.

The figures of gas are measured (docs/benchmarks.md, `scripts/bench gas`) and stand for one batch plus so much per
entry. They are an estimate: a real cost is read from the receipts (`urna initiative costs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.ballot import entry_bytes
from protocol.rules import Rules

BATCH = 100
#: Four Besu validators on two cores took 418 ballots a second in batches of 100 (the design, section 10).
GAS_PER_SECOND = 36_000_000

_CREATE, _CREATE_PER_TRUSTEE = 340_000, 65_000
_PROPOSAL, _DECISION = 190_000, 90_000
_DEALING, _FINALISE, _RELEASE, _ATTEST = 143_000, 220_000, 162_000, 90_000
_REGISTER, _REGISTER_ENTRY = 132_000, 69_500
_CAST, _CAST_ENTRY, _CAST_WORD = 286_000, 83_500, 1_000
_COUNT, _COUNT_ENTRY, _COUNT_WORD = 85_000, 15_600, 900
_REGISTRATION_BYTES = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of transaction: who sends it, how many, what they cost together."""

    name: str
    by: str
    transactions: int
    gas: int


@dataclass(frozen=True, slots=True)
class Effort:
    """`chain_seconds` is how long the chain is busy with it; `process_hours` from the opening of registration to the
    first second in which ballots may be opened. `decisions` are acts of officers, `signatures` of registrars."""

    tasks: tuple[Task, ...]
    transactions: int
    gas: int
    stored_bytes: int
    batches: int
    decisions: int
    signatures: int
    chain_seconds: float
    process_hours: float


def estimate(
    rules: Rules, *, proposals: int, accepted: int, registered: int, ballots: int, words: int, batch: int = BATCH
) -> Effort:
    """What this many proposals, registrations and ballots will take. Counts ballots cast once each."""
    n, t, k = len(rules.trustees), rules.trustee_threshold, rules.registrar_threshold
    registrations, casts, counts = (-(-many // batch) for many in (registered, ballots, ballots))
    tasks = (
        Task("create", "publisher", 1, _CREATE + _CREATE_PER_TRUSTEE * n),
        Task("propose", "gateway", proposals, proposals * _PROPOSAL),
        Task("decide", "publisher", proposals, proposals * _DECISION),
        Task("deal", "trustee", n, n * _DEALING),
        Task("finalise", "trustee", 1, _FINALISE),
        Task("register", "gateway", registrations, registrations * _REGISTER + registered * _REGISTER_ENTRY),
        Task("cast", "gateway", casts, casts * _CAST + ballots * (_CAST_ENTRY + _CAST_WORD * words)),
        Task("release", "trustee", t, t * _RELEASE),
        Task("count", "trustee", counts, counts * _COUNT + ballots * (_COUNT_ENTRY + _COUNT_WORD * words)),
        Task("attest", "trustee", t, t * _ATTEST),
    )
    gas = sum(task.gas for task in tasks)
    windows = rules.windows
    return Effort(
        tasks=tasks,
        transactions=sum(task.transactions for task in tasks),
        gas=gas,
        stored_bytes=ballots * entry_bytes(words) + registered * _REGISTRATION_BYTES,
        batches=registrations + casts + counts,
        decisions=1 + max(proposals, accepted),
        signatures=k * (registrations + proposals),
        chain_seconds=gas / GAS_PER_SECOND,
        process_hours=(windows.voting_closes + windows.challenge_period - windows.registration_opens) / 3600,
    )
