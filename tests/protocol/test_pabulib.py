# SPDX-License-Identifier: AGPL-3.0-or-later
"""`.pb` files in and out: what is read, what is refused and where, and that writing loses nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import count as counting
from protocol.allocation import Rule, TieBreak
from protocol.pabulib import Election, PbError, read_pb, write_pb
from protocol.pabulib.model import MAX_OPTIONS
from protocol.pabulib.text import MAX_CELL
from protocol.plaintext import NullReason, YesNoAbstain
from protocol.types import BallotType


def pb(
    meta: str = "vote_type;approval\nrule;greedy\nbudget;100",
    projects: str = "project_id;cost;name\na;10;Uma\nb;20;Duas\nc;30;Três",
    votes: str = "voter_id;vote\nv1;a,b\nv2;c",
) -> str:
    return f"META\nkey;value\n{meta}\nPROJECTS\n{projects}\nVOTES\n{votes}\n"


def read(text: str | bytes) -> Election:
    return read_pb(text, "x.pb")


def refused(text: str | bytes) -> PbError:
    with pytest.raises(PbError) as caught:
        read(text)
    return caught.value


# --- what is read -----------------------------------------------------------------------------------------------


def test_columns_come_in_any_order_and_unknown_ones_are_kept() -> None:
    election = read(pb(projects="name;cost;category;project_id\nUma;10;arte;a", votes="age;vote;voter_id\n34;a;v1"))
    project, vote = election.projects[0], election.votes[0]
    assert (project.project_id, project.cost, project.name, project.extra) == ("a", 10, "Uma", ("arte",))
    assert (vote.voter_id, vote.options, vote.extra) == ("v1", (0,), ("34",))
    assert (election.project_columns, election.vote_columns) == (("category",), ("age",))


def test_spaces_around_cells_and_ids_are_not_part_of_them() -> None:
    election = read(pb(projects="project_id; cost\na; 10\nb; 20", votes="voter_id; vote\n v1 ; a, b "))
    assert election.votes[0].options == (0, 1)


@pytest.mark.parametrize("change", ["\ufeff{}", "{}\n\n  \n"])
def test_byte_order_mark_and_blank_lines_are_ignored(change: str) -> None:
    assert read(change.format(pb())) == read(pb())


def test_lines_may_end_in_crlf() -> None:
    assert read(pb().replace("\n", "\r\n")) == read(pb())


def test_quoted_cells_hold_semicolons_quotes_and_line_ends() -> None:
    election = read(
        pb(
            projects='project_id;cost;name\na;10;"Uma; ""bela"" ideia\nem duas linhas"\nb;20;Duas',
            votes="voter_id;vote",
        )
    )
    assert [p.name for p in election.projects] == ['Uma; "bela" ideia\nem duas linhas', "Duas"]


def test_a_quote_within_an_unquoted_cell_is_itself() -> None:
    assert read(pb(projects='project_id;cost;name\na;10;o "Sol"\nb;1;\nc;1;')).projects[0].name == 'o "Sol"'


def test_sections_in_another_order_are_read() -> None:
    head, projects, votes = pb().replace("PROJECTS", "|PROJECTS").replace("VOTES", "|VOTES").split("|")
    assert read(votes + projects + head) == read(pb())


def test_amounts_with_decimals_are_exact_in_minor_units() -> None:
    election = read(
        pb("vote_type;approval\nrule;equalshares/add1\nbudget;100.50", "project_id;cost\na;10,25\nb;20\nc;3")
    )
    assert (election.allocation.budget, election.unit) == (10050, 100)
    assert [project.cost for project in election.projects] == [1025, 2000, 300]


def test_amounts_with_empty_decimals_stay_whole() -> None:
    assert read(pb("vote_type;approval\nrule;greedy\nbudget;100.00")).unit == 1


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        ("greedy", "", Rule.GREEDY),
        ("greedy", "min_project_score_threshold;2", Rule.GREEDY_THRESHOLD),
        ("greedy-no-skip", "", Rule.GREEDY_NO_SKIP),
        ("greedy-threshold", "min_project_score_threshold;2", Rule.GREEDY_THRESHOLD),
        ("equalshares", "", Rule.EQUAL_SHARES),
        ("equalshares/add1", "", Rule.EQUAL_SHARES_ADD1),
        ("top-k", "num_winners;2", Rule.TOP_K),
        ("majority", "quorum;2", Rule.MAJORITY),
    ],
)
def test_rules_and_their_default_tie_break(rule: str, more: str, expected: Rule) -> None:
    election = read(pb(f"vote_type;approval\nrule;{rule}\nbudget;100\n{more}"))
    allocation = election.allocation
    assert counting.parameters(election.ballot, allocation).absolute
    assert allocation.rule is expected
    assert allocation.tie_break is (TieBreak.LOWER_COST if expected.needs_ballots else TieBreak.OPTION_NUMBER)
    assert allocation.budget == (100 if expected.has_budget else 0)
    assert allocation.threshold == (2 if "threshold" in more else 0)


@pytest.mark.parametrize("tie_break", list(TieBreak))
def test_the_tie_break_can_be_named(tie_break: TieBreak) -> None:
    meta = f"vote_type;approval\nrule;greedy\nbudget;100\ntie_break;{tie_break.label}"
    assert read(pb(meta)).allocation.tie_break is tie_break


def test_consultations_need_neither_budget_nor_costs() -> None:
    election = read(pb("vote_type;choose-1\nrule;majority", "project_id\nsim\nnão", "voter_id;vote\nv1;sim"))
    assert (election.ballot.ballot_type, counting.winners(election).winners) == (BallotType.SINGLE_CHOICE, (0,))


def test_ranks_bring_borda_points_unless_the_file_says_otherwise() -> None:
    votes = "voter_id;vote\nv1;a,b\nv2;c"
    plain = read(pb("vote_type;ordinal\nrule;greedy\nbudget;1\nmax_length;2", votes=votes))
    named = read(pb("vote_type;ordinal\nrule;greedy\nbudget;1\nmax_length;2\npoints_per_rank;5,3", votes=votes))
    given_ = read(
        pb("vote_type;ordinal\nrule;greedy\nbudget;1\nmax_length;2", votes="voter_id;vote;points\nv1;a,b;7,4\nv2;c;7")
    )
    assert [counting.count(e).scores for e in (plain, named, given_)] == [(2, 1, 2), (5, 3, 5), (7, 4, 7)]


def test_an_approval_bounded_by_cost_is_a_knapsack() -> None:
    election = read(pb("vote_type;approval\nrule;greedy\nbudget;100\nmax_sum_cost;45"))
    assert (election.ballot.ballot_type, election.ballot.max_cost) == (BallotType.KNAPSACK, 45)


def test_a_knapsack_holds_the_budget_by_default() -> None:
    assert read(pb("vote_type;knapsack\nrule;greedy\nbudget;100")).ballot.max_cost == 100


def test_answers_are_yes_no_or_abstain() -> None:
    votes = "voter_id;vote;answers\nv1;a,b;yes,no\nv2;b,a;No,abstain\nv3;;"
    election = read(pb("vote_type;yes-no-abstain\nrule;majority", votes=votes))
    totals = counting.count(election)
    assert (totals.support, totals.against, totals.blank) == ((1, 0, 0), (0, 2, 0), 1)
    assert counting.choice(election, election.votes[1]) == YesNoAbstain((), (1,))
    assert counting.winners(election).winners == (0,)


def test_published_results_are_read_where_they_stand() -> None:
    election = read(pb(projects="project_id;cost;votes;score;selected\na;1;5;9;1\nb;1;3;4;0\nc;1;0;0;2"))
    assert [(p.votes, p.score) for p in election.projects] == [(5, 9), (3, 4), (0, 0)]
    assert election.published_winners == (0,)
    assert read(pb()).published_winners is None


# --- ballots that break their limits ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meta", "votes", "flaw"),
    [
        ("vote_type;approval\nmax_length;2", "v1;a,b,c", NullReason.TOO_MANY),
        ("vote_type;approval\nmin_length;2", "v1;a", NullReason.TOO_FEW),
        ("vote_type;choose-1", "v1;a,b", NullReason.TOO_MANY),
        ("vote_type;knapsack\nmax_sum_cost;40", "v1;b,c", NullReason.COST),
        ("vote_type;cumulative\nmax_sum_points;5", "v1;a,b;3,3", NullReason.SUM),
        ("vote_type;cumulative\nmax_sum_points;5\nmin_sum_points;4", "v1;a;3", NullReason.SUM),
        ("vote_type;cumulative\nmax_sum_points;5\nmax_points;2", "v1;a;3", NullReason.POINTS),
        ("vote_type;cumulative\nmax_sum_points;5\nmin_points;2", "v1;a;1", NullReason.POINTS),
        ("vote_type;ordinal\nmin_length;3", "v1;a,b", NullReason.TOO_FEW),
        ("vote_type;yes-no-abstain\nmin_length;1", "v1;a;abstain", NullReason.TOO_FEW),
    ],
)
def test_B9_a_ballot_that_breaks_its_limits_is_kept_and_null(meta: str, votes: str, flaw: NullReason) -> None:
    column = ";points" if "cumulative" in meta else ";answers" if "yes-no" in meta else ""
    election = read(pb(f"{meta}\nrule;greedy\nbudget;100", votes=f"voter_id;vote{column}\n{votes}\nv2;"))
    assert counting.flaw(election, election.votes[0]) is flaw
    totals = counting.count(election)
    assert (totals.valid, totals.blank, totals.null, sum(totals.support)) == (0, 1, 1, 0)


# --- what is refused --------------------------------------------------------------------------------------------

META = "vote_type;approval\nrule;greedy\nbudget;100\n"
REFUSED = {
    "no META": (pb().replace("META\nkey;value\n", "", 1), 1, 1, "before the first section"),
    "no VOTES": (pb().split("VOTES")[0], 11, 1, "no section VOTES"),
    "META twice": (pb() + "META\nkey;value\n", 15, 1, "second section META"),
    "no header": ("META\nPROJECTS\n", 1, 1, "META has no line with its columns"),
    "column twice": (pb(votes="voter_id;vote;vote\nv1;a;b"), 12, 15, "second column vote"),
    "unnamed column": (pb(votes="voter_id;;vote\nv1;;b"), 12, 10, "column without a name"),
    "no vote column": (pb(votes="voter_id\nv1"), 12, 1, "no column vote"),
    "no cost column": (pb(projects="project_id\na"), 7, 1, "no column cost"),
    "too many cells": (pb(projects="project_id;cost\na;1\nb;2; c"), 9, 6, "cell 3 of a row"),
    "NUL": (pb(projects="project_id;cost\na;1\nb\0;2"), 9, 2, "NUL"),
    "lone CR": (pb(projects="project_id;cost\na;1\rb;2"), 8, 4, "carriage return"),
    "open quote": (pb(projects='project_id;cost;name\na;1;"Uma'), 8, 5, "never closed"),
    "text after quote": (pb(projects='project_id;cost;name\na;1;"Uma" e'), 8, 10, "after a closing quote"),
    "long cell": (pb(projects=f"project_id;cost\na;1\nb;{'1' * (MAX_CELL + 1)}"), 9, 3, "more than 65536"),
    "long quoted cell": (pb(projects='project_id;cost\na;"' + "1\n" * MAX_CELL + '"'), 8, 3, "more than 65536"),
    "key twice": (pb(META + "rule;greedy"), 6, 1, "second rule"),
    "no key": (pb(META + ";3"), 6, 1, "without a key"),
    "no rule": (pb("vote_type;approval\nbudget;1"), 1, 1, "META has no rule"),
    "no budget": (pb("vote_type;approval\nrule;greedy"), 1, 1, "META has no budget"),
    "unknown rule": (
        pb("rule; greedy-exclusive\nvote_type;approval\nbudget;1"),
        3,
        7,
        "unknown rule 'greedy-exclusive'",
    ),
    "unstated rule": (pb("vote_type;approval\nrule;unknown\nbudget;1"), 4, 6, "unknown rule 'unknown'"),
    "unknown vote type": (pb("vote_type;scoring\nrule;greedy\nbudget;1"), 3, 11, "unknown vote type 'scoring'"),
    "unknown limit": (pb(META + "max_length_per_category;2"), 6, 1, "unknown limit 'max_length_per_category'"),
    "unknown quota": (pb(META + "district_quorum;2"), 6, 1, "unknown limit 'district_quorum'"),
    "foreign limit": (pb(META + "max_points;2"), 6, 1, "max_points does not belong"),
    "min_sum_cost": (pb(META + "min_sum_cost;2"), 6, 14, "min_sum_cost is not supported"),
    "foreign parameter": (pb(META + "num_winners;2"), 6, 1, "num_winners does not belong"),
    "no winners": (pb("vote_type;approval\nrule;top-k"), 1, 1, "top-k without num_winners"),
    "no threshold": (pb("vote_type;approval\nrule;greedy-threshold\nbudget;1"), 4, 6, "greedy-threshold without"),
    "majority of points": (pb("vote_type;ordinal\nrule;majority"), 4, 6, "not defined for vote type ordered"),
    "majority of another kind": (
        pb("vote_type;approval\nrule;majority\nmajority;2/3"),
        5,
        1,
        "unknown limit 'majority'",
    ),
    "too many winners": (pb("vote_type;approval\nrule;top-k\nnum_winners;4294967296"), 5, 13, "num_winners is out of"),
    "unknown tie-break": (pb(META + "tie_break;lot"), 6, 11, "unknown tie-break 'lot'"),
    "unknown scoring": (pb(META.replace("approval", "ordinal") + "scoring_fn;Dowdall"), 6, 12, "unknown scoring_fn"),
    "rising points": (pb(META.replace("approval", "ordinal") + "points_per_rank;1,2,3"), 6, 17, "rises"),
    "few points": (pb(META.replace("approval", "ordinal") + "points_per_rank;3,2"), 6, 17, "has 2 entries"),
    "odd points": (pb(META.replace("approval", "ordinal") + "points_per_rank;3,x"), 6, 17, "has 'x'"),
    "no sum of points": (pb(META.replace("approval", "cumulative")), 1, 1, "no max_sum_points"),
    "long minimum": (pb(META + "min_length;4"), 6, 12, "min_length 4 is above 3"),
    "two choices": (pb("vote_type;choose-1\nrule;greedy\nbudget;1\nmax_length;2"), 6, 12, "one choice"),
    "negative limit": (pb(META + "max_length;-2"), 6, 12, "max_length is negative"),
    "odd limit": (pb(META + "max_length;dois"), 6, 12, "not a whole number: 'dois'"),
    "odd budget": (pb("vote_type;approval\nrule;greedy\nbudget;1 000"), 5, 8, "budget is not an amount"),
    "num_projects": (pb(META + "num_projects;4"), 6, 14, "num_projects is 4, and the file has 3"),
    "num_votes": (pb(META + "num_votes;1"), 6, 11, "num_votes is 1, and the file has 2"),
    "no projects": (pb(projects="project_id;cost"), 6, 1, "PROJECTS is empty"),
    "project twice": (pb(projects="project_id;cost\na;1\na;2"), 9, 1, "second project with the id 'a'"),
    "project without id": (pb(projects="project_id;cost\n;1"), 8, 1, "without an id"),
    "comma in an id": (pb(projects='project_id;cost\n"a,b";1'), 8, 1, "has a comma"),
    "negative cost": (pb(projects="project_id;cost\na;-1"), 8, 3, "the cost is negative: '-1'"),
    "odd cost": (pb(projects="project_id;cost\na;1e3"), 8, 3, "not an amount: '1e3'"),
    "thousands": (pb(projects="project_id;cost\na;1,000"), 8, 3, "not an amount"),
    "empty cost": (pb(projects="project_id;cost\na;"), 8, 3, "the cost is missing"),
    "short row": (pb(projects="project_id;cost\n a"), 8, 3, "the cost is missing"),
    "fine cost": (pb(projects="project_id;cost\na;0.1234567"), 8, 3, "more than 6 decimals"),
    "foreign digits": (pb(projects="project_id;cost\na;١٢"), 8, 3, "not an amount"),
    "published votes": (pb(projects="project_id;cost;votes\na;1;-3"), 8, 5, "votes is negative"),
    "too many projects": (
        pb(projects="project_id;cost" + "".join(f"\np{i};1" for i in range(MAX_OPTIONS + 1))),
        8 + MAX_OPTIONS,
        1,
        "more than 1024 projects",
    ),
    "unknown project": (pb(votes="voter_id;vote\nv1;a, x"), 13, 7, "a vote for 'x', which is no project"),
    "empty id": (pb(votes="voter_id;vote\nv1;a,,b"), 13, 6, "an empty id"),
    "option twice": (pb(votes="voter_id;vote\nv1;a,b,a"), 13, 8, "names 'a' twice"),
    "voter twice": (pb(votes="voter_id;vote\nv1;a\nv1;b"), 14, 1, "second vote of 'v1'"),
    "voter without id": (pb(votes="voter_id;vote\n;b"), 13, 1, "without a voter_id"),
    "stray points": (pb(votes="voter_id;vote;points\nv1;a;2"), 13, 6, "with '2' beside the vote"),
    "weighted vote": (pb(votes="voter_id;vote;vote_strength\nv1;a;2"), 13, 6, "weight '2'"),
}
POINTS = {
    "fewer points": ("v1;a,b;1", 7, 8, "2 projects and 1 points"),
    "more points": ("v1;a;1,2", 7, 6, "1 projects and 2 points"),
    "no points": ("v1;a", 7, 5, "1 projects and 0 points"),
    "negative points": ("v1;a,b;1,-2", 7, 10, "negative: '-2'"),
    "odd points": ("v1;a,b; 1, x", 7, 12, "not a whole number: 'x'"),
    "half points": ("v1;a;1.5", 7, 6, "not a whole number: '1.5'"),
    "many points": ("v1;a;70000", 7, 6, "70000 points"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_text_is_refused_where_it_is(case: str) -> None:
    text, line, column, reason = REFUSED[case]
    error = refused(text)
    assert (error.file, error.line, error.column) == ("x.pb", line, column), str(error)
    assert reason in error.reason
    assert str(error).startswith(f"x.pb:{line}:{column}: ")
    assert error.remedy


@pytest.mark.parametrize("case", POINTS)
def test_malformed_points_are_refused_where_they_are(case: str) -> None:
    vote, line, column, reason = POINTS[case]
    votes = f"voter_id;vote;points\n{vote}"
    text = f"PROJECTS\nproject_id;cost\na;1\nb;1\nVOTES\n{votes}\n"
    error = refused(text + "META\nkey;value\nvote_type;cumulative\nrule;greedy\nbudget;1\nmax_sum_points;9\n")
    assert (error.line, error.column) == (line, column), str(error)
    assert reason in error.reason


def test_unknown_answer_is_refused_where_it_is() -> None:
    error = refused(pb("vote_type;yes-no-abstain\nrule;majority", votes="voter_id;vote;answers\nv1;a,b;yes,maybe"))
    assert (error.line, error.column, error.reason) == (12, 12, "the answer 'maybe'")


def test_points_that_do_not_follow_the_places_are_refused() -> None:
    votes = "voter_id;vote;points\nv1;a,b;2,1\nv2;b;1"
    error = refused(pb("vote_type;ordinal\nrule;greedy\nbudget;1\nmax_length;2", votes=votes))
    assert (error.line, error.column) == (15, 6)


def test_bytes_that_are_not_utf8_are_refused_where_they_are() -> None:
    error = refused(pb(projects="project_id;cost;name\na;1;Ação").encode("latin-1"))
    assert (error.line, error.column, error.reason) == (8, 6, "a byte is not UTF-8")


def test_columns_after_a_cell_of_several_lines_are_counted_on_their_line() -> None:
    error = refused(pb(projects='project_id;name;cost\na;"Uma\nideia";x'))
    assert (error.line, error.column) == (9, 8)


# --- properties -------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12).map(str.strip)
IDS = TEXT.map(lambda text: text.replace(",", "")).filter(lambda text: text.strip() == text != "")


@st.composite
def elections(draw: st.DrawFn) -> Election:
    """Elections of every vote type, read from text that the writer had no part in."""
    kind = draw(st.sampled_from(["approval", "choose-1", "cumulative", "ordinal", "knapsack", "yes-no-abstain"]))
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    rule = draw(st.sampled_from(["greedy", "equalshares", "equalshares/add1", "greedy-no-skip"]))
    meta = {"description": draw(TEXT), "vote_type": kind, "rule": rule, "budget": draw(AMOUNTS)}
    if kind == "cumulative":
        meta["max_sum_points"] = str(draw(st.integers(1, 20)))
    if kind == "ordinal" and draw(st.booleans()):
        points = sorted(draw(st.lists(st.integers(1, 9), min_size=len(ids), max_size=len(ids))), reverse=True)
        meta["points_per_rank"] = ",".join(map(str, points))
    projects = [[number, draw(AMOUNTS), draw(TEXT), draw(TEXT)] for number in ids]
    column = {"cumulative": "points", "yes-no-abstain": "answers"}.get(kind)
    votes = []
    for voter in draw(st.lists(IDS, max_size=6, unique=True)):
        named = draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids)))
        value = st.integers(0, 9).map(str) if column == "points" else st.sampled_from(["yes", "no", "abstain"])
        values = [",".join(draw(value) for _ in named)] if column else []
        votes.append([voter, ",".join(named), draw(TEXT), *values])
    rows = [["META"], ["key", "value"], *map(list, meta.items())]
    rows += [["PROJECTS"], ["project_id", "cost", "name", "category"], *projects]
    rows += [["VOTES"], ["voter_id", "vote", "age", *([column] if column else [])], *votes]
    return read("\n".join(";".join(map(quoted, row)) if len(row) > 1 else row[0] for row in rows))


AMOUNTS = st.one_of(
    st.integers(0, 10**9).map(str), st.decimals(0, 10**6, places=2, allow_nan=False).map(lambda d: f"{d:f}")
)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@settings(deadline=None)
@given(elections())
def test_what_is_written_is_read_again(election: Election) -> None:
    again = read(write_pb(election))
    meta = dict(election.meta) | {"num_projects": str(len(election.projects)), "num_votes": str(len(election.votes))}
    assert dict(again.meta) == meta
    assert [getattr(again, name) for name in Election.__slots__ if name != "meta"] == [
        getattr(election, name) for name in Election.__slots__ if name != "meta"
    ]


@settings(deadline=None)
@given(elections())
def test_a_recount_is_written_into_the_published_columns(election: Election) -> None:
    totals, allocation = counting.count(election), counting.winners(election)
    again = read(write_pb(election, totals=totals, allocation=allocation))
    assert tuple(project.votes for project in again.projects) == totals.support
    assert again.published_winners == allocation.winners
    assert counting.winners(again) == allocation


SEEDS = [
    pb(),
    pb("vote_type;ordinal\nrule;equalshares\nbudget;10.5\npoints_per_rank;5,3,1\nnum_votes;2"),
    pb("vote_type;cumulative\nrule;greedy\nbudget;9\nmax_sum_points;4", votes="voter_id;vote;points\nv1;a,b;1,2"),
    pb("vote_type;yes-no-abstain\nrule;majority\nquorum;1", votes='voter_id;vote;answers\n"v;1";a,b;yes,no'),
    pb("vote_type;knapsack\nrule;top-k\nnum_winners;1\nmax_sum_cost;30\ntie_break;lower-cost"),
]
SCRAPS = [
    ";",
    "\n",
    '"',
    '""',
    ",",
    "-",
    "\0",
    "\r",
    "\r\n",
    "META\n",
    "VOTES\n",
    "key;value\n",
    " ",
    "9" * 30,
    "é",
    "0",
    ".",
]


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(SEEDS), st.integers(1, 6), st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused_and_nothing_else(text: str, times: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(times):
        begin = rng.randrange(len(text) + 1)
        end = min(len(text), begin + rng.choice((0, 0, 1, 1, 5)))
        text = text[:begin] + rng.choice([*SCRAPS, text[end : end + 9]]) + text[end:]
    lines = text.split("\n")
    try:
        counting.winners(read(text))
    except PbError as error:
        caught = error
    else:
        return
    assert 1 <= caught.line <= len(lines)
    assert 1 <= caught.column <= len(lines[caught.line - 1]) + 1


@given(st.one_of(st.text(), st.binary()))
def test_any_text_or_bytes_are_read_or_refused_and_nothing_else(data: str | bytes) -> None:
    with pytest.raises(PbError):
        read(data)
