# SPDX-License-Identifier: AGPL-3.0-or-later
"""META: ballot type, limits, rule and tie-break, with their defaults.

What would change a result and is not known here is an error that names it; every other key is kept as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from protocol.allocation import Rule, TieBreak
from protocol.pabulib.errors import PbError
from protocol.pabulib.model import MAX_POINTS
from protocol.pabulib.numbers import Money, money, shown, whole
from protocol.pabulib.text import Row, Table
from protocol.types import AllocationRules, BallotRules, BallotType

BALLOT_TYPES = {
    "approval": BallotType.APPROVAL,
    "choose-1": BallotType.SINGLE_CHOICE,
    "cumulative": BallotType.CUMULATIVE,
    "ordinal": BallotType.ORDERED,
    "single-choice": BallotType.SINGLE_CHOICE,
    "knapsack": BallotType.KNAPSACK,
    "yes-no-abstain": BallotType.YES_NO_ABSTAIN,
}
RULES = {
    "greedy": Rule.GREEDY,
    "greedy-no-skip": Rule.GREEDY_NO_SKIP,
    "greedy-threshold": Rule.GREEDY_THRESHOLD,
    "equalshares": Rule.EQUAL_SHARES,
    "equalshares/add1": Rule.EQUAL_SHARES_ADD1,
    "top-k": Rule.TOP_K,
    "majority": Rule.MAJORITY,
}
TIE_BREAKS = {tie.label: tie for tie in TieBreak}

T = TypeVar("T")

_LENGTHS = frozenset({"min_length", "max_length"})
_POINTS = frozenset({"min_points", "max_points", "min_sum_points", "max_sum_points"})
_LIMITS = {
    BallotType.SINGLE_CHOICE: _LENGTHS,
    BallotType.APPROVAL: _LENGTHS | {"max_sum_cost"},
    BallotType.CUMULATIVE: _LENGTHS | _POINTS,
    BallotType.ORDERED: _LENGTHS | {"points_per_rank", "scoring_fn"},
    BallotType.KNAPSACK: _LENGTHS | {"max_sum_cost"},
    BallotType.YES_NO_ABSTAIN: _LENGTHS,
}
_PARAMETERS = {
    "num_winners": frozenset({Rule.TOP_K}),
    "quorum": frozenset({Rule.MAJORITY}),
}
# These bound what may be proposed, not what may be voted: nothing here depends on them.
_NOT_OURS = frozenset({"min_project_cost", "max_project_cost", "leftover_budget"})
_KNOWN = frozenset().union(*_LIMITS.values()) | _PARAMETERS.keys() | {"min_project_score_threshold"}
_BINDING = re.compile(
    r"(min|max)_.*|.*(_per_|threshold|quorum|limit|scoring|weight).*|default_score|tie_?break.*|majority.*"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """META, read. amounts: budget and max_sum_cost where given; rule parameters still lack what needs the projects."""

    meta: Meta
    ballot_type: BallotType
    rule: Rule
    tie_break: TieBreak
    amounts: dict[str, Money]

    @property
    def needs_costs(self) -> bool:
        """Whether a project without a cost makes no sense."""
        return self.rule.has_budget or self.ballot_type is BallotType.KNAPSACK


class Meta:
    """The rows of META by key; a key with an empty value counts as absent."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._key = table.place("key", "Its columns are key;value")
        self._value = table.place("value", "Its columns are key;value")
        self._rows: dict[str, Row] = {}
        for row in table.rows:
            key = row.text(self._key)
            if not key:
                raise table.error(row, self._key, "a row of META without a key", "Name the key")
            if key in self._rows:
                raise table.error(row, self._key, f"META has a second {key}", "Keep one")
            self._rows[key] = row

    @property
    def entries(self) -> tuple[tuple[str, str], ...]:
        return tuple((key, row.text(self._value)) for key, row in self._rows.items())

    def __contains__(self, key: str) -> bool:
        return bool(self.get(key))

    def get(self, key: str) -> str:
        """The value, empty where there is none."""
        row = self._rows.get(key)
        return "" if row is None else row.text(self._value)

    def keys(self) -> list[str]:
        return [key for key in self._rows if key in self]

    def error(self, key: str, reason: str, remedy: str, offset: int = 0) -> PbError:
        """The error at the key's value, at the section's title where there is none."""
        row = self._rows.get(key)
        if row is None:
            return PbError(self.table.file, self.table.line, 1, reason, remedy)
        return self.table.error(row, self._value, reason, remedy, offset)

    def key_error(self, key: str, reason: str, remedy: str) -> PbError:
        return self.table.error(self._rows[key], self._key, reason, remedy)

    def whole(self, key: str, default: int) -> int:
        return whole(self.table, self._rows[key], self._value, key) if key in self else default

    def money(self, key: str) -> Money:
        return money(self.table, self._rows[key], self._value, key)

    def choice(self, key: str, choices: dict[str, T], what: str) -> T:
        """The meaning of one of a few words; anything else is an error that names it and the words."""
        word = self.get(key)
        if not word:
            raise self.error(key, f"META has no {key}", f"Give one of: {', '.join(choices)}")
        if word.lower() not in choices:
            raise self.error(key, f"unknown {what} {shown(word)}", f"Known are: {', '.join(choices)}")
        return choices[word.lower()]


