# SPDX-License-Identifier: AGPL-3.0-or-later
"""The chain's state, folded from the events of one's own node through `protocol.state`."""

from __future__ import annotations

from itertools import islice

from node import events
from node.deployment import SUITE, Deployment
from node.rpc import RpcClient
from protocol.state import EventMeta, State, apply, require_settled
from protocol.types import Address, Suite

_EVENTS_AT_ONCE = 2_000


def fold(rpc: RpcClient, deployment: Deployment, last: int | None = None) -> State:
    """The state as of block `last` (none: the head).

    Raises RpcError, and protocol.state.InvalidEvent when the node's logs are not what the contracts could have emitted.
    """
    head = rpc.block_number() if last is None else last
    suite = Suite(*(Address(deployment.address(name)) for name in SUITE))
    state = State(deployment.chain_id, Address(deployment.address("Consortium")), suite)
    found = events.read(rpc, deployment, last=head)
    while chunk := list(islice(found, _EVENTS_AT_ONCE)):
        numbers = sorted({at.block for at in chunk})
        times = {block.number: block.timestamp for block in rpc.blocks(numbers)}
        for at in chunk:
            meta = EventMeta(at.block, times[at.block], at.transaction_index, at.index, Address(at.address))
            apply(state, at.event, meta)
    require_settled(state)
    return state
