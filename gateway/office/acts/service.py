# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes orders into the journal: checked against the chain first, once per key, durable before the answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.failures import Failure
from gateway.journal import Journal
from gateway.office.acts.orders import Order, attribute
from gateway.office.acts.repository import Act, Acts
from gateway.problems import KeyReused, MalformedRequest, RefusedByContract, SignerUnavailable, TooMany, UnknownRecord
from gateway.relay.simulate import Simulator
from node.deployment import Deployment
from node.errors import ContractError
from protocol import jcs
from protocol.errors import ProtocolError
from protocol.hashing import keccak
from protocol.types import Role

QUEUE_LIMIT = 1000

Also = Callable[[sa.Connection, str], None]
"""What else is written with a new act: (database, act id)."""


def _nothing(db: sa.Connection, act: str) -> None:
    """Nothing else."""


class ActService:
    """`simulators` speak for the entity's accounts, by role."""

    def __init__(
        self,
        journal: Journal,
        acts: Acts,
        deployment: Deployment,
        simulators: Mapping[Role, Simulator],
        wake: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._acts = acts
        self._deployment = deployment
        self._simulators = simulators
        self._wake = wake
        self._clock = clock

    def order(self, officer: str, key: str, order: Order, also: Also = _nothing) -> Act:
        """The act, new or the one that the officer ordered under this key before.

        Raises KeyReused for the key with another order, RefusedByContract where the chain would not take it now,
        TooMany, MalformedRequest, SignerUnavailable; then nothing is stored.
        """
        if order.account not in self._simulators:
            raise SignerUnavailable(f"The key of the entity's {order.account.label} account is not at this gateway.")
        key = f"{officer} {key}"
        try:
            meant = {"kind": order.kind.value, "initiative": order.initiative, "arguments": dict(order.arguments)}
            body_hash = keccak(jcs.canonical(meant))
            id_ = secrets.token_hex(16)
            signed = attribute(order, officer, self._deployment)
        except ProtocolError as error:
            raise MalformedRequest(f"The order cannot be written down: {error}.") from error
        known = self._known(key, body_hash)
        if known is not None:
            return known
        if not self._acts.open_count(order.account):  # else the chain's answer may change with those before
            self._check(order.account, signed.target, signed.data, order.gas)
        with self._journal.transaction() as db:
            found = self._acts.by_key(db, key)
            if found is not None:
                return self._same(found, body_hash)
            if self._acts.count_open(db, order.account) >= QUEUE_LIMIT:
                raise TooMany("Too many acts are waiting; try again when some are done.")
            self._acts.insert(
                db,
                id_=id_,
                kind=order.kind,
                account=order.account,
                initiative=order.initiative,
                officer=officer,
                key=key,
                body_hash=body_hash,
                arguments=order.arguments,
                signed=signed,
                at=int(self._clock()),
            )
            also(db, id_)
            stored = self._acts.by_key(db, key)
        assert stored is not None
        self._wake()
        return stored

    def known_arguments(self, officer: str, key: str) -> Mapping[str, Any] | None:
        """Of what the officer ordered under this key before."""
        with self._journal.transaction() as db:
            found = self._acts.by_key(db, f"{officer} {key}")
        return None if found is None else found.arguments

    def get(self, id_: str) -> Act:
        """Raises UnknownRecord."""
        found = self._acts.get(id_)
        if found is None:
            raise UnknownRecord("There is no act of this id.")
        return found

    def listed(self, limit: int, before: int | None, initiative: int | None) -> list[Act]:
        """The latest first."""
        return self._acts.listed(limit, before, initiative)

    def _known(self, key: str, body_hash: bytes) -> Act | None:
        with self._journal.transaction() as db:
            found = self._acts.by_key(db, key)
        return None if found is None else self._same(found, body_hash)

    @staticmethod
    def _same(found: Act, body_hash: bytes) -> Act:
        if found.body_hash != body_hash:
            raise KeyReused("This key was used for another order; take a new one.")
        return found

    def _check(self, account: Role, target: bytes, data: bytes, gas: int) -> None:
        try:
            self._simulators[account].check(target, data, gas)
        except ContractError as error:
            raise RefusedByContract(Failure.of(error).reason, error=error.name) from error
