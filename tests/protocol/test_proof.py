# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real proofs, and every forgery that we can think of; snarkjs judges the same ones."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from py_ecc.optimized_bn128 import G2, add, multiply, normalize

from protocol.bn254 import BASE_FIELD, SCALAR_FIELD, decode_g1, encode_g1, g1_add, g1_mul
from protocol.electorate import ElectorateTree
from protocol.errors import InvalidProof, InvalidScalar, WrongLength
from protocol.hashing import signal
from protocol.identity import Identity
from protocol.proof import PINNED_KEY_HASH, ProofStatement, VerifyingKey, bad_proofs, check_encoding, verify
from protocol.types import Commitment, Nullifier
from tests.reference import bn254
from tests.reference.vectors import data, integer, load, word

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "node_modules/@zk-kit/semaphore-artifacts"
CASES: list[dict[str, Any]] = load("proof")["cases"]
KEY = VerifyingKey(data(load("proof")["key"]))
FOREIGN = load("proof")["foreign"]


def statement(case: dict[str, Any]) -> ProofStatement:
    root, nullifier, message, scope = map(integer, case["publics"])
    return ProofStatement(root, Nullifier(nullifier), message, scope)


GOOD = [(data(case["proof"]), statement(case)) for case in CASES]
PROOF, STATEMENT = GOOD[10]
OTHER = GOOD[11]


def negated(point: bytes) -> bytes:
    """Of G1 or G2."""
    half = len(point) // 2
    return point[:half] + b"".join(word(BASE_FIELD - value) for value in bn254.words(point[half:]))


def g2_times(point: bytes, scalar: int) -> bytes:
    product = normalize(multiply(bn254.g2(point), scalar))
    return b"".join(word(int(value)) for axis in product for value in reversed(axis.coeffs))


def with_part(proof: bytes, name: str, part: bytes) -> bytes:
    at = {"a": 0, "b": 64, "c": 192}[name]
    return proof[:at] + part + proof[at + len(part) :]


def parts(proof: bytes) -> tuple[bytes, bytes, bytes]:
    return proof[:64], proof[64:192], proof[192:]


def forgeries() -> Iterator[tuple[str, bytes, ProofStatement]]:
    """Well-formed proofs and inputs that must not hold."""
    a, b, c = parts(PROOF)
    for name in ("root", "nullifier", "message", "scope"):
        yield f"{name} + 1", PROOF, replace(STATEMENT, **{name: getattr(STATEMENT, name) + 1})
        yield f"{name} = 0", PROOF, replace(STATEMENT, **{name: 0})  # type: ignore[arg-type]  # one field by its name
    for name in ("nullifier", "message"):
        yield f"another's {name}", PROOF, replace(STATEMENT, **{name: getattr(OTHER[1], name)})
    yield "another's proof", OTHER[0], STATEMENT
    yield "A and C swapped", c + b + a, STATEMENT
    yield "A negated", negated(a) + b + c, STATEMENT
    yield "B negated", a + negated(b) + c, STATEMENT
    yield "C negated", a + b + negated(c), STATEMENT
    for name in ("a", "b", "c"):
        theirs = dict(zip("abc", parts(OTHER[0]), strict=True))[name]
        yield f"another's {name}", with_part(PROOF, name, theirs), STATEMENT
    yield "A doubled", encode_g1(g1_mul(decode_g1(a), 2)) + b + c, STATEMENT
    yield "B doubled", a + g2_times(b, 2) + c, STATEMENT
    yield "the generators", word(1) + word(2) + g2_times(b, 1) + word(1) + word(2), STATEMENT
    yield "by the circuit of another depth", data(FOREIGN["proof"]), statement(FOREIGN)
    yield "the key's own points", KEY.data[:64] + KEY.data[64:192] + c, STATEMENT


