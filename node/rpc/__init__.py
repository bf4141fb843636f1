# SPDX-License-Identifier: AGPL-3.0-or-later
"""The chain's JSON-RPC, typed and validated. Sync; one client may serve several threads.

>>> from node.rpc import RpcClient
>>> client = RpcClient.connect("http://127.0.0.1:8545", timeout=5)
"""

from node.errors import RpcError, RpcInvalidAnswer, RpcRefused, RpcUnavailable
from node.rpc.client import BlockTag, RpcClient
from node.rpc.model import AccessEntry, Block, FullBlock, Log, Receipt, Transaction
from node.rpc.transport import HttpTransport, MemoryTransport, Transport

__all__ = [
    "AccessEntry",
    "Block",
    "BlockTag",
    "FullBlock",
    "HttpTransport",
    "Log",
    "MemoryTransport",
    "Receipt",
    "RpcClient",
    "RpcError",
    "RpcInvalidAnswer",
    "RpcRefused",
    "RpcUnavailable",
    "Transaction",
    "Transport",
]
