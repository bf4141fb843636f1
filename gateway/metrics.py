# SPDX-License-Identifier: AGPL-3.0-or-later
"""Figures for the operator, in Prometheus' format, on an internal port of their own.

No label comes from a request: routes are templates, methods, statuses and codes are our own. Whoever reads the figures
every second must not learn when a single ballot came: of ballots they only move in steps (docs/threat-model.md).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

#: Requests about ballots are told of when so many have come.
STEP = 64
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_registry = CollectorRegistry()
_requests = Counter("urna_requests", "Requests answered", ["method", "route", "status"], registry=_registry)
_seconds = Histogram("urna_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=_registry)
_problems = Counter("urna_problems", "Refusals by their code", ["code"], registry=_registry)
_in_flight = Gauge("urna_requests_in_flight", "Requests under way, those about ballots apart", registry=_registry)
_registrars = Counter(
    "urna_registrars_asked",
    "Requests for another registrar's signature",
    ["registrar", "outcome"],
    registry=_registry,
)
_transactions = Counter(
    "urna_relay_transactions", "Transactions that reached an end", ["worker", "end"], registry=_registry
)

# There from the beginning, so that a rate over them begins at nought.
for _worker in ("persons", "ballots"):
    _transactions.labels(_worker, "final")
    _transactions.labels(_worker, "failed")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. `code` is the problem's, None where there was none."""

    method: str
    route: str
    status: int
    seconds: float
    code: str | None


class Steps:
    """Holds back what is told of ballots until there are so many that none of them can be picked out."""

    def __init__(self, release: Callable[[list[Answered]], None], step: int = STEP) -> None:
        self._release = release
        self._step = step
        self._held: list[Answered] = []
        self._lock = threading.Lock()

    def add(self, answered: Answered) -> None:
        with self._lock:
            self._held.append(answered)
            if len(self._held) < self._step:
                return
            released, self._held = self._held, []
        self._release(released)


def count(answered: Answered) -> None:
    """Not for ballots: those go through `Steps`."""
    method = answered.method if answered.method in METHODS else "other"
    _requests.labels(method, answered.route, str(answered.status)).inc()
    _seconds.labels(answered.route).observe(answered.seconds)
    if answered.code is not None:
        _problems.labels(answered.code).inc()


def in_flight(change: int) -> None:
    _in_flight.inc(change)


def registrar_asked(entity: int, outcome: str) -> None:
    """`signed`, `refused`, `silent`, or `lying`: an answer that is not its own or of another form."""
    _registrars.labels(str(entity), outcome).inc()


def transaction_ended(worker: str, ok: bool) -> None:
    _transactions.labels(worker, "final" if ok else "failed").inc()


@dataclass(frozen=True, slots=True)
class Reading:
    """One gauge: its name, what it says, the label's name where it has one, and the values by label."""

    name: str
    says: str
    values: dict[str, float]
    label: str | None = None


class Readings(Collector):
    """Gauges of one gateway, read when somebody asks."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for reading in self._read():
            family = GaugeMetricFamily(reading.name, reading.says, labels=[reading.label] if reading.label else [])
            for label, value in reading.values.items():
                family.add_metric([label] if reading.label else [], value)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()


class _Both(Collector):
    """The process's counters and one gateway's gauges."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[object]:  # type: ignore[override]  # families of either kind
        yield from _registry.collect()
        yield from self._readings.collect()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()


class MetricsServer:
    """Serves /metrics until it is stopped. `port` 0 takes any."""

    def __init__(self, host: str, port: int, readings: Readings) -> None:
        registry = CollectorRegistry()
        registry.register(_Both(readings))
        self._server, self._thread = start_http_server(port, host, registry)
        self.port = int(self._server.server_port)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)
