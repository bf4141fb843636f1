# SPDX-License-Identifier: AGPL-3.0-or-later
"""What became of the winners: an officer's report as an act, and the reports as everybody may read them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from gateway.contents.repository import MAX_CONTENT, Contents, keep_content
from gateway.index.facts import Reported
from gateway.index.view import ChainView
from gateway.initiatives.results import Results
from gateway.office.acts import orders
from gateway.office.acts.repository import Act
from gateway.office.acts.service import ActService
from gateway.office.problems import NotAWinner
from gateway.office.reports.schemas import FollowedOption, FollowUpAnswer, ReportView
from gateway.problems import MalformedRequest, TooLarge, UnknownRecord, WrongPhase
from protocol.errors import ProtocolError
from protocol.evidence import SALT_BYTES, content_document, content_hash
from protocol.types import ExecutionStatus, Hash32, InitiativeId


class ReportService:
    """Reports are never changed: a later one corrects an earlier one, and both stay."""

    def __init__(self, acts: ActService, view: ChainView, results: Results, contents: Contents) -> None:
        self._acts = acts
        self._view = view
        self._results = results
        self._contents = contents

    def report(
        self,
        officer: str,
        key: str,
        initiative: InitiativeId,
        option: int,
        status: ExecutionStatus,
        share_done: int,
        spent: int,
        content: Mapping[str, Any],
    ) -> Act:
        """The act. Its text is in the journal with it.

        Raises WrongPhase before the count is complete, NotAWinner, TooLarge, what `ActService.order` raises.
        """
        if option not in self._winners(initiative):
            raise NotAWinner("There is a report on winners alone, and this option did not win.", option=option)
        salt = self._salt(officer, key)
        try:
            document, hashed = content_document(content, salt), content_hash(content, salt)
        except (ProtocolError, RecursionError) as error:
            raise MalformedRequest(f"The content has no canonical form: {error}.") from error
        if len(document) > MAX_CONTENT:
            raise TooLarge(f"A report's content has at most {MAX_CONTENT} bytes.")
        order = orders.report(initiative, option, status, status.label, share_done, spent, hashed)
        return self._acts.order(officer, key, order, lambda db, _: keep_content(db, hashed, document.decode()))

    def erase(self, officer: str, key: str, initiative: InitiativeId, option: int, number: int, reason: str) -> Act:
        """The text is erased here, and at the other members, when the chain says so (`gateway.contents`).

        Raises UnknownRecord, what `ActService.order` raises.
        """
        with self._view.locked():
            given = self._view.require(initiative).follow_up.reports.get(option, [])
            if not 1 <= number <= len(given):
                raise UnknownRecord("There is no such report.")
            hashed = given[number - 1].content_hash
        return self._acts.order(officer, key, orders.erase_report(initiative, option, number, reason, hashed))

    def follow_up(self, initiative: InitiativeId) -> FollowUpAnswer:
        """Every winner and every option with a report. Raises UnknownInitiative."""
        try:
            winners = self._winners(initiative)
        except WrongPhase:
            winners = frozenset()
        with self._view.locked():
            options, given = self._view.followed(initiative)
            as_of = self._view.as_of()
        reports: dict[int, list[Reported]] = {}
        for one in given:
            reports.setdefault(one.option, []).append(one)
        return FollowUpAnswer(
            as_of=as_of,
            options=[
                FollowedOption(
                    option=option.number,
                    proposal=option.proposal,
                    won=option.number in winners,
                    cost=option.cost,
                    reports=[self._report(one) for one in reports.get(option.number, [])],
                )
                for option in options
                if option.number in winners or option.number in reports
            ],
        )

    def _report(self, one: Reported) -> ReportView:
        document = None if one.erasure is not None else self._contents.document(one.content_hash)
        return ReportView(
            report=one.number,
            status=one.status.label,
            share_done=one.share_done,
            spent=one.spent,
            at=one.timestamp,
            block=one.block,
            content_hash=one.content_hash,
            content=None if document is None else json.loads(document)["content"],
            document=document,
            erased=one.erasure,
        )

    def _winners(self, initiative: InitiativeId) -> frozenset[int]:
        result, _ = self._results.of(initiative)
        return frozenset(int(option) for option in result.allocation.winners)

    def _salt(self, officer: str, key: str) -> bytes:
        """Fresh, or that of the same order made before: a repeated request must have the same hash."""
        known = self._acts.known_arguments(officer, key)
        if known is not None and "content-hash" in known:
            document = self._contents.document(Hash32(bytes.fromhex(str(known["content-hash"])[2:])))
            if document is not None:
                return bytes.fromhex(json.loads(document)["salt"][2:])
        return secrets.token_bytes(SALT_BYTES)
