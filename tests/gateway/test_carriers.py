# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a gateway brings to the chain, and in what company: bad ones in a batch, other initiatives (G4, B6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from gateway.ballots.carrier import TAKEN, BallotCarrier, gas_limit
from gateway.ballots.repository import Ballots, StoredBallot
from gateway.failures import Failure
from gateway.index.view import ChainView
from gateway.journal.tables import BALLOT, SUBMISSION, TX
from gateway.members.asking import Refusal
from gateway.members.peers import NotSigned, Shortfall
from gateway.members.single import Desk
from gateway.registrations.carrier import RegistrationCarrier
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.submissions import Submissions
from node.errors import ContractError, RpcRefused
from node.rpc import MemoryTransport, RpcClient
from protocol.ballot import PROOF_BYTES, ballot_hash, parse_entry
from protocol.hashing import keccak
from protocol.types import Commitment, EntityId, InitiativeId, Phase
from tests.gateway.consortium import Consortium, journal_in, landed, until

INVALID_PROOF = Failure("invalid-proof", "The contract refused it: invalid proof.", "InvalidProof")


def put(db: sa.Connection, ballots: Sequence[StoredBallot]) -> None:
    """Into the journal, past all checks."""
    names = ("hash", "initiative", "slot", "entry", "status")
    db.execute(BALLOT.insert(), [{name: getattr(each, name) for name in names} for each in ballots])


def hash_of(view: ChainView, initiative: InitiativeId, entry: bytes) -> bytes:
    return ballot_hash(view.ballot_scope(initiative), parse_entry(entry, view.words(initiative)).record)


def test_B6_good_ballots_land_and_the_bad_one_among_them_fails_alone(consortium: Consortium) -> None:
    """Another gateway's voter revoked it meanwhile, or its proof is none: put into the journal past all checks."""
    initiative, voters = consortium.voting(6)
    entries = [consortium.ballot(initiative, voter) for voter in voters]
    bad = entries[2][:PROOF_BYTES] + entries[3][PROOF_BYTES:]
    gateway = consortium.gateways["A"]
    ballots = Ballots(gateway.journal, 100)
    mixed = [*entries[:3], bad, *entries[4:]]
    hashes = {entry: hash_of(gateway.services.view, initiative, entry) for entry in mixed}
    with gateway.journal.transaction() as db:
        put(db, [StoredBallot(hashes[entry], initiative, entry) for entry in mixed])
    gateway.services.wake_ballots()

    def ended() -> bool:
        found = [ballots.get(hashes[entry]) for entry in mixed]
        return all(one is not None and one.status in ("final", "failed") for one in found)

    until(ended)
    outcomes = {entry: ballots.get(hashes[entry]) for entry in mixed}
    failed = [one for one in outcomes.values() if one is not None and one.status == "failed"]
    assert [one.entry for one in failed] == [bad]
    assert failed[0].problem is not None
    assert (failed[0].problem.code, failed[0].failure) == ("invalid-proof", INVALID_PROOF)
    consortium.await_current()
    assert consortium.clients["A"].get(f"/v1/initiatives/{initiative}").json()["distinct"] == 5


def test_B6_another_ballot_of_the_same_sequence_is_not_taken_for_this_one(consortium: Consortium) -> None:
    """Two that a voter signed with one sequence, at two members: one is in the box, the other is told so, at once."""
    initiative, voters = consortium.voting(3)
    gateway = consortium.gateways["A"]
    ballots, hashes = Ballots(gateway.journal, 100), []
    for entry in (consortium.ballot(initiative, voters[0]), consortium.ballot(initiative, voters[0])):
        hashes.append(hash_of(gateway.services.view, initiative, entry))
        with gateway.journal.transaction() as db:
            put(db, [StoredBallot(hashes[-1], initiative, entry)])
    gateway.services.wake_ballots()

    def ended() -> list[StoredBallot]:
        found = [one for hash_ in hashes if (one := ballots.get(hash_)) is not None]
        return [one for one in found if one.status in ("final", "failed")]

    until(lambda: len(ended()) == 2)
    assert sorted(one.status for one in ended()) == ["failed", "final"]
    (lost,) = (one for one in ended() if one.status == "failed")
    assert (lost.failure, lost.attempts) == (TAKEN, 0)


