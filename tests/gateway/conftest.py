# SPDX-License-Identifier: AGPL-3.0-or-later
"""One consortium for all tests of the gateway; each test makes initiatives of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import URL

from gateway.database import JOURNAL, locate
from node.engine import EmbeddedEngine
from tests.gateway.consortium import Consortium, open_consortium
from tests.gateway.postgres import new_database, open_server


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with (
        EmbeddedEngine(tmp_path_factory.mktemp("gateway-chain")) as engine,
        open_consortium(engine, tmp_path_factory.mktemp("consortium")) as opened,
    ):
        yield opened


@pytest.fixture(scope="session")
def make_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], URL]]:
    """Makes empty databases on one server."""
    with open_server() as server:
        yield lambda: new_database(server)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def make_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], URL]:
    """Where the next empty journal lies: for what must hold on both databases."""
    if request.param == "sqlite":
        return lambda: locate(tmp_path_factory.mktemp("entity"), None, JOURNAL)
    made: Callable[[], URL] = request.getfixturevalue("make_postgresql")
    return made
