# SPDX-License-Identifier: AGPL-3.0-or-later
"""The promises that a run's citizens were given: kept as they come, held against the chain at the end."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.promises import Given, Outcome, Verdict
from protocol.promise import SignedPromise


@dataclass(frozen=True, slots=True)
class Balance:
    """How many promises came to what, and the verdicts on those that were not kept."""

    counts: Mapping[str, int]
    broken: tuple[dict[str, object], ...]

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Balance:
        counted = Counter(verdict.outcome.value for verdict in verdicts)
        wrong = [one for one in verdicts if one.outcome in (Outcome.BROKEN, Outcome.INVALID)]
        counts = {outcome.value: counted[outcome.value] for outcome in Outcome}
        return cls(counts, tuple(one.to_json() for one in wrong))


class PromiseBook:
    """One promise a line in a file; an earlier attempt of the same run wrote the first ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def keep(self, answer: Mapping[str, Any], entry: bytes | None = None) -> None:
        """What a gateway answered. `entry` of a ballot that its voter may overtake: its verdict needs it."""
        if answer.get("promise") is None:
            return  # a gateway of an earlier version
        line: dict[str, object] = {"promise": answer["promise"]}
        if entry is not None:
            line["entry"] = "0x" + entry.hex()
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def given(self) -> list[Given]:
        """Each once, however often it was answered."""
        if not self.path.exists():
            return []
        found: dict[str, Given] = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                document = json.loads(line)
                entry = document.get("entry")
                signed = SignedPromise.from_json(document["promise"])
            except ValueError:
                continue  # the run was killed amid a line
            found[line] = Given(signed, None if entry is None else bytes.fromhex(entry[2:]))
        return list(found.values())
