# SPDX-License-Identifier: AGPL-3.0-or-later
"""A thousand seeded one-value mutations of a bundle: each is found, and its check named (issue 3, 8.3; B10)."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import Any

import pytest

from node.observer import Report
from protocol.checks import CHECKS
from tests.node.observer.conftest import Observe
from tests.node.observer.mutations import Mutation, field_of, in_json, in_rlp, nodes

SEED = 20261122
IN_JSON, IN_RLP = 700, 300

# For people, and for senders: nothing that an observer verifies depends on them.
DISPLAY = frozenset({"deployment.network", "deployment.finalitySeconds"})

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_blocks")]


def missed(mutations: list[Mutation], observing: Observe) -> tuple[list[str], Counter[str]]:
    """What was not found, and how often each check found something."""
    unseen, named = [], Counter[str]()
    for mutation in mutations:
        report: Report = observing(mutation.bundle)
        if report.ok or not report.failed or report.failed[0].id not in CHECKS or not report.failed[0].detail:
            unseen.append(mutation.what)
        else:
            named[report.failed[0].id] += 1
    return unseen, named


def test_the_bundle_itself_passes(bundle: dict[str, Any], observing: Observe) -> None:
    report = observing(bundle)

    assert report.ok
    assert {check.id for check in report.checks if check.outcome != "passed"} == {"chain.seals"}
    assert [check.id for check in report.checks] == list(CHECKS)


def test_B10_mutations_of_the_json_are_found(bundle: dict[str, Any], observing: Observe) -> None:
    mutations = list(islice(in_json(bundle, DISPLAY, random.Random(SEED)), IN_JSON))
    unseen, named = missed(mutations, observing)

    assert unseen == []
    assert len(named) >= 6, named


def test_B10_mutations_within_the_rlp_are_found(bundle: dict[str, Any], observing: Observe) -> None:
    mutations = list(islice(in_rlp(bundle, random.Random(SEED)), IN_RLP))
    unseen, named = missed(mutations, observing)

    assert unseen == []
    assert {"chain.headers", "chain.transactions", "chain.receipts"} <= set(named)


def test_display_fields_are_there_and_nothing_else_is_free(bundle: dict[str, Any]) -> None:
    assert {field_of(path) for path, _ in nodes(bundle)} >= DISPLAY
