# SPDX-License-Identifier: AGPL-3.0-or-later
"""The processes of a run: started, watched, started again when they die, ended by their ids, and weighed."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from node.errors import NodeError

STOP_TIMEOUT = 10.0
SAMPLE_INTERVAL = 0.5


class ProcessFailed(NodeError):
    """A process of the run cannot be kept alive, or a command failed: its name, how it ended, what it said last."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


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
    """Keeps services running: one that dies is started again, as an init system would, `max_restarts` times.

    `register` is the file of its processes' ids, by which a later run ends what a killed one left behind.
    """

    environment: dict[str, str]
    register: Path
    max_restarts: int = 5
    services: list[Service] = field(default_factory=list)
    peak_memory: int = 0  # bytes, all processes of the run together
    peak_processes: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _registering: threading.Lock = field(default_factory=threading.Lock)
    _registered: dict[int, dict[str, object]] = field(default_factory=dict)
    _watcher: threading.Thread | None = None
    failure: ProcessFailed | None = None

    def end_left_behind(self) -> None:
        """End what an earlier run, itself killed, could not: only processes that are still what it recorded."""
        try:
            left = json.loads(self.register.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except ValueError:
            left = []  # the machine went down while it was written: nothing runs
        for record in left:
            try:
                process = psutil.Process(record["pid"])
                if process.create_time() == record["started"] and process.cmdline() == record["command"]:
                    end(process)
            except psutil.NoSuchProcess:
                continue
        self.register.unlink()

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
            self._record(process.pid, command)
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.wait()
                raise ProcessFailed(f"{name} did not end within {timeout:.0f} s; see {log}") from error
            finally:
                self._forget(process.pid)
        if process.returncode not in accepted:
            said = output.decode(errors="replace").strip() or tail(log)
            raise ProcessFailed(f"{name} ended with code {process.returncode}: {said}", process.returncode)
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
                if service.process is not None and service.process.poll() is None:
                    end(psutil.Process(service.process.pid))
                    service.process.wait()
        self.register.unlink(missing_ok=True)

    def check(self) -> None:
        """Raises ProcessFailed where a service could not be kept alive."""
        if self.failure is not None:
            raise self.failure

    def _launch(self, service: Service) -> None:
        if service.process is not None:
            self._forget(service.process.pid)
        with service.log.open("ab") as log:
            service.process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # a Ctrl-C reaches the driver, which ends the others in order
            )
        self._record(service.process.pid, service.command)

    def _record(self, pid: int, command: Sequence[str]) -> None:
        try:
            record = {"pid": pid, "started": psutil.Process(pid).create_time(), "command": list(command)}
        except psutil.NoSuchProcess:
            return
        with self._registering:
            self._registered[pid] = record
            self._write_register()

    def _forget(self, pid: int) -> None:
        with self._registering:
            self._registered.pop(pid, None)
            self._write_register()

    def _write_register(self) -> None:
        unfinished = self.register.with_suffix(".part")
        unfinished.write_text(json.dumps(list(self._registered.values())), encoding="utf-8")
        unfinished.replace(self.register)

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


def end(process: psutil.Process) -> None:
    """TERM, and KILL where that is not enough. Touches this process alone."""
    try:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT)
    except psutil.NoSuchProcess:
        return


def hold_folder(folder: Path) -> IO[str]:
    """Until the file is closed, or this process dies, no other run may use the folder. Raises NodeError."""
    file = (folder / "run.lock").open("w", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise NodeError(f"Another run is using {folder}; wait for its end, or name another --out.") from error
    return file


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
    """This process's environment, with what makes Python's children predictable, and quick to start."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
