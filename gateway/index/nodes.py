# SPDX-License-Identifier: AGPL-3.0-or-later
"""The electorate tree's nodes at the level of buckets; each is computed once per change of its bucket."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from gateway.index.view import BUCKET
from protocol.electorate import electorate_root
from protocol.types import Commitment, InitiativeId


class BucketNodes:
    """The roots of the buckets, left to right. Safe across threads; a computation is never made twice at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[InitiativeId, int], tuple[list[Commitment], int]] = {}

    def of(self, initiative: InitiativeId, leaves: Sequence[Commitment]) -> list[int]:
        with self._lock:
            return [
                self._node(initiative, at // BUCKET, list(leaves[at : at + BUCKET]))
                for at in range(0, len(leaves), BUCKET)
            ]

    def _node(self, initiative: InitiativeId, bucket: int, leaves: list[Commitment]) -> int:
        known = self._known.get((initiative, bucket))
        if known is not None and known[0] == leaves:
            return known[1]
        root = electorate_root(leaves)
        self._known[initiative, bucket] = (leaves, root)
        return root
