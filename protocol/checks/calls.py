# SPDX-License-Identifier: AGPL-3.0-or-later
"""What events do not say and transactions do: signatures, proofs of possession, revealed points.

A call may come through another contract. Its calldata then usually still stands, whole, within the transaction's; it is
looked for there, and believed only if it fits the event. Where it is not found the check is not verifiable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from protocol.checks.model import NotVerifiable, place
from protocol.hashing import keccak
from protocol.state import EventMeta
from protocol.types import Address


@dataclass(frozen=True, slots=True)
class SentCall:
    """A transaction, as far as the checks read it. `to` is None where it created a contract."""

    sender: Address
    to: Address | None
    data: bytes


Sent = Mapping[tuple[int, int], SentCall]
"""Transactions by block and index; those at least that emitted one of our events."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A function of a contract: its name, and the types of its arguments."""

    name: str
    types: tuple[str, ...]

    @property
    def selector(self) -> bytes:
        """First four bytes of a call."""
        return keccak(f"{self.name}({','.join(self.types)})".encode())[:4]


def find(sent: Sent, meta: EventMeta, function: Signature, check: str) -> Iterator[tuple[Any, ...]]:
    """Arguments of the calls of `function` that the event's transaction may hold, the direct one first.

    Texts are not decoded; addresses are strings. Raises NotVerifiable when there is none.
    """
    call = sent.get((meta.block, meta.transaction))
    found = False
    if call is not None:
        selector, at = function.selector, -1
        while (at := call.data.find(selector, at + 1)) >= 0:
            try:
                # Solidity reads padding that is missing at the end as zeros.
                arguments = decode(function.types, call.data[at + 4 :] + bytes(32), strict=False)
            except (DecodingError, OverflowError, ValueError):
                continue
            found = True
            yield arguments
    if not found:
        raise NotVerifiable(check, f"{place(meta)}: the call of {function.name} is not in the transaction")


def is_direct(sent: Sent, meta: EventMeta, function: Signature) -> bool:
    """Whether the transaction itself calls the function, so that what does not fit is a contradiction."""
    call = sent.get((meta.block, meta.transaction))
    return call is not None and call.to == meta.address and call.data[:4] == function.selector
