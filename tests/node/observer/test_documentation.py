# SPDX-License-Identifier: AGPL-3.0-or-later
"""The page for those who write a second observer names every check, and the pinned key."""

from __future__ import annotations

import re

from protocol.checks import CHECKS
from protocol.proof import PINNED_KEY_HASH
from tests.node.election import ROOT
from tests.node.observer.test_mutations import DISPLAY


def test_every_check_is_described_once_and_in_the_order_of_the_report() -> None:
    page = (ROOT / "docs" / "protocol" / "verification.md").read_text(encoding="utf-8")

    assert re.findall(r"\*\*`([a-z.]+)`\*\*", page) == list(CHECKS)
    assert PINNED_KEY_HASH.hex() in page
    assert all(f"`{field}`" in page for field in DISPLAY)
