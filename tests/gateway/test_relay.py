# SPDX-License-Identifier: AGPL-3.0-or-later
"""The relay on a chain in memory: killed after any step, gaps, lost blocks, reverts, two processes (G1 to G4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import rlp
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.ballots.repository import Ballots, StoredBallot
from gateway.database import JOURNAL, DatabaseInUse, locate
from gateway.failures import Failure
from gateway.journal import JournalError, open_journal
from gateway.journal.tables import BALLOT, CONTENT, SUBMISSION, TX
from gateway.problems import KeyReused, TooMany
from gateway.relay import worker
from gateway.relay.outbox import RESEND_AFTER, SETTLE, WINDOW, Lane, Outbox, Settled
from gateway.relay.worker import Parcel, RelayWorker
from gateway.submissions import MAX_ATTEMPTS, Submissions
from node.contracts import interface
from node.errors import ContractError, NodeError
from node.keys import Call, Key, Secret
from protocol.ballot import PROOF_BYTES
from protocol.hashing import keccak
from protocol.types import InitiativeId
from tests.gateway.chain import MemoryChain

LANES = [Lane(f"lane-{number}", Key(Secret(bytes([number + 1]) * 32))) for number in range(2)]
TARGET = b"\x33" * 20
ORIGIN = b"a chain"
REFUSED = Failure.of(ContractError("WrongPhase", {}))


def ballot(name: bytes) -> StoredBallot:
    """Each name has a nullifier of its own."""
    return StoredBallot(name, InitiativeId(1), bytes(PROOF_BYTES) + name.rjust(32, b"\0") + bytes(3) + b"\1")


class Relay:
    """A gateway's journal with one ballot, and what is made anew when the gateway is killed."""

    def __init__(self, url: URL, chain: MemoryChain, finality: float = 0.0) -> None:
        self.url, self.chain, self.finality = url, chain, finality
        self.now = 0.0
        self.open()

    def open(self) -> None:
        self.journal = open_journal(self.url, ORIGIN)
        self.ballots = Ballots(self.journal, 100)
        self.box = Outbox(self.journal, self.chain.rpc(), 7, LANES, self.finality, clock=lambda: self.now)

    def kill(self) -> None:
        self.journal.database.close()
        self.open()
        self.now = 0.0

    def put(self, name: bytes = b"one", lane: str = "lane-0") -> int:
        stored = self.ballots.accept(ballot(name))
        return self.box.put(lane, TARGET, name, 100_000, lambda db, tx: self.ballots.link(db, [stored], tx))

    def status(self, name: bytes = b"one") -> str:
        found = self.ballots.get(name)
        assert found is not None
        return found.status

    def settle(self) -> list[Settled]:
        ended = self.box.follow()
        for settled in ended:
            self.box.close(settled, lambda db, settled=settled: self._end(db, settled))  # type: ignore[misc]  # bound per round
        return ended

    def _end(self, db: sa.Connection, settled: Settled) -> None:
        for row in db.execute(sa.select(BALLOT.c.hash).where(BALLOT.c.tx == settled.tx)).all():
            found = StoredBallot(row.hash, InitiativeId(1), b"")
            if settled.landed:
                self.ballots.finish_all(db, [found])
            elif settled.receipt is None:
                self.ballots.requeue(db, found)
            else:
                self.ballots.retry(db, found, REFUSED)


@pytest.fixture
def chain() -> MemoryChain:
    return MemoryChain()


@pytest.fixture
def relay(make_url: Callable[[], URL], chain: MemoryChain) -> Iterator[Relay]:
    made = Relay(make_url(), chain)
    yield made
    made.journal.close()


STEPS: Sequence[Callable[[Relay], object]] = (
    lambda relay: relay.put(),
    lambda relay: relay.box.follow(),  # sent
    lambda relay: relay.chain.mine(),
    lambda relay: relay.box.follow(),  # seen in a block, not written down
    lambda relay: relay.settle(),
)


@pytest.mark.parametrize("killed_after", range(len(STEPS) + 1))
def test_G1_killed_after_any_step_the_same_bytes_land_once(relay: Relay, chain: MemoryChain, killed_after: int) -> None:
    for step in STEPS[:killed_after]:
        step(relay)
    relay.kill()
    if killed_after == 0:
        relay.put()
    for _ in range(3):
        relay.now += RESEND_AFTER
        relay.settle()
        chain.mine()
    relay.settle()

    assert relay.status() == "final"
    assert len(set(chain.received)) == 1
    assert len(chain.mined()) == 1
    assert relay.settle() == []


