"""What a node has counted, read back from its ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from loadtests.staging.metrics import PREFIX

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Requests of one kind that ended with one status."""

    kind: str
    status: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Bytes sent for one kind of request: bodies alone, and with response heads."""

    kind: str
    body_bytes: int
    wire_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounts:
    """The totals of a node since it started; `served`, `sent` hold the parts of the totals."""

    address: str
    requests: int
    body_bytes: int
    wire_bytes: int
    refused: int
    in_flight: int
    served: tuple[Served, ...]
    sent: tuple[Sent, ...]
    refused_for_rate: int
    refused_for_egress: int
    waited_for_slot: float
    waited_for_egress: float
    cpu_seconds: float
    rss_bytes: int

    def of(self, *, kind: str | None = None, status: int | None = None) -> int:
        """Count the requests of a kind, with a status, or both."""
        chosen = (row for row in self.served if kind in {None, row.kind} and status in {None, row.status})
        return sum(row.requests for row in chosen)


def parse(address: str, text: str) -> NodeCounts:
    """Read the Prometheus text of the node at ``address``."""
    samples = _samples(text)
    served = tuple(_served(samples))
    sent = tuple(_sent(samples))
    refused = {reason: int(_one(samples, "refusals_total", reason=reason)) for reason in ("requests", "egress")}
    return NodeCounts(
        address=address,
        requests=sum(row.requests for row in served),
        body_bytes=sum(row.body_bytes for row in sent),
        wire_bytes=sum(row.wire_bytes for row in sent),
        refused=sum(refused.values()),
        in_flight=int(_one(samples, "requests_in_flight")),
        served=served,
        sent=sent,
        refused_for_rate=refused["requests"],
        refused_for_egress=refused["egress"],
        waited_for_slot=_one(samples, "queue_wait_seconds_sum", queue="requests"),
        waited_for_egress=_one(samples, "queue_wait_seconds_sum", queue="egress"),
        cpu_seconds=samples["process_cpu_seconds_total", ()],
        rss_bytes=int(samples["process_resident_memory_bytes", ()]),
    )


def _samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def _one(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"{PREFIX}{name}", tuple(sorted(labels.items()))), 0.0)


def _served(samples: Samples) -> Iterator[Served]:
    for (name, labels), value in samples.items():
        if name == f"{PREFIX}requests_total":
            by = dict(labels)
            yield Served(kind=by["kind"], status=int(by["status"]), requests=int(value))


def _sent(samples: Samples) -> Iterator[Sent]:
    for (name, labels), value in samples.items():
        if name == f"{PREFIX}body_bytes_total":
            kind = dict(labels)["kind"]
            wire = _one(samples, "wire_bytes_total", kind=kind)
            yield Sent(kind=kind, body_bytes=int(value), wire_bytes=int(wire))
