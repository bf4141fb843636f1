# SPDX-License-Identifier: AGPL-3.0-or-later
"""A live node as a source: blocks in batches of requests, answers of the contracts at one head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from node.blocks import RawBlock, fetch
from node.observer.code import pointer
from node.observer.deployment import DeploymentFacts
from node.observer.source import Head, InitiativeClaims
from node.rpc import RpcClient, RpcInvalidAnswer, RpcRefused
from protocol.hashing import keccak, word, words
from protocol.types import Address, Hash32, Phase, VoidReason

BLOCKS_PER_REQUEST = 64
_ATTEMPTS = 5  # an embedded engine remembers the states of its last 16 blocks only
_COUNTS = ("counted", "valid", "blank", "nulls", "ownDevice", "assisted", "accumulator")


class LiveSource:
    """A node at its present head. The contracts are asked at once; blocks are fetched as they are read.

    Raises MalformedBundle for a deployment file that is none, RpcError.
    """

    results: Mapping[int, bytes] | None = None

    def __init__(self, rpc: RpcClient, deployment: Mapping[str, object]) -> None:
        self.deployment = deployment
        self._rpc = rpc
        self._facts = DeploymentFacts.read(dict(deployment))
        for attempt in range(1, _ATTEMPTS + 1):
            block = rpc.block()
            self.head = Head(block.number, Hash32(block.hash))
            try:
                self.claims = self._ask_all()
                self.code = self._ask_code()
                break
            except RpcRefused:
                if attempt == _ATTEMPTS:
                    raise

    def blocks(self) -> Iterator[RawBlock]:
        """From block 0 to the head. Raises RpcError."""
        for first in range(0, self.head.number + 1, BLOCKS_PER_REQUEST):
            numbers = range(first, min(first + BLOCKS_PER_REQUEST, self.head.number + 1))
            yield from (block.raw for block in fetch(self._rpc, numbers))

    # The contracts' answers

    def _ask_code(self) -> dict[Address, bytes]:
        addresses = [one.address for one in self._facts.contracts.values()] + [pointer(self._facts)]
        return {address: self._rpc.code(address, self.head.number) for address in addresses}

    def _ask(self, contract: str, function: str, *arguments: int) -> list[int]:
        """The words that a view returns."""
        types = ",".join("uint64" for _ in arguments)
        data = keccak(f"{function}({types})".encode())[:4] + words(*arguments)
        answer = self._rpc.eth_call(self._facts.contracts[contract].address, data, tag=self.head.number)
        if not answer or len(answer) % 32:
            raise RpcInvalidAnswer(f"The node's answer of {contract}.{function} has {len(answer)} bytes.")
        return [int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32)]

    def _ask_all(self) -> dict[int, InitiativeClaims]:
        (count,) = self._ask("Initiatives", "count")
        return {number: self._ask_initiative(number) for number in range(1, count + 1)}

    def _ask_initiative(self, number: int) -> InitiativeClaims:
        finalised = self._ask("Ceremony", "isFinalised", number)[0]
        key = self._ask("Ceremony", "jointKey", number) if finalised else None
        try:
            return InitiativeClaims(
                phase=Phase(self._ask("Initiatives", "phase", number)[0]).label,
                void_reason=VoidReason(self._ask("Initiatives", "voidReason", number)[0]).label,
                size=self._ask("Electorate", "size", number)[0],
                root=self._ask("Electorate", "root", number)[0],
                ballot_count=self._ask("BallotBox", "ballotCount", number)[0],
                joint_key=None if key is None else (key[0], key[1]),
                secret_key=self._ask("Ceremony", "secretKey", number)[0],
                counts=dict(zip(_COUNTS, self._ask("Tally", "countsOf", number), strict=True)),
                totals=tuple(self._ask("Tally", "totalsOf", number)[2:]),
                result_hash=word(self._ask("Tally", "resultHashOf", number)[0]),
            )
        except (ValueError, IndexError) as error:
            raise RpcInvalidAnswer(f"The contracts' answers on initiative {number} are malformed: {error}.") from error
