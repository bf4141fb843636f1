# SPDX-License-Identifier: AGPL-3.0-or-later
"""The chain's state, folded from the events of one's own node through `protocol.state`."""

from __future__ import annotations

from itertools import groupby

from node import events
from node.deployment import SUITE, Deployment
from node.rpc import RpcClient
from protocol.state import EventMeta, State, apply, require_settled
from protocol.types import Address, Suite


def fold(rpc: RpcClient, deployment: Deployment, last: int | None = None) -> State:
    """The state as of block `last` (none: the head).

    Raises RpcError, and protocol.state.InvalidEvent when the node's logs are not what the contracts could have emitted.
    """
    head = rpc.block_number() if last is None else last
    suite = Suite(*(Address(deployment.address(name)) for name in SUITE))
    state = State(deployment.chain_id, Address(deployment.address("Consortium")), suite)
    for first in range(deployment.block, head + 1, events.BLOCKS_PER_REQUEST):
        chunk = list(events.read(rpc, deployment, first=first, last=min(first + events.BLOCKS_PER_REQUEST - 1, head)))
        numbers = [number for number, _ in groupby(chunk, key=lambda located: located.block)]
        times = {block.number: block.timestamp for block in rpc.blocks(numbers)}
        for at in chunk:
            meta = EventMeta(at.block, times[at.block], at.transaction_index, at.index, Address(at.address))
            apply(state, at.event, meta)
    require_settled(state)
    return state
