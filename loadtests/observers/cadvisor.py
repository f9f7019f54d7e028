"""cAdvisor: CPU, memory and network of one container on each machine.

Metric names: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from loadtests.exposition import Sample, by_name, total
from loadtests.observers import NodeObserver
from loadtests.readings import Reading

_CPU: Final = "container_cpu_usage_seconds_total"
_QUOTA, _PERIOD = "container_spec_cpu_quota", "container_spec_cpu_period"
_CORES: Final = "machine_cpu_cores"
_MEMORY: Final = "container_memory_working_set_bytes"
_LIMIT: Final = "container_spec_memory_limit_bytes"
_SENT: Final = "container_network_transmit_bytes_total"
NAMES: Final = (_CPU, _QUOTA, _PERIOD, _CORES, _MEMORY, _LIMIT, _SENT)


class Cadvisor(NodeObserver):
    """One page per machine, such as ``http://10.0.0.1:8080/metrics``; the container's share of its own CPU limit."""

    container: str = Field(min_length=1)
    """The container's name, as its label ``name`` or ``container`` says it; all that bear it are added up."""

    def read_page(self, text: str) -> Reading:
        """Counters of the container; ValueError when the machine has none of that name."""
        found = by_name(text, NAMES)
        ours = {name: [one for one in told if self._is_ours(one)] for name, told in found.items()}
        if not ours[_CPU] and not ours[_MEMORY]:
            raise ValueError(f"it has no container called {self.container!r}")
        quota, period = total(ours[_QUOTA]), max((one.value for one in ours[_PERIOD]), default=0.0)
        limited = quota / period if quota and period else None
        return Reading(
            cpu_seconds=total(ours[_CPU]),
            cores=limited or total(found[_CORES]),
            memory=total(ours[_MEMORY]),
            memory_limit=total(ours[_LIMIT]) or None,  # 0: no limit
            sent_bytes=total(one for one in ours[_SENT] if one.labels.get("interface") != "lo"),
        )

    def _is_ours(self, sample: Sample) -> bool:
        return self.container in (sample.labels.get("name"), sample.labels.get("container"))
