# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each sentence can fail: a state spoiled in one place breaks the sentence that speaks of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from protocol import invariants as inv
from protocol.state import InitiativeState
from tests.protocol.chronicle import ONE, commitment, nullifier, tag, whole_life


def _forget_a_person(i: InitiativeState) -> None:
    del i.electorate.leaves[1:]


def _early_ballot(i: InitiativeState) -> None:
    first = i.ballots.cast[0]
    early = replace(first.meta, timestamp=i.rules.windows.voting_opens - 1)
    i.ballots.cast[0] = replace(first, meta=early)


def _late_ballot(i: InitiativeState) -> None:
    last = i.ballots.cast[-1]
    i.ballots.cast[-1] = replace(last, meta=replace(last.meta, timestamp=i.voting_closes))


def _sequence_repeated(i: InitiativeState) -> None:
    i.ballots.cast.append(i.ballots.cast[0])


def _slot_not_the_last(i: InitiativeState) -> None:
    i.ballots.latest[nullifier(0)] = i.ballots.cast[0]


def _leaf_twice(i: InitiativeState) -> None:
    i.electorate.leaves[0] = i.electorate.leaves[1]


def _unused_leaf(i: InitiativeState) -> None:
    i.electorate.leaves[0] = commitment(999)


def _tag_of_two(i: InitiativeState) -> None:
    i.electorate.index[tag(0)] = 1


def _one_registrar(i: InitiativeState) -> None:
    batch = i.electorate.batches[0]
    i.electorate.batches[0] = replace(batch, signers=batch.signers[:1] * 2)


def _options_swapped(i: InitiativeState) -> None:
    i.proposals.options.reverse()


def _share_too_soon(i: InitiativeState) -> None:
    i.rules = replace(i.rules, min_anonymity=6)


def _key_of_one_share(i: InitiativeState) -> None:
    i.ceremony.shares = dict(list(i.ceremony.shares.items())[:1])


def _one_more(i: InitiativeState) -> None:
    i.count.totals[0] += 1


def _one_not_counted(i: InitiativeState) -> None:
    i.count.opened.popitem()


def _another_outcome(i: InitiativeState) -> None:
    i.count.valid, i.count.nulls = i.count.valid + 1, i.count.nulls - 1


@pytest.fixture(scope="module")
def life() -> InitiativeState:
    return whole_life().state.initiatives[ONE]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_forget_a_person, inv.ballots_are_distinct_and_at_most_the_registered),
        (_early_ballot, inv.every_ballot_came_within_its_window),
        (_late_ballot, inv.every_ballot_came_within_its_window),
        (_sequence_repeated, inv.sequences_rise_by_at_most_the_window),
        (_slot_not_the_last, inv.sequences_rise_by_at_most_the_window),
        (_leaf_twice, inv.one_person_has_one_leaf),
        (_unused_leaf, inv.one_person_has_one_leaf),
        (_tag_of_two, inv.one_person_has_one_leaf),
        (_forget_a_person, inv.registered_are_those_of_the_batches),
        (_one_registrar, inv.registered_are_those_of_the_batches),
        (_options_swapped, inv.options_are_the_accepted_proposals),
        (_share_too_soon, inv.no_share_without_enough_ballots),
        (_key_of_one_share, inv.key_needs_the_threshold),
        (_one_more, inv.counts_are_those_of_the_accepted_ballots),
        (_one_not_counted, inv.counts_are_those_of_the_accepted_ballots),
        (_another_outcome, inv.counts_are_those_of_the_accepted_ballots),
    ],
)
def test_a_sentence_fails_when_it_should(
    life: InitiativeState,
    spoil: Callable[[InitiativeState], None],
    sentence: Callable[[InitiativeState], str | None],
) -> None:
    assert sentence(life) is None
    spoiled = copy.deepcopy(life)
    spoil(spoiled)
    assert sentence(spoiled) is not None
