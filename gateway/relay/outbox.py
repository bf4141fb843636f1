# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox: each lane is one account, each nonce one transaction, its raw bytes stored before they are sent.

    signed ──send──► sent ──receipt──► mined ──finality──► final
                       ▲                 │ receipt gone (the embedded chain lost a block)
                       └─────────────────┘                  failed: the receipt says reverted

A nonce comes from the journal, never from `pending`. Whatever happens, the same bytes are sent again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.journal import Journal
from node.keys import Call, Signer
from node.rpc import Receipt, RpcClient, RpcRefused

log = logging.getLogger(__name__)

RESEND_AFTER = 2.0
WINDOW = 150  # transactions ahead per lane; clients refuse a sender about 200 ahead


@dataclass(frozen=True, slots=True)
class Lane:
    """An account that only relays; it has no power. `name` is stable across restarts."""

    name: str
    key: Signer


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction that reached an end: final, or reverted."""

    tx: int
    receipt: Receipt
    epoch: int


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
        self._sent_at: dict[int, float] = {}
        self._mined_at: dict[int, tuple[bytes, float]] = {}
        self._epoch = 0  # how often the chain lost blocks: a receipt from before says nothing after

    def free_lane(self) -> str | None:
        """The lane with the fewest open transactions, None where all are full."""
        counts = self.open_by_lane()
        name = min(counts, key=lambda lane: counts[lane])
        return name if counts[name] < WINDOW else None

    def open_by_lane(self) -> dict[str, int]:
        """How many transactions of each lane have not ended."""
        counts = dict.fromkeys(self._lanes, 0)
        for row in self._open("lane, count(*) AS n", "GROUP BY lane"):
            counts[row["lane"]] = row["n"]
        return counts

    def put(self, lane: str, to: bytes, data: bytes, gas: int, link: Callable[[sqlite3.Connection, int], None]) -> int:
        """Sign for the lane's next nonce and store; `link` ties what it carries to it in the same database transaction.

        Raises RpcUnavailable before anything is stored, where the lane was never used and the chain does not answer.
        """
        key = self._lanes[lane].key
        floor = self._rpc.nonce(key.address)
        with self._journal.transaction() as db:
            last = db.execute("SELECT max(nonce) FROM tx WHERE lane = ?", (lane,)).fetchone()[0]
            nonce = max(floor, 0 if last is None else last + 1)
            raw, hash_ = key.sign_transaction(Call(to, data, lane), chain_id=self._chain_id, nonce=nonce, gas=gas)
            cursor = db.execute(
                "INSERT INTO tx (lane, nonce, hash, raw, status) VALUES (?, ?, ?, ?, 'signed')",
                (lane, nonce, hash_, raw),
            )
            assert cursor.lastrowid is not None
            link(db, cursor.lastrowid)
            return cursor.lastrowid

    def follow(self) -> list[Settled]:
        """One round: send what is unsent or silent, look for receipts. What ended since, in the order of nonces.

        The caller must `close` each; until then it comes again, also after a restart.
        """
        now, epoch = self._clock(), self._epoch
        rows = [
            row
            for row in self._open("id, lane, nonce, hash, raw, status", "ORDER BY lane, nonce")
            if not self._is_settling(row["id"], now)
        ]
        if not rows:
            return []
        ended: list[Settled] = []
        for row, receipt in zip(rows, self._rpc.receipts([row["hash"] for row in rows]), strict=True):
            if receipt is None:
                self._mined_at.pop(row["id"], None)
                self._send(row, now)
                continue
            block, since = self._mined_at.get(row["id"], (b"", now))
            if block != receipt.block_hash:
                self._mined_at[row["id"]] = (receipt.block_hash, now)
                since = now
                self._mark(row["id"], "mined", receipt.block_number)
            if now - since >= self._finality:
                ended.append(Settled(row["id"], receipt, epoch))
        return ended

    def close(self, settled: Settled, finish: Callable[[sqlite3.Connection], None]) -> None:
        """Record the end of a transaction and, with `finish`, of what it carried, at once.

        Nothing happens where the chain has lost blocks since: the next round looks at it anew.
        """
        status = "final" if settled.receipt.ok else "failed"
        with self._journal.transaction() as db:
            if settled.epoch != self._epoch:
                return
            db.execute(
                "UPDATE tx SET status = ?, block = ? WHERE id = ?", (status, settled.receipt.block_number, settled.tx)
            )
            finish(db)
        self._sent_at.pop(settled.tx, None)
        self._mined_at.pop(settled.tx, None)

    def reopen_after(self, block: int) -> None:
        """The chain lost the blocks after `block`: what stood in them is sent again, with what it carried."""
        names = tuple(self._lanes)
        marks = ",".join("?" * len(names))
        lost = f"SELECT id FROM tx WHERE block > ? AND status IN ('mined', 'final', 'failed') AND lane IN ({marks})"  # noqa: S608  # placeholders only
        with self._journal.transaction() as db:
            self._epoch += 1
            for table in ("submission", "ballot"):
                db.execute(
                    f"UPDATE {table} SET status = 'sent' WHERE status IN ('mined', 'final') AND tx IN ({lost})",  # noqa: S608  # fixed names
                    (block, *names),
                )
            db.execute(f"UPDATE tx SET status = 'sent', block = NULL WHERE id IN ({lost})", (block, *names))  # noqa: S608  # as above
        self._mined_at.clear()
        self._sent_at.clear()

    def _open(self, columns: str, tail: str) -> list[sqlite3.Row]:
        names = tuple(self._lanes)
        marks = ",".join("?" * len(names))
        query = f"SELECT {columns} FROM tx WHERE status IN ('signed', 'sent', 'mined') AND lane IN ({marks}) {tail}"  # noqa: S608  # fixed names
        return self._journal.read(query, *names)

    def _is_settling(self, tx: int, now: float) -> bool:
        """Seen in a block, and not final yet: there is nothing to look for before then."""
        mined = self._mined_at.get(tx)
        return mined is not None and now - mined[1] < self._finality

    def _send(self, row: sqlite3.Row, now: float) -> None:
        last = self._sent_at.get(row["id"])
        if last is not None and now - last < RESEND_AFTER:
            return
        self._sent_at[row["id"]] = now
        try:
            self._rpc.send_raw(row["raw"])
        except RpcRefused as refused:
            # Known already, or mined this moment: the receipt will tell. Anything else is tried again as it is.
            log.debug("lane %s nonce %s not taken: %s", row["lane"], row["nonce"], refused.reason)
        if row["status"] != "sent":
            self._mark(row["id"], "sent", None)

    def _mark(self, tx: int, status: str, block: int | None) -> None:
        with self._journal.transaction() as db:
            db.execute("UPDATE tx SET status = ?, block = ? WHERE id = ?", (status, block, tx))
            for table in ("submission", "ballot"):
                db.execute(
                    f"UPDATE {table} SET status = ? WHERE tx = ? AND status IN ('signed', 'sent', 'mined')",  # noqa: S608  # fixed names
                    (status, tx),
                )
