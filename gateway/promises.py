# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway's word: what it accepts will stand on the chain by a block that it names (design, section 9).

The block is `horizon` seconds ahead at the chain's pace, which is measured, and rounded up to a multiple of STEP, so
that it tells of the time of acceptance no more than a round number does. Shortly before the chain takes no more of a
kind nothing is promised: one block too late, and an honest gateway would have broken its word.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from gateway.index.view import ChainView
from gateway.wire import HexBytes
from node.keys import Signer
from protocol import eip712
from protocol.promise import SignedPromise, contract_of
from protocol.types import EntityId, Hash32, InitiativeId, PromiseKind, Suite

STEP = 64
#: Blocks a second that are reckoned with at least: an idle chain may wake up.
LEAST_PACE = 1.0
#: Seconds of chain time over which the pace is measured.
WINDOW = 600
#: Seconds of chain time before the end of a window in which nothing is promised.
LAST_CALL = 30


class PromiseBody(BaseModel):
    """What anyone can hold against the chain: `urna promise check`."""

    entity: int
    kind: str
    initiative: int
    content: HexBytes
    latest_block: int
    chain_id: int
    contract: HexBytes
    signature: HexBytes


@dataclass(frozen=True, slots=True)
class Given:
    """A promise as the journal keeps it, beside what was promised."""

    latest_block: int
    signature: bytes

    def columns(self) -> dict[str, object]:
        return {"promise_block": self.latest_block, "promise": self.signature}

    @classmethod
    def from_row(cls, row: sa.Row[Any]) -> Given | None:
        return None if row.promise is None else cls(row.promise_block, row.promise)


#: The columns of what was promised to nobody: rows of earlier versions.
NONE: dict[str, object] = {"promise_block": None, "promise": None}


class Promises:
    """Signed by the gateway's account of `entity`; safe across threads."""

    def __init__(
        self,
        entity: EntityId,
        key: Signer,
        chain_id: int,
        suite: Suite,
        view: ChainView,
        horizon: float,
        last_call: float = LAST_CALL,
    ) -> None:
        self._entity = entity
        self._key = key
        self._chain_id = chain_id
        self._suite = suite
        self._view = view
        self._horizon = horizon
        self._last_call = last_call
        self._lock = threading.Lock()
        self._heads: deque[tuple[int, int]] = deque()  # (block, its time), a few over the window

    def give(self, kind: PromiseKind, initiative: InitiativeId, content: bytes) -> Given | None:
        """A new promise; None in the last call, when it may come too late.

        Raises ChainUnavailable, and KeystoreError where the key is out of reach.
        """
        if self._view.as_of().timestamp >= self._ends(kind, initiative) - self._last_call:
            return None
        latest = self._latest_block()
        promise = eip712.Promise(self._entity, kind, initiative, Hash32(content), latest)
        digest = eip712.digest(promise, self._chain_id, contract_of(kind, self._suite))
        return Given(latest, self._key.sign_digest(digest))

    def renewed(self, kind: PromiseKind, initiative: InitiativeId, content: bytes, given: Given | None) -> Given | None:
        """The one that was given, where this gateway's present account gave it; else a new one, if there can be one."""
        if given is not None and self._signed(kind, initiative, content, given).signer() == self._key.address:
            return given
        return self.give(kind, initiative, content) or given

    def show(
        self, kind: PromiseKind, initiative: InitiativeId, content: bytes, given: Given | None
    ) -> PromiseBody | None:
        """As it is answered."""
        if given is None:
            return None
        return PromiseBody.model_validate(self._signed(kind, initiative, content, given).to_json())

    def _signed(self, kind: PromiseKind, initiative: InitiativeId, content: bytes, given: Given) -> SignedPromise:
        promise = eip712.Promise(self._entity, kind, initiative, Hash32(content), given.latest_block)
        return SignedPromise(promise, self._chain_id, contract_of(kind, self._suite), given.signature)

    def _ends(self, kind: PromiseKind, initiative: InitiativeId) -> int:
        """When the chain takes no more of this kind."""
        windows = self._view.windows(initiative)
        match kind:
            case PromiseKind.BALLOT:
                return windows.voting_closes
            case PromiseKind.REPLACEMENT:
                return windows.voting_opens
            case PromiseKind.REGISTRATION | PromiseKind.PROPOSAL:
                return windows.registration_closes

    def _latest_block(self) -> int:
        head = self._view.as_of()
        ahead = math.ceil(self._horizon * self._pace(head.block, head.timestamp))
        return -(-(head.block + ahead) // STEP) * STEP

    def _pace(self, block: int, timestamp: int) -> float:
        """Blocks a second, lately."""
        with self._lock:
            if not self._heads or timestamp - self._heads[-1][1] >= WINDOW // 10 or block < self._heads[-1][0]:
                self._heads.append((block, timestamp))
            while len(self._heads) > 1 and (timestamp - self._heads[0][1] > WINDOW or block < self._heads[0][0]):
                self._heads.popleft()
            first, since = self._heads[0]
        return max(LEAST_PACE, (block - first) / (timestamp - since) if timestamp > since else 0.0)
