# SPDX-License-Identifier: AGPL-3.0-or-later
"""The committed vectors, which Solidity and JavaScript read too, are what this code makes."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def text_of() -> Callable[[str], str]:
    made: Callable[[str], str] = runpy.run_path(str(ROOT / "scripts/vectors/ballots.py"))["text_of"]
    return made


@pytest.mark.parametrize("name", ["ballot", "plaintext", "seal", "ceremony", "tally", "blobs"])
def test_B3_vectors_are_up_to_date(name: str, text_of: Callable[[str], str]) -> None:
    assert (ROOT / f"tests/vectors/{name}.json").read_text(encoding="utf-8") == text_of(name)
