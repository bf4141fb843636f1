# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox: each lane is one account, each nonce one transaction, its raw bytes stored before they are sent.

    queued ──send──► sent ──receipt──► mined ──finality──► final
                      │ ▲                │ receipt gone (the embedded chain lost a block)
                      │ └────────────────┘                 failed: the receipt says reverted
                      └─nonce used by another, for good──► displaced: what it carried goes into another transaction

A nonce comes from the journal, never from `pending`. Whatever happens, the same bytes are sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from gateway.failures import Failure
from gateway.journal import Journal
from gateway.journal.tables import BALLOT, OFFICE_ACT, SUBMISSION, TX
from gateway.problems import NotLanded
from node.contracts import decode_error
from node.errors import ContractError
from node.keys import Call, Signer
from node.rpc import Receipt, RpcClient, RpcRefused
from node.sender import why_reverted

log = logging.getLogger(__name__)

RESEND_AFTER = 2.0
RESEND_BLOCKS = 2  # the lane's next one is sent again when it missed this many blocks
WINDOW = 150  # transactions ahead per lane; clients refuse a sender about 200 ahead
SETTLE = 5.0  # seconds for which a nonce must look used, or a gap stay open, until that is believed: nodes may lag
OPEN = ("queued", "sent", "mined")
CARRIED = (SUBMISSION, BALLOT, OFFICE_ACT)
GAS_OF_NOTHING = 21_000


