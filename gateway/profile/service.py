# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which initiatives are open to a person, and why the others are not: the same predicate that registrars hold tokens
against, over the attributes of the session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from gateway.eid.tokens import Person
from gateway.profile.repository import Candidate, Candidates
from gateway.wire import AsOf
from protocol.scope import Scope, ScopeError, parse, unmet
from protocol.types import InitiativeId, Phase
from protocol.words.language import LANGUAGES, Language
from protocol.words.refusals import not_now, other_issuer, out_of_scope


@dataclass(frozen=True, slots=True)
class Reason:
    """`criterion` is one of the scope's, or `issuer`, or `phase`."""

    criterion: str
    says: dict[Language, str]
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Openness:
    """Open where there is no reason against it."""

    candidate: Candidate
    reasons: tuple[Reason, ...]


class ProfileService:
    """Nothing is stored of who asked for what."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    def initiatives(
        self, person: Person, phases: Collection[Phase], after: InitiativeId, limit: int
    ) -> tuple[AsOf, list[Openness]]:
        """A page of the initiatives in these phases."""
        as_of, found = self._candidates.after(after, phases, limit)
        return as_of, [Openness(candidate, reasons_against(person, candidate)) for candidate in found]


def reasons_against(person: Person, candidate: Candidate) -> tuple[Reason, ...]:
    """All of them: what the person lacks, another issuer, and that it is not the time."""
    reasons = []
    scope = _scope(candidate.scope)
    for fault in unmet(scope, person.claims):
        says = {language: out_of_scope(fault, scope, language) for language in LANGUAGES}
        reasons.append(Reason(fault.criterion, says, fault.missing))
    if person.issuer not in candidate.issuers:
        reasons.append(Reason("issuer", {each: other_issuer(candidate.issuers, each) for each in LANGUAGES}))
    if candidate.phase is not Phase.REGISTRATION:
        says = {each: not_now(candidate.phase, candidate.opens, candidate.closes, each) for each in LANGUAGES}
        reasons.append(Reason("phase", says))
    return tuple(reasons)


@lru_cache(maxsize=4096)
def _scope(canonical: bytes) -> Scope:
    """What no registrar could read is open to nobody."""
    try:
        return parse(canonical)
    except ScopeError:
        return Scope()
