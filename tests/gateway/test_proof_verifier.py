# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proofs verified in company have the same verdict as alone, whoever the company is (G9)."""

from __future__ import annotations

import secrets

import pytest
import urna_native

from gateway.ballots.verifier import verdicts
from protocol.proof import ProofStatement
from protocol.types import Nullifier
from tests.node.town import trapdoor

KEY, SECRET = trapdoor()


def case(good: bool) -> tuple[bytes, ProofStatement]:
    statement = ProofStatement.of_ballot(7, Nullifier(secrets.randbelow(1 << 200)), secrets.token_bytes(32), bytes(32))
    made = urna_native.simulate_proofs(SECRET, statement.encode(), secrets.token_bytes(32))
    if good:
        return made, statement
    return made, ProofStatement.of_ballot(8, Nullifier(1), bytes(32), bytes(32))


@pytest.mark.parametrize("bad", [set(), {0}, {3, 17}, set(range(24))])
def test_G9_every_ballot_gets_its_own_verdict(bad: set[int]) -> None:
    cases = [case(number not in bad) for number in range(24)]
    assert verdicts(KEY, cases) == [number not in bad for number in range(24)]


def test_what_is_no_proof_is_not_valid_and_spoils_nothing() -> None:
    good = case(True)
    junk = [b"", bytes(256), b"\xff" * 256, good[0][:-1], good[0] + b"\0"]
    found = verdicts(KEY, [(each, good[1]) for each in [*junk, good[0], *junk, good[0]]])
    assert found == [False] * 5 + [True] + [False] * 5 + [True]
    assert verdicts(KEY, []) == []
