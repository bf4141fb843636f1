# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports on the winners' execution, and erasures: what the fold takes, keeps and refuses; what the check says."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from protocol import events, result
from protocol.checks import results
from protocol.events import Event
from protocol.plaintext import Approval
from protocol.types import EntityId, ExecutionStatus, Hash32, InitiativeId, ProposalId
from tests.protocol.chronicle import CONSORTIUM, ONE, Chronicle, batch_id, report, tag
from tests.protocol.test_state import refused

_CHECK = "followup.reports"


@pytest.fixture(scope="module")
def attested_once() -> Chronicle:
    c = Chronicle()
    c.until_voting()
    c.emit(*(c.ballot(voter, Approval((1,))) for voter in range(3)))
    c.open()
    c.count()
    for trustee in (1, 2):
        c.emit(events.ResultAttested(ONE, EntityId(trustee), result.compute(c.state, ONE).hash))
    return c


@pytest.fixture
def attested(attested_once: Chronicle) -> Chronicle:
    return copy.deepcopy(attested_once)


def test_reports_are_kept_in_their_order_downwards_too(attested: Chronicle) -> None:
    c = attested
    c.emit(report(1, share_done=9000))
    c.emit(report(2, share_done=1000, status=ExecutionStatus.DELAYED))

    kept = c.initiative.follow_up.reports[1]
    assert [(one.share_done, one.status) for one in kept] == [
        (9000, ExecutionStatus.IN_PROGRESS),
        (1000, ExecutionStatus.DELAYED),
    ]
    assert c.initiative.follow_up.latest() == {1: kept[1]}
    assert kept[0].meta.timestamp == c.now


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (report(2), "not the next"),
        (report(0), "not the next"),
        (report(1, 3), "no option 3"),
        (report(1, share_done=10_001), "basis points"),
        (report(1, spent=1 << 128), "more was spent"),
        (report(1, content_hash=Hash32(bytes(32))), "without a text"),
        (events.ReportErased(ONE, 1, 1, report(1).content_hash, "why"), "no report 1"),
    ],
)
def test_what_the_contract_refuses_the_fold_does(attested: Chronicle, event: Event, reason: str) -> None:
    refused(attested, _CHECK, event, reason=reason)


def test_nothing_is_reported_before_a_result_is_attested_or_by_the_suspended() -> None:
    c = Chronicle()
    c.until_voting()
    refused(c, _CHECK, report(1), reason="not in counted")
    c.emit(*(c.ballot(voter, Approval((1,))) for voter in range(3)))
    c.open()
    refused(c, _CHECK, report(1), reason="not in counted")
    c.count()
    refused(c, _CHECK, report(1), reason="no result")
    given = events.ResultAttested(ONE, EntityId(1), result.compute(c.state, ONE).hash)
    c.emit(given)
    refused(c, _CHECK, report(1), reason="no result")
    c.emit(replace(given, trustee=EntityId(3)))
    c.emit(report(1))
    c.motion(CONSORTIUM, "suspend(uint32)", [1], events.EntitySuspended(EntityId(1)))
    refused(c, _CHECK, report(2), reason="not active")
    refused(c, _CHECK, events.ReportErased(ONE, 1, 1, report(1).content_hash, "why"), reason="not active")


def test_a_report_is_erased_once_and_keeps_its_figures(attested: Chronicle) -> None:
    c = attested
    c.emit(report(1))
    erasure = events.ReportErased(ONE, 1, 1, report(1).content_hash, "names a worker")
    refused(c, _CHECK, replace(erasure, content_hash=Hash32(b"\1" * 32)), reason="another text")
    refused(c, _CHECK, replace(erasure, reason=""), reason="reason")
    c.emit(erasure)

    (kept,) = c.initiative.follow_up.reports[1]
    assert (kept.share_done, kept.erasure) == (2500, "names a worker")
    refused(c, _CHECK, erasure, reason="before")


def test_options_cannot_be_erased_and_what_was_erased_is_never_accepted() -> None:
    c = Chronicle()
    c.found()
    c.create()
    c.now = c.windows.registration_opens
    c.propose(1)
    text = Hash32(b"\5" * 32)
    signers = (EntityId(1), EntityId(2))
    for number in (2, 3):
        author, batch = tag(700 + number), batch_id(number)
        c.emit(events.ProposalSubmitted(ONE, ProposalId(number), author, text, batch, Hash32(bytes(32)), signers))
    first = c.initiative.proposals.proposals[ProposalId(1)]
    refused(c, "proposals", events.ProposalErased(ONE, first.id, first.content_hash, "unwelcome"), reason="option")
    erasure = events.ProposalErased(ONE, ProposalId(2), text, "names a neighbour")
    refused(c, "proposals", replace(erasure, content_hash=first.content_hash), reason="another text")
    c.emit(erasure)
    refused(c, "proposals", erasure, reason="before")
    refused(c, "proposals", events.ProposalAccepted(ONE, ProposalId(2), 1, 5, ""), reason="erased")

    # The same text, copied by another author, still stands.
    assert not c.state.is_erased(text)
    c.emit(replace(erasure, proposal=ProposalId(3)))
    assert c.state.is_erased(text)
    assert not c.state.is_erased(first.content_hash)
    assert not c.state.is_erased(Hash32(b"\6" * 32))


def test_the_check_names_options_that_did_not_win(attested: Chronicle) -> None:
    c = attested
    computed = result.compute(c.state, ONE)
    assert [int(winner) for winner in computed.allocation.winners] == [1]
    assert results.reports(c.initiative, computed) == "initiative 1: 0 reports on 0 of 1 winners"
    c.emit(report(1))
    c.emit(report(1, 2))
    c.emit(report(2, 2))
    assert results.reports(c.initiative, computed) == (
        "initiative 1: 3 reports on 1 of 1 winners; reported on, though they did not win: options 2"
    )
    refused(c, "events", report(1, initiative=InitiativeId(9)), reason="no initiative")
