# SPDX-License-Identifier: AGPL-3.0-or-later
"""The compiler, and that forge with foundry.toml produces the same bytes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from node.compiler import (
    Build,
    CompileFailed,
    ContractTooLarge,
    LinkError,
    ToolMissing,
    UnknownContract,
    build,
    link,
    standard_input,
)

ROOT = Path(__file__).resolve().parents[2]
POSEIDON = "node_modules/poseidon-solidity/PoseidonT3.sol"
LEAN_IMT = "node_modules/@zk-kit/lean-imt.sol/LeanIMT.sol"
ADDRESS = "0x00000000000000000000000000000000000000A1"
HEAD = "// SPDX-License-Identifier: AGPL-3.0-or-later\npragma solidity ^0.8.0;\n"


@pytest.fixture(scope="session")
def product() -> Build:
    return build(ROOT, extra=[LEAN_IMT])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project with this one's compiler and packages."""
    for name in ("contracts", "scripts"):
        (tmp_path / name).mkdir()
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "scripts" / "solc").symlink_to(ROOT / "scripts" / "solc")
    return tmp_path


def write(project: Path, name: str, body: str) -> None:
    (project / "contracts" / name).write_text(HEAD + body, encoding="utf-8")


def test_every_product_contract_is_built_within_the_code_size_limit(product: Build) -> None:
    units = {artefact.unit for artefact in product.artefacts}
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.sol")} >= {
        unit for unit in units if unit.startswith("contracts/")
    }
    assert all(len(artefact.runtime) <= 24_576 for artefact in product.artefacts)
    assert product.settings.version.startswith("0.8.")


def test_library_is_linked_at_every_place(product: Build) -> None:
    loose = product["LeanIMT"]
    (reference,) = loose.links
    assert reference.library == f"{POSEIDON}:PoseidonT3"
    assert reference.creation
    assert reference.runtime
    linked = link(loose, {"PoseidonT3": ADDRESS})
    assert linked.links == ()
    assert linked.bytecode.count(bytes.fromhex(ADDRESS[2:])) == len(reference.creation)
    assert linked.runtime.count(bytes.fromhex(ADDRESS[2:])) == len(reference.runtime)
    assert link(loose, {reference.library: ADDRESS}) == linked


@pytest.mark.parametrize(
    ("libraries", "message"),
    [
        ({}, "also needs"),
        ({"PoseidonT4": ADDRESS}, "no library called PoseidonT4"),
        ({"PoseidonT3": "0x12"}, "is no address"),
    ],
)
def test_wrong_libraries_are_refused(product: Build, libraries: dict[str, str], message: str) -> None:
    with pytest.raises(LinkError, match=message):
        link(product["LeanIMT"], libraries)


def test_an_unknown_name_is_an_error(product: Build) -> None:
    with pytest.raises(UnknownContract, match="Nonesuch"):
        product["Nonesuch"]


def test_error_names_file_and_line(project: Path) -> None:
    write(project, "Bad.sol", "contract Bad {\n    uint x = true;\n}\n")
    with pytest.raises(CompileFailed, match=r"contracts/Bad\.sol:4:") as caught:
        build(project)
    assert len(caught.value.messages) == 1


def test_an_import_that_leads_nowhere_is_named(project: Path) -> None:
    write(project, "Lost.sol", 'import {A} from "./Nowhere.sol";\ncontract Lost {}\n')
    with pytest.raises(CompileFailed, match=r"contracts/Nowhere\.sol"):
        build(project)
    write(project, "Lost.sol", 'import "@openzeppelin/contracts/Nowhere.sol";\ncontract Lost {}\n')
    with pytest.raises(ToolMissing, match="npm ci"):
        build(project)


def test_a_contract_beyond_eip_170_is_named(project: Path) -> None:
    body = "".join(
        f'    function f{i}() external pure returns (string memory) {{ return "{i:0300}"; }}\n' for i in range(99)
    )
    write(project, "Huge.sol", f"contract Huge {{\n{body}}}\n")
    with pytest.raises(ContractTooLarge) as caught:
        build(project)
    assert caught.value.name == "Huge"
    assert caught.value.size > 24_576


def test_missing_packages_are_named(project: Path) -> None:
    (project / "node_modules").unlink()
    with pytest.raises(ToolMissing, match="npm ci"):
        build(project)


def test_missing_node_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(ToolMissing, match=r"Node\.js is missing"):
        build(project)


def test_the_cache_follows_content(project: Path) -> None:
    write(project, "A.sol", "contract A { uint public constant N = 1; }\n")
    first = build(project)
    (kept,) = (project / ".cache" / "solc").glob("*.json")
    stamp = kept.stat().st_mtime_ns
    assert build(project) == first
    assert kept.stat().st_mtime_ns == stamp
    kept.write_text("{", encoding="utf-8")
    assert build(project) == first, "a damaged cache file is made again"
    write(project, "A.sol", "contract A { uint public constant N = 2; }\n")
    assert build(project)["A"].runtime != first["A"].runtime


def test_imports_in_comments_are_no_imports(project: Path) -> None:
    write(
        project,
        "C.sol",
        '// import "./No.sol";\n/* import "./Nor.sol"; */\nimport {\n  D\n} from "./D.sol";\ncontract C {}\n',
    )
    write(project, "D.sol", "contract D {}\n")
    assert set(standard_input(project)["sources"]) == {"contracts/C.sol", "contracts/D.sol"}


@pytest.mark.slow
def test_forge_compiles_to_the_same_bytes(product: Build, tmp_path: Path) -> None:
    """Creation and runtime code of every product contract and of each library it links."""
    forge = next((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge*"))
    command = [str(forge), "build", "--root", str(ROOT), "--skip", "tests/**", "--out", str(tmp_path / "out")]
    command += ["--cache-path", str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    compared = 0
    for artefact in product.artefacts:
        if artefact.unit == LEAN_IMT or not artefact.bytecode:
            continue
        path = tmp_path / "out" / Path(artefact.unit).name / f"{artefact.name}.json"
        if not path.exists() and not artefact.unit.startswith("contracts/"):
            continue  # only LeanIMT.sol, which no product contract imports, brought it in
        other = json.loads(path.read_text(encoding="utf-8"))
        assert other["metadata"]["settings"]["compilationTarget"] == {artefact.unit: artefact.name}
        assert code(other["bytecode"]["object"]) == artefact.bytecode, f"{artefact.name}: creation code"
        assert code(other["deployedBytecode"]["object"]) == artefact.runtime, f"{artefact.name}: runtime code"
        compared += 1
    assert compared >= 1


def code(text: str) -> bytes:
    return bytes.fromhex(re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, text.removeprefix("0x")))


def test_the_wrapper_answers_nothing_else() -> None:
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run([node, ROOT / "scripts" / "solc", "--bin"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--standard-json" in done.stderr
