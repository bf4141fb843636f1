# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of the consortium: entities, and motions with what they bring about."""

from __future__ import annotations

from dataclasses import fields

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from protocol import broker
from protocol.bn254 import is_on_curve
from protocol.events import (
    AccountChanged,
    BrokerKeyRegistered,
    EndpointChanged,
    EntityAdmitted,
    EntitySuspended,
    Event,
    InitiativeVoided,
    MinimumAnonymityChanged,
    MotionApproved,
    MotionExecuted,
    MotionProposed,
    SuiteAdded,
    TrusteeKeyRegistered,
    VotingReopened,
)
from protocol.hashing import keccak
from protocol.state.claims import TrusteeKeyClaim
from protocol.state.guards import Change, Context, Handlers, InvalidEvent, Noun, require, require_active, require_text
from protocol.state.model import BrokerKey, EntityState, MotionState, State
from protocol.types import Address, EntityId, InitiativeId, Role, Suite, VoidReason

MIN_ACTIVE = 2
LEAST_ANONYMITY, MOST_ANONYMITY = 2, 1 << 20
MOTION_LIFETIME = 30 * 86400
MAX_NAME, MAX_ENDPOINT = 128, 256
_CHECK = "consortium.motions"
_NOBODY = Address(bytes(20))


def suite_addresses(suite: Suite) -> tuple[Address, ...]:
    """The seven addresses, in the struct's order."""
    return tuple(getattr(suite, part.name) for part in fields(suite))


def _is_founding(state: State, context: Context) -> bool:
    """Within the consortium's constructor: no minimum yet, and one transaction."""
    return state.consortium.minimum_anonymity == 0 and (state.last is None or state.last.same_transaction(context.meta))


def _require_motion(state: State, context: Context, what: str) -> None:
    require(context.entailed or _is_founding(state, context), _CHECK, f"{what} without a motion")


def _require_seat(state: State, account: Address) -> None:
    require(account not in (_NOBODY, state.consortium_address), _CHECK, f"0x{account.hex()} can be no account")
    require(account not in state.consortium.seats, _CHECK, f"0x{account.hex()} had a seat before")


def _entity(state: State, number: EntityId) -> EntityState:
    require_active(state, number, _CHECK)
    return state.consortium.entities[number]


def _admitted(state: State, event: EntityAdmitted, context: Context) -> list[Change]:
    _require_motion(state, context, f"entity {event.entity} admitted")
    consortium = state.consortium
    require(event.entity == len(consortium.entities) + 1, _CHECK, f"entity {event.entity} is not the next")
    require_text(event.name, 1, MAX_NAME, _CHECK, "the name")
    require_text(event.endpoint, 1, MAX_ENDPOINT, _CHECK, "the endpoint")
    require(len(set(event.accounts)) == len(Role), _CHECK, "an account twice")
    for account in event.accounts:
        _require_seat(state, account)

    consortium.entities[event.entity] = EntityState(event.entity, event.name, event.endpoint, list(event.accounts))
    consortium.seats.update(event.accounts)
    return [Change(Noun.ENTITY, key=event.entity)]


def _suspended(state: State, event: EntitySuspended, context: Context) -> list[Change]:
    require(context.entailed, _CHECK, f"entity {event.entity} suspended without a motion")
    entity = _entity(state, event.entity)
    require(state.consortium.active_count > MIN_ACTIVE, _CHECK, "too few entities would be left")

    entity.active = False
    return [Change(Noun.ENTITY, key=event.entity)]


def _account_changed(state: State, event: AccountChanged, context: Context) -> list[Change]:
    entity = _entity(state, event.entity)
    _require_seat(state, event.account)

    entity.accounts[event.role] = event.account
    state.consortium.seats.add(event.account)
    return [Change(Noun.ENTITY, key=event.entity)]


def _endpoint_changed(state: State, event: EndpointChanged, context: Context) -> list[Change]:
    entity = _entity(state, event.entity)
    require_text(event.endpoint, 1, MAX_ENDPOINT, _CHECK, "the endpoint")

    entity.endpoint = event.endpoint
    return [Change(Noun.ENTITY, key=event.entity)]


