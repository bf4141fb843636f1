# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real proofs without a browser: the circuit's witness calculator under wasmtime, then the native Groth16 prover.

For the development driver, load tests and an assisted kiosk. One `Prover` per process; loading takes about 0.4 s, a
proof some 0.25 s of one core. For a pool of processes: `initializer=load`, then `pool.map(prove, jobs)`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import urna_native
import wasmtime

from node.errors import NodeError
from protocol.bn254 import SCALAR_FIELD, encode_scalar, refusing
from protocol.electorate import MerkleProof
from protocol.hashing import WORD_BYTES, signal
from protocol.identity import Identity
from protocol.proof import DEPTH, PINNED_ARTEFACTS, PINNED_KEY_HASH, ProofStatement, VerifyingKey

ARTEFACTS = Path(__file__).resolve().parent.parent / "node_modules/@zk-kit/semaphore-artifacts"
"""Where npm puts them, from the repository's root."""

# Copies the whole witness out in one call; one by one from Python takes ten times as long as computing it.
_DUMP = """(module
  (import "circuit" "memory" (memory 1))
  (import "circuit" "getWitness" (func $get (param i32)))
  (func (export "dump") (param $from i32) (param $to i32) (param $count i32) (local $i i32)
    (loop $next
      (call $get (local.get $i))
      (memory.copy (local.get $to) (local.get $from) (i32.const 32))
      (local.set $to (i32.add (local.get $to) (i32.const 32)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count))))))"""

_PAGE = 1 << 16


class ProverError(NodeError):
    """Artefacts that are missing or not the pinned ones, or a statement that is not true."""


@dataclass(frozen=True, slots=True)
class ProvedBallot:
    """A proof (256 bytes) and what it proves."""

    proof: bytes
    statement: ProofStatement


@dataclass(frozen=True, slots=True)
class ProofJob:
    """What `prove` needs: who, where in the electorate, and the ballot's hash and scope (32 bytes each)."""

    secret: int
    path: MerkleProof
    ballot_hash: bytes
    scope: bytes


class WitnessCalculator:
    """circom's compiled circuit (version 2). A fresh instance for each witness keeps no secret for the next."""

    def __init__(self, code: bytes) -> None:
        self._engine = wasmtime.Engine()
        self._circuit = wasmtime.Module(self._engine, code)
        self._dump = wasmtime.Module(self._engine, _DUMP)

    def calculate(self, inputs: dict[str, list[int]]) -> bytes:
        """The witness, little-endian words.

        Raises:
            ProverError: the inputs do not satisfy the circuit, or are not its inputs.
        """
        store = wasmtime.Store(self._engine)
        linker = wasmtime.Linker(self._engine)
        linker.define_func("runtime", "exceptionHandler", wasmtime.FuncType([wasmtime.ValType.i32()], []), _fail)
        for name in ("printErrorMessage", "writeBufferMessage", "showSharedRWMemory"):
            linker.define_func("runtime", name, wasmtime.FuncType([], []), lambda: None)
        instance = linker.instantiate(store, self._circuit)
        linker.define_instance(store, "circuit", instance)
        exports = instance.exports(store)
        dump = _function(linker.instantiate(store, self._dump).exports(store), "dump")

        def call(name: str, *arguments: int) -> int:
            result = _function(exports, name)(store, *arguments)
            return result if isinstance(result, int) else 0

        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        shared = call("getSharedRWMemoryStart")
        try:
            call("init", 0)
            for name, values in inputs.items():
                high, low = _name_hash(name)
                if call("getInputSignalSize", high, low) != len(values):
                    raise ProverError(f"The circuit does not take {len(values)} values for {name}.")
                for place, value in enumerate(values):
                    memory.write(store, value.to_bytes(WORD_BYTES, "little"), shared)
                    call("setInputSignal", high, low, place)
        except (wasmtime.Trap, wasmtime.WasmtimeError, _Unsatisfied) as error:
            raise ProverError("The circuit refuses the inputs: the secret, the path or the root do not fit.") from error
        size = call("getWitnessSize") * WORD_BYTES
        target = memory.grow(store, -(-size // _PAGE)) * _PAGE
        dump(store, shared, target, size // WORD_BYTES)
        return bytes(memory.read(store, target, target + size))


class Prover:
    """The pinned circuit and its keys, loaded once.

    Raises:
        ProverError: an artefact is missing, or its hash is not the pinned one.
    """

    def __init__(self, artefacts: Path = ARTEFACTS) -> None:
        files = {name: _read_pinned(artefacts / name, digest) for name, digest in PINNED_ARTEFACTS.items()}
        self.key = VerifyingKey.from_snarkjs(json.loads(files[f"semaphore-{DEPTH}.json"]))
        if self.key.key_hash() != PINNED_KEY_HASH:
            raise ProverError("The verifying key's hash is not the pinned one.")
        self._calculator = WitnessCalculator(files[f"semaphore-{DEPTH}.wasm"])
        with refusing():
            self._proving_key = urna_native.ProvingKey(files[f"semaphore-{DEPTH}.zkey"])

    def prove(self, secret: int, path: MerkleProof, ballot_hash: bytes, scope: bytes) -> ProvedBallot:
        """A proof that the owner of a leaf casts the ballot with this hash (32 bytes) in this scope (32 bytes).

        Raises:
            InvalidScalar: a secret out of range.
            ProverError: the leaf is not the secret's.
        """
        identity = Identity(secret)
        if identity.commitment() != path.leaf:
            raise ProverError("The leaf of the path is not the commitment of this secret.")
        statement = ProofStatement.of_ballot(path.root(), identity.nullifier(scope), ballot_hash, scope)
        witness = self._calculator.calculate(
            {
                "secret": [secret],
                "merkleProofLength": [len(path.siblings)],
                "merkleProofIndex": [path.index],
                "merkleProofSiblings": [*path.siblings, *[0] * (DEPTH - len(path.siblings))],
                "message": [signal(ballot_hash)],
                "scope": [signal(scope)],
            }
        )
        blinding = b"".join(encode_scalar(secrets.randbelow(SCALAR_FIELD)) for _ in range(2))
        with refusing():
            return ProvedBallot(self._proving_key.prove(witness, blinding), statement)


_loaded: Prover | None = None


def load(artefacts: Path = ARTEFACTS) -> None:
    """Initialises a pool's process."""
    global _loaded
    _loaded = Prover(artefacts)


def prove(job: ProofJob) -> ProvedBallot:
    """One job in a process that `load` has initialised; errors as `Prover.prove`."""
    if _loaded is None:
        raise ProverError("This process has not loaded the prover; give `load` to the pool as its initializer.")
    return _loaded.prove(job.secret, job.path, job.ballot_hash, job.scope)


class _Unsatisfied(Exception):
    """An assertion of the circuit failed."""


def _fail(code: int) -> None:
    raise _Unsatisfied(code)


def _function(exports: Mapping[str, object], name: str) -> Callable[..., object]:
    function = exports[name]
    if not isinstance(function, wasmtime.Func):
        raise ProverError(f"The circuit's calculator has no function {name}.")
    return function


def _name_hash(name: str) -> tuple[int, int]:
    """FNV-1a of a signal's name in two signed halves, as the calculator's interface wants it."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    high, low = divmod(value, 1 << 32)
    return _signed(high), _signed(low)


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _read_pinned(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProverError(f"Cannot read {path} ({error.strerror}); `npm ci` in the repository brings it.") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ProverError(f"{path} is not the pinned file: its SHA-256 is not {digest}.")
    return data