def read_settings(table: Table) -> Settings:
    """Settings that do not depend on the projects. Raises PbError."""
    meta = Meta(table)
    ballot_type = meta.choice("vote_type", BALLOT_TYPES, "vote type")
    rule = meta.choice("rule", RULES, "rule")
    if ballot_type is BallotType.APPROVAL and "max_sum_cost" in meta:
        ballot_type = BallotType.KNAPSACK
    _check_keys(meta, ballot_type, rule)
    default = TieBreak.LOWER_COST if rule.needs_ballots else TieBreak.OPTION_NUMBER
    tie_break = meta.choice("tie_break", TIE_BREAKS, "tie-break") if "tie_break" in meta else default
    amounts = {key: meta.money(key) for key in ("budget", "max_sum_cost") if key in meta}
    if "budget" not in amounts and (rule.has_budget or (ballot_type is BallotType.KNAPSACK and not amounts)):
        raise meta.error("budget", "META has no budget", f"The rule {meta.get('rule')} needs one")
    return Settings(meta, ballot_type, rule, tie_break, amounts)


def _check_keys(meta: Meta, ballot_type: BallotType, rule: Rule) -> None:
    for key in meta.keys():  # noqa: SIM118  (absent when empty)
        if key in _PARAMETERS and rule not in _PARAMETERS[key]:
            raise meta.key_error(key, f"{key} does not belong to the rule {meta.get('rule')}", "Remove the row")
        if key == "min_sum_cost":
            if meta.money(key).digits:
                raise meta.error(key, "the limit min_sum_cost is not supported", "Remove the row")
        elif key in _KNOWN - _PARAMETERS.keys() - {"min_project_score_threshold"}:
            if key not in _LIMITS[ballot_type]:
                reason = f"the limit {key} does not belong to vote type {ballot_type.label}"
                raise meta.key_error(key, reason, "Remove the row")
        elif key not in _KNOWN | _NOT_OURS | {"tie_break"} and _BINDING.fullmatch(key):
            raise meta.key_error(key, f"unknown limit {shown(key)}", f"Known are: {', '.join(sorted(_KNOWN))}")


def ballot_rules(settings: Settings, options: int, unit: int) -> BallotRules:
    """When a ballot over `options` options is valid. Raises PbError where the limits contradict each other."""
    meta, kind = settings.meta, settings.ballot_type
    single = kind is BallotType.SINGLE_CHOICE
    shortest = meta.whole("min_length", 0 if kind is BallotType.YES_NO_ABSTAIN else 1)
    longest = min(meta.whole("max_length", 1 if single else options), options)
    if single and (shortest, longest) != (1, 1):
        raise meta.error("max_length" if longest != 1 else "min_length", "one choice means a length of 1", "Give 1")
    if longest < 1:
        raise meta.error("max_length", "max_length is 0", "Give 1 or more")
    if shortest > longest:
        reason = f"min_length {shortest} is above {longest}, the most that can be named"
        raise meta.error("min_length", reason, "Lower it")
    if kind is BallotType.CUMULATIVE:
        return _cumulative(meta, shortest, longest)
    if kind is BallotType.ORDERED:
        return BallotRules(kind, shortest, longest, points_per_rank=_points_per_rank(meta, longest))
    if kind is BallotType.KNAPSACK:
        amount = settings.amounts.get("max_sum_cost") or settings.amounts["budget"]
        return BallotRules(kind, shortest, longest, max_cost=amount.minor(unit))
    return BallotRules(kind, shortest, longest)


