# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the deployable contracts: one standard-JSON input, npm's solc through py-solc-x, cached by content.

The legacy pipeline, because PoseidonT3 outgrows EIP-170 through the IR; 20,000 optimizer runs, because a Poseidon hash
then costs a third less. No metadata goes into the bytecode, so that equal code is equal bytes wherever it was compiled.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from eth_typing import ABI, ChecksumAddress
from eth_utils import is_address, keccak, to_canonical_address

from node.errors import CompilerError

if TYPE_CHECKING:
    from solcx.exceptions import SolcError

__all__ = [
    "CODE_SIZE_LIMIT",
    "Artefact",
    "Build",
    "CompileFailed",
    "CompilerSettings",
    "ContractTooLarge",
    "LinkError",
    "LinkReference",
    "ToolMissing",
    "UnknownContract",
    "build",
    "link",
    "standard_input",
]

CODE_SIZE_LIMIT = 24_576
"""Bytes of runtime code (EIP-170)."""

_ROOT = Path(__file__).resolve().parent.parent
_REMAPPINGS = tuple(
    f"{name}/=node_modules/{name}/" for name in ("@openzeppelin", "@semaphore-protocol", "@zk-kit", "poseidon-solidity")
)
_OUTPUTS = ("abi", "evm.bytecode", "evm.deployedBytecode")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"""\bimport\b(?:[^"';]*?\bfrom\b)?\s*["']([^"']+)["']""")
_CACHE_FORMAT = 1


class ToolMissing(CompilerError):
    """Node.js, or the npm packages, are not there."""


class CompileFailed(CompilerError):
    """The compiler refused a source; `messages` are its errors, each with file, line and column."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("The contracts do not compile:\n" + "\n".join(messages))
        self.messages = messages


class ContractTooLarge(CompilerError):
    """A contract's runtime code exceeds EIP-170, so that no chain takes it."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"{name} has {size:,} bytes of runtime code; EIP-170 allows {CODE_SIZE_LIMIT:,}.")
        self.name = name
        self.size = size


class UnknownContract(CompilerError):
    """No contract of this name was compiled, or several were."""


class LinkError(CompilerError):
    """The addresses given for linking are not those that the code asks for."""


@dataclass(frozen=True, slots=True)
class CompilerSettings:
    """What decides the bytecode, besides the sources. `version` is solc's own, with its commit."""

    version: str
    evm_version: str = "cancun"
    optimizer_runs: int = 20_000
    via_ir: bool = False
    remappings: tuple[str, ...] = _REMAPPINGS