def test_G1_a_status_follows_the_transaction(relay: Relay, chain: MemoryChain) -> None:
    relay.finality = 3.0
    relay.kill()
    seen = []
    relay.put()
    seen.append(relay.status())
    relay.box.follow()
    seen.append(relay.status())
    chain.mine()
    relay.box.follow()
    seen.append(relay.status())
    relay.now += 2.9
    assert relay.box.follow() == []
    relay.now += 0.2
    relay.settle()
    assert [*seen, relay.status()] == ["queued", "sent", "mined", "final"]


def test_G2_a_dropped_transaction_is_sent_again_and_fills_its_gap(relay: Relay, chain: MemoryChain) -> None:
    chain.drop = True
    relay.put(b"one")
    relay.box.follow()
    chain.drop = False
    relay.put(b"two")
    relay.box.follow()
    chain.mine()
    assert chain.mined() == []

    relay.now += RESEND_AFTER / 2
    relay.box.follow()
    assert len(chain.received) == 2
    relay.now += RESEND_AFTER
    relay.box.follow()
    chain.mine()
    relay.settle()

    assert [int.from_bytes(rlp.decode(raw)[0], "big") for raw in chain.mined()] == [0, 1]
    assert len(set(chain.received)) == 2
    assert (relay.status(b"one"), relay.status(b"two")) == ("final", "final")


def test_G1_blocks_that_the_chain_lost_are_sent_again_also_when_final(relay: Relay, chain: MemoryChain) -> None:
    relay.put(b"one")
    relay.settle()
    chain.mine()
    relay.settle()
    assert relay.status() == "final"
    relay.put(b"two")
    relay.settle()
    chain.mine()
    relay.box.follow()

    chain.lose(2)
    relay.box.reopen_after(0)
    assert (relay.status(b"one"), relay.status(b"two")) == ("sent", "sent")
    relay.settle()
    chain.mine()
    relay.settle()

    assert (relay.status(b"one"), relay.status(b"two")) == ("final", "final")
    assert len(chain.mined()) == 2
    assert len(set(chain.received)) == 2


def test_G1_a_receipt_from_before_the_loss_ends_nothing(relay: Relay, chain: MemoryChain) -> None:
    relay.put()
    relay.box.follow()
    chain.mine()
    (stale,) = relay.box.follow()
    chain.lose(1)
    relay.box.reopen_after(0)

    relay.box.close(stale, lambda db: pytest.fail("a receipt of a lost block was believed"))
    assert relay.status() == "sent"


def nonces(chain: MemoryChain) -> list[int]:
    return [int.from_bytes(rlp.decode(raw)[0], "big") for raw in chain.mined()]


def foreign(chain: MemoryChain, nonce: int, lane: Lane = LANES[0]) -> None:
    """Another process with the lane's key sends something of its own."""
    raw, _ = lane.key.sign_transaction(Call(b"\x44" * 20, b"", "theirs"), chain_id=7, nonce=nonce, gas=21_000)
    chain.pool.append(raw)


def test_G2_the_next_one_is_sent_again_after_two_blocks_however_quick_they_are(
    relay: Relay, chain: MemoryChain
) -> None:
    chain.drop = True
    relay.put()
    relay.box.follow()
    chain.drop = False
    blocks = 0
    while relay.status() != "final":
        chain.mine()
        blocks += 1
        relay.settle()
        assert blocks <= 3
    assert blocks <= 3
    assert len(set(chain.received)) == 1


def test_G2_transactions_that_arrive_out_of_order_all_land_as_they_were(relay: Relay, chain: MemoryChain) -> None:
    for name in (b"one", b"two", b"three"):
        relay.put(name)
    relay.box.follow()
    chain.pool.reverse()
    chain.mine()
    relay.settle()
    assert nonces(chain) == [0, 1, 2]
    assert len(set(chain.received)) == 3


def test_G2_what_a_stranger_displaced_is_carried_by_another_nonce_once_that_is_certain(
    relay: Relay, chain: MemoryChain
) -> None:
    chain.drop = True
    relay.put(b"one")
    relay.put(b"two")
    relay.box.follow()
    chain.drop = False
    foreign(chain, 0)
    chain.mine()
    relay.settle()
    assert relay.status(b"one") == "sent", "a node may count the nonce before it has the receipt"
    relay.now += SETTLE
    relay.settle()
    assert (relay.status(b"one"), relay.status(b"two")) == ("accepted", "sent")

    (again,) = relay.ballots.waiting(InitiativeId(1), 9)
    assert again.attempts == 0, "no fault of its own"
    relay.put(b"one")
    for _ in range(3):
        relay.now += RESEND_AFTER
        relay.settle()
        chain.mine()
    relay.settle()
    assert (relay.status(b"one"), relay.status(b"two")) == ("final", "final")
    assert nonces(chain) == [0, 1, 2]


