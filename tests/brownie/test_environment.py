# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brownie compiles the same code as node.compiler, and its anvil runs it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import brownie
import pytest

PRODUCT: dict[str, str] = json.loads(Path(os.environ["URNA_PRODUCT"]).read_text(encoding="utf-8"))


def unlinked(code: str) -> str:
    return re.sub(r"__.{36}__", "0" * 40, code)


@pytest.fixture(scope="session")
def project() -> Any:
    (loaded,) = brownie.project.get_loaded_projects()
    return loaded


@pytest.mark.parametrize("name", sorted(PRODUCT))
def test_creation_code_is_that_of_the_product(project: Any, name: str) -> None:
    assert unlinked(project._build.get(name)["bytecode"]) == PRODUCT[name]


def test_library_runs_on_anvil(project: Any, accounts: Any) -> None:
    poseidon = project.PoseidonT3.deploy({"from": accounts[0]})
    # The reference of circomlib and poseidon-lite for (1, 2).
    assert poseidon.hash((1, 2)) == 7853200120776062878684798364095072458815029376092732009249414926327459813530
