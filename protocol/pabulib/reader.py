# SPDX-License-Identifier: AGPL-3.0-or-later
"""`.pb` text to an `Election`. All that can be wrong with a file is found here, once; docs/pb-format.md lists it.

A ballot that breaks its limits is kept: it counts as null (`protocol.count`), as the contracts count it.
"""

from __future__ import annotations

from dataclasses import replace

from protocol.allocation import OptionNumber
from protocol.pabulib.errors import PbError
from protocol.pabulib.model import MAX_OPTIONS, MAX_POINTS, MAX_VOTERS, Election, Project, Vote
from protocol.pabulib.numbers import Money, money, shown, whole
from protocol.pabulib.settings import Meta, Settings, allocation_rules, ballot_rules, read_settings
from protocol.pabulib.text import Row, Table, decode, tables
from protocol.types import BallotRules, BallotType

ANSWERS = {"yes": 1, "no": -1, "abstain": 0}
_PROJECT_COLUMNS = ("project_id", "cost", "name", "votes", "score", "selected")
_VOTE_COLUMNS = ("voter_id", "vote", "points", "answers")
_WEIGHTS = ("vote_strength", "weight")


def read_pb(text: str | bytes, name: str) -> Election:
    """Read a `.pb` file. `name` is what errors call it.

    Raises PbError, and nothing else, whatever the text is.
    """
    found = tables(decode(text, name) if isinstance(text, bytes) else text, name)
    settings = read_settings(found["META"])
    projects, costs = _projects(found["PROJECTS"], settings)
    _check_number(settings.meta, "num_projects", len(projects))
    _check_number(settings.meta, "num_votes", len(found["VOTES"].rows))
    unit = 10 ** max((amount.decimals for amount in [*settings.amounts.values(), *costs]), default=0)
    rules = ballot_rules(settings, len(projects), unit)
    votes = _Votes(found["VOTES"], settings.ballot_type, projects)
    ballots = votes.read()
    if settings.ballot_type is BallotType.ORDERED and "points" in votes.table.columns:
        rules = votes.points_per_rank(settings.meta, rules)
    return Election(
        name,
        settings.meta.entries,
        rules,
        allocation_rules(settings, unit),
        unit,
        tuple(replace(project, cost=cost.minor(unit)) for project, cost in zip(projects, costs, strict=True)),
        ballots,
        _others(found["PROJECTS"], _PROJECT_COLUMNS),
        _others(found["VOTES"], _VOTE_COLUMNS),
    )


def _others(table: Table, known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column for column in table.columns if column not in known)


def _check_number(meta: Meta, key: str, counted: int) -> None:
    if key in meta and meta.whole(key, 0) != counted:
        raise meta.error(key, f"{key} is {meta.get(key)}, and the file has {counted}", "Correct the one or the other")


def _projects(table: Table, settings: Settings) -> tuple[list[Project], list[Money]]:
    """The projects, still without costs, and their costs."""
    id_place = table.place("project_id", "Add it")
    if settings.needs_costs:
        table.place("cost", f"The rule {settings.meta.get('rule')} needs costs")
    others = [table.columns[column] for column in _others(table, _PROJECT_COLUMNS)]
    projects: list[Project] = []
    costs: list[Money] = []
    ids: set[str] = set()
    for row in table.rows:
        project_id = row.text(id_place)
        _check_id(table, row, id_place, project_id, ids)
        costs.append(_cost(table, row, settings))
        votes, score, selected = (_published(table, row, column) for column in ("votes", "score", "selected"))
        name = row.text(table.columns["name"]) if "name" in table.columns else ""
        extra = tuple(row.text(place) for place in others)
        projects.append(Project(OptionNumber(len(projects)), project_id, 0, name, votes, score, selected, extra))
        if len(projects) > MAX_OPTIONS:
            raise table.error(row, id_place, f"more than {MAX_OPTIONS} projects", "Split the election")
    if not projects:
        raise PbError(table.file, table.line, 1, "PROJECTS is empty", "Give at least one project")
    return projects, costs


def _check_id(table: Table, row: Row, place: int, project_id: str, ids: set[str]) -> None:
    if not project_id:
        raise table.error(row, place, "a project without an id", "Give it one")
    if "," in project_id:
        raise table.error(row, place, f"the project id {shown(project_id)} has a comma", "Votes separate ids by commas")
    if project_id in ids:
        raise table.error(row, place, f"a second project with the id {shown(project_id)}", "Give each its own")
    ids.add(project_id)


def _cost(table: Table, row: Row, settings: Settings) -> Money:
    place = table.columns.get("cost")
    if place is None or (not row.text(place) and not settings.needs_costs):
        return Money(0, 0)
    return money(table, row, place, "the cost")


def _published(table: Table, row: Row, column: str) -> int | None:
    place = table.columns.get(column)
    return None if place is None or not row.text(place) else whole(table, row, place, column)


