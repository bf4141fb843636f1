# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is counted and logged of requests, and the last net under them: a defect becomes a problem document.

A line of the log has method, route template, status and time; no address, no user agent, no id. Of ballots there is a
line for so many of them, not for each.
"""

from __future__ import annotations

import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import metrics
from gateway.metrics import Answered, Steps
from gateway.problems import Problem, code_of, refuse

log = logging.getLogger(__name__)

STREAM = "/v1/events"
_ANONYMOUS = re.compile(r"/v1/initiatives/[^/]*/(?:ballots|slots)(?:/|\Z)")


def is_anonymous(path: str) -> bool:
    """Whether the request is about a ballot: who asks, and when, is nobody's business."""
    return _ANONYMOUS.match(path) is not None


class Observed:
    """`access_log`: a line for each answer, ballots in steps."""

    def __init__(self, app: ASGIApp, access_log: bool = False) -> None:
        self._app = app
        self._access_log = access_log
        self._ballots = Steps(self._told_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        anonymous = is_anonymous(scope["path"])
        is_stream = scope["path"] == STREAM
        metrics.in_flight(0 if anonymous or is_stream else 1)
        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("a request failed: a defect", extra={"route": route_of(scope)})
            if status:
                raise
            await refuse(Problem("This gateway failed here; another member's can be asked."), scope, receive, watched)
        finally:
            metrics.in_flight(0 if anonymous or is_stream else -1)
            answered = Answered(scope["method"], route_of(scope), status, time.perf_counter() - begun, code_of(scope))
            if not is_stream or status != 200:  # how long somebody listened is no figure of ours
                self._count(answered, anonymous)

    def _count(self, answered: Answered, anonymous: bool) -> None:
        if answered.status == 0:
            return  # who asked went away
        if anonymous:
            self._ballots.add(answered)
            return
        metrics.count(answered)
        if self._access_log:
            extra = {
                "method": answered.method if answered.method in metrics.METHODS else "other",
                "route": answered.route,
                "status": answered.status,
                "milliseconds": round(answered.seconds * 1000, 1),
            }
            log.info("%(method)s %(route)s %(status)s %(milliseconds)s ms", extra, extra=extra)

    def _told_of(self, released: list[Answered]) -> None:
        for answered in released:
            metrics.count(answered)
        if self._access_log:
            refused = sum(answered.status >= 400 for answered in released)
            log.info("%s requests about ballots, %s refused", len(released), refused, extra={"count": len(released)})


def route_of(scope: Scope) -> str:
    """The route's template; never what somebody wrote into its place."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
