"""What a node counts, and how it tells Prometheus.

A request is counted once: when its response is finished, refused or broken off. Plain integers are kept while
serving; the metric families are put together when somebody asks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from loadtests.staging.declared import Capacity

PREFIX: Final = "surgecast_stage_"

BROKEN_OFF: Final = 499
"""Status under which a response is counted whose client left before its end (nginx's number for it)."""


@dataclass(slots=True)
class Counts:
    """The running totals of one node; sizes in bytes, waits in seconds."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    body: Counter[str] = field(default_factory=Counter)
    wire: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    waited: dict[str, float] = field(default_factory=lambda: {"requests": 0.0, "egress": 0.0})
    in_flight: int = 0
    waiting: int = 0
    connections: Callable[[], int] = int
    """How many are open, the one that asks among them."""

    def finish(self, kind: str, status: int, *, body: int, wire: int) -> None:
        """Count one request and the bytes of its response."""
        self.requests[kind, status] += 1
        self.body[kind] += body
        self.wire[kind] += wire

    def wait(self, queue: str, seconds: float) -> None:
        """Count one stay in a queue."""
        self.waits[queue] += 1
        self.waited[queue] += seconds


class NodeCollector(Collector):
    """Shows a node's `Counts`, its declared capacity and its process to Prometheus."""

    def __init__(self, counts: Counts, capacity: Capacity, egress_depth: Callable[[], int]) -> None:
        self._counts = counts
        self._capacity = capacity
        self._egress_depth = egress_depth
        self._process = psutil.Process()

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        yield from self._traffic()
        yield from self._queues()
        yield from self._declared()
        yield from self._usage()

    def _traffic(self) -> Iterator[Metric]:
        counts = self._counts
        requests = CounterMetricFamily(f"{PREFIX}requests", "Requests ended.", labels=["kind", "status"])
        for (kind, status), total in counts.requests.items():
            requests.add_metric([kind, str(status)], total)
        yield requests
        yield _counter("body_bytes", "Bytes of response bodies handed to the transport.", "kind", counts.body)
        yield _counter("wire_bytes", "Bytes of responses, heads included.", "kind", counts.wire)
        yield GaugeMetricFamily(f"{PREFIX}requests_in_flight", "Requests not ended yet.", counts.in_flight)
        yield GaugeMetricFamily(f"{PREFIX}connections", "Open connections.", counts.connections())

    def _queues(self) -> Iterator[Metric]:
        counts = self._counts
        depth = GaugeMetricFamily(f"{PREFIX}queue_depth", "Requests that wait now.", labels=["queue"])
        depth.add_metric(["requests"], counts.waiting)
        depth.add_metric(["egress"], self._egress_depth())
        yield depth
        wait = SummaryMetricFamily(f"{PREFIX}queue_wait_seconds", "Time spent waiting.", labels=["queue"])
        for queue, seconds in counts.waited.items():
            wait.add_metric([queue], counts.waits[queue], seconds)
        yield wait
        yield _counter("refusals", "Requests answered 503 for want of capacity.", "reason", counts.refusals)

    def _declared(self) -> Iterator[Metric]:
        egress, rps = self._capacity.egress, self._capacity.rps
        if egress is not None:
            yield GaugeMetricFamily(f"{PREFIX}declared_egress_bits_per_second", "Egress declared.", egress)
        if rps is not None:
            yield GaugeMetricFamily(f"{PREFIX}declared_requests_per_second", "Request rate declared.", rps)

    def _usage(self) -> Iterator[Metric]:
        memory = self._process.memory_info()
        yield CounterMetricFamily("process_cpu_seconds", "CPU time used.", time.process_time())
        yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory.", memory.rss)
        yield GaugeMetricFamily(f"{PREFIX}clock_seconds", "This node's time, since 1970.", time.time())


def _counter(name: str, help_text: str, label: str, values: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{PREFIX}{name}", help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def exposition(collector: NodeCollector) -> bytes:
    """Write the Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)
