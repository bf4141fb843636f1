# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings acts to the chain, one by one in the order in which they were ordered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import sqlalchemy as sa

from gateway.failures import Failure
from gateway.office.acts.account import AccountTurn
from gateway.office.acts.orders import Kind
from gateway.office.acts.repository import Act, Acts
from gateway.relay.outbox import Settled
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Parcel
from node.errors import ContractError, RpcUnavailable
from node.rpc import Receipt, RpcClient
from protocol.types import Role

Consequence = Callable[[sa.Connection, Act, Receipt | None], None]
"""What an act's end changes in the journal besides its row; the receipt is None where it failed."""


class ActCarrier:
    """Of one account. An act that depends on one under way is looked at again when that one has landed."""

    def __init__(
        self,
        account: Role,
        acts: Acts,
        turn: AccountTurn,
        simulator: Simulator,
        rpc: RpcClient,
        consequences: Mapping[Kind, Consequence],
    ) -> None:
        self._account = account
        self._acts = acts
        self._turn = turn
        self._simulator = simulator
        self._rpc = rpc
        self._consequences = consequences

    def next_parcel(self) -> Parcel | None:
        while True:
            act, under_way = self._acts.first_waiting(self._account), self._acts.under_way(self._account)
            if act is None and not under_way:
                self._turn.give_back()
                return None
            if not self._turn.take() or act is None:
                return None
            try:
                self._simulator.check(act.target, act.data, act.gas)
            except ContractError as error:
                if under_way:
                    return None  # the one before may be what makes it possible
                self._fail(act, Failure.of(error))
                continue
            return Parcel(act.target, act.data, act.gas, partial(_link, act))

    def outcome(self, settled: Settled) -> Callable[[sa.Connection], None]:
        carried = self._acts.carried_by(self._account, settled.tx)
        receipt = self._receipt(settled) if any(act.kind in self._consequences for act in carried) else None

        def write(db: sa.Connection) -> None:
            for act in carried:
                if settled.landed:
                    self._acts.finish(db, act)
                    self._follow(db, act, receipt)
                elif settled.receipt is None:
                    self._acts.requeue(db, act)
                else:
                    self._acts.fail(db, act, settled.failure)
                    self._follow(db, act, None)

        return write

    def _receipt(self, settled: Settled) -> Receipt | None:
        """With its logs, which the outbox does not ask for. Raises RpcError."""
        if settled.receipt is None or not settled.landed:
            return None
        found = self._rpc.receipt(settled.receipt.transaction_hash)
        if found is None:
            raise RpcUnavailable("The node has lost a receipt that it had a moment ago.")
        return found

    def _fail(self, act: Act, failure: Failure) -> None:
        self._acts.fail_now(act, failure, lambda db: self._follow(db, act, None))

    def _follow(self, db: sa.Connection, act: Act, receipt: Receipt | None) -> None:
        consequence = self._consequences.get(act.kind)
        if consequence is not None:
            consequence(db, act, receipt)


def _link(act: Act, db: sa.Connection, tx: int) -> None:
    Acts.link(db, act, tx)
