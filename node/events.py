# SPDX-License-Identifier: AGPL-3.0-or-later
"""The events of a deployment, read from a node and decoded by `protocol.events`.

For a member's own duties, on its own node. An observer does not believe logs: it recomputes the receipts' roots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from node.deployment import SUITE, Deployment
from node.errors import RpcInvalidAnswer, RpcTooLong
from node.rpc import Log, Receipt, RpcClient
from protocol import events
from protocol.events import Contract, Event, EventError

BLOCKS_PER_REQUEST = 2_000
CONTRACTS = dict(zip(("Consortium", *SUITE), Contract, strict=True))
"""The names of a deployment's contracts, and those of `protocol.events`."""


@dataclass(frozen=True, slots=True)
class Located:
    """An event and where it stands; the chain's order is (block, index)."""

    event: Event
    contract: Contract
    address: bytes
    block: int
    transaction_index: int
    index: int


def read(
    rpc: RpcClient,
    deployment: Deployment,
    kinds: Iterable[type[Event]] = (),
    *,
    initiative: int | None = None,
    first: int | None = None,
    last: int | None = None,
) -> Iterator[Located]:
    """Events of these kinds (none: all), in the chain's order, from block `first` to `last` inclusive.

    `initiative` limits to events of one initiative, whose kinds must all be indexed by it. Raises RpcError.
    """
    wanted = tuple(kinds)
    wanted_topics = {kind.TOPIC for kind in wanted}
    sources = {deployment.address(name): contract for name, contract in CONTRACTS.items()}
    if wanted:
        sources = {at: contract for at, contract in sources.items() if contract in {kind.CONTRACT for kind in wanted}}
    start = deployment.block if first is None else first
    end = rpc.block_number() if last is None else last
    topics: list[bytes | None] = [wanted[0].TOPIC if len(wanted) == 1 else None]
    if initiative is not None:
        topics.append(initiative.to_bytes(32, "big"))
    low, span = start, BLOCKS_PER_REQUEST
    while low <= end:
        high = min(low + span - 1, end)
        try:
            logs = rpc.logs(low, high, list(sources), topics)
        except RpcTooLong:
            if span == 1:
                raise
            span //= 2
            continue
        low = high + 1
        for log in logs:
            if not wanted or (log.topics and log.topics[0] in wanted_topics):
                yield _located(log, sources[log.address])


def of_receipt(receipt: Receipt, deployment: Deployment) -> list[Located]:
    """The deployment's events in one receipt."""
    sources = {deployment.address(name): contract for name, contract in CONTRACTS.items()}
    return [_located(log, sources[log.address]) for log in receipt.logs if log.address in sources]


def _located(log: Log, contract: Contract) -> Located:
    try:
        event = events.decode(contract, log.topics, log.data)
    except EventError as error:
        raise RpcInvalidAnswer(f"The node answered with a log that no contract of ours emits: {error}.") from error
    return Located(event, contract, log.address, log.block_number, log.transaction_index, log.index)