def test_G2_a_late_receipt_displaces_nothing(relay: Relay, chain: MemoryChain) -> None:
    relay.put()
    relay.box.follow()
    chain.mine()
    chain.mute = True  # the nonce counts, the receipt is not there yet
    relay.settle()
    relay.now += SETTLE - 1
    relay.settle()
    chain.mute = False
    relay.now += 2
    relay.settle()
    assert relay.status() == "final"
    assert len(chain.mined()) == 1


def test_G2_a_gap_that_nobody_can_fill_is_filled_with_nothing(relay: Relay, chain: MemoryChain) -> None:
    """A backup of the journal was restored: what stood at nonce 1 is not known any more, and the chain lost it."""
    foreign(chain, 0)
    foreign(chain, 1)
    chain.mine()
    relay.put()
    chain.lose(1)
    foreign(chain, 0)
    chain.mine()
    for _ in range(4):
        relay.now += SETTLE
        relay.settle()
        chain.mine()
    relay.settle()
    assert relay.status() == "final"
    assert nonces(chain) == [0, 1, 2]
    assert rlp.decode(chain.mined()[1])[4:6] == [b"", b""], "neither value nor data"


def test_G4_what_reverts_says_why_in_the_contracts_words(relay: Relay, chain: MemoryChain) -> None:
    relay.put()
    chain.reverting.add(keccak(relay.journal.read(sa.select(TX.c.raw))[0].raw))
    known = interface("IInitiatives").errors.items()
    chain.revert_data = next(selector for selector, error in known if error.name == "WrongPhase") + bytes(64)
    relay.box.follow()
    chain.mine()
    (settled,) = [relay.box.explained(each) for each in relay.box.follow()]
    assert settled.failure == REFUSED
    assert settled.failure.document().model_dump() == {
        "type": "urn:urna:problem:wrong-phase",
        "title": "Not now",
        "status": 409,
        "detail": "The contract refused it: wrong phase.",
        "code": "wrong-phase",
        "error": "WrongPhase",
    }


def test_lanes_have_nonces_of_their_own_and_the_emptier_is_taken(relay: Relay, chain: MemoryChain) -> None:
    relay.put(b"one", "lane-0")
    assert relay.box.free_lane() == "lane-1"
    relay.put(b"two", "lane-1")
    relay.box.follow()
    chain.mine()
    assert len(chain.mined()) == 2


def test_a_full_lane_waits(relay: Relay) -> None:
    for lane in LANES:
        for number in range(WINDOW):
            relay.box.put(lane.name, TARGET, b"", 21_000, lambda db, tx: None)
            assert number < WINDOW
    assert relay.box.free_lane() is None


def test_G3_a_second_process_on_one_journal_refuses_to_start(relay: Relay) -> None:
    with pytest.raises(DatabaseInUse, match="another gateway"):
        open_journal(relay.url, ORIGIN)


def test_a_journal_of_another_chain_is_refused(relay: Relay) -> None:
    relay.journal.close()
    with pytest.raises(JournalError, match="another chain"):
        open_journal(relay.url, b"another")
    relay.open()


def test_a_damaged_journal_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(JournalError, match="backup"):
        open_journal(locate(tmp_path, None, JOURNAL), ORIGIN)
    assert path.read_bytes().startswith(b"not a database")


