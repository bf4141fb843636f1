# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the fixtures in conftest.py give: a consortium founded through the command line, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Run = Callable[..., tuple[int, Any, str]]


@dataclass(frozen=True)
class House:
    base: Path
    url: str

    def at(self, entity: str | None = None) -> list[str]:
        place = ["--rpc", self.url, "--deployment", str(self.base / "net.json")]
        return [*place, "--entity", str(self.base / entity)] if entity else place
