# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway as `python -m gateway` starts it, but for the benchmark's verifying key; started by `throughput`.

Writes to the file after `--samples`, when told to stop, what its threads were doing, as JSON.
"""

from __future__ import annotations

import json
import linecache
import re
import signal
import sys
import threading
from collections import Counter, defaultdict
from itertools import count
from pathlib import Path

import psutil
import uvicorn

from gateway import server
from gateway.app import create_app
from gateway.assembly import build
from gateway.settings import Settings
from scripts.benchmarks.chain import trapdoor

_IDLE = ("threading.py", "selectors.py", "queue.py", "_asyncio", "runners.py")
_EVERY = 0.01


class Sampler(threading.Thread):
    """Looks every 10 ms at the innermost frame of each thread within this repository, and counts."""

    def __init__(self, root: str) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._end = threading.Event()
        self.counts: Counter[str] = Counter()
        self.spent: dict[str, float] = {}  # seconds of processor time by kind of thread
        self._names: dict[int, str] = {}
        self._before: dict[str, float] = {}

    def run(self) -> None:
        for rounds in count():
            if self._end.wait(_EVERY):
                return
            if rounds % 50 == 0:
                self._look_at_times()
            for identity, top in sys._current_frames().items():
                if identity == self.ident or top.f_code.co_filename.endswith(_IDLE):
                    continue
                frame = top
                while frame.f_back is not None and not frame.f_code.co_filename.startswith(self._root):
                    frame = frame.f_back
                file = frame.f_code.co_filename
                if file.startswith(self._root) and ".venv" not in file:
                    place = f"{file.removeprefix(self._root + '/')}: {frame.f_code.co_qualname}"
                    self.counts[f"{place}: {linecache.getline(file, frame.f_lineno).strip()}"] += 1

    def _look_at_times(self) -> None:
        self._names |= {thread.native_id: thread.name for thread in threading.enumerate() if thread.native_id}
        spent: dict[str, float] = defaultdict(float)
        for thread in psutil.Process().threads():
            name = self._names.get(thread.id, "native code")
            spent[re.sub(r"[-_ ]?\d+$", "", name)] += thread.user_time + thread.system_time
        # Those that have ended since keep their last figure.
        self.spent |= {name: seconds - self._before.get(name, 0.0) for name, seconds in spent.items()}

    def begin(self, *_: object) -> None:
        """Count from here on."""
        self._before, self.spent = {}, {}
        self._look_at_times()
        self._before, self.spent = self.spent, {}
        self.counts.clear()

    def stop(self) -> None:
        self._end.set()
        self.join()


def main() -> None:
    settings, samples = json.loads(sys.argv[1]), Path(sys.argv[2])
    app = create_app(build(Settings(**settings), test_key=trapdoor()[0]))
    sampler = Sampler(str(Path(__file__).resolve().parents[2]))
    sampler.start()
    signal.signal(signal.SIGUSR1, sampler.begin)
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it once more after its orderly end
    uvicorn.Server(server.config(app, port=settings["port"])).run()
    sampler.stop()
    samples.write_text(
        json.dumps({"places": sampler.counts.most_common(12), "threads": sampler.spent}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
