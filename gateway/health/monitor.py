# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks that may take a while, each in a thread of its own: who asks for the health reads what they found last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.health.reasons import Reason, reason

log = logging.getLogger(__name__)

OVERDUE = 4  # intervals after which a check that does not come back is a finding itself


@dataclass
class Check:
    """`look` says what is wrong now; it runs every `interval` seconds. `alarming`: it must come back."""

    name: str
    look: Callable[[], Iterable[Reason]]
    interval: float
    alarming: bool = False
    found: Sequence[Reason] = field(default=(), init=False)
    at: float = field(default_factory=time.monotonic, init=False)


class Monitor:
    """Runs checks between `start` and `stop`."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(check,), name=f"health-{check.name}", daemon=True)
            for check in self._checks
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """A check that waits for somebody is not waited for."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=1)

    def reasons(self) -> list[Reason]:
        """What the checks found when they last looked."""
        found: list[Reason] = []
        for check in self._checks:
            found += check.found
            if check.alarming and time.monotonic() - check.at > check.interval * OVERDUE:
                found.append(reason("check-overdue", f"The check of the {check.name} does not come back."))
        return found

    def look(self, check: Check) -> None:
        """Once. A check that fails is a defect, and says nothing of what it looks at."""
        try:
            found = tuple(check.look())
        except Exception:
            log.exception("the check of the %s failed", check.name)
            return
        new = {one.code for one in found} - {one.code for one in check.found}
        for one in found:
            if one.code in new:
                log.warning("%s: %s", one.code, one.detail)
        for gone in {one.code for one in check.found} - {one.code for one in found}:
            log.warning("%s: over", gone)
        check.found, check.at = found, time.monotonic()

    def _run(self, check: Check) -> None:
        while not self._stop.is_set():
            self.look(check)
            self._stop.wait(check.interval)
