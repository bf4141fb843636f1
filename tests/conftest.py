# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from node.compiler import Build, build
from node.engine import EmbeddedEngine
from tests.eid import Provider, running

ROOT = Path(__file__).resolve().parents[1]

# A shared machine stalls now and then; a slow example is no defect. Failing seeds are printed, not kept.
hypothesis.settings.register_profile("urna", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "urna"))


@pytest.fixture(autouse=True)
def _usual_recursion_limit() -> None:
    """py_ecc, the reference of some tests, raises the limit so far that deep JSON would end the interpreter instead of
    raising RecursionError, as it does in the product."""
    sys.setrecursionlimit(2000)


@pytest.fixture(scope="session")
def contracts() -> Build:
    """The product contracts, compiled once."""
    return build(ROOT)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """A fresh chain for each test module, mining as transactions come."""
    with EmbeddedEngine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """The real eID provider, started once. Tests that kill it or rotate its keys start one of their own."""
    with running(tmp_path_factory.mktemp("eid")) as started:
        yield started
