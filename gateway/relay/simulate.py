# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the chain would say: a call before it is signed, and views after it is final."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.contracts import Contract, decode_error
from node.rpc import RpcClient, RpcRefused, parse


class Simulator:
    """Runs calls against the head. `sender` is any account: none of the relayed calls looks at it."""

    def __init__(self, rpc: RpcClient, sender: bytes) -> None:
        self._rpc = rpc
        self._sender = sender

    def check(self, to: bytes, data: bytes, gas: int) -> None:
        """Raises ContractError where the call would revert, RpcError where the chain does not answer."""
        try:
            self._rpc.eth_call(to, data, sender=self._sender, gas=gas)
        except RpcRefused as refused:
            if not refused.data and "revert" not in refused.reason.lower():
                raise
            raise decode_error(refused.data, "the transaction") from refused

    def read_all(self, contract: Contract, function: str, many: Sequence[Sequence[object]]) -> list[Any]:
        """A view for many lists of arguments, in one go. Raises RpcError."""
        calls = [
            ({"to": "0x" + contract.address.hex(), "data": "0x" + data.hex()}, "latest")
            for data in (contract.interface.encode(function, arguments) for arguments in many)
        ]
        answers = self._rpc.batch("eth_call", calls)
        return [contract.interface.decode(function, parse.data(answer, function)) for answer in answers]
