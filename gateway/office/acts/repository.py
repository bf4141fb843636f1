# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of acts: what officers ordered, until it is final."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.failures import NONE, Failure
from gateway.journal import Journal
from gateway.journal.tables import OFFICE_ACT as ACT
from gateway.journal.tables import TX
from gateway.office.acts.orders import Kind, Signed
from protocol.hashing import keccak
from protocol.types import InitiativeId, Role

OPEN = ("accepted", "queued", "sent", "mined")


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `transaction` and `block` are None until there are; `place` is the order of arrival."""

    place: int
    id: str
    kind: Kind
    account: Role
    initiative: InitiativeId | None
    officer: str
    arguments: Mapping[str, Any]
    statement: str
    target: bytes
    data: bytes
    gas: int
    at: int
    status: str
    failure: Failure | None
    body_hash: bytes
    transaction: bytes | None
    block: int | None

    @property
    def attribution(self) -> bytes:
        """What stands behind the call, in the transaction."""
        return keccak(self.statement.encode())


class Acts:
    """Repository of the table. What takes a connection is part of the caller's transaction."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def insert(
        self,
        db: sa.Connection,
        *,
        id_: str,
        kind: Kind,
        account: Role,
        initiative: InitiativeId | None,
        officer: str,
        key: str,
        body_hash: bytes,
        arguments: Mapping[str, Any],
        signed: Signed,
        at: int,
    ) -> None:
        db.execute(
            ACT.insert().values(
                id=id_,
                kind=kind.value,
                account=account.label,
                initiative=initiative,
                officer=officer,
                key=key,
                body_hash=body_hash,
                arguments=json.dumps(dict(arguments)),
                statement=signed.statement.decode(),
                target=signed.target,
                data=signed.data,
                gas=signed.gas,
                at=at,
                status="accepted",
            )
        )

    def by_key(self, db: sa.Connection, key: str) -> Act | None:
        row = db.execute(_QUERY.where(ACT.c.key == key)).one_or_none()
        return None if row is None else _act(row)

    def get(self, id_: str) -> Act | None:
        rows = self._journal.read(_QUERY.where(ACT.c.id == id_))
        return _act(rows[0]) if rows else None

    def listed(self, limit: int, before: int | None = None, initiative: int | None = None) -> list[Act]:
        """The latest first; `before` is a place."""
        query = _QUERY.order_by(ACT.c.place.desc()).limit(limit)
        if before is not None:
            query = query.where(ACT.c.place < before)
        if initiative is not None:
            query = query.where(ACT.c.initiative == initiative)
        return [_act(row) for row in self._journal.read(query)]

    def first_waiting(self, account: Role) -> Act | None:
        query = _QUERY.where(ACT.c.account == account.label, ACT.c.status == "accepted").order_by(ACT.c.place).limit(1)
        rows = self._journal.read(query)
        return _act(rows[0]) if rows else None

    def open_count(self, account: Role) -> int:
        """How many have not come to an end."""
        with self._journal.transaction() as db:
            return self.count_open(db, account)

    @staticmethod
    def count_open(db: sa.Connection, account: Role) -> int:
        query = sa.select(sa.func.count()).select_from(ACT)
        return int(db.execute(query.where(ACT.c.account == account.label, ACT.c.status.in_(OPEN))).scalar_one())

    def carried_by(self, account: Role, tx: int) -> Sequence[Act]:
        rows = self._journal.read(_QUERY.where(ACT.c.account == account.label, ACT.c.tx == tx))
        return [_act(row) for row in rows]

    def under_way(self, account: Role) -> int:
        """How many are signed and have not come to an end."""
        query = sa.select(sa.func.count()).select_from(ACT)
        ((count,),) = self._journal.read(query.where(ACT.c.account == account.label, ACT.c.status.in_(OPEN[1:])))
        return int(count)

    def fail_now(self, act: Act, failure: Failure, also: Callable[[sa.Connection], None]) -> None:
        with self._journal.transaction() as db:
            self.fail(db, act, failure)
            also(db)

    @staticmethod
    def link(db: sa.Connection, act: Act, tx: int) -> None:
        _set(db, act, status="queued", tx=tx)

    @staticmethod
    def finish(db: sa.Connection, act: Act) -> None:
        _set(db, act, status="final", **NONE)

    @staticmethod
    def fail(db: sa.Connection, act: Act, failure: Failure) -> None:
        _set(db, act, status="failed", **failure.columns())

    @staticmethod
    def requeue(db: sa.Connection, act: Act) -> None:
        """Its transaction never came to be: another one."""
        _set(db, act, status="accepted", tx=None)


_CARRIED = sa.and_(ACT.c.status == "queued", TX.c.status.in_(("queued", "sent", "mined")))
_STATE = sa.case((_CARRIED, TX.c.status), else_=ACT.c.status).label("state")  # what is carried has its transaction's
_QUERY = sa.select(ACT, _STATE, TX.c.hash.label("tx_hash"), TX.c.block.label("tx_block")).select_from(
    ACT.outerjoin(TX, ACT.c.tx == TX.c.id)
)


def _set(db: sa.Connection, act: Act, **values: object) -> None:
    db.execute(ACT.update().where(ACT.c.id == act.id).values(**values))


def _act(row: sa.Row[Any]) -> Act:
    return Act(
        place=row.place,
        id=row.id,
        kind=Kind(row.kind),
        account=Role.from_label(row.account),
        initiative=None if row.initiative is None else InitiativeId(row.initiative),
        officer=row.officer,
        arguments=json.loads(row.arguments),
        statement=row.statement,
        target=row.target,
        data=row.data,
        gas=row.gas,
        at=row.at,
        status=row.state,
        failure=Failure.from_row(row),
        body_hash=row.body_hash,
        transaction=row.tx_hash,
        block=row.tx_block,
    )
