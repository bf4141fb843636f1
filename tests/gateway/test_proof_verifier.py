# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proofs verified in company have the same verdict as alone, whoever the company is (G9)."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
import urna_native

from gateway.ballots.verifier import ProofVerifier
from protocol import proof
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
    verifier = ProofVerifier(KEY)
    with ThreadPoolExecutor(24) as pool:
        verdicts = list(pool.map(lambda one: verifier.is_valid(*one), cases))
    assert verdicts == [number not in bad for number in range(24)]


def test_what_is_no_proof_is_not_valid_and_spoils_nothing() -> None:
    good = case(True)
    verifier = ProofVerifier(KEY)
    junk = [b"", bytes(256), b"\xff" * 256, good[0][:-1], good[0] + b"\0"]
    with ThreadPoolExecutor(12) as pool:
        verdicts = list(pool.map(lambda each: verifier.is_valid(each, good[1]), [*junk, good[0], *junk, good[0]]))
    assert verdicts == [False] * 5 + [True] + [False] * 5 + [True]


def test_those_who_wait_share_a_batch_and_a_defect_reaches_all(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    truly = proof.bad_proofs

    def counted(key: object, proofs: list[bytes], statements: list[ProofStatement]) -> list[int]:
        sizes.append(len(proofs))
        if len(sizes) == 2:
            raise MemoryError
        return truly(KEY, proofs, statements)

    monkeypatch.setattr(proof, "bad_proofs", counted)
    verifier = ProofVerifier(KEY)
    cases = [case(True) for _ in range(40)]

    def verdict(one: tuple[bytes, ProofStatement]) -> bool | None:
        try:
            return verifier.is_valid(*one)
        except MemoryError:
            return None

    with ThreadPoolExecutor(40) as pool:
        verdicts = list(pool.map(verdict, cases))
    # The defect hits who verified; the others of its batch verify for themselves.
    assert verdicts.count(None) == 1
    assert verdicts.count(True) == 39
    assert max(sizes) > 1
