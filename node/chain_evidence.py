# SPDX-License-Identifier: AGPL-3.0-or-later
"""The events of a deployment as the chain's own headers commit to them; a node's `eth_getLogs` is not believed.

Every header must hash to what the next one names as its parent. A block whose bloom rules our events out holds none;
every other is fetched whole and recomputed. What is missing is thus proven missing, up to the block `last`, whose hash
stands for everything before it. That this is the consortium's chain is for `urna observe` to show, from the seals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from node.blocks import CodecError, fetch, verify_block
from node.blocks.codec import RawLog, bloom_of, header_bytes, read_header
from node.deployment import Deployment
from node.errors import RpcInvalidAnswer
from node.events import CONTRACTS
from node.rpc import RpcClient
from protocol import events
from protocol.checks import CheckFailed
from protocol.events import Event, EventError
from protocol.types import Address

HEADERS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """An event in a block; the chain's order."""

    event: Event
    block: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """All events of the kinds that were asked for, in blocks `first` to `last`; `last_hash` commits to them."""

    first: int
    last: int
    last_hash: bytes
    found: tuple[Found, ...]


def gather(
    rpc: RpcClient,
    deployment: Deployment,
    kinds: Collection[type[Event]],
    last: int,
    progress: Callable[[int, int], object] = lambda done, all_: None,
) -> Evidence:
    """From the deployment's first block to `last`, which the chain must have. `progress(blocks read, of all)`.

    Raises RpcError; RpcInvalidAnswer where the node contradicts itself.
    """
    first = deployment.block
    blooms = [_mask(address, kind) for kind in kinds for address in _addresses(deployment, kind)]
    parent, found = b"", list[Found]()
    for low in range(first, last + 1, HEADERS_AT_ONCE):
        numbers = range(low, min(low + HEADERS_AT_ONCE, last + 1))
        wanted: list[tuple[int, bytes]] = []
        for number, block in zip(numbers, rpc.blocks(numbers), strict=True):
            try:
                header = read_header(header_bytes(block))
            except CodecError as error:
                raise RpcInvalidAnswer(f"The node's header of block {number} is malformed: {error}.") from error
            if header.hash != block.hash or header.number != number or (parent and header.parent != parent):
                raise RpcInvalidAnswer(f"The node's header of block {number} does not follow from the one before.")
            parent, bloom = header.hash, int.from_bytes(header.bloom, "big")
            if any(bloom & mask == mask for mask in blooms):
                wanted.append((number, header.hash))
        found += _events(rpc, deployment, frozenset(kinds), wanted)
        progress(numbers[-1] - first + 1, last - first + 1)
    return Evidence(first, last, parent, tuple(found))


def _addresses(deployment: Deployment, kind: type[Event]) -> Iterator[Address]:
    for name, contract in CONTRACTS.items():
        if contract is kind.CONTRACT:
            yield Address(deployment.address(name))


def _mask(address: Address, kind: type[Event]) -> int:
    return bloom_of([RawLog(address, (kind.TOPIC,), b"")])


def _events(
    rpc: RpcClient, deployment: Deployment, kinds: Collection[type[Event]], wanted: list[tuple[int, bytes]]
) -> Iterator[Found]:
    contracts = {deployment.address(name): contract for name, contract in CONTRACTS.items()}
    topics = {kind.TOPIC for kind in kinds}
    blocks = fetch(rpc, [number for number, _ in wanted])
    for (number, hash_), fetched in zip(wanted, blocks, strict=True):
        try:
            block = verify_block(fetched.raw, number)
        except CheckFailed as error:
            raise RpcInvalidAnswer(f"The node's block {number} does not hold together: {error}.") from error
        if block.header.hash != hash_:
            raise RpcInvalidAnswer(f"The node shows two blocks {number}.")
        for transaction, receipt in zip(block.transactions, block.receipts, strict=True):
            for log in receipt.logs:
                if log.address not in contracts or not log.topics or log.topics[0] not in topics:
                    continue
                try:
                    event = events.decode(contracts[log.address], log.topics, log.data)
                except EventError as error:
                    raise RpcInvalidAnswer(f"Block {number} holds a log that no contract of ours emits.") from error
                if type(event) in kinds:
                    yield Found(event, number, transaction.hash)
