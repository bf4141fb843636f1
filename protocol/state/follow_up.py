# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the follow-up: what the publisher reports of the winners' execution."""

from __future__ import annotations

from protocol.events import ExecutionReported, ReportErased
from protocol.state.guards import (
    Change,
    Context,
    Handlers,
    InvalidEvent,
    Noun,
    initiative_of,
    require,
    require_active,
    require_phase,
    require_text,
)
from protocol.state.model import ReportState, State
from protocol.types import Hash32, Phase

WHOLE = 10_000
MAX_SPENT = (1 << 128) - 1
MAX_REASON = 1024
_CHECK = "followup.reports"
_NO_CONTENT = Hash32(bytes(32))


def _reported(state: State, event: ExecutionReported, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    require_active(state, initiative.publisher, _CHECK)
    require_phase(initiative, context, _CHECK, Phase.COUNTED)
    require(initiative.count.result_hash is not None, _CHECK, "no result was attested")
    require(event.option < len(initiative.proposals.options), _CHECK, f"there is no option {event.option}")
    given = initiative.follow_up.reports.get(event.option, [])
    require(event.report == len(given) + 1, _CHECK, f"report {event.report} on option {event.option} is not the next")
    require(event.share_done <= WHOLE, _CHECK, f"a share of {event.share_done} basis points")
    require(event.spent <= MAX_SPENT, _CHECK, "more was spent than there can be")
    require(event.content_hash != _NO_CONTENT, _CHECK, "a report without a text")

    report = ReportState(context.meta, event.status, event.share_done, event.spent, event.content_hash)
    initiative.follow_up.reports.setdefault(event.option, []).append(report)
    return [Change(Noun.REPORT, event.initiative, event.option)]


def _erased(state: State, event: ReportErased, context: Context) -> list[Change]:
    initiative = initiative_of(state, event.initiative)
    require_active(state, initiative.publisher, _CHECK)
    given = initiative.follow_up.reports.get(event.option, [])
    if not 1 <= event.report <= len(given):
        raise InvalidEvent(_CHECK, f"there is no report {event.report} on option {event.option}")
    report = given[event.report - 1]
    require(report.erasure is None, _CHECK, f"report {event.report} on option {event.option} was erased before")
    require(event.content_hash == report.content_hash, _CHECK, f"report {event.report} has another text")
    require_text(event.reason, 1, MAX_REASON, _CHECK, "the reason")

    report.erasure = event.reason
    return [Change(Noun.REPORT, event.initiative, event.option)]


HANDLERS: Handlers = {
    ExecutionReported: _reported,
    ReportErased: _erased,
}