def _cumulative(meta: Meta, shortest: int, longest: int) -> BallotRules:
    if "max_sum_points" not in meta:
        reason = "META has no max_sum_points"
        raise meta.error("max_sum_points", reason, "A cumulative ballot needs the points that it may give in all")
    most = meta.whole("max_sum_points", 0)
    if not 0 < most < 1 << 32:
        raise meta.error("max_sum_points", "max_sum_points is out of range", "Give 1 to 4294967295")
    least_each, most_each = meta.whole("min_points", 0), meta.whole("max_points", min(most, MAX_POINTS))
    if not 0 < most_each <= MAX_POINTS:
        raise meta.error("max_points", "max_points is out of range", f"Give 1 to {MAX_POINTS}")
    if least_each > most_each:
        raise meta.error("min_points", "min_points is above max_points", "Lower it")
    least = meta.whole("min_sum_points", 0)
    if least > most:
        raise meta.error("min_sum_points", "min_sum_points is above max_sum_points", "Lower it")
    if least_each:
        longest = min(longest, most // least_each)  # keeps the ballot's plaintext short; no other ballot becomes valid
    if shortest > longest:
        raise meta.error("min_length", f"with min_points {least_each} at most {longest} can be named", "Lower it")
    return BallotRules(BallotType.CUMULATIVE, shortest, longest, least_each, most_each, least, most)


def _points_per_rank(meta: Meta, longest: int) -> tuple[int, ...]:
    """Borda by default: m points for the first of m places, 1 for the last, m being max_length."""
    if "scoring_fn" in meta and meta.get("scoring_fn").lower() != "borda":
        raise meta.error("scoring_fn", f"unknown scoring_fn {shown(meta.get('scoring_fn'))}", "Known is: Borda")
    if "points_per_rank" not in meta:
        return tuple(range(longest, 0, -1))
    if "scoring_fn" in meta:
        raise meta.key_error("points_per_rank", "both scoring_fn and points_per_rank", "Remove one")
    points: list[int] = []
    for word in meta.get("points_per_rank").split(","):
        if not re.fullmatch("[0-9]{1,5}", word.strip()) or not 0 < int(word) <= MAX_POINTS:
            reason = f"points_per_rank has {shown(word.strip())}"
            raise meta.error("points_per_rank", reason, f"Give whole numbers from 1 to {MAX_POINTS}, like 5,3,1")
        points.append(int(word))
    if points != sorted(points, reverse=True):
        raise meta.error("points_per_rank", "points_per_rank rises", "A better place cannot bring fewer points")
    if len(points) < longest:
        reason = f"points_per_rank has {len(points)} entries, and a ballot names up to {longest}"
        raise meta.error("points_per_rank", reason, "Give as many as max_length")
    return tuple(points[:longest])


def allocation_rules(settings: Settings, unit: int) -> AllocationRules:
    """The rule with its parameters. Raises PbError where one is missing or does not fit the ballot."""
    meta, rule = settings.meta, settings.rule
    threshold = meta.whole("min_project_score_threshold", 0)
    if rule is Rule.GREEDY_THRESHOLD and "min_project_score_threshold" not in meta:
        raise meta.error("rule", "greedy-threshold without min_project_score_threshold", "Add that row")
    if rule in (Rule.GREEDY, Rule.GREEDY_THRESHOLD):
        rule = Rule.GREEDY_THRESHOLD if threshold else Rule.GREEDY
    winners = meta.whole("num_winners", 0)
    if rule is Rule.TOP_K and not 0 < winners < 1 << 32:
        reason = "num_winners is out of range" if "num_winners" in meta else "top-k without num_winners"
        raise meta.error("num_winners", reason, "Give how many win, 1 or more")
    if rule is Rule.MAJORITY and settings.ballot_type in (BallotType.CUMULATIVE, BallotType.ORDERED):
        reason = f"the rule majority is not defined for vote type {settings.ballot_type.label}"
        raise meta.error("rule", reason, "Use another rule")
    return AllocationRules(
        rule,
        settings.tie_break,
        budget=settings.amounts["budget"].minor(unit) if rule.has_budget else 0,
        threshold=threshold,
        winners=winners,
        quorum=meta.whole("quorum", 0),
    )