class _Votes:
    """The rows of VOTES, read into ballots."""

    def __init__(self, table: Table, kind: BallotType, projects: list[Project]) -> None:
        self.table = table
        self.kind = kind
        self.numbers = {project.project_id: project.number for project in projects}
        self.voter_place = table.place("voter_id", "Add it")
        self.vote_place = table.place("vote", "Add it")
        wanted = {BallotType.CUMULATIVE: "points", BallotType.YES_NO_ABSTAIN: "answers"}.get(kind)
        self.value_place = table.place(wanted, f"Vote type {kind.label} needs it") if wanted else None
        self.others = [table.columns[column] for column in _others(table, _VOTE_COLUMNS)]
        self.weights = [table.columns[column] for column in _WEIGHTS if column in table.columns]
        unused = {"points", "answers"} - {wanted} - ({"points"} if kind is BallotType.ORDERED else set())
        self.unused = [table.columns[column] for column in sorted(unused) if column in table.columns]

    def read(self) -> tuple[Vote, ...]:
        table, votes, voters = self.table, [], set()
        for row in table.rows:
            voter_id = row.text(self.voter_place)
            if not voter_id:
                raise table.error(row, self.voter_place, "a vote without a voter_id", "Give it one")
            if voter_id in voters:
                reason = f"a second vote of {shown(voter_id)}"
                raise table.error(row, self.voter_place, reason, "A person has one vote: keep the last")
            voters.add(voter_id)
            if len(voters) > MAX_VOTERS:
                raise table.error(row, self.voter_place, f"more than {MAX_VOTERS} voters", "Split the election")
            self._check_unused(row)
            votes.append(self._vote(row, voter_id))
        return tuple(votes)

    def _check_unused(self, row: Row) -> None:
        for place in self.unused:
            if row.text(place):
                reason = f"vote type {self.kind.label} with {shown(row.text(place))} beside the vote"
                raise self.table.error(row, place, reason, "Empty the cell")
        for place in self.weights:
            if row.text(place) not in ("", "1"):
                reason = f"a vote of weight {shown(row.text(place))}"
                raise self.table.error(row, place, reason, "Every vote weighs the same here")

    def _vote(self, row: Row, voter_id: str) -> Vote:
        options = self._options(row)
        extra = tuple([row.text(place) for place in self.others]) if self.others else ()
        points = () if self.value_place is None else tuple(self._values(row, self.value_place, len(options)))
        return Vote(voter_id, options, points, extra)

    def _options(self, row: Row) -> tuple[OptionNumber, ...]:
        cell = row.text(self.vote_place)
        if not cell:
            return ()
        words = cell.split(",")
        try:
            options = tuple([self.numbers[word] for word in words])
        except KeyError:
            options = self._spaced(row, words)
        if len(set(options)) != len(options):
            doubled = next(i for i, option in enumerate(options) if option in options[:i])
            offset = sum(len(word) + 1 for word in words[:doubled])
            reason = f"the vote names {shown(words[doubled].strip())} twice"
            raise self.table.error(row, self.vote_place, reason, "Name each project once", offset)
        return options

    def _spaced(self, row: Row, words: list[str]) -> tuple[OptionNumber, ...]:
        """As above where the ids have spaces around them, or one is not known."""
        options, offset = [], 0
        for word in words:
            number = self.numbers.get(word.strip())
            if number is None:
                begin = offset + len(word) - len(word.lstrip())
                reason = f"a vote for {shown(word.strip())}, which is no project" if word.strip() else "an empty id"
                raise self.table.error(row, self.vote_place, reason, "Name ids of PROJECTS, between commas", begin)
            options.append(number)
            offset += len(word) + 1
        return tuple(options)

    def _values(self, row: Row, place: int, expected: int) -> list[int]:
        """Points or answers, one for each option that the vote names."""
        cell = row.text(place)
        words = cell.split(",") if cell else []
        if len(words) != expected:
            what = "answers" if self.kind is BallotType.YES_NO_ABSTAIN else "points"
            reason = f"{expected} projects and {len(words)} {what}"
            raise self.table.error(row, place, reason, "Give one for each project, in the same order")
        values, offset = [], 0
        for word in words:
            values.append(self._value(row, place, word.strip(), offset + len(word) - len(word.lstrip())))
            offset += len(word) + 1
        return values

    def _value(self, row: Row, place: int, word: str, offset: int) -> int:
        if self.kind is BallotType.YES_NO_ABSTAIN:
            if word.lower() not in ANSWERS:
                raise self.table.error(row, place, f"the answer {shown(word)}", "Give yes, no or abstain", offset)
            return ANSWERS[word.lower()]
        value = whole(self.table, row, place, "a number of points", text=word, offset=offset)
        if value > MAX_POINTS:
            raise self.table.error(row, place, f"{value} points", f"Give at most {MAX_POINTS}", offset)
        return value

    def points_per_rank(self, meta: Meta, rules: BallotRules) -> BallotRules:
        """Points that an ordered file gives vote by vote: they must be those of the places, as one vote of full length
        shows them where META does not.
        """
        place = self.table.columns["points"]
        given = []
        for row in self.table.rows:
            options = self._options(row)
            given.append(self._values(row, place, len(options)) if row.text(place) else None)
        per_rank = rules.points_per_rank
        if "points_per_rank" not in meta:
            full = next((points for points in given if points is not None and len(points) == len(per_rank)), None)
            per_rank = per_rank if full is None else tuple(full)
        for row, points in zip(self.table.rows, given, strict=True):
            if points is not None and tuple(points) != per_rank[: len(points)]:
                reason = f"points {row.text(place)[:40]} where the places bring {','.join(map(str, per_rank))[:40]}"
                raise self.table.error(row, place, reason, "Give points_per_rank in META, or vote_type cumulative")
        return replace(rules, points_per_rank=per_rank)
