# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers' browsers are closed when all tests are done with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.office.desk import OPENED


@pytest.fixture(scope="session", autouse=True)
def close_browsers() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()
