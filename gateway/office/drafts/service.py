# SPDX-License-Identifier: AGPL-3.0-or-later
"""What may be done with a draft, by whom, in which state.

    draft ──submit──► submitted ──approve──► approved ──publish──► published
      ▲                  │  │                    │
      └──return, any new version──┴──────────────┘

Who wrote any version of a draft does not approve it: two persons stand behind what the entity publishes.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from gateway.index.view import ChainView
from gateway.journal import Journal
from gateway.office.drafts.repository import DraftRow, Drafts, Version
from gateway.office.problems import DraftMoved, DraftState, OwnDraft, invalid_draft
from gateway.problems import MalformedRequest, TooLarge, TooMany, UnknownRecord
from node.draft import Draft, check_draft, parse_draft
from node.errors import DraftError, FieldFault
from node.rehearsal import Rehearsal, rehearse
from protocol import scope
from protocol.words import Clause, Language, preview

MAX_DOCUMENT = 64 * 1024
MAX_VERSIONS = 1000
MAX_DRAFTS = 10_000
DRY_RUN_SECONDS = 10.0
DRY_RUN_BALLOTS = 20_000


class DraftService:
    """Every change is a new version; nothing is overwritten."""

    def __init__(
        self, journal: Journal, drafts: Drafts, view: ChainView, clock: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._drafts = drafts
        self._view = view
        self._clock = clock

    # Reading

    def all(self) -> list[DraftRow]:
        return self._drafts.all()

    def get(self, id_: str) -> DraftRow:
        """Raises UnknownRecord."""
        return _found(self._drafts.find(id_))

    def versions(self, id_: str) -> list[Version]:
        """Raises UnknownRecord."""
        self.get(id_)
        return self._drafts.versions(id_)

    def faults(self, document: object) -> tuple[FieldFault, ...]:
        """Everything for which the draft would be refused now."""
        try:
            draft = parse_draft(document)
        except DraftError as error:
            return error.faults
        with self._view.locked():
            return check_draft(draft, self._view.as_of().timestamp, self._view.state().consortium)

    def preview(self, id_: str, language: Language) -> tuple[Clause, ...]:
        """Raises UnknownRecord, InvalidDraft."""
        draft = parsed(self.get(id_).newest.document)
        return preview(draft.rules, scope.parse(draft.scope), language)

    def rehearse(self, id_: str, ballots: int, seed: int, costs: tuple[int, ...], options: int) -> Rehearsal:
        """Bounded in ballots and seconds. Raises UnknownRecord, InvalidDraft, protocol.dry_run.DryRunError."""
        draft = parsed(self.get(id_).newest.document)
        faults = self.faults(self.get(id_).newest.document)
        blocking = [one for one in faults if one.path.startswith(("ballot", "allocation"))]
        if blocking:
            raise invalid_draft(blocking)
        return rehearse(draft, ballots, seed, costs=costs, options=options, seconds=DRY_RUN_SECONDS)

    # Writing

    def create(self, officer: str, document: object) -> DraftRow:
        """Raises TooLarge, TooMany."""
        _require_size(document)
        id_ = secrets.token_hex(16)
        with self._journal.transaction() as db:
            if self._drafts.count(db) >= MAX_DRAFTS:
                raise TooMany("This entity has too many drafts.")
            self._drafts.insert(db, id_, Version(1, document, officer, int(self._clock())))
            return _found(self._drafts.get(db, id_))

    def save(self, officer: str, id_: str, base: int, document: object) -> DraftRow:
        """A new version on top of version `base`; approval begins anew.

        Raises UnknownRecord, DraftMoved where somebody saved in between, DraftState where it is published.
        """
        _require_size(document)
        with self._journal.transaction() as db:
            row = _found(self._drafts.get(db, id_))
            if row.act is not None or row.state == "published":
                raise DraftState("The draft is published, or about to be: make another draft.", state=row.state)
            if row.newest.version != base:
                raise DraftMoved("Somebody saved a newer version: read it first.", version=row.newest.version)
            if base >= MAX_VERSIONS:
                raise TooMany("The draft has too many versions: make another draft.")
            self._drafts.add_version(db, id_, Version(base + 1, document, officer, int(self._clock())))
            return _found(self._drafts.get(db, id_))

    def submit(self, officer: str, id_: str) -> DraftRow:
        """Raises UnknownRecord, DraftState, InvalidDraft with everything that is wrong."""
        row = self.get(id_)
        faults = self.faults(row.newest.document)
        if faults:
            raise invalid_draft(faults)
        return self._move(id_, row.newest.version, "draft", state="submitted", submitted_by=officer, remark=None)

    def give_back(self, officer: str, id_: str, remark: str) -> DraftRow:
        """To its writers, with a remark, until it is published. Raises UnknownRecord, DraftState."""
        row = self.get(id_)
        values: dict[str, Any] = {"submitted_by": None, "approved_by": None, "remark": remark}
        return self._move(id_, row.newest.version, "submitted", "approved", state="draft", **values)

    def approve(self, officer: str, id_: str, version: int) -> DraftRow:
        """The version that the officer read. Raises UnknownRecord, DraftState, DraftMoved, OwnDraft, InvalidDraft."""
        row = self.get(id_)
        if officer in row.authors or officer == row.submitted_by:
            raise OwnDraft("Another officer than those who wrote or submitted this draft must approve it.")
        if row.newest.version != version:
            raise DraftMoved("Somebody saved a newer version: read it first.", version=row.newest.version)
        faults = self.faults(row.newest.document)
        if faults:
            raise invalid_draft(faults)
        return self._move(id_, version, "submitted", state="approved", approved_by=officer)

    def _move(self, id_: str, version: int, *expected: str, **values: object) -> DraftRow:
        with self._journal.transaction() as db:
            row = _found(self._drafts.get(db, id_))
            if row.state not in expected or row.act is not None:
                wanted = " or ".join(expected)
                raise DraftState(f"The draft is {row.state}, and must be {wanted} for this.", state=row.state)
            if row.newest.version != version:
                raise DraftMoved("Somebody saved a newer version: read it first.", version=row.newest.version)
            self._drafts.change(db, id_, **values)
            return _found(self._drafts.get(db, id_))


def parsed(document: object) -> Draft:
    """Raises InvalidDraft."""
    try:
        return parse_draft(document)
    except DraftError as error:
        raise invalid_draft(error.faults) from error


def _found(row: DraftRow | None) -> DraftRow:
    if row is None:
        raise UnknownRecord("There is no draft of this id.")
    return row


def _require_size(document: object) -> None:
    try:
        size = len(json.dumps(document))
    except (RecursionError, ValueError) as error:
        raise MalformedRequest("The draft is no JSON that can be written down.") from error
    if size > MAX_DOCUMENT:
        raise TooLarge(f"A draft has at most {MAX_DOCUMENT} bytes.")