def test_B5_what_is_accepted_before_the_close_and_was_not_carried_ends_as_failed(consortium: Consortium) -> None:
    """In the challenge period a reopening may still bring it in; once opened, it cannot."""
    initiative, voters = consortium.voting(4)
    last = consortium.ballot(initiative, voters[3])
    for voter in voters[:3]:
        entry = consortium.ballot(initiative, voter)
        consortium.clients["A"].post(f"/v1/initiatives/{initiative}/ballots", json={"entry": "0x" + entry.hex()})
    until(lambda: consortium.clients["A"].get(f"/v1/initiatives/{initiative}").json()["distinct"] == 3)
    consortium.town.until(consortium.windows(initiative).votingCloses)
    consortium.await_current()
    gateway = consortium.gateways["A"]
    ballots = Ballots(gateway.journal, 100)
    ballots.accept(StoredBallot(keccak(last), initiative, last))
    gateway.services.wake_ballots()
    # Another initiative's ballots go on meanwhile.
    other, others = consortium.voting(3)
    entry = consortium.ballot(other, others[0])
    consortium.clients["A"].post(f"/v1/initiatives/{other}/ballots", json={"entry": "0x" + entry.hex()})
    until(lambda: consortium.clients["A"].get(f"/v1/initiatives/{other}").json()["distinct"] == 1)
    consortium.await_current()
    found = ballots.get(keccak(last))
    assert found is not None
    if gateway.services.view.phase(initiative).label == "challenge":
        assert found.status == "accepted"
    until(lambda: (one := ballots.get(keccak(last))) is not None and one.status in ("accepted", "failed"))
    close = consortium.windows(initiative).votingCloses + 3600
    consortium.town.until(close)
    until(lambda: (one := ballots.get(keccak(last))) is not None and one.status == "failed")
    ended = ballots.get(keccak(last))
    assert ended is not None
    assert ended.failure == Failure("wrong-phase", "The initiative is in opening.")


def test_one_refused_person_does_not_hold_up_the_others(consortium: Consortium) -> None:
    """Its token has become invalid since it was accepted: told with its code, the rest of the batch lands."""
    initiative = consortium.initiative()
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}/registrations"
    gateway = consortium.gateways["A"]
    bad = consortium.registration(initiative, "expired")
    tag = bytes(32).hex()
    payload = {"id_token": "x.y.z", "salt": bad["salt"][2:], "commitment": bad["commitment"], "tag": tag}
    key = int(bad["commitment"]).to_bytes(32, "big")
    box = Submissions(gateway.journal, 100)
    spoiled = box.accept("registration", initiative, key, b"", payload)
    found = [client.post(path, json=consortium.registration(initiative, f"person {n}")).json() for n in range(3)]

    assert [landed(client, f"/v1/registrations/{one['registration']}")["status"] for one in found] == ["final"] * 3
    ended = landed(client, f"/v1/registrations/{spoiled.id}")
    assert ended["status"] == "failed"
    assert (ended["problem"]["code"], ended["problem"]["status"]) == ("token-malformed", 401)


# Units


