# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accepted ballots per second: through a gateway, and of the same chain fed with ready-made batches."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from node.sender import EMBEDDED_FINALITY
from protocol.ballot import Entry
from scripts.benchmarks.chain import Chain, await_count, open_chain
from scripts.benchmarks.load import CONNECTIONS
from scripts.benchmarks.measure import ROOT, Figure, Options, Part

BATCH = 100
_PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class _Rate:
    """Ballots per second, and milliseconds of processor time per ballot by process."""

    rate: float
    cpu: dict[str, float]


def measure(options: Options) -> Part:
    """Both ways in turn, on the same chain and initiative; the better of each counts."""
    # Enough that the last, part-filled batch, which waits for company, does not weigh.
    count, rounds = options.size(10_000, 1_000), options.size(2, 1)
    with tempfile.TemporaryDirectory() as folder, open_chain(Path(folder), 3, EMBEDDED_FINALITY) as chain:
        initiative = _to_voting(chain)
        samples = Path(folder) / "samples.json"
        ready: list[_Rate] = []
        through: list[_Rate] = []
        with _gateway(chain, Path(folder), samples) as (port, process):
            for seed in range(rounds):
                ballots = chain.ballots(initiative, 2 * count, seed)
                ready.append(_ready_made(chain, initiative, ballots[:count]))
                through.append(_through_gateway(chain, initiative, ballots[count:], port, process, Path(folder)))
        best, limit = max(through, key=lambda one: one.rate), max(ready, key=lambda one: one.rate)
        share = best.rate / limit.rate * 100
        note = f"better of {rounds}, {count:,} ballots each, {CONNECTIONS} connections from the same machine"
        return Part(
            [
                Figure("accepted ballots, through the gateway", best.rate, "per s", note=note),
                Figure("the same chain fed with ready-made batches of 100", limit.rate, "per s"),
                Figure("share of what the chain takes", share, "%", 80.0, at_least=True),
            ],
            _profile(best, limit, json.loads(samples.read_text(encoding="utf-8")), count * rounds),
        )


def _to_voting(chain: Chain) -> int:
    initiative = chain.create(trustees=3, threshold=2, options=16)
    chain.register(initiative, 100)
    chain.add_options(initiative, 16)
    chain.make_key(initiative)
    chain.until(chain.rules[initiative].windows.voting_opens)
    return initiative


def _ready_made(chain: Chain, initiative: int, entries: Sequence[Entry]) -> _Rate:
    """Batches of 100, signed beforehand but for the nonce; all handed over at once."""
    calls = [chain.cast_call(initiative, entries[at : at + BATCH]) for at in range(0, len(entries), BATCH)]
    before = int(chain.read("BallotBox", "ballotCount", initiative))
    watch = _Processor({"anvil": chain.engine.pid})
    begun = time.monotonic()
    chain.relay.submit(calls)
    seconds = await_count(chain, initiative, before + len(entries), begun, _PATIENCE)
    return _Rate(len(entries) / seconds, watch.per(len(entries)))


def _through_gateway(
    chain: Chain, initiative: int, entries: Sequence[Entry], port: int, process: int, folder: Path
) -> _Rate:
    """Many connections, one ballot a request; until the last is in the box."""
    requests = folder / "requests"
    requests.write_bytes(b"".join(_request(initiative, entry) for entry in entries))
    before = int(chain.read("BallotBox", "ballotCount", initiative))
    watch = _Processor({"anvil": chain.engine.pid, "gateway": process})
    psutil.Process(process).send_signal(signal.SIGUSR1)  # it counts from here on
    spent = _children()
    begun = time.monotonic()
    load = [sys.executable, "-m", "scripts.benchmarks.load", str(port), str(requests)]
    subprocess.run(load, cwd=ROOT, check=True, timeout=_PATIENCE)
    clients = (_children() - spent) * 1000 / len(entries)
    seconds = await_count(chain, initiative, before + len(entries), begun, _PATIENCE)
    return _Rate(len(entries) / seconds, watch.per(len(entries)) | {"clients": clients})


def _request(initiative: int, entry: Entry) -> bytes:
    body = json.dumps({"entry": "0x" + entry.encode().hex()}).encode()
    head = (
        f"POST /v1/initiatives/{initiative}/ballots HTTP/1.1\r\nHost: gateway\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    return (len(head) + len(body)).to_bytes(4, "big") + head + body


def _children() -> float:
    """Processor time of ended child processes, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Processor:
    """Processor time of some processes from now on."""

    def __init__(self, processes: dict[str, int | None]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._before = {name: _spent(process) for name, process in self._processes.items()}

    def per(self, count: int) -> dict[str, float]:
        """Milliseconds each."""
        return {
            name: (_spent(process) - self._before[name]) * 1000 / count for name, process in self._processes.items()
        }


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _gateway(chain: Chain, folder: Path, samples: Path) -> Iterator[tuple[int, int]]:
    """Its port and process id, once it follows the chain."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    issuers = folder / "issuers.json"
    issuer = {"iss": "https://eid.example.org", "jwks_uri": "http://127.0.0.1:9/jwks", "audiences": ["urna"]}
    issuers.write_text(json.dumps([issuer]), encoding="utf-8")
    settings = {
        "entity": str(chain.members[0].folder.path),
        "deployment": str(chain.deployment_file),
        "rpc": chain.engine.url,
        "issuers": str(issuers),
        "port": port,
    }
    command = [sys.executable, "-m", "scripts.benchmarks.gateway_process", json.dumps(settings), str(samples)]
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        _await_healthy(port, process, folder / "gateway.log", chain.rpc.block().timestamp)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


def _await_healthy(port: int, process: subprocess.Popen[bytes], log: Path, timestamp: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            answer = json.loads(connection.getresponse().read())
            if answer.get("as_of") and int(answer["as_of"]["timestamp"]) >= timestamp:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the gateway does not answer:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _profile(through: _Rate, ready: _Rate, samples: dict[str, Any], ballots: int) -> str:
    """The processor time says what limits: all processes share the machine's cores."""
    lines = [
        "Processor time per ballot (ms), all on the same cores:",
        "",
        "| | " + " | ".join(through.cpu) + " | sum |",
        "|---|" + "--:|" * (len(through.cpu) + 1),
        "| through the gateway | " + " | ".join(f"{ms:.2f}" for ms in through.cpu.values())
        + f" | {sum(through.cpu.values()):.2f} |",
        "| ready-made batches | " + " | ".join(f"{ready.cpu.get(name, 0):.2f}" for name in through.cpu)
        + f" | {sum(ready.cpu.values()):.2f} |",
        "",
        "The gateway's by thread (ms per ballot, of the last round): "
        + ", ".join(f"{name} {seconds * 1000 / ballots:.2f}" for name, seconds in samples["threads"].items()),
        "",
        "Where the gateway's threads were (share of the samples; idle threads not counted, but those that wait for the "
        "journal's or the interpreter's lock are):",
        "",
    ]  # fmt: skip
    total = sum(count for _, count in samples["places"]) or 1
    lines += [f"- {count / total:.0%} `{place}`" for place, count in samples["places"]]
    return "\n".join(lines)
