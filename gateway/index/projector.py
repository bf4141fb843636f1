# SPDX-License-Identifier: AGPL-3.0-or-later
"""From what the reducer changed to the rows that say so. Rows are made from the state, never from an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from gateway.index import tables
from gateway.index.phases import phase_columns
from gateway.index.rows import Rows
from gateway.index.words import words_of
from protocol import rules as rulebook
from protocol import scope as scopes
from protocol.ballot import slot_of
from protocol.bn254 import encode_g1
from protocol.state import Change, EntityState, InitiativeState, MotionState, Noun, ReportState, State
from protocol.types import EntityId, InitiativeId, MotionId, Nullifier, ProposalId


@dataclass(slots=True)
class _Touched:
    """What is different in one initiative; its own row always."""

    places: set[int] = field(default_factory=set)
    proposals: set[ProposalId] = field(default_factory=set)
    nullifiers: set[Nullifier] = field(default_factory=set)
    attestations: set[EntityId] = field(default_factory=set)
    reports: set[int] = field(default_factory=set)
    count: bool = False


class Projector:
    """Collects changes of some blocks; `rows` makes the rows as they are after the last."""

    def __init__(self) -> None:
        self._entities: set[EntityId] = set()
        self._motions: set[MotionId] = set()
        self._consortium = False
        self._initiatives: dict[InitiativeId, _Touched] = {}
        self._encoded: dict[InitiativeId, bytes] = {}

    def note_rules(self, initiative: InitiativeId, encoded: bytes) -> None:
        """Rules in the form whose hash the reducer has checked: there is only one, and making it again takes long."""
        self._encoded[initiative] = encoded

    def touch(self, initiative: InitiativeId) -> None:
        """An event of this initiative was folded."""
        if initiative not in self._initiatives:
            self._initiatives[initiative] = _Touched()

    def note(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.initiative is not None:
                self._note_initiative(change.initiative, change.noun, change.key)
            elif change.noun is Noun.ENTITY:
                self._entities.add(EntityId(_int(change.key)))
            elif change.noun is Noun.MOTION:
                self._motions.add(MotionId(_int(change.key)))
            else:
                self._consortium = True

    def _note_initiative(self, initiative: InitiativeId, noun: Noun, key: int | bytes | None) -> None:
        self.touch(initiative)
        touched = self._initiatives[initiative]
        match noun:
            case Noun.PERSON:
                touched.places.add(_int(key))
            case Noun.PROPOSAL:
                touched.proposals.add(ProposalId(_int(key)))
            case Noun.BALLOT:
                touched.nullifiers.add(Nullifier(_int(key)))
            case Noun.ATTESTATION:
                touched.attestations.add(EntityId(_int(key)))
                touched.count = True
            case Noun.REPORT:
                touched.reports.add(_int(key))
            case Noun.COUNT:
                touched.count = True
            case _:
                pass

    def note_all(self, state: State, initiatives: Iterable[InitiativeId], consortium: bool) -> None:
        """Everything of these initiatives, and of the consortium."""
        if consortium:
            self._consortium = True
            self._entities.update(state.consortium.entities)
            self._motions.update(state.consortium.motions)
        for number in initiatives:
            one = state.initiatives[number]
            self._initiatives[number] = _Touched(
                set(range(one.electorate.size)),
                set(one.proposals.proposals),
                set(one.ballots.latest),
                set(one.count.attestations),
                set(one.follow_up.reports),
                bool(one.count.opened),
            )

    def rows(self, state: State, now: int, known: int) -> Rows:
        """At the time of a block; initiatives beyond the first `known` have no rows yet."""
        rows = Rows()
        if self._consortium:
            for number, suite in enumerate(state.consortium.suites):
                addresses = b"".join(getattr(suite, part.name) for part in fields(suite))
                rows.put(tables.suite, {"id": number, "addresses": addresses})
        for entity in self._entities:
            rows.put(tables.entity, _entity(state.consortium.entities[entity]))
        for motion in self._motions:
            rows.put(tables.motion, _motion(state.consortium.motions[motion]))
        for initiative, touched in self._initiatives.items():
            one = state.initiatives[initiative]
            _initiative(rows, one, touched, now)
            if initiative > known:
                _constants(rows, one, self._encoded.get(initiative) or rulebook.encode(one.rules))
        return rows

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


def _int(key: int | bytes | None) -> int:
    assert isinstance(key, int)
    return key


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _entity(entity: EntityState) -> dict[str, Any]:
    broker = entity.broker_key
    return {
        "id": entity.id,
        "name": _text(entity.name),
        "endpoint": _text(entity.endpoint),
        "accounts": b"".join(entity.accounts),
        "active": entity.active,
        "trustee_key": None if entity.trustee_key is None else encode_g1(entity.trustee_key),
        "broker_key": None if broker is None else _word(broker.key.x) + _word(broker.key.y),
    }


def _motion(motion: MotionState) -> dict[str, Any]:
    return {
        "id": motion.id,
        "proposer": motion.proposer,
        "target": motion.target,
        "data": motion.data,
        "expires": motion.expires,
        "approvals": ",".join(map(str, motion.approvals)),
        "executed": None if motion.executed is None else motion.executed.block,
    }


def _initiative(rows: Rows, one: InitiativeState, touched: _Touched, now: int) -> None:
    rows.put(tables.initiative, _own_row(one, now))
    if touched.places:
        for place in touched.places:
            row = {"initiative": one.id, "place": place, "commitment": _word(one.electorate.leaves[place])}
            rows.put(tables.leaf, row)
        for entity, registered in one.electorate.registered_by().items():
            rows.put(tables.registrar, {"initiative": one.id, "entity": entity, "registered": registered})
    for number in touched.proposals:
        rows.put(tables.proposal, _proposal(one, number))
    for nullifier in touched.nullifiers:
        cast = one.ballots.latest[nullifier]
        slot = _word(slot_of(cast.entry.record.sequence, cast.hash))
        rows.put(tables.slot, {"initiative": one.id, "nullifier": _word(nullifier), "slot": slot})
    if touched.count:
        rows.put(tables.tally, _tally(one))
    for entity in touched.attestations:
        hash_ = one.count.attestations[entity]
        rows.put(tables.attestation, {"initiative": one.id, "entity": entity, "result_hash": hash_})
    for option in touched.reports:
        for place, report in enumerate(one.follow_up.reports[option], start=1):
            rows.put(tables.report, _report(one, option, place, report))


def _own_row(one: InitiativeState, now: int) -> dict[str, Any]:
    windows, key, secret = one.rules.windows, one.ceremony.joint_key, one.ceremony.secret_key
    return {
        "id": one.id,
        "publisher": one.publisher,
        "kind": int(one.rules.kind),
        "title": _text(one.title),
        "created": one.created.block,
        **phase_columns(one, now),
        "registration_opens": windows.registration_opens,
        "registration_closes": windows.registration_closes,
        "voting_opens": windows.voting_opens,
        "voting_closes": one.voting_closes,
        "challenge_period": windows.challenge_period,
        "proposed_close": one.proposed_close,
        "extended": one.extended,
        "reopened": one.reopened,
        "voided": int(one.voided),
        "explanation": _text(one.explanation),
        "min_anonymity": one.rules.min_anonymity,
        "registered": one.electorate.size,
        "root": _word(one.electorate.root),
        "options": len(one.proposals.options),
        "words": one.paper().words,
        "joint_key": None if key is None else encode_g1(key),
        "secret_key": None if secret is None else _word(secret),
        "distinct_ballots": len(one.ballots.latest),
        "cast_ballots": len(one.ballots.cast),
        "skipped_ballots": one.ballots.skipped,
        "is_counted": one.count.is_complete,
    }


def _constants(rows: Rows, one: InitiativeState, encoded: bytes) -> None:
    rows.put(
        tables.rules,
        {
            "initiative": one.id,
            "encoded": encoded,
            "hash": one.rules_hash,
            "scope": one.scope,
            "ballot_scope": one.ballots.scope,
        },
    )
    for word in words_of(one.title):
        rows.put(tables.word, {"word": word, "initiative": one.id})
    for code in _areas(one.scope):
        rows.put(tables.area, {"code": code, "initiative": one.id})


def _areas(raw: bytes) -> tuple[str, ...]:
    """No contract checked the scope: one that means nothing is of no area."""
    try:
        return tuple(_text(code) for code in scopes.parse(raw).residence or ())
    except scopes.ScopeError:
        return ()


def _proposal(one: InitiativeState, number: ProposalId) -> dict[str, Any]:
    proposal = one.proposals.proposals[number]
    cost = 0 if proposal.option is None else one.proposals.costs[proposal.option]
    return {
        "initiative": one.id,
        "id": number,
        "content_hash": proposal.content_hash,
        "status": int(proposal.status),
        "option": proposal.option,
        "feasible": proposal.feasible,
        "reason": _text(proposal.reason),
        "cost": str(cost),
        "erasure": None if proposal.erasure is None else _text(proposal.erasure),
    }


def _report(one: InitiativeState, option: int, number: int, report: ReportState) -> dict[str, Any]:
    return {
        "initiative": one.id,
        "option": option,
        "id": number,
        "block": report.meta.block,
        "timestamp": report.meta.timestamp,
        "status": int(report.status),
        "share_done": report.share_done,
        "spent": str(report.spent),
        "content_hash": report.content_hash,
        "erasure": None if report.erasure is None else _text(report.erasure),
    }


def _tally(one: InitiativeState) -> dict[str, Any]:
    count = one.count
    return {
        "initiative": one.id,
        "counted": count.counted,
        "valid": count.valid,
        "blank": count.blank,
        "nulls": count.nulls,
        "own_device": count.own_device,
        "assisted": count.assisted,
        "totals": ",".join(map(str, count.totals)),
        "accumulator": _word(count.accumulator),
        "result_hash": count.result_hash,
    }


def _text(text: str) -> str:
    """As both databases can hold it: PostgreSQL's text has no zero characters."""
    return text.replace("\0", "�")