def rerandomised() -> Iterator[tuple[str, bytes]]:
    """Other proofs of the same statement, which anybody can make (B4): they must hold."""
    a, b, c = parts(PROOF)
    yield "A and B negated", negated(a) + negated(b) + c
    factor = 123456789
    inverse = pow(factor, -1, SCALAR_FIELD)
    scaled = encode_g1(g1_mul(decode_g1(a), factor)) + g2_times(b, inverse)
    yield "A and B scaled", scaled + c
    delta = KEY.data[320:448]
    shifted = normalize(add(bn254.g2(b), multiply(bn254.g2(delta), factor)))
    moved = b"".join(word(int(value)) for axis in shifted for value in reversed(axis.coeffs))
    yield "B moved by delta, C by A", a + moved + encode_g1(g1_add(decode_g1(c), g1_mul(decode_g1(a), factor)))


# The key


def test_the_pinned_key_is_the_ceremonys() -> None:
    document = json.loads((ARTEFACTS / "semaphore-20.json").read_text(encoding="utf-8"))
    key = VerifyingKey.from_snarkjs(document)
    assert key == KEY
    assert key.key_hash() == PINNED_KEY_HASH == data(load("proof")["keyHash"])
    assert len(key.words()) == 24
    assert b"".join(map(word, key.words())) == key.data


def test_keys_of_other_depths_differ() -> None:
    assert VerifyingKey(data(FOREIGN["key"])).key_hash() == data(FOREIGN["keyHash"]) != PINNED_KEY_HASH


@pytest.mark.parametrize("change", ["missing", "protocol", "curve", "signals", "point", "number", "projective", "list"])
def test_a_malformed_key_file_is_refused(change: str) -> None:
    document = json.loads((ARTEFACTS / "semaphore-20.json").read_text(encoding="utf-8"))
    match change:
        case "missing":
            del document["vk_beta_2"]
        case "protocol":
            document["protocol"] = "plonk"
        case "curve":
            document["curve"] = "bls12381"
        case "signals":
            document["IC"].pop()
        case "point":
            document["IC"][2][0] = "1"
        case "number":
            document["vk_alpha_1"][0] = "one"
        case "projective":
            document["vk_alpha_1"][2] = "2"
        case "list":
            document = [document]
    with pytest.raises(InvalidProof):
        VerifyingKey.from_snarkjs(document)


def test_a_key_is_24_words_of_points() -> None:
    for bad in (b"", KEY.data[:-1], KEY.data + b"\0", bytes(768), KEY.data[:-1] + bytes([KEY.data[-1] ^ 1])):
        with pytest.raises(InvalidProof):
            VerifyingKey(bad)


# What holds


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_a_real_proof_holds_for_what_it_says(case: dict[str, Any]) -> None:
    identity = Identity(integer(case["secret"]))
    tree = ElectorateTree([Commitment(integer(m)) for m in case["members"]])
    path = tree.proof(case["index"])
    assert (path.leaf, path.index) == (identity.commitment(), case["path"])
    scope = data(case["scope"])
    built = ProofStatement.of_ballot(tree.root(), identity.nullifier(scope), data(case["message"]), scope)
    assert built == statement(case)
    assert built.message == signal(data(case["message"]))
    assert verify(KEY, data(case["proof"]), built)


def test_all_in_one_batch() -> None:
    proofs, statements = zip(*GOOD, strict=True)
    assert bad_proofs(KEY, proofs, statements) == []
    assert bad_proofs(KEY, [], []) == []


def test_the_reference_agrees_on_a_real_proof() -> None:
    assert bn254.holds(KEY.data, PROOF, bn254.words(STATEMENT.encode()))


def test_B4_a_rerandomised_proof_holds_for_the_same_statement() -> None:
    for name, proof in rerandomised():
        assert proof != PROOF
        assert verify(KEY, proof, STATEMENT), name
    assert bad_proofs(KEY, [proof for _, proof in rerandomised()], [STATEMENT] * 3) == []


# What does not


