# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an approved draft to an initiative on chain, whose pepper its registrars hold."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from gateway.index.view import ChainView
from gateway.office.acts.orders import GAS_OF_CREATION, Kind, Order
from gateway.office.acts.repository import Act
from gateway.office.acts.service import ActService
from gateway.office.drafts.repository import Drafts
from gateway.office.drafts.service import DraftService, parsed
from gateway.office.problems import DraftState, invalid_draft
from gateway.problems import ChainUnavailable, UnknownInitiative
from node import events
from node.errors import NodeError
from node.handover import Handover, hand_over
from node.keys import Secret
from node.member import Member
from node.rpc import Receipt
from protocol import rules as rules_encoding
from protocol.events import InitiativeCreated
from protocol.rules import Rules
from protocol.types import Hash32, InitiativeId, Phase, Role

log = logging.getLogger(__name__)

Standing = Callable[[str], bool]
"""Whether an officer, by pseudonym, still has the role that approves."""


class Publication:
    """Publishes a draft once, however often it is asked for."""

    def __init__(
        self, drafts: DraftService, repository: Drafts, acts: ActService, member: Member, standing: Standing
    ) -> None:
        self._drafts = drafts
        self._repository = repository
        self._acts = acts
        self._member = member
        self._standing = standing

    def publish(self, officer: str, id_: str, key: str) -> Act:
        """The act that creates the initiative. The pepper is on disk before its hash is in the act.

        Raises UnknownRecord, DraftState where it is not approved, or by nobody who still may; InvalidDraft where the
        time has passed over it; what `ActService.order` raises.
        """
        row = self._drafts.get(id_)
        if row.act is not None:
            return self._acts.get(row.act)
        if row.state != "approved" or row.approved_by is None:
            raise DraftState("Another officer must approve the draft first.", state=row.state)
        if not self._standing(row.approved_by):
            raise DraftState("Who approved the draft may approve no more: another officer must.", state=row.state)
        faults = self._drafts.faults(row.newest.document)
        if faults:
            raise invalid_draft(faults)
        draft = parsed(row.newest.document)
        pepper_hash = Hash32(self._member.folder.peppers.put(Secret(secrets.token_bytes(32))))
        rules = replace(draft.rules, pepper_hash=pepper_hash)
        arguments = {
            "draft": id_,
            "version": row.newest.version,
            "authors": sorted(row.authors),
            "approved-by": row.approved_by,
            "title": draft.title,
            "rules-hash": "0x" + rules_encoding.rules_hash(rules).hex(),
        }
        values = (rules, draft.scope.decode(), draft.title)
        order = Order(Kind.PUBLISH, None, Role.PUBLISHER, "Initiatives", "create", values, arguments, GAS_OF_CREATION)
        return self._acts.order(officer, key, order, lambda db, act: self._claim(db, id_, row.newest.version, act))

    def _claim(self, db: sa.Connection, id_: str, version: int, act: str) -> None:
        """The draft is this act's, or somebody was faster."""
        row = self._repository.get(db, id_)
        if row is None or row.act is not None or row.state != "approved" or row.newest.version != version:
            raise DraftState("Somebody else changed or published the draft in this moment.", state="approved")
        self._repository.change(db, id_, act=act)

    def conclude(self, db: sa.Connection, act: Act, receipt: Receipt | None) -> None:
        """The act has ended: the draft is published, or may be published anew."""
        id_ = str(act.arguments["draft"])
        if receipt is None:
            self._repository.change(db, id_, act=None)
            return
        for located in events.of_receipt(receipt, self._member.deployment):
            if isinstance(located.event, InitiativeCreated):
                self._repository.change(db, id_, state="published", initiative=int(located.event.initiative))


class PepperHandover:
    """One thread that brings the peppers of what was published here to the registrars until all have them."""

    def __init__(self, member: Member, view: ChainView, drafts: Drafts, interval: float = 2.0) -> None:
        self._member = member
        self._drafts = drafts
        self._view = view
        self._interval = interval
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pepper-handover", daemon=True)
        self._last: dict[InitiativeId, tuple[Handover, ...]] = {}

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def of(self, initiative: InitiativeId) -> tuple[Handover, ...]:
        """What the last attempt for an initiative brought; empty where there was none in this process."""
        return self._last.get(initiative, ())

    def round(self) -> None:
        """Try for every initiative that lacks a receipt. Raises NodeError."""
        for initiative, rules in self._lacking():
            if self._stop.is_set():
                return
            self._last[initiative] = hand_over(self._member, initiative, rules, patience=0.0)
            for one in self._last[initiative]:
                if one.problem is not None:
                    log.warning("initiative %s: entity %s lacks the pepper: %s", initiative, one.entity, one.problem)

    def _lacking(self) -> list[tuple[InitiativeId, Rules]]:
        """Initiatives published here, some of whose registrars gave no receipt yet, until registration is over."""
        store, lacking = self._member.folder.peppers, []
        for number in self._drafts.published():
            try:
                with self._view.locked():
                    rules, consortium = self._view.rules(number), self._view.state().consortium
                    others = {one for one in rules.registrars if consortium.is_active(one)} - {self._member.entity}
                    if self._view.phase(number) not in (Phase.ANNOUNCED, Phase.REGISTRATION, Phase.REVIEW):
                        continue
            except (UnknownInitiative, ChainUnavailable):
                continue  # not read yet
            if store.holds(rules.pepper_hash) and others - set(store.record(rules.pepper_hash).acknowledged):
                lacking.append((number, rules))
        return lacking

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.round()
            except NodeError as error:
                log.warning("peppers wait: %s", error)
            except Exception:
                log.exception("handing over peppers failed")
            self._wake.wait(self._interval)
            self._wake.clear()
