# SPDX-License-Identifier: AGPL-3.0-or-later
"""/v1/back-office/templates and /v1/back-office/drafts."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from gateway.deps import writable
from gateway.office.acts.schemas import ActView
from gateway.office.back_office import BackOffice
from gateway.office.drafts.repository import DraftRow
from gateway.office.drafts.schemas import (
    ApprovalBody,
    ClauseView,
    DraftList,
    DraftSummary,
    DraftView,
    DryRunBody,
    HandoverView,
    NewDraft,
    PreviewAnswer,
    RemarkBody,
    SavedDraft,
    TemplateList,
    TemplateView,
    VersionList,
    VersionView,
)
from gateway.office.guards import Id, Office, OrderKey, unstored
from gateway.officers.guards import officer
from gateway.officers.roles import Officer, Role
from gateway.problems import MalformedRequest
from node.errors import DraftError
from node.templates import Template, Text, template, templates
from protocol.dry_run import DryRunError
from protocol.types import InitiativeId
from protocol.words import Language

router = APIRouter(prefix="/v1/back-office", tags=["back office"], dependencies=[Depends(unstored)])

Anyone = Annotated[Officer, Depends(officer())]
Editor = Annotated[Officer, Depends(officer(Role.EDITOR))]
Publisher = Annotated[Officer, Depends(officer(Role.PUBLISHER))]


@router.get("/templates")
def list_templates(_: Anyone) -> TemplateList:
    """Drafts to begin with, with the reason of each choice in Portuguese and English."""
    now = int(time.time())
    return TemplateList(templates=[_template(one, now) for one in templates()])


@router.get("/drafts")
def list_drafts(_: Anyone, office: Office) -> DraftList:
    return DraftList(drafts=[_summary(row) for row in office.drafts.all()])


@router.post("/drafts", status_code=201)
def create(body: NewDraft, who: Editor, office: Office) -> DraftView:
    """A first version, from a document or a template; `faults` says what is still to do."""
    if (body.document is None) == (body.template is None):
        raise MalformedRequest("A new draft is made from a document or from a template, not both.")
    document = body.document if body.document is not None else _from_template(body)
    return _view(office, office.drafts.create(who.pseudonym, document))


@router.get("/drafts/{id_}")
def read(id_: Id, _: Anyone, office: Office) -> DraftView:
    return _view(office, office.drafts.get(id_))


@router.get("/drafts/{id_}/versions")
def versions(id_: Id, _: Anyone, office: Office) -> VersionList:
    """Every version ever saved, by whom and when."""
    return VersionList(versions=[VersionView.of(one) for one in office.drafts.versions(id_)])


@router.put("/drafts/{id_}")
def save(id_: Id, body: SavedDraft, who: Editor, office: Office) -> DraftView:
    """A new version; what was submitted or approved before must be so anew."""
    return _view(office, office.drafts.save(who.pseudonym, id_, body.version, body.document))


@router.get("/drafts/{id_}/preview")
def preview(id_: Id, _: Anyone, office: Office, lang: Annotated[Language, Query()] = "en") -> PreviewAnswer:
    """What the rules mean, in words, each with its consequence."""
    clauses = office.drafts.preview(id_, lang)
    return PreviewAnswer(
        language=lang,
        clauses=[
            ClauseView(topic=one.topic, key=one.key, heading=one.heading, says=one.says, consequence=one.consequence)
            for one in clauses
        ],
    )


@router.post("/drafts/{id_}/dry-run")
def dry_run(id_: Id, body: DryRunBody, _: Anyone, office: Office) -> dict[str, Any]:
    """The vote on ballots drawn from a seed: winners, money, close calls, and what it would take in earnest."""
    try:
        held = office.drafts.rehearse(id_, body.ballots, body.seed, tuple(body.costs), body.options)
    except DryRunError as error:
        raise MalformedRequest(f"{str(error).capitalize()}.") from error
    return held.to_json()


@router.post("/drafts/{id_}/submission")
def submit(id_: Id, who: Editor, office: Office) -> DraftView:
    """Hand it to the officers who approve; everything that is wrong with it is said at once."""
    return _view(office, office.drafts.submit(who.pseudonym, id_))


@router.post("/drafts/{id_}/return")
def give_back(id_: Id, body: RemarkBody, who: Publisher, office: Office) -> DraftView:
    """Back to its writers, with a remark."""
    return _view(office, office.drafts.give_back(who.pseudonym, id_, body.remark))


@router.post("/drafts/{id_}/approval")
def approve(id_: Id, body: ApprovalBody, who: Publisher, office: Office) -> DraftView:
    """By another officer than those who wrote or submitted it."""
    return _view(office, office.drafts.approve(who.pseudonym, id_, body.version))


@router.post("/drafts/{id_}/publication", status_code=202, dependencies=[Depends(writable)])
def publish(id_: Id, who: Publisher, office: Office, key: OrderKey) -> ActView:
    """Create the initiative. Nobody can change its rules afterwards."""
    return ActView.of(office.publication.publish(who.pseudonym, id_, key))


def _view(office: BackOffice, row: DraftRow) -> DraftView:
    faults = () if row.state == "published" or row.act is not None else office.drafts.faults(row.newest.document)
    peppers = []
    if row.initiative is not None:
        handed = office.handover.of(InitiativeId(row.initiative))
        peppers = [HandoverView(entity=one.entity, problem=one.problem) for one in handed]
    return DraftView.of(row, faults, peppers)


def _summary(row: DraftRow) -> DraftSummary:
    title = row.newest.document.get("title") if isinstance(row.newest.document, dict) else None
    return DraftSummary(
        draft=row.id,
        title=title if isinstance(title, str) else "",
        state=row.state,
        version=row.newest.version,
        author=row.newest.author,
        at=row.newest.at,
        initiative=row.initiative,
    )


def _template(one: Template, now: int) -> TemplateView:
    return TemplateView(
        template=one.id,
        title=_texts(one.title),
        about=_texts(one.about),
        why={path: _texts(text) for path, text in one.why.items()},
        document=one.draft(now),
    )


def _texts(text: Text) -> dict[str, str]:
    return {str(language): said for language, said in text.items()}


def _from_template(body: NewDraft) -> dict[str, Any]:
    try:
        chosen = template(body.template or "")
    except DraftError as error:
        raise MalformedRequest(str(error), field="template") from error
    return chosen.draft(
        int(time.time()) if body.starts is None else body.starts,
        title=body.title,
        entities=body.entities,
        issuers=body.issuers,
        budget=body.budget,
        scope=body.scope,
    )
