# SPDX-License-Identifier: AGPL-3.0-or-later
"""The clauses of a preview: which texts apply to these rules, and with what figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo

from protocol.rules import Rules
from protocol.scope import Scope
from protocol.types import AllocationRule, AllocationRules, BallotRules, BallotType
from protocol.words import english, portuguese
from protocol.words.language import GRAMMARS, Grammar, Language

TEXTS: dict[Language, dict[str, tuple[str, str]]] = {"en": english.CLAUSES, "pt": portuguese.CLAUSES}
HEADINGS: dict[Language, dict[str, str]] = {"en": english.HEADINGS, "pt": portuguese.HEADINGS}


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule in words. `key` names the text, `topic` the heading under which it stands."""

    topic: str
    key: str
    heading: str
    says: str
    consequence: str


@dataclass(frozen=True, slots=True)
class _Said:
    topic: str
    key: str
    figures: dict[str, str]


def preview(rules: Rules, scope: Scope, language: Language, zone: tzinfo = UTC) -> tuple[Clause, ...]:
    """Every rule with its consequence, in the order in which a reader asks. `rules` need not have a pepper's hash."""
    grammar, texts, headings = GRAMMARS[language], TEXTS[language], HEADINGS[language]
    clauses = []
    for said in _said(rules, scope, grammar, zone):
        says, consequence = texts[said.key]
        clauses.append(
            Clause(
                said.topic,
                said.key,
                headings[said.topic],
                says.format(**said.figures),
                consequence.format(**said.figures),
            )
        )
    return tuple(clauses)


def _said(rules: Rules, scope: Scope, grammar: Grammar, zone: tzinfo) -> Iterator[_Said]:
    yield _Said("kind", f"kind.{rules.kind.label}", {})
    yield from _participants(scope, rules, grammar)
    yield from _calendar(rules, grammar, zone)
    yield from _proposals(rules, grammar)
    yield from _ballot(rules.ballot, grammar)
    yield from _winners(rules.allocation, rules.ballot, grammar)
    yield from _keys(rules, grammar)
    yield _Said("afterwards", "frozen", {})


def _participants(scope: Scope, rules: Rules, grammar: Grammar) -> Iterator[_Said]:
    if scope.age is not None:
        bounds = {"on": grammar.date(scope.age.on)}
        match scope.age.minimum, scope.age.maximum:
            case int() as least, int() as most:
                yield _Said("who", "age.between", bounds | {"least": str(least), "most": str(most)})
            case int() as least, None:
                yield _Said("who", "age.from", bounds | {"least": str(least)})
            case _, most:
                yield _Said("who", "age.to", bounds | {"most": str(most)})
    for criterion in ("residence", "employer", "profession", "nationality"):
        codes: tuple[str, ...] | None = getattr(scope, criterion)
        if codes is not None:
            yield _Said("who", f"scope.{criterion}", {"codes": grammar.one_of(codes)})
    if scope.assurance is not None:
        yield _Said("who", f"assurance.{scope.assurance.name.lower()}", {})
    issuers = grammar.one_of(rules.issuers) if rules.issuers else "-"
    yield _Said("who", "issuers" if len(rules.issuers) > 1 else "issuer", {"issuers": issuers})
    yield _Said("who", "default-deny", {})


def _calendar(rules: Rules, grammar: Grammar, zone: tzinfo) -> Iterator[_Said]:
    windows = rules.windows

    def span(opens: int, closes: int) -> dict[str, str]:
        times = {"opens": grammar.time(opens, zone), "closes": grammar.time(closes, zone)}
        return times | {"length": grammar.period(max(0, closes - opens))}

    yield _Said("when", "registration", span(windows.registration_opens, windows.registration_closes))
    yield _Said("when", "review", span(windows.registration_closes, windows.voting_opens))
    yield _Said("when", "voting", span(windows.voting_opens, windows.voting_closes))
    challenge = {"length": grammar.period(windows.challenge_period)}
    counted = windows.voting_closes + windows.challenge_period
    yield _Said("when", "challenge", challenge | {"opening": grammar.time(counted, zone)})
    if windows.max_extension:
        bound = {"length": grammar.period(windows.max_extension)}
        latest = grammar.time(windows.voting_closes + windows.max_extension, zone)
        yield _Said("when", "extension.some", bound | {"latest": latest})
    else:
        yield _Said("when", "extension.none", {})


