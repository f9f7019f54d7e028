"""Real nodes for the tests: free ports, clusters, and one unlimited node that most tests share."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from random import Random

import pytest

from loadtests.staging import Cluster, Node

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def is_free(port: int) -> bool:
    for address in ADDRESSES:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port below 10000 that nobody listens on, a different one for each test process."""
    candidates = Random(os.getpid()).sample(range(7000, 9999), 200)
    return next(port for port in candidates if is_free(port))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """One node without limits."""
    with Cluster(1, port=free_port()) as cluster:
        yield cluster.nodes[0]
