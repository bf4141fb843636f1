# SPDX-License-Identifier: AGPL-3.0-or-later
"""Histories forged whole: an event changed or left out, every root, bloom and hash after it mended, the head too.

Nothing but seals could show that such a chain is another one, and the embedded engine has none; what the forger lacks
are keys. The contracts' answers are left aside here: a forger would forge them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import rlp
from eth_keys.datatypes import PrivateKey

from node.observer import DeploymentFacts, Report
from protocol import events
from protocol.abi import AbiError
from protocol.ballot import parse_records
from protocol.checks import CHECKS, CheckResult, Outcome
from protocol.events import BallotCast, BallotCounted, CountCompleted, Event, ResultAttested
from protocol.hashing import keccak
from protocol.state import State, contract_at
from protocol.tally import ballot_digest
from protocol.types import Address
from protocol.types import Outcome as Counted
from tests.node.observer.conftest import Observe
from tests.node.observer.mutations import hexed, octets, rechained, replaced, typed
from tests.protocol.test_state_fields import mutants

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_blocks")]


@dataclass(frozen=True)
class Place:
    """An event of a bundle."""

    block: int
    transaction: int
    log: int  # within the receipt
    event: Event


def places(bundle: dict[str, Any]) -> Iterator[Place]:
    facts = DeploymentFacts.read(bundle["deployment"])
    state = State(facts.chain_id, facts.consortium, facts.suite)
    for number, block in enumerate(bundle["blocks"]):
        for index, receipt in enumerate(block["receipts"]):
            for log, (address, topics, data) in enumerate(typed(octets(receipt))[1][3]):
                contract = contract_at(state, Address(address))
                assert contract is not None
                yield Place(number, index, log, events.decode(contract, topics, data))


def forged(bundle: dict[str, Any], place: Place, event: Event | None) -> Any:
    """The bundle with another event there, or none."""
    block = bundle["blocks"][place.block]
    head, fields = typed(octets(block["receipts"][place.transaction]))
    logs = list(fields[3])
    if event is None:
        del logs[place.log]
    else:
        topics, data = events.encode(event)
        logs[place.log] = [logs[place.log][0], list(topics), data]
    fields[3] = logs
    changed = replaced(block, ("receipts", place.transaction), hexed(head + rlp.encode(fields)))
    return rechained(bundle, place.block, changed)


def found(report: Report) -> list[CheckResult]:
    return [check for check in report.failed if check.id != "claims"]


def test_a_history_that_is_only_chained_anew_is_the_same(bundle: dict[str, Any], observing: Observe) -> None:
    place = next(places(bundle))
    again = forged(bundle, place, place.event)

    assert again["head"] == bundle["head"]
    assert observing(again).ok


def test_B10_every_field_of_every_event_is_bound(bundle: dict[str, Any], observing: Observe) -> None:
    seen: dict[tuple[str, str], int] = {}
    unseen, named = [], set()
    for place in places(bundle):
        for field, changed in mutants(place.event):
            key = (type(place.event).__name__, field)
            if seen.get(key, 0) == 2:
                continue
            try:
                forgery = forged(bundle, place, changed)
            except AbiError:  # no contract could emit it
                continue
            seen[key] = seen.get(key, 0) + 1
            report = observing(forgery)
            assert {check.outcome for check in report.checks if check.id.startswith("chain.")} == {
                Outcome.PASSED,
                Outcome.NOT_VERIFIABLE,
            }, place
            named |= {check.id for check in found(report)}
            if not found(report):
                unseen.append((key, changed))

    assert len(seen) > 80
    assert unseen == []
    assert named == {check for check in CHECKS if not check.startswith(("bundle.", "chain."))} - {"claims"}


def test_B10_no_event_can_be_left_out(bundle: dict[str, Any], observing: Observe) -> None:
    unseen = [place for place in places(bundle) if not found(observing(forged(bundle, place, None)))]

    assert unseen == []


def test_B10_one_count_changed_by_one_is_found_and_placed(bundle: dict[str, Any], observing: Observe) -> None:
    everything = list(places(bundle))
    counted = next(place for place in everything if isinstance(place.event, BallotCounted))
    completed = next(place for place in everything if isinstance(place.event, CountCompleted))
    assert isinstance(counted.event, BallotCounted)
    assert isinstance(completed.event, CountCompleted)
    total = completed.event

    outcome = Counted.BLANK if counted.event.outcome is Counted.VALID else Counted.VALID
    first = BallotCounted(counted.event.initiative, counted.event.nullifier, outcome, counted.event.plaintext)
    second = CountCompleted(total.initiative, total.accumulator, total.valid + 1, total.blank, total.nulls)
    for place, event in ((counted, first), (completed, second)):
        (check,) = found(observing(forged(bundle, place, event)))
        assert check.id == "tally.counts"
        assert f"block {place.block}" in check.detail

    number = str(total.initiative)
    for field in ("valid", "blank", "nulls", "counted", "ownDevice", "assisted"):
        value = bundle["claims"][number]["counts"][field]
        (check,) = observing(replaced(bundle, ("claims", number, "counts", field), value + 1)).failed
        assert (check.id, f"initiative {number}: counts" in check.detail) == ("claims", True)
    totals = bundle["claims"][number]["totals"]
    more = [str(int(totals[0]) + 1), *totals[1:]]
    (check,) = observing(replaced(bundle, ("claims", number, "totals"), more)).failed
    assert (check.id, "totals" in check.detail) == ("claims", True)


def test_B10_a_ballot_counted_as_another_is_found_though_all_figures_fit(
    bundle: dict[str, Any], observing: Observe
) -> None:
    """The plaintexts of two ballots swapped: totals, outcomes and channels stay, and the accumulator is forged too."""
    everything = list(places(bundle))
    completed = next(place for place in everything if isinstance(place.event, CountCompleted))
    cast = {place.event.nullifier: place.event.entry for place in everything if isinstance(place.event, BallotCast)}
    counted = [(place, place.event) for place in everything if isinstance(place.event, BallotCounted)]
    (first, one), (second, two) = [pair for pair in counted if pair[1].outcome is Counted.VALID][:2]
    total = completed.event
    assert isinstance(total, CountCompleted)
    assert one.plaintext != two.plaintext

    changed = [replace(one, plaintext=two.plaintext), replace(two, plaintext=one.plaintext)]
    accumulator = total.accumulator
    for before, after in zip((one, two), changed, strict=True):
        (record,) = parse_records(cast[before.nullifier][256:], len(one.plaintext) // 32)
        accumulator += ballot_digest(record, after.plaintext) - ballot_digest(record, before.plaintext)
    forgery = forged(bundle, first, changed[0])
    forgery = forged(forgery, second, changed[1])
    forgery = forged(forgery, completed, replace(total, accumulator=accumulator % 2**256))
    failed = {check.id: check.detail for check in found(observing(forgery))}

    assert set(failed) == {"tally.opened", "result.attested"}
    assert any(f"{event.nullifier:064x}" in failed["tally.opened"] for event in (one, two))


def test_K1_an_act_that_a_stranger_signed_is_found(bundle: dict[str, Any], observing: Observe) -> None:
    """The last attestation, sent with a key that is nobody's, in a history that holds together otherwise."""
    place = [place for place in places(bundle) if isinstance(place.event, ResultAttested)][-1]
    block = bundle["blocks"][place.block]
    head, fields = typed(octets(block["transactions"][place.transaction]))
    assert head == b""
    chain_id = bundle["deployment"]["chainId"]
    fields[0] = b""  # the stranger's first nonce
    signature = PrivateKey(b"\x77" * 32).sign_msg_hash(keccak(rlp.encode([*fields[:6], chain_id, 0, 0])))  # EIP-155
    fields[6:] = [signature.v + 35 + 2 * chain_id, signature.r, signature.s]
    changed = replaced(block, ("transactions", place.transaction), hexed(rlp.encode(fields)))
    (check,) = found(observing(rechained(bundle, place.block, changed)))

    assert check.id == "consortium.accounts"
    assert f"block {place.block}" in check.detail