def _trustee_key(state: State, event: TrusteeKeyRegistered, context: Context) -> list[Change]:
    entity = _entity(state, event.entity)
    require(is_on_curve(event.key), "ceremony.dealings", f"the key of entity {event.entity} is no point")

    entity.trustee_key = event.key
    state.consortium.trustee_keys.append(TrusteeKeyClaim(context.meta, event.entity, event.key))
    return [Change(Noun.ENTITY, key=event.entity)]


def _broker_key(state: State, event: BrokerKeyRegistered, context: Context) -> list[Change]:
    entity = _entity(state, event.entity)
    removed = broker.is_removal(event.key)
    require(removed or broker.is_on_curve(event.key), _CHECK, f"the broker key of entity {event.entity} is no point")

    entity.broker_key = None if removed else BrokerKey(event.key, context.meta)
    return [Change(Noun.ENTITY, key=event.entity)]


def _minimum(state: State, event: MinimumAnonymityChanged, context: Context) -> list[Change]:
    _require_motion(state, context, "the minimum changed")
    require(len(state.consortium.entities) >= MIN_ACTIVE, _CHECK, "too few founders")
    require(LEAST_ANONYMITY <= event.minimum <= MOST_ANONYMITY, _CHECK, f"a minimum of {event.minimum}")

    state.consortium.minimum_anonymity = event.minimum
    return [Change(Noun.CONSORTIUM)]


def _suite_added(state: State, event: SuiteAdded, context: Context) -> list[Change]:
    require(context.entailed, _CHECK, "a suite added without a motion")
    suites = state.consortium.suites
    require(event.index == len(suites), _CHECK, f"suite {event.index} is not the next")
    known = {address for suite in suites for address in suite_addresses(suite)} | {state.consortium_address}
    parts = suite_addresses(event.suite)
    require(len({*parts} - known) == len(parts), _CHECK, "a part of the suite is known, or named twice")

    suites.append(event.suite)
    return [Change(Noun.CONSORTIUM)]


def _proposed(state: State, event: MotionProposed, context: Context) -> list[Change]:
    motions = state.consortium.motions
    require(event.motion == len(motions) + 1, _CHECK, f"motion {event.motion} is not the next")
    require_active(state, event.proposer, _CHECK)
    targets = {address for suite in state.consortium.suites for address in suite_addresses(suite)}
    require(event.target in targets | {state.consortium_address}, _CHECK, "the target is in no suite")
    require(event.expires == context.now + MOTION_LIFETIME, _CHECK, f"motion {event.motion} expires at another time")

    motions[event.motion] = MotionState(event.motion, event.proposer, event.target, event.data, event.expires)
    state.expected.append(MotionApproved(event.motion, event.proposer))
    return [Change(Noun.MOTION, key=event.motion)]


def _approved(state: State, event: MotionApproved, context: Context) -> list[Change]:
    motion = state.consortium.motions.get(event.motion)
    if motion is None:
        raise InvalidEvent(_CHECK, f"there is no motion {event.motion}")
    require(motion.executed is None, _CHECK, f"motion {event.motion} was executed before")
    require(context.now < motion.expires, _CHECK, f"motion {event.motion} had expired")
    require_active(state, event.entity, _CHECK)
    require(event.entity not in motion.approvals, _CHECK, f"entity {event.entity} approved motion {event.motion} twice")

    motion.approvals.append(event.entity)
    # The proposer's own approval, which comes with the proposal, executes nothing.
    if not context.entailed and is_carried(state, motion):
        state.expected.append(MotionExecuted(event.motion))
    return [Change(Noun.MOTION, key=event.motion)]


def is_carried(state: State, motion: MotionState) -> bool:
    """Whether more than half of the active entities approve, as far as they are active."""
    approvals = sum(state.consortium.is_active(entity) for entity in motion.approvals)
    return 2 * approvals > state.consortium.active_count


