# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts, templates, previews and dry runs as officers send and read them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from gateway.office.drafts.repository import DraftRow, Version
from gateway.office.problems import fault_document
from gateway.wire import Body, DecimalString
from node.errors import FieldFault
from protocol.rules import MAX_OPTIONS

Code = Annotated[str, Field(min_length=1, max_length=200)]
Document = dict[str, Any]


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("a text has no NUL and no half characters")
    return text


class NewDraft(Body):
    """Either a document, or a template with what only the entity knows; times are counted from `starts`."""

    document: Document | None = None
    template: Annotated[str, Field(max_length=60)] | None = None
    starts: Annotated[int, Field(ge=0, lt=1 << 40)] | None = None
    title: Annotated[str, Field(max_length=200)] = ""
    entities: Annotated[list[Annotated[int, Field(gt=0, lt=1 << 32)]], Field(max_length=32, default_factory=list)]
    issuers: Annotated[list[Code], Field(max_length=16, default_factory=list)]
    budget: Annotated[DecimalString, Field(gt=0, lt=1 << 128)] | None = None
    scope: Annotated[dict[Code, list[Code]], Field(max_length=6, default_factory=dict)]


class SavedDraft(Body):
    """`version` is the one that was read: saving over a newer one is refused."""

    version: Annotated[int, Field(ge=1)]
    document: Document


class ApprovalBody(Body):
    """The version that was read."""

    version: Annotated[int, Field(ge=1)]


class RemarkBody(Body):
    remark: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_storable)]


class DryRunBody(Body):
    """`costs` per option; without any, `options` are invented."""

    ballots: Annotated[int, Field(ge=1, le=20_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 1
    costs: Annotated[
        list[Annotated[DecimalString, Field(ge=0, lt=1 << 128)]], Field(max_length=MAX_OPTIONS, default_factory=list)
    ]
    options: Annotated[int, Field(ge=1, le=200)] = 12


class FaultView(BaseModel):
    field: str
    code: str
    wrong: dict[str, str]
    remedy: dict[str, str]


class VersionView(BaseModel):
    version: int
    author: str
    at: int
    document: Any

    @classmethod
    def of(cls, version: Version) -> VersionView:
        return cls(version=version.version, author=version.author, at=version.at, document=version.document)


class HandoverView(BaseModel):
    """`problem` is null where the registrar has the pepper."""

    entity: int
    problem: str | None


class DraftView(BaseModel):
    """`faults` are all for which it would be refused now; `act` is the publication, once it was ordered."""

    draft: str
    state: str
    version: int
    document: Any
    author: str
    authors: list[str]
    at: int
    submitted_by: str | None
    approved_by: str | None
    remark: str | None
    act: str | None
    initiative: int | None
    faults: list[FaultView]
    peppers: list[HandoverView]

    @classmethod
    def of(cls, row: DraftRow, faults: tuple[FieldFault, ...], peppers: list[HandoverView] | None = None) -> DraftView:
        return cls(
            draft=row.id,
            state=row.state,
            version=row.newest.version,
            document=row.newest.document,
            author=row.newest.author,
            authors=sorted(row.authors),
            at=row.newest.at,
            submitted_by=row.submitted_by,
            approved_by=row.approved_by,
            remark=row.remark,
            act=row.act,
            initiative=row.initiative,
            faults=[FaultView.model_validate(fault_document(fault)) for fault in faults],
            peppers=peppers or [],
        )


class DraftSummary(BaseModel):
    draft: str
    title: str
    state: str
    version: int
    author: str
    at: int
    initiative: int | None


class DraftList(BaseModel):
    drafts: list[DraftSummary]


class VersionList(BaseModel):
    versions: list[VersionView]


class TemplateView(BaseModel):
    template: str
    title: dict[str, str]
    about: dict[str, str]
    why: dict[str, dict[str, str]]
    document: Document


class TemplateList(BaseModel):
    templates: list[TemplateView]


class ClauseView(BaseModel):
    topic: str
    key: str
    heading: str
    says: str
    consequence: str


class PreviewAnswer(BaseModel):
    language: str
    clauses: list[ClauseView]
