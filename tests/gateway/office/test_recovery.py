# SPDX-License-Identifier: AGPL-3.0-or-later
"""An act survives the process: wherever it is broken off, it happens once (G1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.assembly import Gateway, build
from gateway.office.acts import orders
from gateway.office.acts.repository import Act
from node import events
from node.errors import RpcUnavailable
from protocol.events import ProposalAccepted
from protocol.types import InitiativeId
from tests.gateway.consortium import Consortium, until
from tests.node.town import trapdoor


@pytest.fixture
def stopped(consortium: Consortium) -> Iterator[Consortium]:
    """Entity A's gateway does not run; the test runs its parts by hand."""
    consortium.stop("A")
    yield consortium
    consortium.start("A")


@contextmanager
def process(consortium: Consortium) -> Iterator[Gateway]:
    """A gateway whose threads never start; leaving it forgets all that is not in the journal."""
    gateway = build(consortium.settings("A"), test_key=trapdoor()[0])
    try:
        yield gateway
    finally:
        gateway.services.office.stop()
        gateway.journal.close()
        gateway.store.close()
        gateway.peers.close()
        gateway.sources.close()
        gateway.rpc.close()


def round_(gateway: Gateway) -> None:
    gateway.services.office.workers[0].round()


def after_a_round(gateway: Gateway, act: Act) -> str:
    round_(gateway)
    return gateway.services.office.acts.get(act.id).status


def order(gateway: Gateway, initiative: InitiativeId) -> Act:
    return gateway.services.office.acts.order("officer", f"accept-of-{initiative}", orders.accept(initiative, 1, 5, ""))


def accepted(consortium: Consortium, initiative: int) -> int:
    town = consortium.town
    return len(list(events.read(town.rpc, town.deployment, [ProposalAccepted], initiative=initiative)))


@pytest.mark.parametrize("broken_off", ["ordered", "signed", "sent", "mined"])
def test_G1_an_act_broken_off_anywhere_happens_once(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch, broken_off: str
) -> None:
    initiative = consortium.initiative()
    consortium.town.submit(initiative, 1)
    consortium.stop("A")
    try:
        with process(consortium) as gateway:
            act = order(gateway, initiative)
            if broken_off == "signed":
                with monkeypatch.context() as patch:
                    patch.setattr(gateway.rpc, "send_raw", _away)
                    with pytest.raises(RpcUnavailable):
                        round_(gateway)
            elif broken_off in ("sent", "mined"):
                round_(gateway)
            if broken_off == "mined":
                until(lambda: accepted(consortium, initiative) == 1)
        expected = {"ordered": "accepted", "signed": "queued"}.get(broken_off)
        with process(consortium) as gateway:
            again = order(gateway, initiative)
            assert again.id == act.id
            assert expected in (None, again.status)
            until(lambda: after_a_round(gateway, act) == "final")
        assert accepted(consortium, initiative) == 1
        with process(consortium) as gateway:
            round_(gateway)
            assert order(gateway, initiative).status == "final"
        assert accepted(consortium, initiative) == 1
    finally:
        consortium.start("A")


def _away(raw: bytes) -> bytes:
    raise RpcUnavailable("The node does not answer.")


def test_G4_what_the_chain_refuses_meanwhile_fails_with_the_reason(stopped: Consortium) -> None:
    """Two orders for one proposal: the second passes the door, since the first has not landed, and fails by itself."""
    initiative = _opened(stopped)
    with process(stopped) as gateway:
        office = gateway.services.office
        first = office.acts.order("o", "first-order", orders.accept(initiative, 1, 5, ""))
        second = office.acts.order("o", "second-order", orders.accept(initiative, 1, 6, ""))
        until(lambda: after_a_round(gateway, second) in ("final", "failed"))
        assert office.acts.get(first.id).status == "final"
        found = office.acts.get(second.id)
        assert found.failure is not None
        assert (found.status, found.failure.error) == ("failed", "AlreadyAccepted")
    assert accepted(stopped, initiative) == 1


def _opened(consortium: Consortium) -> InitiativeId:
    consortium.start("A")
    initiative = consortium.initiative()
    consortium.town.submit(initiative, 1)
    consortium.stop("A")
    return initiative
