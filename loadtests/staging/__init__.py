"""The embedded live origin: HLS computed from the wall clock, with a declared capacity that it keeps to.

    from loadtests.staging import Cluster

    with Cluster(nodes=2, egress=40e6, rps=400) as stage:
        stage.url, stage.resolve, stage.metrics()

`serve` does the same for a person at a terminal.
"""

from loadtests.staging.cluster import Cluster, Node
from loadtests.staging.counts import NodeCounts, Sent, Served
from loadtests.staging.stage import serve

__all__ = ["Cluster", "Node", "NodeCounts", "Sent", "Served", "serve"]
