"""What observing costs: a look at a node of the stage, and the reading of pages in the process that directs the load.

A node's cost is its own CPU seconds over a thousand looks on one connection. Pages are made here, as long as those of
a machine with 64 cores and 40 devices (node_exporter), and of one with 100 containers (cAdvisor).

``python -m benchmarks.observing [--json OUT] [--rounds 5]``
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Final

from benchmarks.rig.report import options, spread, write
from loadtests.observers import NodeObserver
from loadtests.observers.cadvisor import Cadvisor
from loadtests.observers.node_exporter import NodeExporter
from loadtests.staging.cluster import Cluster

LOOKS: Final = 1000
READS: Final = 20
PORT: Final = 8790
NODES: Final = {"a": "http://127.0.0.1:9100/metrics"}
MODES: Final = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")


def machine() -> str:
    """A page of node_exporter: the lines that are wanted, among three times as many that are not."""
    cpu = [f'node_cpu_seconds_total{{cpu="{core}",mode="{mode}"}} 1234.56' for core in range(64) for mode in MODES]
    wanted = [f'node_network_transmit_bytes_total{{device="eth{number}"}} 1.25e+09' for number in range(40)]
    rest = [f'node_disk_io_time_seconds_total{{device="disk{number}",more="and more"}} 1' for number in range(3000)]
    return "\n".join([*rest, *cpu, *wanted, "node_memory_MemTotal_bytes 8e+09"])


def containers() -> str:
    """A page of cAdvisor."""
    names = ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_fs_usage_bytes")
    lines = (
        f'{name}{{id="/docker/{one:064d}",name="c{one}",image="i"}} 1.5e+08' for name in names for one in range(100)
    )
    rest = (f'container_tasks_state{{id="/docker/{one:064d}",name="c{one}",state="x"}} 0' for one in range(5000))
    return "\n".join([*lines, *rest])


def look_cost() -> float:
    """CPU seconds of a node per look at it."""
    with Cluster(1, port=PORT) as stage:
        client = http.client.HTTPConnection("127.0.0.1", PORT)
        (before,) = stage.metrics()
        for _ in range(LOOKS):
            client.request("GET", "/metrics")
            client.getresponse().read()
        (after,) = stage.metrics()
        client.close()
    return (after.cpu_seconds - before.cpu_seconds) / LOOKS


def reading_cost(observer: NodeObserver, text: str) -> float:
    """Seconds to read a page."""
    began = time.perf_counter()
    for _ in range(READS):
        observer.read_page(text)
    return (time.perf_counter() - began) / READS


def main() -> None:
    """Measure, print, write."""
    chosen = options(__doc__, rounds=5, seconds=0).parse_args()
    big, many = machine(), containers()
    ways: dict[str, Callable[[], float]] = {
        "a look at a node of the stage, CPU of the node": look_cost,
        f"reading node_exporter, {len(big) // 1000} kB": lambda: reading_cost(NodeExporter(nodes=NODES), big),
        f"reading cAdvisor, {len(many) // 1000} kB": lambda: reading_cost(Cadvisor(nodes=NODES, container="c7"), many),
    }
    figures = {}
    for name, way in ways.items():
        found = figures[name] = spread([1000 * way() for _ in range(chosen.rounds)])
        assert found is not None
        print(f"{name}: {found.text('.2f')} ms")
    write(chosen.json, "observing", figures, [])


if __name__ == "__main__":
    main()
