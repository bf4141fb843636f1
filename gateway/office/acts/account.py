# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who sends with an entity's account: this gateway, or a command on the same machine, never both at once.

`urna initiative accept` and its like send with the same accounts and take nonces of their own. Both sides hold the
account's lock (`node.outbox`) while they have transactions that are not final; the gateway takes it when there is
something to send, and gives it back when all is final.
"""

from __future__ import annotations

import threading
from pathlib import Path

from node.deployment import Deployment
from node.errors import AccountBusy, RpcRefused
from node.outbox import Outbox as CommandOutbox
from node.rpc import RpcClient


class AccountTurn:
    """The lock of one account, held over many transactions."""

    def __init__(self, rpc: RpcClient, deployment: Deployment, folder: Path, account: bytes) -> None:
        self._rpc = rpc
        self._deployment = deployment
        self._folder = folder
        self._account = account
        self._held: CommandOutbox | None = None
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether this process has the turn now. Raises RpcError, SendError for an outbox that cannot be read."""
        with self._lock:
            if self._held is not None:
                return True
            try:
                opened = CommandOutbox(
                    self._folder,
                    chain_id=self._deployment.chain_id,
                    genesis=self._deployment.genesis_hash,
                    account=self._account,
                    patience=0.0,
                )
            except AccountBusy:
                return False
            if not self._is_settled(opened):
                opened.close()
                return False
            self._held = opened
            return True

    def give_back(self) -> None:
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None

    def _is_settled(self, opened: CommandOutbox) -> bool:
        """Whether what a command left behind is on the chain; what is not is sent again, so that no nonce is taken."""
        latest = self._rpc.nonce(self._account)
        waiting = [one for one in opened.pending if one.nonce >= latest]
        for one in waiting:
            try:
                self._rpc.send_raw(one.raw)
            except RpcRefused:  # known already
                continue
        return not waiting