def _executed(state: State, event: MotionExecuted, context: Context) -> list[Change]:
    require(context.entailed, _CHECK, f"motion {event.motion} executed without a majority's approval")
    motion = state.consortium.motions[event.motion]
    effect = effect_of(state, motion)

    motion.executed = context.meta
    if effect is not None:
        state.expected.append(effect)
    return [Change(Noun.MOTION, key=event.motion)]


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


_ADMIT = _selector("admit((string,string,address[5]))")
_SUSPEND = _selector("suspend(uint32)")
_MINIMUM = _selector("setMinimumAnonymity(uint32)")
_ADD_SUITE = _selector(f"addSuite(({','.join('address' for _ in fields(Suite))}))")
_VOID = _selector("voidByMotion(uint64,string)")
_REOPEN = _selector("reopenVoting(uint64,uint64)")


def effect_of(state: State, motion: MotionState) -> Event | None:
    """The event that the motion's call emits first; None where it does nothing that only a motion may.

    Raises:
        InvalidEvent: the call would have reverted.
    """
    # Solidity reads missing calldata padding as zeros; a decoder that insists on it would refuse what was executed.
    arguments = motion.data[4:] + bytes(32)
    try:
        if motion.target == state.consortium_address:
            return _consortium_effect(state, motion.data[:4], arguments)
        if motion.target == state.suite.initiatives:
            return _initiatives_effect(motion.data[:4], arguments)
    except (DecodingError, OverflowError) as error:
        raise InvalidEvent(_CHECK, f"motion {motion.id} calls with what cannot be decoded: {error}") from None
    return None


def _decode(types: list[str], data: bytes) -> tuple[object, ...]:
    # As lenient as Solidity: a motion's calldata need not be canonical. Texts are bytes, for they need not be UTF-8.
    return tuple(abi_decode(types, data, strict=False))


def _address(word: object) -> Address:
    assert isinstance(word, int)
    return Address(word.to_bytes(20, "big"))


def _consortium_effect(state: State, selector: bytes, data: bytes) -> Event | None:
    consortium = state.consortium
    if selector == _ADMIT:
        ((name, endpoint, accounts),) = abi_decode(["(bytes,bytes,uint256[5])"], data, strict=False)
        entity = EntityId(len(consortium.entities) + 1)
        seats = tuple(_address(account) for account in accounts)
        return EntityAdmitted(entity, name.decode(errors="replace"), endpoint.decode(errors="replace"), seats)
    if selector == _SUSPEND:
        (suspended,) = abi_decode(["uint32"], data, strict=False)
        return EntitySuspended(EntityId(suspended))
    if selector == _MINIMUM:
        (minimum,) = abi_decode(["uint32"], data, strict=False)
        return MinimumAnonymityChanged(minimum)
    if selector == _ADD_SUITE:
        parts = _decode(["uint256"] * len(fields(Suite)), data)
        return SuiteAdded(len(consortium.suites), Suite(*map(_address, parts)))
    return None


def _initiatives_effect(selector: bytes, data: bytes) -> Event | None:
    if selector == _VOID:
        number, explanation = abi_decode(["uint64", "bytes"], data, strict=False)
        return InitiativeVoided(InitiativeId(number), VoidReason.MOTION, explanation.decode(errors="replace"))
    if selector == _REOPEN:
        number, close = abi_decode(["uint64", "uint64"], data, strict=False)
        return VotingReopened(InitiativeId(number), close)
    return None


HANDLERS: Handlers = {
    EntityAdmitted: _admitted,
    EntitySuspended: _suspended,
    AccountChanged: _account_changed,
    EndpointChanged: _endpoint_changed,
    TrusteeKeyRegistered: _trustee_key,
    BrokerKeyRegistered: _broker_key,
    MinimumAnonymityChanged: _minimum,
    SuiteAdded: _suite_added,
    MotionProposed: _proposed,
    MotionApproved: _approved,
    MotionExecuted: _executed,
}
