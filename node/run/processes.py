# SPDX-License-Identifier: AGPL-3.0-or-later
"""The processes of a run: started, watched, started again when they die, ended by their ids, and weighed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from node.errors import NodeError

STOP_TIMEOUT = 10.0
SAMPLE_INTERVAL = 0.5


class ProcessFailed(NodeError):
    """A process of the run cannot be kept alive: its name, how it ended, and the end of its log."""


@dataclass
class Service:
    """A process that should live as long as the run. `ready` returns when it serves, or raises NodeError."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], None]
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0


@dataclass
class Supervisor:
    """Keeps services running: one that dies is started again, as an init system would, `max_restarts` times."""

    environment: dict[str, str]
    max_restarts: int = 5
    services: list[Service] = field(default_factory=list)
    peak_memory: int = 0  # bytes, all processes of the run together
    peak_processes: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _watcher: threading.Thread | None = None
    failure: ProcessFailed | None = None

    def start(self, service: Service) -> None:
        """Start and wait until it serves. Raises ProcessFailed."""
        with self._lock:
            self._launch(service)
            self.services.append(service)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._watcher.start()
        self._await_ready(service)

    def run(
        self, name: str, command: Sequence[str], log: Path, timeout: float = 600.0, accepted: Sequence[int] = (0,)
    ) -> str:
        """Run a command to its end; its standard output. Raises ProcessFailed with what it said."""
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=self.environment
            )
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.wait()
                raise ProcessFailed(f"{name} did not end within {timeout:.0f} s; see {log}") from error
        if process.returncode not in accepted:
            said = output.decode(errors="replace").strip() or tail(log)
            raise ProcessFailed(f"{name} ended with code {process.returncode}: {said}")
        return output.decode()

    def restart(self, service: Service) -> None:
        """Start a service again that was ended on purpose."""
        with self._lock:
            self._launch(service)
        self._await_ready(service)

    def stop(self) -> None:
        """End everything, in reverse order, politely first."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join(timeout=5)
        with self._lock:
            for service in reversed(self.services):
                end(service.process)

    def check(self) -> None:
        """Raises ProcessFailed where a service could not be kept alive."""
        if self.failure is not None:
            raise self.failure

    def _launch(self, service: Service) -> None:
        with service.log.open("ab") as log:
            service.process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # a Ctrl-C reaches the driver, which ends the others in order
            )

    def _await_ready(self, service: Service) -> None:
        try:
            service.ready()
        except NodeError as error:
            raise ProcessFailed(f"{service.name} does not come up: {error}\n{tail(service.log)}") from error

    def _watch(self) -> None:
        while not self._stopping.wait(SAMPLE_INTERVAL):
            self._sample()
            with self._lock:
                for service in self.services:
                    if self._stopping.is_set() or service.process is None or service.process.poll() is None:
                        continue
                    if service.restarts >= self.max_restarts:
                        code = service.process.returncode
                        self.failure = ProcessFailed(f"{service.name} ended with code {code}:\n{tail(service.log)}")
                        continue
                    service.restarts += 1
                    self._launch(service)

    def _sample(self) -> None:
        total, count = 0, 0
        me = psutil.Process()
        for process in [me, *me.children(recursive=True)]:
            try:
                total += process.memory_info().rss
                count += 1
            except psutil.NoSuchProcess:
                continue
        self.peak_memory = max(self.peak_memory, total)
        self.peak_processes = max(self.peak_processes, count)


def end(process: subprocess.Popen[bytes] | None) -> None:
    """TERM, and KILL where that is not enough. Touches this process alone."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log file, or that there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return f"(no log at {log})"


def await_condition(condition: Callable[[], bool], timeout: float, what: str, interval: float = 0.1) -> None:
    """Poll until it holds. Raises NodeError naming what was awaited."""
    limit = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > limit:
            raise NodeError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(interval)


def clean_environment() -> dict[str, str]:
    """This process's environment, with what makes Python's children predictable."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
