# SPDX-License-Identifier: AGPL-3.0-or-later
"""The embedded engine: anvil as the chain of one machine, with a state that survives kill -9.

What anvil does and does not do is measured in docs/adr/0001-embedded-engine.md.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from node.anvil import command_line
from node.errors import EngineError
from node.snapshots import Snapshots

__all__ = ["CHAIN_ID", "ClockError", "EmbeddedEngine", "EngineNotReady"]

CHAIN_ID = 45_191
"""The default chain id of embedded chains; nothing is registered under it."""

_LOOK = 0.2  # seconds between two looks of the keeper


class EngineNotReady(EngineError):
    """anvil ended, or did not answer in time; the message carries the end of its log."""


class ClockError(EngineError):
    """The chain's clock was to be moved back."""


@dataclass(frozen=True, slots=True)
class _Record:
    """What must survive the process: `offset` is chain time minus wall time, in seconds.

    With the genesis block's time kept too, a chain killed before its first save begins again from the same genesis.
    """

    port: int
    chain_id: int
    genesis_time: int
    offset: int = 0


class EmbeddedEngine:
    """One anvil process and its folder: `engine.json`, `engine.pid`, `engine.log` and the chain's state.

    Transactions are mined as they come, together when they come together; with `block_time` (seconds) in intervals
    instead. Without it, a block without transactions follows whenever `heartbeat` seconds passed since the last, so
    that the phases, which read the latest block's time, move on (0: none). Fees are zero, no account is funded.

    The port and the chain id of the first start are kept in the folder. One process at a time may hold the object;
    if it died and left anvil running, the next one's `start` takes that over.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        chain_id: int = CHAIN_ID,
        block_time: int | None = None,
        heartbeat: float = 1.0,
        gas_limit: int = 300_000_000,
        state_interval: int = 1,
    ) -> None:
        self.folder = folder
        self._block_time = block_time
        self._heartbeat = heartbeat
        self._gas_limit = gas_limit
        self._state_interval = state_interval
        self._snapshots = Snapshots(folder)
        self._process: psutil.Process | None = None
        self._keeper: threading.Thread | None = None
        self._ending = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._record = self._read_record() or _Record(port or _free_port(), chain_id, int(time.time()))
        self._client: httpx.Client | None = None

    @property
    def url(self) -> str:
        """The JSON-RPC endpoint, on the loopback interface; the same after every restart."""
        return f"http://127.0.0.1:{self._record.port}"

    @property
    def chain_id(self) -> int:
        """As given at the folder's first start."""
        return self._record.chain_id

    @property
    def pid(self) -> int | None:
        """anvil's process id while it runs."""
        return self._process.pid if self._process is not None and self.alive() else None

    def alive(self) -> bool:
        """Whether the process runs (not whether it answers)."""
        process = self._process
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE

    def start(self, timeout: float = 60) -> None:
        """Start anvil, or take over the one still running in this folder; returns once it answers and its clock stands.

        Raises EngineMissing, or EngineNotReady after `timeout` seconds.
        """
        if self.alive():
            return
        self._end(10, graceful=False)  # what is left of one that died by itself
        self._client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self._process = self._left_behind()
        try:
            if self._process is None:
                self._launch()
                self._await_ready(timeout)
                self._set_clock()
            else:
                self._await_ready(timeout)
            self._mine_as_told()
        except BaseException:
            self._end(10, graceful=False)
            raise
        self._ending.clear()
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)
        self._keeper.start()

    def stop(self, timeout: float = 60) -> None:
        """End gracefully: anvil writes its state first; killed after `timeout` seconds."""
        self._end(timeout, graceful=True)

    def kill(self) -> None:
        """kill -9: what anvil had not written yet is lost (about the last second, docs/adr/0001-embedded-engine.md)."""
        self._end(10, graceful=False)

    def restart(self, timeout: float = 60) -> None:
        """Stop if running, then start on the newest complete state, same port, clock never behind where it was."""
        self.stop(timeout)
        self.start(timeout)

    def latest_timestamp(self) -> int:
        """Unix seconds of the latest block, by which the contracts judge phases."""
        return int(self._call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def advance_clock(self, to_timestamp: int) -> int:
        """Mine a block at `to_timestamp` (unix seconds); later blocks follow from there in step with wall time.

        The only place in Urna where a chain's clock is moved. Returns the latest block's timestamp; raises ClockError
        for a time not after the latest block's. The offset is on disk before anvil hears of it, so that no crash
        moves time back.
        """
        latest = self.latest_timestamp()
        if to_timestamp <= latest:
            raise ClockError(f"The chain's clock stands at {latest} and cannot be set back to {to_timestamp}.")
        self._write_record(replace(self._record, offset=math.ceil(to_timestamp - time.time())))
        self._call("evm_setNextBlockTimestamp", hex(to_timestamp))
        self._call("evm_mine")
        return self.latest_timestamp()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        if not self._snapshots.restore() and self._snapshots.exist():
            raise EngineNotReady(f"No readable state of the chain is left in {self.folder}.")
        command = command_line(
            port=self._record.port,
            chain_id=self.chain_id,
            genesis_time=self._record.genesis_time,
            gas_limit=self._gas_limit,
            state=self._snapshots.live,
            state_interval=self._state_interval,
            cache=self.folder / "anvil",
        )
        self._write_record(self._record)
        with self._log_path.open("ab") as log:
            # A session of its own: Ctrl-C at the terminal must reach the driver, which then stops anvil in order.
            process = psutil.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._process = process
        self._pid_path.write_text(f"{process.pid}\n", encoding="ascii")

    def _await_ready(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.alive():
                raise EngineNotReady(f"anvil ended at once. The end of {self._log_path}:\n{self._log_tail()}")
            with suppress(httpx.HTTPError):
                answered = int(self._call("eth_chainId"), 16)
                if answered != self.chain_id:
                    raise EngineNotReady(f"Chain {answered} answers at {self.url}, not {self.chain_id}.")
                return
            time.sleep(0.05)
        raise EngineNotReady(f"anvil did not answer within {timeout} s. The end of its log:\n{self._log_tail()}")

    def _set_clock(self) -> None:
        """After a load anvil follows wall time again; put it back where it was, or where the chain already is."""
        anvils = int(self._call("eth_getBlockByNumber", "pending", False)["timestamp"], 16)
        behind = max(math.floor(time.time()) + self._record.offset, self.latest_timestamp()) - anvils
        if behind > 0:
            self._call("evm_increaseTime", hex(behind))

    def _mine_as_told(self) -> None:
        if self._block_time is not None:
            self._call("evm_setIntervalMining", self._block_time)
        else:
            self._call("evm_setAutomine", True)
            self._call("evm_mine")  # what came in before would otherwise wait for the next transaction

    def _keep(self) -> None:
        """Copy finished states aside; mine when nothing else did. Ends with the process or with `_ending`."""
        client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        height, since = "", time.monotonic()
        while not self._ending.wait(_LOOK) and self.alive():
            with suppress(OSError):
                self._snapshots.keep()
            if self._block_time is not None or not self._heartbeat:
                continue
            with suppress(httpx.HTTPError, EngineError):
                now = str(_rpc(client, "eth_blockNumber"))
                if now != height:
                    height, since = now, time.monotonic()
                elif time.monotonic() - since >= self._heartbeat:
                    _rpc(client, "evm_mine")
        client.close()

    def _end(self, timeout: float, *, graceful: bool) -> None:
        self._ending.set()
        process, self._process = self._process, None
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                if graceful:
                    process.terminate()
                else:
                    process.kill()
                try:
                    process.wait(timeout)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(10)
        if self._keeper is not None:
            self._keeper.join(10)
            self._keeper = None
        if self._client is not None:
            self._client.close()
            self._client = None
        if process is not None:
            self._pid_path.unlink(missing_ok=True)

    def _left_behind(self) -> psutil.Process | None:
        """The anvil of this folder that outlived its driver."""
        try:
            process = psutil.Process(int(self._pid_path.read_text(encoding="ascii")))
            ours = str(self._snapshots.live) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours else None

    def _call(self, method: str, *params: object) -> Any:
        if self._client is None:
            raise EngineError("The embedded chain is not running.")
        return _rpc(self._client, method, *params)

    @property
    def _record_path(self) -> Path:
        return self.folder / "engine.json"

    @property
    def _pid_path(self) -> Path:
        return self.folder / "engine.pid"

    @property
    def _log_path(self) -> Path:
        return self.folder / "engine.log"

    def _read_record(self) -> _Record | None:
        try:
            return _Record(**json.loads(self._record_path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as failure:
            raise EngineError(f"{self._record_path} is damaged: {failure}.") from None

    def _write_record(self, record: _Record) -> None:
        unfinished = self._record_path.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._record_path)
        self._record = record

    def _log_tail(self) -> str:
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-15:])


def _rpc(client: httpx.Client, method: str, *params: object) -> Any:
    response = client.post("/", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    answer = response.raise_for_status().json()
    if "error" in answer:
        raise EngineError(f"anvil refused {method}: {answer['error'].get('message', answer['error'])}.")
    return answer["result"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