class StandIn:
    """The parts that a registration carrier asks, in memory: one registrar refuses whom it does not like, and says
    whom where it `names`; of the other `silent` ones nothing is heard while there is somebody disliked."""

    def __init__(self, disliked: set[int], *, names: bool = False, silent: int = 0) -> None:
        self.disliked, self.names, self.silent = disliked, names, silent
        self.asked: list[list[int]] = []

    def gather(self, message: Any, claims: Sequence[Any]) -> list[tuple[EntityId, bytes]]:
        self.asked.append(list(message.commitments))
        if found := self.disliked & set(message.commitments):
            index = message.commitments.index(min(found)) if self.names else None
            refusal = Refusal(EntityId(2), "out-of-scope", "No.", index)
            silent = tuple(EntityId(3 + number) for number in range(self.silent))
            raise NotSigned(Shortfall(2, 2 + self.silent, 1, (refusal,), silent))
        return [(EntityId(1), b"")]

    def elector(self, initiative: InitiativeId, claim: Any) -> bytes:
        return bytes(32)

    def phase(self, initiative: InitiativeId) -> Phase:
        return Phase.REGISTRATION

    def commitment_of(self, initiative: InitiativeId, tag: bytes) -> Commitment | None:
        return None

    def as_of(self) -> Any:
        class Head:
            timestamp = 5

        return Head

    def contract(self, name: str) -> Any:
        return self

    def call(self, function: str, *arguments: Any) -> Any:
        class Made:
            data = b""

        return Made

    address = bytes(20)

    def check(self, to: bytes, data: bytes, gas: int) -> None:
        """The chain would take it."""


def carry(tmp_path: Path, parts: StandIn, rounds: int) -> dict[int, tuple[str, str | None]]:
    """Sixteen registrations, a round a second: what became of each."""
    journal = journal_in(tmp_path)
    box, any_ = Submissions(journal, 100), cast(Any, parts)
    for number in range(1, 17):
        key = number.to_bytes(32, "big")
        payload = {"id_token": f"token {number}", "salt": "00", "tag": key.hex()}
        box.accept("registration", InitiativeId(1), key, b"", payload)

    def evidence(db: sa.Connection, *arguments: object) -> None:
        """Kept elsewhere."""

    now = 0.0
    desk = Desk(box, any_, any_, any_, any_, evidence, clock=lambda: now)
    carrier = RegistrationCarrier(desk, any_, 16, 0.0)
    for round_ in range(rounds):
        now = float(round_)
        parcel = carrier.next_parcel()
        if parcel is not None:
            with journal.transaction() as db:
                row = {
                    "id": round_,
                    "lane": "l",
                    "nonce": round_,
                    "hash": bytes([round_]),
                    "raw": b"",
                    "status": "sent",
                }
                db.execute(TX.insert().values(row))
                parcel.link(db, round_)
    rows = journal.read(sa.select(SUBMISSION))
    journal.close()
    assert all(len(asked) <= 16 for asked in parts.asked)
    return {int.from_bytes(row.key, "big"): (row.status, row.reason and f"{row.code}: {row.reason}") for row in rows}


REFUSED = "refused-by-registrars: 1 of 2 registrars signed; refused by 1 of 2 (entity 2: out-of-scope)."


def test_a_person_that_a_registrar_refuses_is_found_by_halving(tmp_path: Path) -> None:
    states = carry(tmp_path, StandIn({5}), 40)
    assert states == {number: ("failed", REFUSED) if number == 5 else ("queued", None) for number in range(1, 17)}


def test_who_is_named_by_a_refusal_waits_alone_and_the_others_go_at_once(tmp_path: Path) -> None:
    parts = StandIn({5, 9}, names=True)
    states = carry(tmp_path, parts, 6)
    assert states == {number: ("failed", REFUSED) if number in (5, 9) else ("queued", None) for number in range(1, 17)}
    assert sorted(map(len, parts.asked)) == [1, 1, 14, 15, 16]


def test_one_refusal_fails_nobody_while_others_could_still_make_up_k(tmp_path: Path) -> None:
    """Who waits is told for what, is asked for less and less often, and keeps nobody back."""
    parts = StandIn({5}, names=True, silent=1)
    states = carry(tmp_path, parts, 200)
    status, reason = states.pop(5)
    assert status == "accepted"
    assert reason == (
        "registrars-unavailable: 1 of 2 registrars signed; refused by 1 of 3 (entity 2: out-of-scope); "
        "no answer from entity 3."
    )
    assert set(states.values()) == {("queued", None)}
    assert 5 < len([asked for asked in parts.asked if asked == [5]]) < 12


