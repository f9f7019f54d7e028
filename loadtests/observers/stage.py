"""The embedded stage: its nodes' own ``/metrics`` (loadtests/staging/metrics.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field

from loadtests.exposition import by_name, total
from loadtests.observers import NodeName, NodeObserver, Page
from loadtests.readings import Reading
from loadtests.units import Duration

_PREFIX: Final = "surgecast_stage_"
_CPU: Final = "process_cpu_seconds_total"
_MEMORY: Final = "process_resident_memory_bytes"
_SENT: Final = f"{_PREFIX}wire_bytes_total"
_REQUESTS: Final = f"{_PREFIX}requests_total"
_CONNECTIONS: Final = f"{_PREFIX}connections"
_EGRESS: Final = f"{_PREFIX}declared_egress_bits_per_second"
_CLOCK: Final = f"{_PREFIX}clock_seconds"
NAMES: Final = (_CPU, _MEMORY, _SENT, _REQUESTS, _CONNECTIONS, _EGRESS, _CLOCK)


class Stage(NodeObserver):
    """Nodes of `surgecast stage`. A node is one process with one event loop, so its CPU is one core."""

    nodes: dict[NodeName, Page] = Field(default_factory=dict)
    """Names and addresses; without any, the addresses that `target.resolve` gives the host of `target.url`."""
    every: Duration = Field(default=1.0, ge=0.5)
    """From one look to the next: a page costs the node a quarter of a millisecond."""

    def beside(self, url: str, resolve: Sequence[str]) -> Self:
        """One node for each address behind the name of the target."""
        if self.nodes:
            return self
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        places = [text.split(":", 2) for text in resolve]
        known = [place[2].split(",") for place in places if place[:2] == [parts.hostname, str(port)]]
        hosts = known[-1] if known else [parts.netloc.rpartition(":")[0] or parts.netloc]
        pages = {f"node-{index}": f"{parts.scheme}://{host}:{port}/metrics" for index, host in enumerate(hosts)}
        return self.model_copy(update={"nodes": pages})

    def read_page(self, text: str) -> Reading:
        """Counters of its process and of its traffic."""
        found = by_name(text, NAMES)
        return Reading(
            cpu_seconds=total(found[_CPU]),
            cores=1.0,
            memory=total(found[_MEMORY]),
            sent_bytes=total(found[_SENT]),
            requests_total=total(found[_REQUESTS]),
            connections=total(found[_CONNECTIONS]),
            network_limit=total(found[_EGRESS]),
            clock=total(found[_CLOCK]),
        )
