# SPDX-License-Identifier: AGPL-3.0-or-later
"""An `Election` to `.pb` text, with a recount where there is one."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.allocation import Allocation, Totals
from protocol.pabulib.model import Election, Project, Vote
from protocol.pabulib.text import SECTIONS
from protocol.types import BallotType

_ANSWER = {1: "yes", -1: "no", 0: "abstain"}


def write_pb(election: Election, *, totals: Totals | None = None, allocation: Allocation | None = None) -> str:
    """The file. With `totals` the columns votes and score, with `allocation` the column selected are the recount's,
    otherwise what was published. Reading it again gives the same election, published values aside.
    """
    rows: list[Iterable[str]] = [["META"], ["key", "value"], *_meta(election)]
    rows += [["PROJECTS"], *_projects(election, totals, allocation)]
    rows += [["VOTES"], *_votes(election)]
    return "".join(";".join(row) + "\n" for row in rows)


def _cell(text: str) -> str:
    if '"' in text or ";" in text or "\n" in text or text.upper() in SECTIONS or text.startswith("\ufeff"):
        return '"' + text.replace('"', '""') + '"'
    return text


def _meta(election: Election) -> Iterable[Iterable[str]]:
    values = dict(election.meta)
    values["num_projects"] = str(len(election.projects))
    values["num_votes"] = str(len(election.votes))
    per_rank = election.ballot.points_per_rank
    if per_rank != tuple(range(len(per_rank), 0, -1)):
        values["points_per_rank"] = ",".join(map(str, per_rank))
        values.pop("scoring_fn", None)
    return [[_cell(key), _cell(value)] for key, value in values.items()]


def _money(amount: int, unit: int) -> str:
    whole, fraction = divmod(amount, unit)
    return f"{whole}.{fraction:0{len(str(unit)) - 1}d}" if fraction else str(whole)


def _projects(election: Election, totals: Totals | None, allocation: Allocation | None) -> Iterable[Iterable[str]]:
    scored = election.ballot.ballot_type in (BallotType.CUMULATIVE, BallotType.ORDERED)

    def votes(project: Project) -> int | None:
        return totals.support[project.number] if totals else project.votes

    def score(project: Project) -> int | None:
        return totals.scores[project.number] if totals and scored else project.score

    def selected(project: Project) -> int | None:
        return int(project.number in allocation.winners) if allocation else project.selected

    columns = {"votes": votes, "score": score, "selected": selected}
    used = {name: get for name, get in columns.items() if any(get(p) is not None for p in election.projects)}
    yield [*("project_id", "cost", "name"), *used, *map(_cell, election.project_columns)]
    for project in election.projects:
        values = [get(project) for get in used.values()]
        yield [
            _cell(project.project_id),
            _money(project.cost, election.unit),
            _cell(project.name),
            *("" if value is None else str(value) for value in values),
            *map(_cell, project.extra),
        ]


def _votes(election: Election) -> Iterable[Iterable[str]]:
    column = {BallotType.CUMULATIVE: "points", BallotType.YES_NO_ABSTAIN: "answers"}.get(election.ballot.ballot_type)
    yield ["voter_id", "vote", *([column] if column else []), *map(_cell, election.vote_columns)]
    ids = [_cell(project.project_id) for project in election.projects]
    quoted = any(cell.startswith('"') for cell in ids)
    for vote in election.votes:
        named = _named(election, vote) if quoted else ",".join([ids[option] for option in vote.options])
        values = [_values(vote, answers=column == "answers")] if column else []
        yield [_cell(vote.voter_id), named, *values, *map(_cell, vote.extra)]


def _named(election: Election, vote: Vote) -> str:
    return _cell(",".join(election.projects[option].project_id for option in vote.options))


def _values(vote: Vote, *, answers: bool) -> str:
    return ",".join(_ANSWER[value] if answers else str(value) for value in vote.points)
