# SPDX-License-Identifier: AGPL-3.0-or-later
"""One election, held once, for all tests of the observer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest

from node.blocks import verify_block
from node.cli.observing import published
from node.compiler import Build
from node.observer import MalformedBundle, PublishedSource, Report, chain, observe, read, refused
from tests.node.election import bundle_of_an_election

Observe = Callable[[Any], Report]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A bundle, parsed; tests must not change it in place."""
    return bundle_of_an_election(tmp_path_factory.mktemp("election"))


@pytest.fixture(scope="session")
def source(contracts: Build) -> PublishedSource:
    return published(contracts)


@pytest.fixture(scope="session")
def observing(source: PublishedSource) -> Observe:
    """Observes a parsed bundle, as `urna observe` does."""

    def observed(content: Any) -> Report:
        try:
            return observe(read(content), source)
        except MalformedBundle as error:
            return refused(error)

    return observed


@pytest.fixture(scope="module")
def quick_blocks() -> Any:
    """Blocks that were verified once are not verified again: a thousand bundles differ by one block each."""
    patch = pytest.MonkeyPatch()
    patch.setattr(chain, "verify_block", lru_cache(maxsize=4096)(verify_block))
    yield
    patch.undo()
