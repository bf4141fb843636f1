# SPDX-License-Identifier: AGPL-3.0-or-later
"""The RPCs that the index reads from, in the operator's order; one that lied is left alone for a while.

What every source says is verified, so that a source which comes back can do no more harm than before; the time only
keeps a gateway from asking a liar at every round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.index.evidence import Evidence
from gateway.index.reading import Discrepancy
from node.errors import NodeError, RpcError
from node.rpc import RpcClient

QUARANTINE = 600.0
REST = 5.0


class NoSource(NodeError):
    """Every source lied, or does not answer."""


@dataclass(slots=True, eq=False)
class Source:
    """An RPC. `name` has neither user nor password of its address."""

    name: str
    rpc: RpcClient
    until: float = 0.0
    fault: str = ""
    lied: bool = False

    @property
    def is_quarantined(self) -> bool:
        return self.lied and time.monotonic() < self.until


@dataclass(slots=True)
class Sources:
    """Safe across threads."""

    sources: Sequence[Source]
    evidence: Evidence
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def connect(cls, urls: Sequence[str], timeout: float, evidence: Evidence) -> Sources:
        """Nothing is sent yet. Raises RpcUnavailable for an address that is none."""
        return cls([Source(_name(url), RpcClient.connect(url, timeout=timeout)) for url in urls], evidence)

    def close(self) -> None:
        for source in self.sources:
            source.rpc.close()

    def pick(self) -> Source:
        """The first that may be asked now. One that did not answer is asked again where nothing better is left.

        Raises NoSource where all lied.
        """
        now = time.monotonic()
        with self._lock:
            honest = [source for source in self.sources if not (source.lied and now < source.until)]
            if not honest:
                raise NoSource("every source lied: " + "; ".join(one.fault for one in self.sources))
            return next((source for source in honest if now >= source.until), honest[0])

    def others(self, source: Source) -> list[Source]:
        """Those that may be asked for a second opinion."""
        return [one for one in self.sources if one is not source and not one.is_quarantined]

    def rest(self, source: Source) -> None:
        """It did not answer: others first, for some seconds."""
        with self._lock:
            source.until, source.lied = time.monotonic() + REST, False

    def quarantine(self, source: Source, error: RpcError | Discrepancy) -> None:
        """It lied: evidence is kept, and it is not asked for some minutes."""
        with self._lock:
            source.until, source.lied = time.monotonic() + QUARANTINE, True
            source.fault = f"{source.name}: {error}"
        facts: dict[str, object] = {"source": source.name, "said": str(error)}
        if isinstance(error, Discrepancy):
            facts |= {"block": error.block, "field": error.field, "claimed": error.claimed, "computed": error.computed}
        self.evidence.keep("rpc-lied", facts)

    def faults(self) -> list[str]:
        """What those in quarantine did, for the operator."""
        with self._lock:
            return [source.fault for source in self.sources if source.is_quarantined]


def _name(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
