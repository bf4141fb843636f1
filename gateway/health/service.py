# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway's health: what is known at once, and what the monitor found."""

from __future__ import annotations

from gateway.health.checks import Parts
from gateway.health.monitor import Monitor
from gateway.health.reasons import Reason, reason


class HealthService:
    """`untrusted_proxy` is set once a request came through a proxy that is not one of `trusted_proxies`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.monitor = Monitor(parts.checks())
        self.untrusted_proxy = False

    def reasons(self) -> list[Reason]:
        """What stops most first."""
        found = [*self._parts.chain(), *self._parts.relay(), *self.monitor.reasons()]
        if self.untrusted_proxy:
            found.append(
                reason("proxy-not-trusted", "Requests come through a proxy whose X-Forwarded-For is not believed.")
            )
        weight = {"everything": 0, "registration": 1, "nothing": 2}
        return sorted(found, key=lambda one: (weight[one.stops], one.code))
