# SPDX-License-Identifier: AGPL-3.0-or-later
"""One consortium for all tests of the gateway; each test makes initiatives of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.engine import EmbeddedEngine
from tests.gateway.consortium import Consortium, open_consortium


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with (
        EmbeddedEngine(tmp_path_factory.mktemp("gateway-chain")) as engine,
        open_consortium(engine, tmp_path_factory.mktemp("consortium")) as opened,
    ):
        yield opened
