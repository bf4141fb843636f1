# SPDX-License-Identifier: AGPL-3.0-or-later
"""The electorate tree's nodes at the level of buckets; each is computed once per change of its bucket."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocol.electorate import electorate_root
from protocol.hashing import keccak
from protocol.types import Commitment, InitiativeId

KEPT = 64


@dataclass(slots=True)
class _Known:
    """An electorate's nodes as of a root, and for each bucket what its leaves were."""

    root: int = 0
    nodes: list[int] = field(default_factory=list)
    prints: list[bytes] = field(default_factory=list)


class BucketNodes:
    """The roots of the buckets, left to right, of the electorates that were asked for last. Safe across threads; a
    computation is never made twice at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[InitiativeId, _Known] = OrderedDict()

    def of(
        self, initiative: InitiativeId, root: int, buckets: int, bucket: Callable[[int], Sequence[Commitment]]
    ) -> list[int]:
        """`bucket` reads the leaves of one; it is not asked where the tree's root is the one that is known."""
        with self._lock:
            known = self._known.setdefault(initiative, _Known())
            self._known.move_to_end(initiative)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
            if known.root != root or len(known.nodes) != buckets:
                self._renew(known, buckets, bucket)
                known.root = root
            return list(known.nodes)

    @staticmethod
    def _renew(known: _Known, buckets: int, bucket: Callable[[int], Sequence[Commitment]]) -> None:
        for number in range(buckets):
            leaves = bucket(number)
            print_ = keccak(b"".join(leaf.to_bytes(32, "big") for leaf in leaves))
            if number == len(known.nodes):
                known.nodes.append(electorate_root(leaves))
                known.prints.append(print_)
            elif known.prints[number] != print_:
                known.nodes[number], known.prints[number] = electorate_root(leaves), print_
        del known.nodes[buckets:], known.prints[buckets:]