def _proposals(rules: Rules, grammar: Grammar) -> Iterator[_Said]:
    many = rules.proposals_per_person
    yield _Said("proposals", "proposals.one" if many == 1 else "proposals.many", {"limit": grammar.number(many)})
    yield _Said("proposals", "moderation", {})
    if rules.allocation.rule.has_budget or rules.ballot.ballot_type is BallotType.KNAPSACK:
        yield _Said("proposals", "costs", {})


def _ballot(ballot: BallotRules, grammar: Grammar) -> Iterator[_Said]:
    yield _Said("ballot", f"ballot.{ballot.ballot_type.label}", {})
    limits = {"least": grammar.number(ballot.min_length), "most": grammar.number(ballot.max_length)}
    if ballot.ballot_type is not BallotType.SINGLE_CHOICE:
        yield _Said("ballot", "length.exactly" if ballot.min_length == ballot.max_length else "length.between", limits)
    match ballot.ballot_type:
        case BallotType.CUMULATIVE:
            points = {
                "each-least": grammar.number(ballot.min_points),
                "each-most": grammar.number(ballot.max_points),
                "sum-least": grammar.number(ballot.min_sum_points),
                "sum-most": grammar.number(ballot.max_sum_points),
            }
            yield _Said("ballot", "points", {name.replace("-", "_"): value for name, value in points.items()})
        case BallotType.ORDERED:
            places = ", ".join(grammar.number(points) for points in ballot.points_per_rank) or "-"
            yield _Said("ballot", "ranks", {"points": places})
        case BallotType.KNAPSACK:
            yield _Said("ballot", "purse", {"cost": grammar.number(ballot.max_cost)})
        case _:
            pass
    yield _Said("ballot", "blank", {})
    yield _Said("ballot", "revote", {})


def _winners(allocation: AllocationRules, ballot: BallotRules, grammar: Grammar) -> Iterator[_Said]:
    figures = {"budget": grammar.number(allocation.budget), "winners": grammar.number(allocation.winners)}
    key = f"allocation.{allocation.rule.label}"
    if allocation.rule is AllocationRule.MAJORITY:
        key += ".simple" if ballot.ballot_type is BallotType.YES_NO_ABSTAIN else ".absolute"
    yield _Said("winners", key, figures)
    if allocation.threshold:
        yield _Said("winners", "threshold", {"threshold": grammar.number(allocation.threshold)})
    if allocation.rule is AllocationRule.MAJORITY:
        quorum = {"quorum": grammar.number(allocation.quorum)}
        yield _Said("winners", "quorum.some" if allocation.quorum else "quorum.none", quorum)
    yield _Said("winners", f"tie.{allocation.tie_break.label}", {})


def _keys(rules: Rules, grammar: Grammar) -> Iterator[_Said]:
    registrars, k = rules.registrars, rules.registrar_threshold
    trustees, t = rules.trustees, rules.trustee_threshold
    yield _Said(
        "keys",
        "registrars",
        {
            "entities": grammar.all_of([str(one) for one in registrars]) if registrars else "-",
            "n": str(len(registrars)),
            "k": str(k),
            "blocking": str(max(0, len(registrars) - k + 1)),
        },
    )
    yield _Said(
        "keys",
        "trustees",
        {
            "entities": grammar.all_of([str(one) for one in trustees]) if trustees else "-",
            "n": str(len(trustees)),
            "t": str(t),
            "blocking": str(max(0, len(trustees) - t + 1)),
        },
    )
    yield _Said("keys", "anonymity", {"minimum": grammar.number(rules.min_anonymity)})
    yield _Said("keys", "no-receipt-freeness", {})