@dataclass(frozen=True, slots=True)
class Lane:
    """An account that only relays; it has no power. `name` is stable across restarts."""

    name: str
    key: Signer


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction that reached an end: final, reverted (`error` says why), or displaced (no receipt)."""

    tx: int
    receipt: Receipt | None
    epoch: int
    error: ContractError | None = None

    @property
    def landed(self) -> bool:
        return self.receipt is not None and self.receipt.ok

    @property
    def failure(self) -> Failure:
        """Of what it carried and is not on the chain, though the transaction is."""
        if self.error is not None:
            return Failure.of(self.error)
        return Failure(NotLanded.code, "The transaction went through, and the contract passed this one over.")


class Outbox:
    """Signs, stores, sends and follows the transactions of some lanes."""

    def __init__(
        self,
        journal: Journal,
        rpc: RpcClient,
        chain_id: int,
        lanes: Iterable[Lane],
        finality: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._rpc = rpc
        self._chain_id = chain_id
        self._lanes = {lane.name: lane for lane in lanes}
        self._finality = finality
        self._clock = clock
        self._sent_at: dict[int, tuple[float, int]] = {}  # when, at which block
        self._mined_at: dict[int, tuple[bytes, float]] = {}
        self._suspect_since: dict[int, float] = {}
        self._gap_since: dict[str, float] = {}
        self._epoch = 0  # how often the chain lost blocks: a receipt from before says nothing after

    def free_lane(self) -> str | None:
        """The lane with the fewest open transactions, None where all are full."""
        counts = self.open_by_lane()
        name = min(counts, key=lambda lane: counts[lane])
        return name if counts[name] < WINDOW else None

    def open_by_lane(self) -> dict[str, int]:
        """How many transactions of each lane have not ended."""
        counts = dict.fromkeys(self._lanes, 0)
        query = sa.select(TX.c.lane, sa.func.count().label("many")).where(self._is_open()).group_by(TX.c.lane)
        return counts | {row.lane: row.many for row in self._journal.read(query)}

    def put(self, lane: str, to: bytes, data: bytes, gas: int, link: Callable[[sa.Connection, int], None]) -> int:
        """Sign for the lane's next nonce and store; `link` ties what it carries to it in the same database transaction.

        Raises RpcUnavailable before anything is stored, where the chain does not answer.
        """
        floor = self._rpc.nonce(self._lanes[lane].key.address)
        with self._journal.transaction() as db:
            last = db.execute(sa.select(sa.func.max(TX.c.nonce)).where(TX.c.lane == lane)).scalar_one()
            nonce = max(floor, 0 if last is None else last + 1)
            tx = self._sign(db, lane, nonce, Call(to, data, lane), gas)
            link(db, tx)
        return tx

    def _sign(self, db: sa.Connection, lane: str, nonce: int, call: Call, gas: int) -> int:
        raw, hash_ = self._lanes[lane].key.sign_transaction(call, chain_id=self._chain_id, nonce=nonce, gas=gas)
        inserted = db.execute(TX.insert().values(lane=lane, nonce=nonce, hash=hash_, raw=raw, status="queued"))
        assert inserted.inserted_primary_key is not None
        return int(inserted.inserted_primary_key[0])

    def follow(self) -> list[Settled]:
        """One round: send what is unsent or silent, look for receipts. What ended since, in the order of nonces.

        The caller must `close` each; until then it comes again, also after a restart.
        """
        now, epoch = self._clock(), self._epoch
        columns = sa.select(TX.c.id, TX.c.lane, TX.c.nonce, TX.c.hash, TX.c.status)
        rows = [
            row
            for row in self._journal.read(columns.where(self._is_open()).order_by(TX.c.lane, TX.c.nonce))
            if not self._is_settling(row.id, now)
        ]
        if not rows:
            return []
        ended: list[Settled] = []
        silent: list[sa.Row[Any]] = []
        mined: list[tuple[int, Receipt]] = []
        for row, receipt in zip(rows, self._rpc.receipts([row.hash for row in rows], logs=False), strict=True):
            if receipt is None:
                self._mined_at.pop(row.id, None)
                silent.append(row)
                continue
            self._suspect_since.pop(row.id, None)
            block, since = self._mined_at.get(row.id, (b"", now))
            if block != receipt.block_hash:
                self._mined_at[row.id] = (receipt.block_hash, now)
                since = now
                mined.append((row.id, receipt))
            if now - since >= self._finality:
                ended.append(Settled(row.id, receipt, epoch))
        self._mark("mined", [(tx, receipt.block_number) for tx, receipt in mined])
        return ended + [Settled(tx, None, epoch) for tx in self._pursue(silent, now)]

    def _pursue(self, silent: Sequence[sa.Row[Any]], now: float) -> list[int]:
        """Send again what has no receipt, fill gaps; those whose nonce another transaction has taken for good."""
        if not silent:
            return []
        head = self._rpc.block_number()
        displaced: list[int] = []
        unsent: list[tuple[int, int | None]] = []
        for name in {row.lane for row in silent}:
            own = [row for row in silent if row.lane == name]
            latest = self._rpc.nonce(self._lanes[name].key.address)
            self._mind_gap(name, latest, own[0].nonce, now)
            for row in own:
                if row.nonce < latest:
                    if now - self._suspect_since.setdefault(row.id, now) >= max(SETTLE, self._finality):
                        displaced.append(row.id)
                elif self._is_due(row, now, head, is_next=row.nonce == latest):
                    self._send(row, now, head)
                    if row.status != "sent":
                        unsent.append((row.id, None))
        self._mark("sent", unsent)
        return displaced

    def close(self, settled: Settled, finish: Callable[[sa.Connection], None]) -> None:
        """Record the end of a transaction and, with `finish`, of what it carried, at once.

        Nothing happens where the chain has lost blocks since: the next round looks at it anew.
        """
        if settled.receipt is None:
            values: dict[str, object] = {"status": "displaced", "block": None}
            log.warning("transaction %s of a lane was displaced: somebody else uses the account", settled.tx)
        else:
            values = {"status": "final" if settled.landed else "failed", "block": settled.receipt.block_number}
        with self._journal.transaction() as db:
            if settled.epoch != self._epoch:
                return
            db.execute(TX.update().where(TX.c.id == settled.tx).values(**values))
            finish(db)
        self._sent_at.pop(settled.tx, None)
        self._mined_at.pop(settled.tx, None)
        self._suspect_since.pop(settled.tx, None)

    def explained(self, settled: Settled) -> Settled:
        """With the contract's error, where it reverted. Raises RpcError."""
        if settled.receipt is None or settled.receipt.ok:
            return settled
        (row,) = self._journal.read(sa.select(TX.c.lane, TX.c.raw).where(TX.c.id == settled.tx))
        account = self._lanes[row.lane].key.address
        error = why_reverted(self._rpc, row.raw, account, settled.receipt, decode_error, "the transaction")
        return replace(settled, error=error)

    def reopen_after(self, block: int) -> None:
        """The chain lost the blocks after `block`: what stood in them is sent again, with what it carried."""
        ended = TX.c.block > block, TX.c.status.in_(("mined", "final", "failed")), TX.c.lane.in_(self._lanes)
        lost = sa.select(TX.c.id).where(*ended)
        with self._journal.transaction() as db:
            self._epoch += 1
            for table in CARRIED:
                carried = table.c.status == "final", table.c.tx.in_(lost)
                db.execute(table.update().where(*carried).values(status="queued"))
            db.execute(TX.update().where(*ended).values(status="sent", block=None))
        self._mined_at.clear()
        self._sent_at.clear()

    def _is_open(self) -> sa.ColumnElement[bool]:
        return sa.and_(TX.c.status.in_(OPEN), TX.c.lane.in_(list(self._lanes)))

    def _is_settling(self, tx: int, now: float) -> bool:
        """Seen in a block, and not final yet: there is nothing to look for before then."""
        mined = self._mined_at.get(tx)
        return mined is not None and now - mined[1] < self._finality

    def _is_due(self, row: sa.Row[Any], now: float, head: int, *, is_next: bool) -> bool:
        self._suspect_since.pop(row.id, None)
        if row.id not in self._sent_at:
            return True
        last, block = self._sent_at[row.id]
        return now - last >= RESEND_AFTER or (is_next and head - block >= RESEND_BLOCKS)

    def _send(self, row: sa.Row[Any], now: float, head: int) -> None:
        self._sent_at[row.id] = (now, head)
        ((raw,),) = self._journal.read(sa.select(TX.c.raw).where(TX.c.id == row.id))
        try:
            self._rpc.send_raw(raw)
        except RpcRefused as refused:
            # Known already, or mined this moment: the receipt will tell. Anything else is tried again as it is.
            log.debug("lane %s nonce %s not taken: %s", row.lane, row.nonce, refused.reason)

    def _mind_gap(self, name: str, latest: int, lowest: int, now: float) -> None:
        """Nonces before the lowest open one that no transaction of ours will use: after a backup was restored, or when
        the chain lost a stranger's. Nothing would ever be mined, so they are used up with a transfer of nothing."""
        if lowest <= latest:
            self._gap_since.pop(name, None)
            return
        if now - self._gap_since.setdefault(name, now) < SETTLE:
            return
        del self._gap_since[name]
        gap = range(latest, min(lowest, latest + WINDOW))
        key = self._lanes[name].key
        with self._journal.transaction() as db:
            within = TX.c.lane == name, TX.c.nonce >= gap.start, TX.c.nonce < gap.stop
            db.execute(TX.update().where(*within, TX.c.status == "displaced").values(status="sent"))
            held = set(db.execute(sa.select(TX.c.nonce).where(*within)).scalars())
            for nonce in sorted(set(gap) - held):
                log.warning("lane %s: nonce %s is used up with a transfer of nothing", name, nonce)
                self._sign(db, name, nonce, Call(key.address, b"", name), GAS_OF_NOTHING)

    def _mark(self, status: str, which: Sequence[tuple[int, int | None]]) -> None:
        """Transactions with their blocks, in one go."""
        if not which:
            return
        with self._journal.transaction() as db:
            for tx, block in which:
                db.execute(TX.update().where(TX.c.id == tx).values(status=status, block=block))