@dataclass(frozen=True, slots=True)
class LinkReference:
    """Where a library's address (20 bytes) belongs. `library` is `unit:Name`, offsets count bytes."""

    library: str
    creation: tuple[int, ...]
    runtime: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A compiled contract.

    `unit` is the source's path from the repository's root, `source_hash` keccak-256 of its text. Positions of link
    references and of `immutables` ((start, length) in the runtime code) hold zeros until filled. An interface or
    abstract contract has empty code.
    """

    name: str
    unit: str
    abi: ABI
    bytecode: bytes
    runtime: bytes
    links: tuple[LinkReference, ...]
    immutables: tuple[tuple[int, int], ...]
    source_hash: bytes
    settings: CompilerSettings


@dataclass(frozen=True, slots=True)
class Build:
    """All artefacts of one compilation; `input_hash` (SHA-256) names settings and sources together."""

    input_hash: bytes
    settings: CompilerSettings
    artefacts: tuple[Artefact, ...]

    def __getitem__(self, name: str) -> Artefact:
        """The contract called `Name` or `unit:Name`; raises UnknownContract when there is none or more than one."""
        found = [a for a in self.artefacts if name in (a.name, f"{a.unit}:{a.name}")]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnknownContract(f"No contract is called {name}.")
        raise UnknownContract(f"{name} may be any of {', '.join(f'{a.unit}:{a.name}' for a in found)}.")


def build(root: Path = _ROOT, *, extra: Iterable[str] = (), cache_folder: Path | None = None) -> Build:
    """Compile every `contracts/**/*.sol` below `root`, and the files of `extra` (paths from `root`) with them.

    The result is kept in `cache_folder` (default `root/.cache/solc`) under the hash of settings and sources.
    Raises ToolMissing, CompileFailed, ContractTooLarge.
    """
    folder = cache_folder or root / ".cache" / "solc"
    settings = CompilerSettings(version=_compiler_version(root))
    given = standard_input(root, extra=extra)
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{_CACHE_FORMAT}\0{settings.version}\0{text}".encode()).digest()
    kept = folder / f"{digest.hex()}.json"
    output = _read_cache(kept)
    if output is None:
        output = _compile(root, given)
        _write_cache(kept, output)
    artefacts = tuple(_artefacts(output, given, settings))
    for artefact in artefacts:
        if len(artefact.runtime) > CODE_SIZE_LIMIT:
            raise ContractTooLarge(artefact.name, len(artefact.runtime))
    return Build(digest, settings, artefacts)


def link(artefact: Artefact, libraries: Mapping[str, ChecksumAddress | str]) -> Artefact:
    """`artefact` with the libraries' addresses filled in; keys are `Name` or `unit:Name`.

    Raises LinkError when a library is missing, unknown, or its address is none.
    """
    needed = {reference.library: reference for reference in artefact.links}
    bytecode, runtime = bytearray(artefact.bytecode), bytearray(artefact.runtime)
    for name, address in libraries.items():
        fitting = [full for full in needed if name in (full, full.rpartition(":")[2])]
        if len(fitting) != 1:
            raise LinkError(f"{artefact.name} links no library called {name}.")
        if not is_address(address):
            raise LinkError(f"{address!r}, given for the library {name}, is no address.")
        reference = needed.pop(fitting[0])
        for code, offsets in ((bytecode, reference.creation), (runtime, reference.runtime)):
            for offset in offsets:
                code[offset : offset + 20] = to_canonical_address(address)
    if needed:
        raise LinkError(f"{artefact.name} also needs the addresses of {', '.join(sorted(needed))}.")
    return replace(artefact, bytecode=bytes(bytecode), runtime=bytes(runtime), links=())


def standard_input(root: Path = _ROOT, *, extra: Iterable[str] = ()) -> dict[str, Any]:
    """The one standard-JSON input: settings, the contracts, and whatever they import.

    Raises ToolMissing for a missing npm package, CompileFailed for an import that leads nowhere.
    """
    waiting = sorted(path.relative_to(root).as_posix() for path in (root / "contracts").rglob("*.sol"))
    waiting += extra
    sources: dict[str, dict[str, str]] = {}
    while waiting:
        unit = waiting.pop()
        if unit in sources:
            continue
        text = _read_source(root, unit)
        sources[unit] = {"content": text}
        waiting += (_resolve(unit, path) for path in _IMPORT.findall(_COMMENT.sub("", text)))
    return {
        "language": "Solidity",
        "sources": dict(sorted(sources.items())),
        "settings": {
            "evmVersion": "cancun",
            "optimizer": {"enabled": True, "runs": 20_000},
            "viaIR": False,
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "remappings": list(_REMAPPINGS),
            "outputSelection": {"*": {"*": list(_OUTPUTS)}},
        },
    }


def _read_source(root: Path, unit: str) -> str:
    try:
        return (root / unit).read_text(encoding="utf-8")
    except FileNotFoundError:
        if unit.startswith("node_modules/"):
            raise ToolMissing(f"{unit} is missing; run `npm ci`, or scripts/run, which does it.") from None
        raise CompileFailed((f"{unit}: imported, but there is no such file",)) from None


def _resolve(importer: str, path: str) -> str:
    """The unit that an import means: relative to its importer, or through the longest fitting remapping."""
    if path.startswith("."):
        return posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
    pairs = [remapping.split("=", 1) for remapping in _REMAPPINGS]
    prefix, target = max((p for p in pairs if path.startswith(p[0])), key=lambda p: len(p[0]), default=("", ""))
    return target + path[len(prefix) :]


def _solc(root: Path) -> Path:
    if shutil.which("node") is None:
        raise ToolMissing("Node.js is missing; install version 20 or later from nodejs.org or your distribution.")
    if not (root / "node_modules" / "solc").is_dir():
        raise ToolMissing(f"{root / 'node_modules'} holds no solc; run `npm ci`, or scripts/run, which does it.")
    return root / "scripts" / "solc"


def _compiler_version(root: Path) -> str:
    wrapper = _solc(root)
    modified = (root / "node_modules" / "solc" / "package.json").stat().st_mtime_ns
    kept = root / ".cache" / "solc" / f"version-{modified}"  # asking takes half a second, in every process
    try:
        return kept.read_text(encoding="ascii")
    except (OSError, ValueError):
        version = _ask_version(wrapper)
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(f".{os.getpid()}")
    unfinished.write_text(version, encoding="ascii")
    unfinished.replace(kept)
    return version


def _ask_version(wrapper: Path) -> str:
    answer = subprocess.run([wrapper, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"^Version: (\S+)", answer.stdout, re.MULTILINE)
    if found is None:
        raise ToolMissing(f"{wrapper} does not tell its version: {answer.stderr.strip() or answer.stdout.strip()}")
    return found.group(1)


def _compile(root: Path, given: dict[str, Any]) -> dict[str, Any]:
    import solcx  # slow to import, and seldom needed
    import solcx.exceptions

    try:
        output = solcx.compile_standard(given, solc_binary=_solc(root), allow_empty=True)
    except solcx.exceptions.SolcError as failure:
        raise CompileFailed(_messages(failure)) from None
    return {"contracts": output.get("contracts", {})}


def _messages(failure: SolcError) -> tuple[str, ...]:
    """The compiler's errors without its warnings; solc writes file, line and column after `-->`."""
    try:
        errors = json.loads(failure.stdout_data or "")["errors"]
    except (TypeError, ValueError, KeyError):
        return (str(failure.stderr_data or failure),)
    return tuple(str(e["formattedMessage"]).strip() for e in errors if e["severity"] == "error")


