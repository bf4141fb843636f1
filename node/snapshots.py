# SPDX-License-Identifier: AGPL-3.0-or-later
"""Complete copies of the state file that anvil rewrites in place.

anvil truncates its file before each write, so that a kill -9 in the middle leaves an unreadable stump and no chain.
Whoever runs the engine therefore copies every finished write aside, in turn into two files.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

_END = b'"historical_states":null}'
"""What anvil 1.7 writes last when it keeps no historical states; a stump cannot end so."""


class Snapshots:
    """The state file `live` in `folder`, and its copies."""

    def __init__(self, folder: Path) -> None:
        self.live = folder / "state.json"
        self._copies = (folder / "state-1.json", folder / "state-2.json")
        self._copied: tuple[int, int] | None = None
        self._not_before = 0.0

    def keep(self) -> bool:
        """Copy `live` over the older copy if it is finished and new; tells whether it was.

        Copying takes at most about a tenth of the time, however large the state grows.
        """
        began = time.monotonic()
        if began < self._not_before:
            return False
        stamp = _stamp(self.live)
        if stamp is None or stamp == self._copied or not _finished(self.live):
            return False
        target = min(self._copies, key=lambda path: (_stamp(path) or (0, 0))[0])
        unfinished = target.with_suffix(".part")
        shutil.copy2(self.live, unfinished)
        self._not_before = time.monotonic() + 9 * (time.monotonic() - began)
        if _stamp(self.live) != stamp:
            return False  # anvil began to write while we read
        unfinished.replace(target)
        self._copied = stamp
        return True

    def restore(self) -> bool:
        """Make `live` the newest finished state; False when there is none (a chain that never began, or is lost)."""
        finished = [path for path in (self.live, *self._copies) if _finished(path)]
        if not finished:
            self.live.unlink(missing_ok=True)
            return False
        newest = max(finished, key=lambda path: path.stat().st_mtime_ns)
        if newest != self.live:
            unfinished = self.live.with_suffix(".part")
            shutil.copy2(newest, unfinished)
            unfinished.replace(self.live)
        return True

    def exist(self) -> bool:
        """Whether any state was ever written, finished or not."""
        return any(path.exists() for path in (self.live, *self._copies))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _finished(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            return file.read() == _END
    except OSError:  # missing, or shorter than its own end
        return False
