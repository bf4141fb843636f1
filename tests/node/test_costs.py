# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an initiative cost is the sum of its receipts, by who sent them; the estimate before it is of the same order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node import publisher
from node.costs import Costs, costs
from node.engine import EmbeddedEngine
from node.errors import NodeError
from node.publisher import Acceptance
from node.trustee import TrusteeRun
from protocol.choice import Approval
from protocol.effort import estimate
from protocol.types import Role
from tests.node.town import NAMES, Town, open_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("costs")
    with EmbeddedEngine(folder / "engine") as engine, open_town(engine, folder) as opened:
        yield opened


def test_an_initiative_costs_what_its_receipts_say(town: Town) -> None:
    for name in NAMES:
        TrusteeRun(town.members[name]).run()
    draft = town.draft()
    member = town.members["A"]
    initiative = publisher.create(member, draft, patience=5).initiative
    publisher.create(member, town.draft(), patience=5)  # somebody else's, which must not be counted
    windows = draft.rules.windows
    town.until(windows.registration_opens)
    voters = town.register(initiative, 12)
    town.submit(initiative, 3)
    publisher.accept(member, initiative, [Acceptance(1, 10), Acceptance(2, 20)])
    publisher.reject(member, initiative, 3, feasible=False, reason="no land")
    for name in NAMES:
        TrusteeRun(town.members[name]).run(initiative)
    town.until(town.read("Ceremony", "epochOf", initiative).startsAt + 1200)
    TrusteeRun(member).run(initiative)
    town.until(windows.voting_opens)
    receipt = town.cast(initiative, [town.ballot(initiative, voter, Approval((0,))) for voter in voters])

    percents: list[int] = []
    found = costs(
        town.rpc, town.deployment, initiative, own={town.relay.address: member.entity}, progress=percents.append
    )

    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert (found.registered, found.proposals, found.ballots, found.counted) == (12, 3, 12, 0)
    assert found.acts == 4  # created, two accepted, one rejected
    assert dict(found.signatures) == {1: 4, 2: 4}  # one batch, three proposals
    assert found.hours == (windows.voting_closes + windows.challenge_period - windows.registration_opens) / 3600
    (cast,) = [item for item in found.items if item.kind == "BallotCast"]
    assert (cast.gas, cast.transactions, cast.entity) == (receipt.gas_used, 1, member.entity)
    assert cast.calldata > 12 * 256
    assert sum(item.transactions for item in found.items if item.entity is None) == 0
    publishers = member.folder.public.accounts[Role.PUBLISHER]
    assert {item.kind for item in found.items if item.account == "0x" + publishers.hex()} == {
        "InitiativeCreated",
        "ProposalAccepted",
        "ProposalRejected",
    }
    _compare_with_the_estimate(town, found, initiative)


def _compare_with_the_estimate(town: Town, found: Costs, initiative: int) -> None:
    rules = town.draft().rules
    reckoned = estimate(rules, proposals=3, accepted=2, registered=12, ballots=12, words=1)
    gas = {task.name: task.gas for task in reckoned.tasks}
    real: dict[str, int] = {}
    for item in found.items:
        real[item.kind] = real.get(item.kind, 0) + item.gas
    decided = real["ProposalAccepted"] + real["ProposalRejected"]
    assert gas["create"] == pytest.approx(real["InitiativeCreated"], rel=0.25)
    assert gas["propose"] == pytest.approx(real["ProposalSubmitted"], rel=0.25)
    assert gas["decide"] == pytest.approx(decided, rel=0.4)
    assert gas["deal"] == pytest.approx(real["Dealt"], rel=0.25)
    assert gas["register"] == pytest.approx(real["Registered"], rel=0.25)
    assert gas["cast"] == pytest.approx(real["BallotCast"], rel=0.25)


def test_an_initiative_that_is_not_there_is_named(town: Town) -> None:
    with pytest.raises(NodeError, match="no initiative 77"):
        costs(town.rpc, town.deployment, 77)
