# SPDX-License-Identifier: AGPL-3.0-or-later
"""When an initiative's pepper has served, and its destruction.

The rules name no appeal period, so it is the entity's own, in seconds of chain time after the count or the void.
"""

from __future__ import annotations

from dataclasses import dataclass

from node import events
from node.chain_state import fold
from node.errors import PepperError
from node.member import Member
from node.peppers import APPEALS_OVER, Destroyed
from protocol.events import CountCompleted, InitiativeVoided
from protocol.state import InitiativeState
from protocol.state.phase import status_at
from protocol.types import InitiativeId, Phase, VoidReason

APPEAL_PERIOD = 30 * 86_400


@dataclass(frozen=True, slots=True)
class PepperView:
    """One initiative's pepper as this entity has it. `due` is chain time; None while the initiative runs.

    `state`: `held`, `due` (held, and to be destroyed), `missing` (a registrar that was not given it), `destroyed`.
    """

    initiative: InitiativeId
    state: str
    publishes: bool
    registers: bool
    acknowledged: tuple[int, ...]
    due: int | None
    destroyed: Destroyed | None

    def to_json(self) -> dict[str, object]:
        gone = self.destroyed
        return {
            "initiative": self.initiative,
            "state": self.state,
            "publisher": self.publishes,
            "registrar": self.registers,
            "acknowledged": list(self.acknowledged),
            "due": self.due,
            "destroyed": gone and {"why": gone.why, "block": gone.block, "timestamp": gone.timestamp},
        }


def peppers(member: Member, period: int) -> list[PepperView]:
    """Of every initiative in which this entity publishes or registers. Raises RpcError, KeystoreError."""
    state = fold(member.rpc, member.deployment)
    now = member.rpc.block().timestamp
    return [
        _view(member, number, found, now, period)
        for number, found in sorted(state.initiatives.items())
        if member.entity == found.publisher or member.entity in found.rules.registrars
    ]


def destroy(member: Member, initiative: int, period: int) -> PepperView:
    """Destroys it, once the appeals are over; repeated, it changes nothing. Raises PepperError where it is too early
    or there is no such pepper, RpcError, KeystoreError."""
    found = next((view for view in peppers(member, period) if view.initiative == initiative), None)
    if found is None:
        raise PepperError(f"This entity has no part in the pepper of initiative {initiative}.")
    head = member.rpc.block()
    if found.due is None or head.timestamp < found.due:
        when = "its count or void" if found.due is None else f"chain time {found.due} (it is {head.timestamp})"
        raise PepperError(
            f"The pepper of initiative {initiative} is kept until the appeals are over: {period} s after the count "
            f"or the void; wait for {when}."
        )
    rules = fold(member.rpc, member.deployment).initiatives[InitiativeId(initiative)].rules
    member.folder.peppers.destroy(rules.pepper_hash, Destroyed(APPEALS_OVER, head.number, head.timestamp))
    return next(view for view in peppers(member, period) if view.initiative == initiative)


def _view(member: Member, number: InitiativeId, found: InitiativeState, now: int, period: int) -> PepperView:
    store, pepper_hash = member.folder.peppers, found.rules.pepper_hash
    record = store.record(pepper_hash)
    ended = ended_at(member, number, found, now)
    due = None if ended is None else ended + period
    if record.destroyed is not None and not store.holds(pepper_hash):
        state = "destroyed"
    elif not store.holds(pepper_hash):
        state = "missing"
    else:
        state = "held" if due is None or now < due else "due"
    return PepperView(
        initiative=number,
        state=state,
        publishes=member.entity == found.publisher,
        registers=member.entity in found.rules.registrars,
        acknowledged=tuple(sorted(record.acknowledged)),
        due=due,
        destroyed=record.destroyed,
    )


def ended_at(member: Member, number: InitiativeId, found: InitiativeState, now: int) -> int | None:
    """Chain time of the count's completion or of the void; None while the initiative runs."""
    phase, reason = status_at(found, now)
    if phase is Phase.COUNTED:
        return _time_of(member, number, CountCompleted)
    if phase is not Phase.VOID:
        return None
    if found.voided is not VoidReason.NONE:
        return _time_of(member, number, InitiativeVoided)
    if reason is VoidReason.TOO_FEW_BALLOTS:
        return found.voting_closes + found.rules.windows.challenge_period
    return found.rules.windows.voting_opens


def _time_of(member: Member, number: InitiativeId, kind: type[CountCompleted | InitiativeVoided]) -> int:
    located = list(events.read(member.rpc, member.deployment, [kind], initiative=number))[-1]
    return member.rpc.block(located.block).timestamp
