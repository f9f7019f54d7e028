"""What pods used at their busiest: a Prometheus in the cluster, asked through the API server.

Its proxy: https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/; what is answered:
https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries. The metrics are those of cAdvisor, which is
part of every kubelet.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final

from advisor.cluster.server import Refused, Server
from advisor.cluster.snapshot import Usage
from loadtests.errors import InputError

DAYS: Final = 7
"""How far back is looked: a week has every weekday (assumed); Prometheus keeps 15 days unless told otherwise."""
STEP: Final = "5m"
"""Rates over it, one for each (assumed): four scrapes at the slowest usual interval, 1 minute, and one more."""
NAME: Final = re.compile(r"([a-z0-9-]{1,63})/((?:https?:)?[a-z0-9-]{1,63}:[a-z0-9-]{1,63})")
CPU: Final = f'rate(container_cpu_usage_seconds_total{{namespace=%s,container!=""}}[{STEP}])'
MEMORY: Final = 'container_memory_working_set_bytes{namespace=%s,container!=""}'


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A service in a cluster that answers as Prometheus does."""

    namespace: str
    service: str
    """``NAME:PORT``, or ``https:NAME:PORT``, as the API server's proxy takes it."""

    @property
    def path(self) -> str:
        """Of the query API, at the API server."""
        return f"/api/v1/namespaces/{self.namespace}/services/{self.service}/proxy/api/v1/query"


def prometheus_of(text: str) -> Prometheus:
    """``NAMESPACE/SERVICE:PORT``; InputError where it is anything else."""
    found = NAME.fullmatch(text)
    if found is None:
        hint = "it is asked through the API server: give NAMESPACE/SERVICE:PORT, such as monitoring/prometheus:9090"
        raise InputError(f"--prometheus {text}: expected a service in the cluster", hint=hint)
    return Prometheus(*found.groups())


def busiest(server: Server, prometheus: Prometheus, namespace: str) -> tuple[Usage, ...]:
    """The most CPU and the most memory of each pod in the last `DAYS`. Raises `Refused`; status 200: no such answer."""
    cpu, memory = (_most(server, prometheus, one % json.dumps(namespace)) for one in (CPU, MEMORY))
    return tuple(Usage(pod=pod, cpu=cpu[pod], memory=memory[pod]) for pod in sorted(cpu.keys() & memory.keys()))


def _most(server: Server, prometheus: Prometheus, selected: str) -> dict[str, float]:
    """By pod: containers added up at each step, then the highest step."""
    answer = server.get(prometheus.path, {"query": f"max_over_time(sum by (pod) ({selected})[{DAYS}d:{STEP}])"})
    try:
        found = {str(one["metric"]["pod"]): float(one["value"][1]) for one in answer["data"]["result"]}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Refused(200, "the answer is no vector of pods") from error
    known = {pod: value for pod, value in found.items() if math.isfinite(value) and value >= 0}
    if not known:
        raise Refused(200, f"it knows nothing of {selected}")
    return known
