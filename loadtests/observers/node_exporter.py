"""Prometheus' ``node_exporter``: the machine's CPU, memory, network and connections.

Metric names: https://github.com/prometheus/node_exporter (collectors cpu, meminfo, netdev, netclass, netstat, time; on
by default but for none).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from loadtests.exposition import Sample, by_name, total
from loadtests.observers import NodeObserver
from loadtests.readings import Reading

_CPU: Final = "node_cpu_seconds_total"
_TOTAL, _FREE = "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"
_SENT: Final = "node_network_transmit_bytes_total"
_SPEED: Final = "node_network_speed_bytes"
_CONNECTIONS: Final = "node_netstat_Tcp_CurrEstab"
_CLOCK: Final = "node_time_seconds"
NAMES: Final = (_CPU, _TOTAL, _FREE, _SENT, _SPEED, _CONNECTIONS, _CLOCK)

IDLE: Final = frozenset({"idle", "iowait", "steal"})
"""Modes in which the machine's CPU does nothing for it (proc_stat(5)): waiting for a disk, or given to a neighbour."""
VIRTUAL: Final = (
    *("lo", "dummy", "ifb", "veth", "tun", "tap", "wg", "docker", "br-", "virbr", "ovs", "bond", "team", "vlan"),
    *("vxlan", "genev", "flannel", "cni", "cali", "cilium_", "lxc", "eni", "gke", "azv"),
)
"""Beginnings of device names whose bytes do not leave the machine, or leave it once more by another device.

The second row is what networks of pods make: overlays, and one device per pod (``eni`` and hexadecimal digits is one
of the AWS VPC CNI; network cards are called ``ens5`` or ``eth0`` there).
"""
VLAN: Final = "."
"""In a name: traffic that its parent sends, and counts, too (``eth0.100``, ``vxlan.calico``)."""


class NodeExporter(NodeObserver):
    """One page per machine, such as ``http://10.0.0.1:9100/metrics``."""

    device: str = ""
    """The network device to count; empty for all that are not loopback, bridges, VLANs or other virtual ones."""

    def read_page(self, text: str) -> Reading:
        """Counters of the machine."""
        found = by_name(text, NAMES)
        busy = [one for one in found[_CPU] if one.labels.get("mode") not in IDLE]
        cores = {one.labels.get("cpu", "") for one in found[_CPU]}
        most, free = total(found[_TOTAL]), total(found[_FREE])
        return Reading(
            cpu_seconds=total(busy),
            cores=float(len(cores)) or None,
            memory=most - free if most is not None and free is not None else None,
            memory_limit=most,
            sent_bytes=total(self._counted(found[_SENT])),
            network_limit=self._speed(found[_SENT], found[_SPEED]),
            connections=total(found[_CONNECTIONS]),
            clock=total(found[_CLOCK]),
        )

    def _counted(self, found: Iterable[Sample]) -> list[Sample]:
        return [one for one in found if self._counts(one.labels.get("device", ""))]

    def _counts(self, device: str) -> bool:
        return device == self.device if self.device else not (device.startswith(VIRTUAL) or VLAN in device)

    def _speed(self, sent: list[Sample], speeds: list[Sample]) -> float | None:
        """bit/s that the devices which send may send together; a virtual machine's often tells none."""
        known = {one.labels.get("device", ""): 8.0 * one.value for one in speeds}
        found = [known.get(one.labels.get("device", ""), 0.0) for one in self._counted(sent) if one.value]
        return sum(found) if found and all(found) else None
