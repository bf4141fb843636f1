# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a source was caught at, kept as files in the entity's folder: which block, which field, both values."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from protocol.hashing import keccak

log = logging.getLogger(__name__)

MAX_FILES = 1000


class Evidence:
    """A folder of JSON files, one a finding; the same finding twice is one file. Nothing in them is a person's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, what: str, facts: Mapping[str, object]) -> Path | None:
        """Writes the finding; None where the folder is full or cannot be written (the log has it then)."""
        log.error("evidence: %s: %s", what, json.dumps(facts))
        name = keccak(json.dumps([what, facts], sort_keys=True).encode()).hex()[:16]
        path = self._folder / f"{what}-{name}.json"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if not path.exists() and sum(1 for _ in self._folder.iterdir()) >= MAX_FILES:
                return None
            path.write_text(json.dumps({"what": what, "at": int(time.time()), **facts}, indent=2) + "\n")
        except OSError as error:
            log.error("the evidence could not be written: %s", error)
            return None
        return path
