# SPDX-License-Identifier: AGPL-3.0-or-later
"""The life of one initiative as a state machine on anvil: everybody does anything, at any time.

Each call must succeed exactly where the phase that the events imply allows it, and fail with that phase's error where
not; after each, the contracts hold what the fold of their events holds.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import actors
import brownie
from brownie.test import strategy
from follow_ups import FollowUps
from hypothesis import HealthCheck
from ledger import Phase
from suite import THRESHOLD, Suite, deploy


class Life(FollowUps):
    st_pace = strategy("uint8", max_value=127)
    st_seed = strategy("uint32")

    ends: Counter[Phase]
    reported: Counter[bool]
    looked = -1

    def __init__(cls, suite: Suite, poseidon: Any, ends: Counter[Phase], reported: Counter[bool]) -> None:
        """Brownie calls it once, on the class."""
        cls.suite = suite
        cls.poseidon = poseidon
        cls.ends = ends
        cls.reported = reported

    def teardown(self) -> None:
        self.ends[self.ledger.phase(self.mined)] += 1
        self.reported[bool(self.ledger.reports)] += 1

    def rule_register(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.register(st_seed)

    def rule_queue_replacement(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.queue_replacement(st_seed)

    def rule_apply_replacement(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.apply_replacement(st_seed)

    def rule_propose(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.propose(st_seed)

    def rule_moderate(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.moderate(st_seed)

    def rule_deal(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.deal(st_seed)

    def rule_finalise(self, st_pace: int) -> None:
        self.pass_time(st_pace)
        self.finalise()

    def rule_release(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.release(st_seed)

    def rule_cast(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.cast(st_seed)

    def rule_count(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.count(st_seed)

    def rule_attest(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.attest(st_seed)

    def rule_report(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.report(st_seed)

    def rule_erase(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.erase(st_seed)

    def rule_extend(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.extend(st_seed)

    def rule_reopen(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.reopen(st_seed)

    def rule_void(self, st_pace: int, st_seed: int) -> None:
        self.pass_time(st_pace)
        self.void(st_seed)

    # ── the sentences ("nothing is accepted outside its window" is asserted by every call) ──

    def invariant_the_sentences_hold(self) -> None:
        """Looked at after whatever was accepted; what is refused changes nothing, as every next look shows."""
        if self.accepted == self.looked:
            return
        self.looked = self.accepted
        self._state_is_a_pure_fold_of_the_events()
        self._accepted_ballots_are_distinct_nullifiers_and_at_most_the_registered()
        self._the_counts_are_those_of_the_accepted_ballots()
        self._nothing_is_opened_before_its_time()
        self._reports_are_those_that_were_given_and_stay()

    def _state_is_a_pure_fold_of_the_events(self) -> None:
        s, ledger = self.suite, self.ledger
        phase, reason = ledger.status(self.mined)
        assert (s.initiatives.phase(self.id), s.initiatives.voidReason(self.id)) == (phase, reason)
        assert s.initiatives.windowsOf(self.id)[3] == ledger.closes
        assert s.electorate.size(self.id) == len(ledger.leaves)
        assert s.electorate.root(self.id) == ledger.root
        leaves = tuple(ledger.leaves)
        if leaves not in self.root_of:
            self.root_of[leaves] = self._tree()[0]
        assert ledger.root == self.root_of[leaves]
        assert list(s.proposals.costs(self.id)) == ledger.costs
        assert s.ceremony.isFinalised(self.id) == ledger.finalised
        assert s.ceremony.releasedCount(self.id) == len(ledger.shares)
        assert s.ceremony.secretKey(self.id) == ledger.secret_key

    def _accepted_ballots_are_distinct_nullifiers_and_at_most_the_registered(self) -> None:
        box, ledger = self.suite.ballot_box, self.ledger
        assert box.ballotCount(self.id) == len(ledger.records) <= len(ledger.leaves)
        for nullifier, record in ledger.records.items():
            expected = 0 if nullifier in ledger.counted else actors.slot(self.scope, record)
            assert box.slotOf(self.id, nullifier) == expected

    def _the_counts_are_those_of_the_accepted_ballots(self) -> None:
        tally, ledger = self.suite.tally, self.ledger
        outcomes = [outcome for outcome, _ in ledger.counted.values()]
        channels = [ledger.records[nullifier][36] for nullifier in ledger.counted]
        expected = [len(outcomes), *(outcomes.count(o) for o in range(3)), channels.count(0), channels.count(1)]
        assert list(tally.countsOf(self.id)) == [*expected, ledger.accumulator()]
        assert list(tally.totalsOf(self.id)) == ledger.totals()

    def _nothing_is_opened_before_its_time(self) -> None:
        if self.mined < self.ledger.closes + self.ledger.windows.challenge:
            assert not self.ledger.shares
        if len(self.ledger.shares) < THRESHOLD:
            assert self.ledger.secret_key == 0

    def _reports_are_those_that_were_given_and_stay(self) -> None:
        follow_up, ledger = self.suite.follow_up, self.ledger
        assert bytes(self.suite.tally.resultHashOf(self.id)) == (ledger.result or bytes(32))
        for option in range(len(ledger.costs)):
            given = ledger.reports.get(option, [])
            assert follow_up.reportCount(self.id, option) == len(given)
            for number, expected in enumerate(given, 1):
                status, share, _, erased, spent, text = follow_up.reportOf(self.id, option, number)
                assert (status, share, spent, bytes(text)) == expected
                assert erased == ((option, number) in ledger.erased)


def test_life_of_an_initiative(state_machine: Any) -> None:
    (project,) = brownie.project.get_loaded_projects()
    suite = deploy(project)
    ends: Counter[Phase] = Counter()
    reported: Counter[bool] = Counter()
    state_machine(
        Life,
        suite,
        project.PoseidonT3[-1],
        ends,
        reported,
        settings={
            # Hypothesis begins with ten short lives, which rarely come to registration.
            "max_examples": 22,
            "stateful_step_count": 60,
            "deadline": None,
            "database": None,
            "suppress_health_check": list(HealthCheck),
        },
    )
    # So that the sentences are about something.
    assert ends[Phase.COUNTED] > 0, ends
    assert reported[True] > 0, reported
