# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proofs made in process: accepted by the verifier and by snarkjs, made from pinned artefacts only."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
from pathlib import Path

import pytest

from node import prover
from node.prover import ARTEFACTS, ProofJob, Prover, ProverError, WitnessCalculator
from protocol.electorate import ElectorateTree, MerkleProof
from protocol.errors import InvalidScalar
from protocol.hashing import keccak
from protocol.identity import SUBGROUP_ORDER, Identity
from protocol.proof import DEPTH, PINNED_ARTEFACTS, ProofStatement, VerifyingKey, bad_proofs, verify
from protocol.types import Commitment
from tests.reference.vectors import data, integer, load

ROOT = Path(__file__).resolve().parents[2]
KEY = VerifyingKey(data(load("proof")["key"]))
SCOPE = keccak(b"a scope")
PEOPLE = [Identity.derive(bytes(32), 31337, bytes(20), 1, attempt) for attempt in range(11)]
TREE = ElectorateTree([person.commitment() for person in PEOPLE])


@pytest.fixture(scope="module")
def loaded() -> Prover:
    return Prover(ROOT / ARTEFACTS)


def test_proofs_hold_for_the_statement_and_snarkjs_agrees(loaded: Prover) -> None:
    made = []
    for index, person in enumerate(PEOPLE[:3]):
        ballot = keccak(bytes([index]))
        proved = loaded.prove(person.secret, TREE.proof(index), ballot, SCOPE)
        assert proved.statement == ProofStatement.of_ballot(TREE.root(), person.nullifier(SCOPE), ballot, SCOPE)
        assert verify(KEY, proved.proof, proved.statement)
        made.append({"proof": proved.proof.hex(), "publics": proved.statement.encode().hex()})
    answer = subprocess.run(
        ["node", "tests/reference/snarkjs_verify.mjs"],
        cwd=ROOT,
        input=json.dumps(made),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == [True] * 3


def test_two_proofs_of_one_statement_differ(loaded: Prover) -> None:
    one, two = (loaded.prove(PEOPLE[4].secret, TREE.proof(4), bytes(32), SCOPE) for _ in range(2))
    assert one.statement == two.statement
    assert one.proof != two.proof
    assert verify(KEY, two.proof, two.statement)


def test_an_electorate_of_one_and_a_path_of_full_depth(loaded: Prover) -> None:
    person = PEOPLE[0]
    deep = MerkleProof(person.commitment(), 0b10110111001101011001, tuple(range(1, DEPTH + 1)))
    for path in (MerkleProof(person.commitment(), 0, ()), deep):
        proved = loaded.prove(person.secret, path, bytes(32), SCOPE)
        assert proved.statement.root == path.root()
        assert verify(KEY, proved.proof, proved.statement)


def test_the_witness_is_the_circuits_statement(loaded: Prover) -> None:
    case = load("proof")["cases"][9]
    calculator = WitnessCalculator((ROOT / ARTEFACTS / f"semaphore-{DEPTH}.wasm").read_bytes())
    siblings = [integer(s) for s in case["siblings"]]
    root, nullifier, message, scope = map(integer, case["publics"])
    witness = calculator.calculate(
        {
            "secret": [integer(case["secret"])],
            "merkleProofLength": [len(siblings)],
            "merkleProofIndex": [case["path"]],
            "merkleProofSiblings": siblings + [0] * (DEPTH - len(siblings)),
            "message": [message],
            "scope": [scope],
        }
    )
    values = [int.from_bytes(witness[at : at + 32], "little") for at in range(0, 160, 32)]
    assert values == [1, root, nullifier, message, scope]


def test_a_leaf_that_is_not_the_secrets_is_refused(loaded: Prover) -> None:
    with pytest.raises(ProverError, match="not the commitment"):
        loaded.prove(PEOPLE[0].secret, TREE.proof(1), bytes(32), SCOPE)
    with pytest.raises(InvalidScalar):
        loaded.prove(SUBGROUP_ORDER, TREE.proof(1), bytes(32), SCOPE)


def test_the_circuit_refuses_a_secret_outside_the_subgroup() -> None:
    calculator = WitnessCalculator((ROOT / ARTEFACTS / f"semaphore-{DEPTH}.wasm").read_bytes())
    inputs = {
        "secret": [SUBGROUP_ORDER + 5],
        "merkleProofLength": [0],
        "merkleProofIndex": [0],
        "merkleProofSiblings": [0] * DEPTH,
        "message": [1],
        "scope": [1],
    }
    with pytest.raises(ProverError, match="refuses the inputs"):
        calculator.calculate(inputs)
    with pytest.raises(ProverError, match="does not take 2 values for secret"):
        calculator.calculate(inputs | {"secret": [1, 2]})
    with pytest.raises(ProverError, match="refuses the inputs"):
        calculator.calculate(inputs | {"root": [1]})


@pytest.mark.parametrize("name", PINNED_ARTEFACTS)
def test_only_the_pinned_artefacts_are_taken(name: str, tmp_path: Path) -> None:
    for artefact in PINNED_ARTEFACTS:
        shutil.copy(ROOT / ARTEFACTS / artefact, tmp_path)
    changed = bytearray((tmp_path / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / name).write_bytes(changed)
    with pytest.raises(ProverError, match=f"{name} is not the pinned file"):
        Prover(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ProverError, match=f"{name} .*npm ci"):
        Prover(tmp_path)


def test_a_pool_of_fresh_processes() -> None:
    jobs = [ProofJob(p.secret, TREE.proof(i), keccak(bytes([i])), SCOPE) for i, p in enumerate(PEOPLE[:4])]
    with multiprocessing.get_context("spawn").Pool(2, prover.load, (ROOT / ARTEFACTS,)) as pool:
        proved = pool.map(prover.prove, jobs)
        pool.close()
        pool.join()
    assert bad_proofs(KEY, [p.proof for p in proved], [p.statement for p in proved]) == []


def test_a_process_without_prover_says_so() -> None:
    with pytest.raises(ProverError, match="initializer"):
        prover.prove(ProofJob(1, MerkleProof(Commitment(1), 0, ()), bytes(32), bytes(32)))
