# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where npm keeps anvil, and the switches with which Urna starts it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from node.errors import EngineError

_ROOT = Path(__file__).resolve().parent.parent
_KEPT_STATES = 16


class EngineMissing(EngineError):
    """npm's anvil is not there, or not made for this machine."""


def find_anvil(root: Path = _ROOT) -> Path:
    """The anvil of this platform's npm package. Raises EngineMissing."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    name = "anvil.exe" if sys.platform == "win32" else "anvil"
    path = root / "node_modules" / "@foundry-rs" / f"anvil-{sys.platform}-{machine}" / "bin" / name
    if not path.is_file():
        raise EngineMissing(f"{path} is missing; run `npm ci`, or scripts/run, which does it.")
    return path


def command_line(
    *, port: int, chain_id: int, genesis_time: int, gas_limit: int, state: Path, state_interval: int, cache: Path
) -> list[str]:
    """The command of an engine that mines nothing yet: a block mined before the clock is set again after a load
    would lie in its parent's past. `genesis_time` in unix seconds, `state_interval` (between two saves) in seconds.
    """
    return [
        str(find_anvil()),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id), "--quiet", "--no-mining"),
        *("--hardfork", "cancun", "--timestamp", str(genesis_time), "--gas-limit", str(gas_limit)),
        *("--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee", "--accounts", "0"),
        *("--state", str(state), "--state-interval", str(state_interval), "--no-request-size-limit"),
        # Older states would be copied whole, one a block, into memory, the disk and each save.
        *("--prune-history", str(_KEPT_STATES), "--cache-path", str(cache)),
    ]