@pytest.mark.parametrize(("read", "status"), [(6, None), (7, "accepted")])
def test_G5_a_receipt_alone_registers_nobody(tmp_path: Path, read: int, status: str | None) -> None:
    """A node says that a batch is in block 7. Before that block was read and verified nothing is believed; in it, the
    person is not there: the token is kept, for another attempt."""

    class Lied(StandIn):
        def as_of(self) -> Any:
            return SimpleNamespace(block=read, timestamp=5)

        def is_used(self, initiative: InitiativeId, commitment: Commitment) -> bool:
            return False

    journal, any_ = journal_in(tmp_path), cast(Any, Lied(set()))
    box, key = Submissions(journal, 100), (1).to_bytes(32, "big")
    kept = box.accept(
        "registration", InitiativeId(1), key, b"", {"id_token": "token", "salt": "00", "tag": bytes(32).hex()}
    )
    with journal.transaction() as db:
        db.execute(TX.insert().values(id=1, lane="l", nonce=0, hash=b"h", raw=b"", status="mined"))
        box.link(db, [kept], 1)
    carrier = RegistrationCarrier(Desk(box, any_, any_, any_, any_, lambda *_: None), any_, 16, 0.0)
    write = carrier.outcome(Settled(1, cast(Any, SimpleNamespace(block_number=7, ok=True)), 0))
    if write is not None:
        with journal.transaction() as db:
            write(db)
    found = box.get(kept.id)
    journal.close()
    assert (write is None) is (status is None)
    assert found is not None
    assert found.status == (status or "mined")
    assert found.payload["id_token"] == "token"


def test_G4_a_revert_is_a_typed_error_with_and_without_data() -> None:
    def refuse(params: list[object]) -> object:
        raise RpcRefused("eth_call", 3, "execution reverted", b"")

    def fail(params: list[object]) -> object:
        raise RpcRefused("eth_call", -32000, "header not found", b"")

    with pytest.raises(ContractError):
        Simulator(RpcClient(MemoryTransport({"eth_call": refuse})), bytes(20)).check(bytes(20), b"", 1)
    with pytest.raises(RpcRefused):
        Simulator(RpcClient(MemoryTransport({"eth_call": fail})), bytes(20)).check(bytes(20), b"", 1)


def test_the_gas_limit_leaves_room_over_the_goals() -> None:
    """88,000 a ballot in batches of 100 (docs/benchmarks.md); too little would look like an invalid proof."""
    assert gas_limit(100, 10) > 2 * 100 * 88_000
    assert gas_limit(1, 1) > 500_000


@pytest.mark.parametrize(
    ("count", "waited", "left", "due"),
    [(1, 0.0, 100, False), (100, 0.0, 100, True), (1, 2.0, 100, True), (1, 0.0, 30, True), (99, 1.9, 31, False)],
)
def test_a_batch_leaves_when_full_old_or_at_the_last_call(count: int, waited: float, left: int, due: bool) -> None:
    class View:
        def windows(self, initiative: InitiativeId) -> Any:
            class Windows:
                voting_closes = 1000

            return Windows

        def as_of(self) -> Any:
            class Head:
                timestamp = 1000 - left

            return Head

    any_: Any = View()

    class Place:
        def contract(self, name: str) -> None:
            return None

    place: Any = Place()
    now = 0.0
    carrier = BallotCarrier(any_, any_, place, any_, 100, 2.0, 30, clock=lambda: now)
    carrier._since = {InitiativeId(1): 0.0}
    now = waited
    assert carrier._is_due(InitiativeId(1), count) is due