def _artefacts(output: dict[str, Any], given: dict[str, Any], settings: CompilerSettings) -> Iterable[Artefact]:
    for unit, contracts in sorted(output["contracts"].items()):
        source_hash = keccak(text=given["sources"][unit]["content"])
        for name, contract in sorted(contracts.items()):
            creation, runtime = contract["evm"]["bytecode"], contract["evm"]["deployedBytecode"]
            yield Artefact(
                name=name,
                unit=unit,
                abi=cast(ABI, contract["abi"]),
                bytecode=_code(creation),
                runtime=_code(runtime),
                links=_links(creation["linkReferences"], runtime["linkReferences"]),
                immutables=tuple(
                    sorted((p["start"], p["length"]) for ps in runtime["immutableReferences"].values() for p in ps)
                ),
                source_hash=source_hash,
                settings=settings,
            )


def _code(part: dict[str, Any]) -> bytes:
    return bytes.fromhex(re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, part["object"]))


def _links(creation: dict[str, Any], runtime: dict[str, Any]) -> tuple[LinkReference, ...]:
    names = sorted({(unit, name) for part in (creation, runtime) for unit, found in part.items() for name in found})

    def starts(part: dict[str, Any], unit: str, name: str) -> tuple[int, ...]:
        return tuple(sorted(place["start"] for place in part.get(unit, {}).get(name, [])))

    return tuple(
        LinkReference(f"{unit}:{name}", starts(creation, unit, name), starts(runtime, unit, name))
        for unit, name in names
    )


def _read_cache(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", kept) if isinstance(kept, dict) and "contracts" in kept else None


def _write_cache(path: Path, output: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(output), encoding="utf-8")
    unfinished.replace(path)
