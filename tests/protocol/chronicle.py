# SPDX-License-Identifier: AGPL-3.0-or-later
"""A chain in memory that emits what the contracts would: the whole life of an initiative, with real seals and shares.

Proofs are points that mean nothing: the fold keeps them as claims.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

from eth_abi.abi import encode as abi_encode

from protocol import ceremony, events, result
from protocol import rules as rulebook
from protocol.ballot import Channel, Entry
from protocol.bn254 import GENERATOR, SCALAR_FIELD, encode_g1
from protocol.electorate import electorate_root
from protocol.events import Event
from protocol.hashing import keccak, words
from protocol.plaintext import Approval, BallotPaper, Blank, Choice, decode, encode, null_plaintext
from protocol.scope import Scope, canonical, scope_hash
from protocol.sealing import open_sealed, seal
from protocol.state import Change, EventMeta, InitiativeState, State, apply, contract_address
from protocol.tally import ballot_digest, outcome_of
from protocol.types import (
    Address,
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    CastSkipReason,
    Commitment,
    EntityId,
    ExecutionStatus,
    Hash32,
    InitiativeId,
    Kind,
    MotionId,
    Nullifier,
    P256Point,
    ProposalId,
    Role,
    SkipReason,
    Suite,
    Tag,
    VoidReason,
    Windows,
)

CHAIN_ID = 31337
START = 1_750_000_000
DAY = 86400
# EIP-197's generator of G2, imaginary parts first.
_G2 = words(
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
)
DUMMY_PROOF = encode_g1(GENERATOR) + _G2 + encode_g1(GENERATOR)
ONE = InitiativeId(1)


def address(name: str) -> Address:
    return Address(keccak(name.encode())[:20])


# SEC 2, 2.4.2: the generator, as good a public key as any.
BROKER_KEY = P256Point(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_PARTS = ("initiatives", "electorate", "proposals", "ceremony", "box", "tally", "follow-up")
SUITE = Suite(*(address(part) for part in _PARTS))
CONSORTIUM = address("consortium")


def commitment(number: int, attempt: int = 0) -> Commitment:
    return Commitment(int.from_bytes(keccak(b"c%d.%d" % (number, attempt))[:31], "big"))


def tag(number: int) -> Tag:
    return Tag(keccak(b"tag%d" % number))


def nullifier(number: int) -> Nullifier:
    return Nullifier(int.from_bytes(keccak(b"n%d" % number)[:31], "big"))


def batch_id(number: int) -> Hash32:
    return Hash32(keccak(b"batch%d" % number))


def windows(opens: int = START + DAY) -> Windows:
    return Windows(opens, opens + 5 * DAY, opens + 8 * DAY, opens + 12 * DAY, 3600, 4 * DAY, 3600)


def rules(ballot: BallotRules | None = None, allocation: AllocationRules | None = None) -> rulebook.Rules:
    return rulebook.Rules(
        kind=Kind.PARTICIPATORY_BUDGET,
        scope_hash=scope_hash(SCOPE),
        windows=windows(),
        ballot=ballot or BallotRules(BallotType.APPROVAL, 1, 2),
        allocation=allocation or AllocationRules(AllocationRule.EQUAL_SHARES_ADD1, budget=1000),
        registrars=(EntityId(1), EntityId(2), EntityId(3)),
        registrar_threshold=2,
        trustees=(EntityId(1), EntityId(2), EntityId(3)),
        trustee_threshold=2,
        min_anonymity=2,
        proposals_per_person=2,
        pepper_hash=Hash32(keccak(b"pepper")),
        issuers=("https://issuer.example",),
    )


SCOPE = canonical(Scope(residence=("PT-1106",)))


@dataclass
class Chronicle:
    """The state, the time, and every event so far with its place."""

    state: State = field(default_factory=lambda: State(CHAIN_ID, CONSORTIUM, SUITE))
    now: int = START
    block: int = 1
    log: list[tuple[Event, EventMeta]] = field(default_factory=list)
    keys: dict[int, int] = field(default_factory=dict)
    random: random.Random = field(default_factory=lambda: random.Random(7))

    def emit(self, *emitted: Event) -> list[Change]:
        """One transaction in a block of its own."""
        changes = []
        for place, event in enumerate(emitted):
            meta = EventMeta(self.block, self.now, 0, place, contract_address(self.state, event.CONTRACT))
            changes += apply(self.state, event, meta)
            self.log.append((event, meta))
        self.block += 1
        return changes

    @property
    def initiative(self) -> InitiativeState:
        return self.state.initiatives[ONE]

    @property
    def windows(self) -> Windows:
        return self.initiative.rules.windows

    def found(self, entities: int = 3) -> None:
        """The consortium's constructor, the trustees' keys, and the motion that lists the suite."""
        self.emit(*(self.admission(number) for number in range(1, entities + 1)), events.MinimumAnonymityChanged(2))
        for number in range(1, entities + 1):
            self.keys[number] = 1000 + number
            key = ceremony.trustee_key(self.keys[number])
            self.emit(events.TrusteeKeyRegistered(EntityId(number), key))
        parts = [getattr(SUITE, part.name).hex() for part in fields(SUITE)]
        add_suite = "addSuite((address,address,address,address,address,address,address))"
        self.motion(CONSORTIUM, add_suite, [parts], events.SuiteAdded(0, SUITE))

    def admission(self, number: int) -> events.EntityAdmitted:
        seats = tuple(address(f"entity {number} {role.label}") for role in Role)
        return events.EntityAdmitted(EntityId(number), f"Entity {number}", f"http://e{number}.example", seats)

    def motion(self, target: Address, signature: str, values: Sequence[object], *effect: Event, cut: int = 0) -> None:
        """Proposed by entity 1, carried by the next ones. `cut` bytes of padding are left out at the end."""
        number = MotionId(len(self.state.consortium.motions) + 1)
        data = keccak(signature.encode())[:4] + abi_encode([signature[signature.index("(") :]], [tuple(values)])
        # Arguments are a tuple without its own offset.
        data = data[:4] + data[36:] if data[4:36] == words(32) else data
        data = data[: len(data) - cut]
        self.emit(
            events.MotionProposed(number, EntityId(1), target, data, self.now + 30 * DAY),
            events.MotionApproved(number, EntityId(1)),
        )
        for entity in map(EntityId, range(2, self.state.consortium.active_count // 2 + 1)):
            self.emit(events.MotionApproved(number, entity))
        last = EntityId(self.state.consortium.active_count // 2 + 1)
        self.emit(events.MotionApproved(number, last), events.MotionExecuted(number), *effect)

    def create(self, given: rulebook.Rules | None = None) -> None:
        given = given or rules()
        number = InitiativeId(len(self.state.initiatives) + 1)
        encoded = rulebook.encode(given)
        keys = tuple(ceremony.trustee_key(self.keys[trustee]) for trustee in given.trustees)
        self.emit(
            events.InitiativeCreated(
                number, EntityId(1), Hash32(keccak(encoded)), encoded, SCOPE, "A budget of the neighbourhood"
            ),
            events.CeremonyOpened(number, keys, given.windows.registration_opens),
        )

    def registration(self, numbers: Iterable[int], batch: int = 0, **changed: object) -> events.Registered:
        numbers = list(numbers)
        electorate = self.initiative.electorate
        commitments = tuple(commitment(number) for number in numbers)
        leaves = [*electorate.leaves, *commitments]
        fields: dict[str, object] = {
            "initiative": ONE,
            "batch_id": batch_id(batch),
            "first_index": electorate.size,
            "tags": tuple(tag(number) for number in numbers),
            "commitments": commitments,
            "evidence_root": Hash32(keccak(b"evidence")),
            "registrars": (EntityId(1), EntityId(2)),
            "root": electorate_root(leaves) if leaves else 0,
        }
        return events.Registered(**(fields | changed))  # type: ignore[arg-type]

    def propose(self, count: int) -> None:
        for number in range(1, count + 1):
            content = Hash32(keccak(b"text%d" % number))
            evidence = Hash32(keccak(b"evidence"))
            signers = (EntityId(1), EntityId(3))
            self.emit(
                events.ProposalSubmitted(
                    ONE, ProposalId(number), tag(900 + number), content, batch_id(number), evidence, signers
                )
            )
            self.emit(events.ProposalAccepted(ONE, ProposalId(number), number - 1, 100 * number, "feasible"))

    def epoch(self) -> ceremony.Epoch:
        return ceremony.Epoch(CHAIN_ID, SUITE.ceremony, ONE, self.initiative.ceremony.epoch)

    def dealing(self, dealer: int) -> events.Dealt:
        seed = keccak(b"seed%d" % dealer)
        current = self.epoch()
        dealing = ceremony.deal(seed, current, dealer, 2, self.initiative.ceremony.keys)
        return events.Dealt(ONE, current.epoch, dealer, dealing)

    def finalisation(self) -> events.KeyFinalised:
        held = self.initiative.ceremony
        qualified = held.qualified()
        sums = ceremony.aggregate(held.dealings[dealer] for dealer in qualified)
        return events.KeyFinalised(ONE, held.epoch, tuple(qualified), sums)

    def until_review(self, voters: int = 4, options: int = 3, given: rulebook.Rules | None = None) -> None:
        self.found()
        self.create(given)
        self.now = self.windows.registration_opens
        for dealer in (1, 2, 3):
            self.emit(self.dealing(dealer))
        self.now += 2 * self.windows.ceremony_step
        self.emit(self.finalisation())
        self.propose(options)
        self.emit(self.registration(range(voters)))
        self.now = self.windows.registration_closes

    def until_voting(self, voters: int = 4, options: int = 3, given: rulebook.Rules | None = None) -> None:
        self.until_review(voters, options, given)
        self.now = self.windows.voting_opens

    def ballot(
        self,
        voter: int,
        choice: Choice | bytes,
        sequence: int = 1,
        channel: Channel = Channel.OWN_DEVICE,
    ) -> events.BallotCast:
        initiative = self.initiative
        joint = initiative.ceremony.joint_key
        assert joint is not None
        plaintext = choice if isinstance(choice, bytes) else encode(choice, self.paper())
        record = seal(
            plaintext,
            scope=initiative.ballots.scope,
            nullifier=nullifier(voter),
            sequence=sequence,
            channel=channel,
            joint_key=joint,
            randomness=lambda: self.random.randrange(1, SCALAR_FIELD),
        )
        return events.BallotCast(ONE, record.nullifier, Entry(DUMMY_PROOF, record).encode())

    def paper(self) -> BallotPaper:
        return self.initiative.paper()

    def until_opening(self) -> None:
        self.now = self.initiative.voting_closes + self.windows.challenge_period

    def release(self, trustee: int) -> events.ShareReleased:
        held = self.initiative.ceremony
        dealings = {dealer: held.dealings[dealer] for dealer in held.dealers}
        share = ceremony.secret_share(dealings, self.epoch(), trustee, self.keys[trustee])
        return events.ShareReleased(ONE, trustee, share)

    def open(self, trustees: Sequence[int] = (1, 3)) -> None:
        self.until_opening()
        first, last = (self.release(trustee) for trustee in trustees)
        self.emit(first)
        secret = ceremony.combine({e.trustee: e.share for e in (first, last)}, self.initiative.ceremony.commitments)
        self.emit(last, events.KeyCombined(ONE, secret))

    def counted(self, voter: Nullifier) -> events.BallotCounted:
        initiative = self.initiative
        secret = initiative.ceremony.secret_key
        assert secret is not None
        plaintext = open_sealed(secret, initiative.ballots.scope, initiative.ballots.latest[voter].entry.record)
        return events.BallotCounted(ONE, voter, outcome_of(decode(plaintext, self.paper())), plaintext)

    def count(self) -> None:
        """Everything in one transaction."""
        latest = self.initiative.ballots.latest
        counted = [self.counted(voter) for voter in latest]
        outcomes = [event.outcome for event in counted]
        digests = (ballot_digest(latest[event.nullifier].entry.record, event.plaintext) for event in counted)
        figures = [sum(outcome == wanted for outcome in outcomes) for wanted in range(3)]
        self.emit(*counted, events.CountCompleted(ONE, sum(digests) % 2**256, *figures))


def whole_life() -> Chronicle:
    """Every kind of event at least once: two epochs, skips, replacements, an extension, a reopening, a withdrawal."""
    c = Chronicle()
    c.found()
    _change_the_consortium(c)
    c.create()
    c.create()
    c.emit(events.InitiativeVoided(InitiativeId(2), VoidReason.WITHDRAWN, "created twice"))
    c.now = c.windows.registration_opens
    _hold_the_ceremony(c)
    c.propose(3)
    _moderate(c)
    _register(c)
    c.now = c.windows.voting_opens
    _vote(c)
    c.open((2, 3))
    c.emit(c.release(1))
    c.count()
    document = result.compute(c.state, ONE)
    for trustee in (1, 3):
        c.emit(events.ResultAttested(ONE, EntityId(trustee), document.hash))
    _follow_up(c)
    return c


def _change_the_consortium(c: Chronicle) -> None:
    fourth = c.admission(4)
    draft = (fourth.name, fourth.endpoint, [seat.hex() for seat in fourth.accounts])
    c.motion(CONSORTIUM, "admit((string,string,address[5]))", [draft], fourth)
    c.motion(CONSORTIUM, "setMinimumAnonymity(uint32)", [2], events.MinimumAnonymityChanged(2))
    c.motion(CONSORTIUM, "suspend(uint32)", [4], events.EntitySuspended(EntityId(4)))
    c.emit(events.AccountChanged(EntityId(2), Role.REGISTRAR, address("a new registrar")))
    c.emit(events.EndpointChanged(EntityId(3), "http://moved.example"))
    c.emit(events.BrokerKeyRegistered(EntityId(2), BROKER_KEY))
    c.emit(events.BrokerKeyRegistered(EntityId(3), BROKER_KEY))
    c.emit(events.BrokerKeyRegistered(EntityId(3), P256Point(0, 0)))


def _hold_the_ceremony(c: Chronicle) -> None:
    step = c.windows.ceremony_step
    c.emit(c.dealing(1))
    c.now += 2 * step
    c.emit(events.EpochStarted(ONE, 1, c.now))
    for dealer in (1, 2, 3):
        c.emit(c.dealing(dealer))
    c.now += step
    c.emit(events.ComplaintJudged(ONE, 1, 1, 2, False))
    c.emit(events.ComplaintJudged(ONE, 1, 3, 1, True))
    c.now += step
    c.emit(c.finalisation())


def _moderate(c: Chronicle) -> None:
    fourth = ProposalId(4)
    signers = (EntityId(1), EntityId(2), EntityId(3))
    text, evidence = Hash32(keccak(b"text4")), Hash32(keccak(b"evidence"))
    c.emit(events.ProposalSubmitted(ONE, fourth, tag(901), text, batch_id(4), evidence, signers))
    c.emit(events.ProposalRejected(ONE, fourth, False, "not on the municipality's ground"))
    c.emit(events.CostChanged(ONE, ProposalId(2), 250, "a new estimate"))
    c.emit(events.ProposalErased(ONE, fourth, text, "names a neighbour"))


def _register(c: Chronicle) -> None:
    c.emit(c.registration(range(4)))
    again = events.RegistrationSkipped(ONE, batch_id(1), 0, tag(0), commitment(0, 1), SkipReason.KNOWN_TAG)
    copied = events.RegistrationSkipped(ONE, batch_id(1), 2, tag(77), commitment(1), SkipReason.USED_COMMITMENT)
    c.emit(again, copied, c.registration([4], 1))
    for attempt in (1, 2):
        c.emit(
            events.ReplacementQueued(
                ONE,
                batch_id(1 + attempt),
                tag(2),
                commitment(2),
                commitment(2, attempt),
                Hash32(keccak(b"evidence")),
                (EntityId(2), EntityId(3)),
            )
        )
    c.now = c.windows.registration_closes
    leaves = [*c.initiative.electorate.leaves]
    leaves[2] = commitment(2, 2)
    applied = events.ReplacementApplied(ONE, tag(2), 2, commitment(2), commitment(2, 2), electorate_root(leaves))
    c.emit(applied)


def _vote(c: Chronicle) -> None:
    c.emit(c.ballot(0, Approval((0, 1))), c.ballot(1, Approval((2,)), channel=Channel.ASSISTED))
    too_low = events.BallotSkipped(ONE, nullifier(0), 1, CastSkipReason.SEQUENCE_TOO_LOW)
    c.emit(too_low, c.ballot(0, Approval((1,)), 16))
    c.emit(c.ballot(2, Blank()))
    close = c.initiative.voting_closes + DAY
    c.emit(events.ExtensionProposed(ONE, EntityId(1), close))
    c.emit(events.VotingExtended(ONE, EntityId(2), close))
    c.now, again = close, close + DAY
    c.motion(SUITE.initiatives, "reopenVoting(uint64,uint64)", [1, again], events.VotingReopened(ONE, again))
    c.emit(c.ballot(3, null_plaintext(1)))


def report(number: int, option: int = 1, **changed: object) -> events.ExecutionReported:
    fields: dict[str, object] = {
        "initiative": ONE,
        "option": option,
        "report": number,
        "status": ExecutionStatus.IN_PROGRESS,
        "share_done": 2500 * number,
        "spent": 50 * number,
        "content_hash": Hash32(keccak(b"report%d.%d" % (option, number))),
    }
    return events.ExecutionReported(**(fields | changed))  # type: ignore[arg-type]


def _follow_up(c: Chronicle) -> None:
    c.emit(report(1))
    c.emit(report(2, status=ExecutionStatus.DELAYED))
    c.emit(report(1, 0, status=ExecutionStatus.CANCELLED))
    c.emit(events.ReportErased(ONE, 1, 1, report(1).content_hash, "names a contractor's worker"))