def test_a_transaction_that_fails_leaves_nothing(relay: Relay) -> None:
    def half() -> None:
        with relay.journal.transaction() as db:
            db.execute(CONTENT.insert().values(hash=b"0", document="text"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert relay.journal.read(sa.select(CONTENT)) == []
    relay.put()  # and the journal goes on


# Repositories


def submissions(relay: Relay, limit: int = 10) -> Submissions:
    return Submissions(relay.journal, limit)


PAYLOAD = {"id_token": "secret", "salt": "00", "tag": "ab"}


def test_submissions_end_without_their_token(relay: Relay) -> None:
    box = submissions(relay)
    one = box.accept("registration", InitiativeId(1), b"key", b"body", PAYLOAD)
    two = box.accept("registration", InitiativeId(1), b"other", b"body", PAYLOAD)
    box.finish_now([one])
    box.fail_now([two], REFUSED)

    relay.journal.close()
    if relay.url.get_backend_name() == "sqlite":
        for file in Path(str(relay.url.database)).parent.iterdir():
            assert b"secret" not in file.read_bytes(), file
    relay.open()
    assert "secret" not in repr(relay.journal.read(sa.select(SUBMISSION)))


def test_G3_a_key_with_another_body_is_refused_and_a_full_queue_too(relay: Relay) -> None:
    box = submissions(relay, 1)
    first = box.accept("registration", InitiativeId(1), b"key", b"body", PAYLOAD)
    assert box.accept("registration", InitiativeId(1), b"key", b"body", PAYLOAD) == first
    with pytest.raises(KeyReused):
        box.accept("registration", InitiativeId(1), b"key", b"another", PAYLOAD)

    def also(db: sa.Connection) -> None:
        pytest.fail("a refusal must not write")

    with pytest.raises(TooMany):
        box.accept("registration", InitiativeId(1), b"other", b"body", PAYLOAD, also)


def test_G3_one_ballot_of_a_nullifier_and_a_sequence_at_a_time(relay: Relay) -> None:
    first = ballot(b"one")
    other = replace(first, hash=b"other")
    assert relay.ballots.accept(first) == relay.ballots.accept(first)
    with pytest.raises(KeyReused):
        relay.ballots.accept(other)
    assert [type(each) for each in relay.ballots.accept_all([other, ballot(b"two"), other])] == [
        KeyReused,
        StoredBallot,
        KeyReused,
    ]
    relay.ballots.fail_now([first], REFUSED)
    assert relay.ballots.accept(other).hash == b"other"
    with pytest.raises(KeyReused):
        relay.ballots.accept(first)


def test_G4_nothing_is_tried_for_ever(relay: Relay) -> None:
    box = submissions(relay)
    box.accept("registration", InitiativeId(1), b"key", b"body", PAYLOAD)
    for _ in range(MAX_ATTEMPTS):
        box.retry_now(box.waiting("registration", InitiativeId(1), 5), REFUSED)
    assert box.waiting("registration", InitiativeId(1), 5) == []
    ended = relay.journal.read(sa.select(SUBMISSION.c.status, SUBMISSION.c.code, SUBMISSION.c.error))[0]
    assert tuple(ended) == ("failed", "wrong-phase", "WrongPhase")

    again = box.accept("registration", InitiativeId(1), b"key", b"body", PAYLOAD)
    assert (again.status, again.attempts, again.payload) == ("accepted", 0, PAYLOAD)


def test_what_was_tried_least_goes_first(relay: Relay) -> None:
    box = submissions(relay)
    for number in range(3):
        box.accept("proposal", InitiativeId(1), bytes([number]), b"body", PAYLOAD)
    first = box.waiting("proposal", InitiativeId(1), 1)
    box.retry_now(first, REFUSED)
    assert first[0].id not in [each.id for each in box.waiting("proposal", InitiativeId(1), 2)]


# The worker


class Mail:
    """A carrier with some parcels, or one that always fails."""

    def __init__(self, parcels: int = 0, fault: Exception | None = None) -> None:
        self.parcels, self.fault, self.ended = parcels, fault, 0

    def next_parcel(self) -> Parcel | None:
        if self.fault is not None:
            raise self.fault
        if not self.parcels:
            return None
        self.parcels -= 1
        return Parcel(TARGET, b"", 21_000, lambda db, tx: None)

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None]:
        def write(db: sa.Connection) -> None:
            assert db.in_transaction()
            self.ended += 1

        return write


@pytest.mark.parametrize("fault", [NodeError("down"), ValueError("a defect")])
def test_one_kinds_trouble_is_not_the_others(relay: Relay, chain: MemoryChain, fault: Exception) -> None:
    mail = Mail(3)
    work = RelayWorker("test", relay.box, [Mail(fault=fault), mail], 0.01)
    for _ in range(2):
        with pytest.raises(type(fault)):
            work.round()
        chain.mine()
    with pytest.raises(type(fault)):
        work.round()

    assert len(chain.mined()) == 3
    assert mail.ended == 3


def test_G10_the_pause_after_many_failures_is_bounded(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """2**failures must not overflow after a night without a chain."""
    monkeypatch.setattr(worker, "MAX_PAUSE", 0.0)
    monkeypatch.setattr(worker, "BREATH", 0.0)
    rounds = 0

    def fail() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3000:
            work._stop.set()
        raise NodeError("down")

    work = RelayWorker("test", relay.box, [], 0.25)
    monkeypatch.setattr(work, "round", fail)
    monkeypatch.setattr(worker.log, "warning", lambda *arguments: None)
    work._run()
    assert rounds == 3000