@pytest.mark.parametrize(("name", "proof", "claim"), list(forgeries()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_forgery_does_not_hold(name: str, proof: bytes, claim: ProofStatement) -> None:
    check_encoding(proof)
    assert not verify(KEY, proof, claim)
    assert bad_proofs(KEY, [PROOF, proof, OTHER[0]], [STATEMENT, claim, OTHER[1]]) == [1]


def test_all_forgeries_are_named_in_one_batch() -> None:
    mixed = list(GOOD)
    for place, (_, proof, claim) in enumerate(forgeries()):
        mixed.insert(2 * place, (proof, claim))
    expected = [i for i, pair in enumerate(mixed) if pair not in GOOD]
    assert bad_proofs(KEY, [p for p, _ in mixed], [s for _, s in mixed]) == expected


def test_snarkjs_judges_all_of_them_the_same() -> None:
    judged = [(proof, claim, True) for proof, claim in GOOD]
    judged += [(proof, STATEMENT, True) for _, proof in rerandomised()]
    judged += [(proof, claim, False) for _, proof, claim in forgeries()]
    request = [{"proof": proof.hex(), "publics": claim.encode().hex()} for proof, claim, _ in judged]
    answer = subprocess.run(
        ["node", "tests/reference/snarkjs_verify.mjs"],
        cwd=ROOT,
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == [holds for _, _, holds in judged]


def test_a_proof_for_another_key_does_not_hold() -> None:
    other = VerifyingKey(data(FOREIGN["key"]))
    proof, claim = data(FOREIGN["proof"]), statement(FOREIGN)
    assert verify(other, proof, claim)
    assert not verify(KEY, proof, claim)
    assert not verify(other, PROOF, STATEMENT)


@pytest.mark.parametrize("signal_name", ["root", "nullifier", "message", "scope"])
@pytest.mark.parametrize(
    "make", [lambda v: v + SCALAR_FIELD, lambda v: 2**256 - 1, lambda v: SCALAR_FIELD, lambda v: -1]
)
def test_B2_signals_of_r_or_more_are_refused(signal_name: str, make: Any) -> None:
    claim = replace(STATEMENT, **{signal_name: make(getattr(STATEMENT, signal_name))})
    with pytest.raises(InvalidScalar):
        verify(KEY, PROOF, claim)
    with pytest.raises(InvalidScalar):
        bad_proofs(KEY, [PROOF, PROOF], [STATEMENT, claim])


@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("style", ["plus one", "plus p", "zero", "all ones"])
def test_B3_every_coordinate_is_checked(at: int, style: str) -> None:
    value = int.from_bytes(PROOF[32 * at : 32 * at + 32], "big")
    changed = {"plus one": value + 1, "plus p": value + BASE_FIELD, "zero": 0, "all ones": 2**256 - 1}[style]
    proof = PROOF[: 32 * at] + word(changed) + PROOF[32 * at + 32 :]
    with pytest.raises(InvalidProof) as refused:
        check_encoding(proof)
    assert refused.value.what == "proof " + "AABBBBCC"[at]
    with pytest.raises(InvalidProof):
        verify(KEY, proof, STATEMENT)
    with pytest.raises(InvalidProof) as refused:
        bad_proofs(KEY, [PROOF, proof], [STATEMENT, STATEMENT])
    assert refused.value.index == 1


@pytest.mark.parametrize("proof", [b"", PROOF[:-1], PROOF + b"\0", PROOF * 2], ids=["none", "short", "trailing", "two"])
def test_B3_another_length_is_refused(proof: bytes) -> None:
    with pytest.raises(InvalidProof, match="wrong-length"):
        check_encoding(proof)
    with pytest.raises(InvalidProof, match="wrong-length"):
        verify(KEY, proof, STATEMENT)
    with pytest.raises(InvalidProof, match="wrong-length"):
        bad_proofs(KEY, [proof], [STATEMENT])


def test_lengths_that_only_match_in_sum_are_refused() -> None:
    with pytest.raises(InvalidProof) as refused:
        bad_proofs(KEY, [PROOF + PROOF[:1], PROOF[1:]], [STATEMENT] * 2)
    assert (refused.value.reason, refused.value.index) == ("wrong-length", 0)
    with pytest.raises(WrongLength):
        bad_proofs(KEY, [PROOF], [STATEMENT, STATEMENT])


def test_B3_infinity_anywhere_is_refused() -> None:
    for name, size in (("a", 64), ("b", 128), ("c", 64)):
        with pytest.raises(InvalidProof, match="infinity"):
            check_encoding(with_part(PROOF, name, bytes(size)))


def test_the_subgroup_generator_is_well_formed() -> None:
    generator = b"".join(word(int(value)) for axis in normalize(G2) for value in reversed(axis.coeffs))
    check_encoding(with_part(PROOF, "b", generator))
