# SPDX-License-Identifier: AGPL-3.0-or-later
"""The result document: its bytes, and that it says what the ballots say, under every rule."""

from __future__ import annotations

import copy
import json

import pytest

from protocol import events, result
from protocol.hashing import keccak
from protocol.plaintext import Approval, Blank, Choice, Cumulative, Knapsack, Ordered, SingleChoice, YesNoAbstain
from protocol.types import AllocationRule, AllocationRules, BallotRules, BallotType, InitiativeId, TieBreak
from tests.protocol.chronicle import CHAIN_ID, ONE, SUITE, Chronicle, rules, whole_life

APPROVAL = BallotRules(BallotType.APPROVAL, 1, 3)
TOP_ONE = AllocationRules(AllocationRule.TOP_K, winners=1)


def counted(ballot: BallotRules, allocation: AllocationRules, *choices: Choice | bytes) -> Chronicle:
    """Three options that cost 100, 200 and 300."""
    c = Chronicle()
    c.until_voting(voters=max(2, len(choices)), given=rules(ballot, allocation))
    for voter, choice in enumerate(choices):
        c.emit(c.ballot(voter, choice))
    c.open()
    c.count()
    return c


def document(c: Chronicle) -> dict[str, object]:
    read = json.loads(result.compute(c.state, ONE).document)
    assert isinstance(read, dict)
    return read


def winners(c: Chronicle) -> object:
    return document(c)["allocation"]["winners"]  # type: ignore[index]


def test_the_document_byte_by_byte() -> None:
    choices = Approval((0, 2)), Approval((2,)), Blank(), b"\xff" + bytes(31)
    c = counted(APPROVAL, AllocationRules(AllocationRule.GREEDY, budget=350), *choices)
    accumulator = c.initiative.count.accumulator
    texts = [keccak(b"text%d" % number).hex() for number in (1, 2, 3)]
    options = ",".join(
        f'{{"contentHash":"0x{text}","cost":"{cost}","option":{number},"proposal":{number + 1},'
        f'"score":"{score}","support":{score}}}'
        for number, (text, cost, score) in enumerate(zip(texts, (100, 200, 300), (1, 0, 2), strict=True))
    )
    expected = (
        f'{{"accumulator":"0x{accumulator:064x}","allocation":{{"rule":"greedy","spent":"300","winners":[2]}},"blank":1,'
        f'"chainId":"{CHAIN_ID}","channels":{{"assisted":0,"own-device":4}},"distinct":4,"initiative":1,"null":1,'
        f'"options":[{options}],"registered":4,"rulesHash":"0x{c.initiative.rules_hash.hex()}",'
        f'"schema":"urna/result/v1","tally":"0x{SUITE.tally.hex()}","valid":2}}'
    )
    computed = result.compute(c.state, ONE)
    assert computed.document.decode() == expected
    assert computed.hash == keccak(expected.encode()) == result.result_hash(computed.document)


def test_nothing_before_the_count_is_complete() -> None:
    c = Chronicle()
    c.until_voting()
    for number in (ONE, InitiativeId(2)):
        with pytest.raises(result.ResultError):
            result.compute(c.state, number)


def test_the_order_of_casting_and_counting_changes_nothing() -> None:
    first = Chronicle()
    first.until_voting()
    second = copy.deepcopy(first)
    ballots = [first.ballot(voter, Approval((voter % 3,))) for voter in range(4)]
    for c, order in ((first, ballots), (second, ballots[::-1])):
        for ballot in order:
            c.emit(ballot)
        c.open()
        c.count()
    assert result.compute(first.state, ONE) == result.compute(second.state, ONE)


@pytest.mark.parametrize(
    ("ballot", "choices", "expected"),
    [
        (BallotRules(BallotType.SINGLE_CHOICE, 1, 1), [SingleChoice(1), SingleChoice(1), SingleChoice(0)], [1]),
        (BallotRules(BallotType.KNAPSACK, 1, 3, max_cost=300), [Knapsack((0, 1)), Knapsack((2,)), Knapsack((1,))], [1]),
        (
            BallotRules(BallotType.CUMULATIVE, 1, 3, 1, 5, 1, 6),
            [Cumulative(((0, 5),)), Cumulative(((1, 3), (2, 3))), Cumulative(((2, 3),))],
            [2],
        ),
        (
            BallotRules(BallotType.ORDERED, 1, 3, points_per_rank=(3, 1, 0)),
            [Ordered((0, 1)), Ordered((1, 0)), Ordered((2, 1))],
            [1],
        ),
        (BallotRules(BallotType.YES_NO_ABSTAIN, 0, 3), [YesNoAbstain((1,), (0,)), YesNoAbstain((1, 2), ())], [1]),
    ],
)
def test_every_ballot_type_has_its_scores(ballot: BallotRules, choices: list[Choice], expected: list[int]) -> None:
    assert winners(counted(ballot, TOP_ONE, *choices)) == expected


def test_majority_is_absolute_unless_the_ballot_can_say_no() -> None:
    majority = AllocationRules(AllocationRule.MAJORITY, quorum=3)
    some = [Approval((0,)), Approval((0, 1)), Approval((1, 2)), Approval((1,))]
    assert winners(counted(APPROVAL, majority, *some)) == [1]
    yes_no = BallotRules(BallotType.YES_NO_ABSTAIN, 0, 3)
    answers: list[Choice] = [YesNoAbstain((0, 1), ()), YesNoAbstain((), (1,)), Blank()]
    assert winners(counted(yes_no, majority, *answers)) == [0]
    assert winners(counted(yes_no, majority, *answers[:2])) == []


def test_ties_break_by_the_rule_of_the_initiative() -> None:
    votes = [Approval((0,)), Approval((1,)), Approval((2,))]
    for tie_break, winner in [(TieBreak.OPTION_NUMBER, 0), (TieBreak.LOWER_COST, 0), (TieBreak.HIGHER_COST, 2)]:
        allocation = AllocationRules(AllocationRule.TOP_K, tie_break, winners=1)
        assert winners(counted(APPROVAL, allocation, *votes)) == [winner]


def test_costs_are_those_when_voting_opened() -> None:
    greedy = AllocationRules(AllocationRule.GREEDY_NO_SKIP, budget=250)
    c = Chronicle()
    c.until_review(given=rules(APPROVAL, greedy))
    c.emit(events.CostChanged(ONE, c.initiative.proposals.options[1], 400, "a new estimate"))
    c.now = c.windows.voting_opens
    c.emit(c.ballot(0, Approval((1,))), c.ballot(1, Approval((0, 1))))
    c.open()
    c.count()
    assert winners(c) == []


def test_all_null_counts_and_says_so() -> None:
    c = counted(
        APPROVAL, AllocationRules(AllocationRule.EQUAL_SHARES_ADD1, budget=500), bytes(31) + b"\xff", b"\1" * 32
    )
    read = document(c)
    assert (read["valid"], read["null"], read["allocation"]) == (
        0,
        2,
        {"rule": "equal-shares-add1", "spent": "0", "winners": []},
    )


def test_a_whole_life_has_one_result() -> None:
    life = whole_life()
    assert life.initiative.count.result_hash == result.compute(life.state, ONE).hash
