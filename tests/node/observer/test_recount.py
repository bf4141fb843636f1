# SPDX-License-Identifier: AGPL-3.0-or-later
"""The recount that imports nothing of Urna arrives at the totals of the contracts, and of the observer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.node.election import ROOT
from tests.node.observer.conftest import Observe

RECOUNT = ROOT / "scripts" / "recount"


def recount(bundle: Any, folder: Path) -> Any:
    path = folder / "bundle.json"
    path.write_text(json.dumps(bundle), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", RECOUNT, path], capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_an_independent_recount_agrees(bundle: dict[str, Any], observing: Observe, tmp_path: Path) -> None:
    recounted = recount(bundle, tmp_path)

    for number, one in observing(bundle).initiatives.items():
        claims = bundle["claims"][str(number)]
        if one.phase != "counted":
            continue
        again = recounted[str(number)]
        assert again["totals"] == [int(total) for total in claims["totals"]] == [o.score for o in one.options]
        assert (again["valid"], again["blank"], again["null"]) == (one.valid, one.blank, one.null)
        assert (again["ownDevice"], again["assisted"]) == (one.own_device, one.assisted)
        assert again["accumulator"] == claims["counts"]["accumulator"] == one.accumulator
        return
    pytest.fail("nothing was counted")


def test_the_recount_is_short_and_imports_nothing_of_urna() -> None:
    text = RECOUNT.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 150
    assert not [line for line in text.splitlines() if line.startswith(("import ", "from ")) and "urna" in line]
    assert not any(f"{name} import" in text or f"import {name}" in text for name in ("protocol", "node", "gateway"))
