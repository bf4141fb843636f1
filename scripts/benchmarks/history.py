# SPDX-License-Identifier: AGPL-3.0-or-later
"""A long history for the index: events that the reducer takes, made at the seam where verified blocks come in.

Entities in the founding transaction; elections with ceremonies, registrations in batches and ballots; then initiatives
that are announced and pass by. Proofs and seals are one and the same point of the curve: the fold keeps them as claims.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.index.model import Checkpoint, RawEvent
from protocol import ceremony, events, scope
from protocol import rules as rulebook
from protocol.ballot import Channel, Entry, Record
from protocol.bn254 import GENERATOR, SCALAR_FIELD, encode_g1
from protocol.electorate import electorate_root
from protocol.events import Event, encode
from protocol.hashing import keccak, words
from protocol.state import State, contract_address
from protocol.types import (
    Address,
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    Commitment,
    Dealing,
    EntityId,
    G1Point,
    Hash32,
    InitiativeId,
    Kind,
    Nullifier,
    ProposalId,
    Role,
    Suite,
    Tag,
    Windows,
)

CHAIN_ID = 424242
DAY = 86_400
START = 1_750_000_000
BATCH = 100
_TITLES = """orçamento participativo escola ciclovia jardim parque rua praça biblioteca mercado água luz transporte
cultura desporto saúde bairro aldeia rio mar floresta ponte creche lar feira música teatro museu arquivo juventude"""
_WORDS = _TITLES.split()
_PLACES = [f"PT-{district:02}{number:02}" for district in range(1, 19) for number in range(1, 18)]
# EIP-197's generator of G2, imaginary parts first.
_G2 = words(
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
)
_PROOF = encode_g1(GENERATOR) + _G2 + encode_g1(GENERATOR)


def _address(name: str) -> Address:
    return Address(keccak(name.encode())[:20])


SUITE = Suite(*(_address(f"part {number}") for number in range(7)))
CONSORTIUM = _address("consortium")
Block = tuple[Checkpoint, list[tuple[RawEvent, InitiativeId | None]]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is. An election's ballots are cast by as many registered persons."""

    entities: int
    initiatives: int
    elections: int
    ballots: int

    @property
    def events(self) -> int:
        """About how many events come of it."""
        return self.entities + 2 * self.initiatives + self.elections * (self.ballots + self.ballots // BATCH + 8)


@dataclass(slots=True)
class History:
    """Makes blocks one after the other."""

    sizes: Sizes
    dice: random.Random = field(default_factory=lambda: random.Random(4))
    _state: State = field(default_factory=lambda: State(CHAIN_ID, CONSORTIUM, SUITE))
    _number: int = 0
    _hash: bytes = bytes(32)
    _now: int = START

    def blocks(self) -> Iterator[Block]:
        """In the chain's order."""
        yield self._block([self._founding()])
        secrets = {number: 1000 + number for number in (1, 2, 3)}
        keys = {number: ceremony.trustee_key(secret) for number, secret in secrets.items()}
        yield self._block([[events.TrusteeKeyRegistered(EntityId(number), key)] for number, key in keys.items()])
        for at in range(0, self.sizes.elections, 20):
            numbers = [InitiativeId(n) for n in range(at + 1, min(at + 20, self.sizes.elections) + 1)]
            yield from self._elections(numbers, tuple(keys.values()))
        yield from self._announcements(tuple(keys.values()))

    def _founding(self) -> list[Event]:
        admitted: list[Event] = []
        for number in range(1, self.sizes.entities + 1):
            seats = tuple(_address(f"{number}/{role}") for role in Role)
            name = f"{self.dice.choice(_WORDS).title()} {number}"
            admitted.append(events.EntityAdmitted(EntityId(number), name, f"https://e{number}.example", seats))
        return [*admitted, events.MinimumAnonymityChanged(2)]

    def _created(self, number: InitiativeId, keys: Sequence[G1Point]) -> list[Event]:
        own = scope.canonical(
            scope.Scope(residence=tuple(sorted(self.dice.sample(_PLACES, self.dice.choice((1, 1, 2))))))
        )
        rules = self._rules(own)
        encoded = rulebook.encode(rules)
        publisher = EntityId(self.dice.randint(1, self.sizes.entities))
        title = " ".join(self.dice.choices(_WORDS, k=4)).capitalize() + f" {number}"
        return [
            events.InitiativeCreated(number, publisher, Hash32(keccak(encoded)), encoded, own, title),
            events.CeremonyOpened(number, tuple(keys), rules.windows.registration_opens),
        ]

    def _rules(self, own: bytes) -> rulebook.Rules:
        opens = self._now + DAY
        return rulebook.Rules(
            kind=self.dice.choice(list(Kind)),
            scope_hash=Hash32(keccak(own)),
            windows=Windows(opens, opens + 5 * DAY, opens + 8 * DAY, opens + 12 * DAY, 3600, 4 * DAY, 3600),
            ballot=BallotRules(BallotType.APPROVAL, 1, 2),
            allocation=AllocationRules(AllocationRule.EQUAL_SHARES_ADD1, budget=1000),
            registrars=(EntityId(1), EntityId(2), EntityId(3)),
            registrar_threshold=2,
            trustees=(EntityId(1), EntityId(2), EntityId(3)),
            trustee_threshold=2,
            min_anonymity=3,
            proposals_per_person=2,
            issuers=("https://issuer.example",),
            pepper_hash=Hash32(keccak(b"pepper")),
        )

    def _elections(self, numbers: Sequence[InitiativeId], keys: Sequence[G1Point]) -> Iterator[Block]:
        """Side by side, so that an index that forgets has to remember often."""
        yield self._block([self._created(number, keys) for number in numbers])
        self._now += DAY
        for number in numbers:
            yield self._block(self._prepared(number, keys))
        leaves: dict[InitiativeId, int] = dict.fromkeys(numbers, 0)
        for _ in range(-(-self.sizes.ballots // BATCH)):
            yield self._block([[self._registered(number, leaves)] for number in numbers])
        self._now += 7201
        yield self._block([[self._finalised(number, keys)] for number in numbers])
        self._now += 8 * DAY - 7201
        cast = 0
        while cast < self.sizes.ballots:
            count = min(BATCH, self.sizes.ballots - cast)
            for number in numbers:
                yield self._block([[self._ballot(number) for _ in range(count)]])
            cast += count
        self._now += 5 * DAY

    def _prepared(self, number: InitiativeId, keys: Sequence[G1Point]) -> list[list[Event]]:
        acts: list[list[Event]] = [
            [events.Dealt(number, 0, dealer, self._dealing(number, dealer, keys))] for dealer in (1, 2)
        ]
        signers = (EntityId(1), EntityId(2))
        for proposal in (1, 2, 3):
            content, evidence = Hash32(keccak(b"%d/%d" % (number, proposal))), Hash32(bytes(32))
            own = Tag(keccak(b"author %d" % proposal))
            batch = Hash32(keccak(b"batch %d" % proposal))
            acts.append(
                [events.ProposalSubmitted(number, ProposalId(proposal), own, content, batch, evidence, signers)]
            )
            acts.append([events.ProposalAccepted(number, ProposalId(proposal), proposal - 1, 100 * proposal, "")])
        return acts

    def _dealing(self, number: InitiativeId, dealer: int, keys: Sequence[G1Point]) -> Dealing:
        epoch = ceremony.Epoch(CHAIN_ID, SUITE.ceremony, number, 0)
        return ceremony.deal(keccak(b"seed%d" % dealer), epoch, dealer, 2, tuple(keys))

    def _finalised(self, number: InitiativeId, keys: Sequence[G1Point]) -> Event:
        dealings = [self._dealing(number, dealer, keys) for dealer in (1, 2)]
        return events.KeyFinalised(number, 0, (1, 2), ceremony.aggregate(dealings))

    def _registered(self, number: InitiativeId, leaves: dict[InitiativeId, int]) -> Event:
        count = min(BATCH, self.sizes.ballots - leaves[number])
        first = leaves[number]
        leaves[number] += count
        commitments = tuple(Commitment(self.dice.randrange(1, SCALAR_FIELD)) for _ in range(count))
        return events.Registered(
            initiative=number,
            batch_id=Hash32(keccak(b"registration %d" % first)),
            first_index=first,
            tags=tuple(Tag(self.dice.randbytes(32)) for _ in range(count)),
            commitments=commitments,
            evidence_root=Hash32(bytes(32)),
            registrars=(EntityId(1), EntityId(2)),
            root=electorate_root(commitments[:1]),  # a claim that the fold keeps
        )

    def _ballot(self, number: InitiativeId) -> Event:
        nullifier = Nullifier(self.dice.randrange(SCALAR_FIELD))
        record = Record(nullifier, 1, Channel.OWN_DEVICE, GENERATOR, self.dice.randbytes(32))
        return events.BallotCast(number, nullifier, Entry(_PROOF, record).encode())

    def _announcements(self, keys: Sequence[G1Point]) -> Iterator[Block]:
        """A hundred a block, an hour apart."""
        numbers = range(self.sizes.elections + 1, self.sizes.initiatives + 1)
        for at in range(0, len(numbers), 100):
            self._now += 3600
            yield self._block([self._created(InitiativeId(number), keys) for number in numbers[at : at + 100]])

    def _block(self, transactions: Sequence[Sequence[Event]]) -> Block:
        self._number += 1
        self._now += 1
        parent, self._hash = self._hash, keccak(b"block %d" % self._number)
        raw: list[tuple[RawEvent, InitiativeId | None]] = []
        for index, emitted in enumerate(transactions):
            for event in emitted:
                address = contract_address(self._state, event.CONTRACT)
                own: InitiativeId | None = getattr(event, "initiative", None)
                raw.append((RawEvent(index, len(raw), address, *encode(event)), own))
        return Checkpoint(self._number, self._hash, parent, self._now), raw
