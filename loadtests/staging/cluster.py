"""Start and stop a group of origin nodes on this machine, one loopback address each, and read their counts.

    Cluster(nodes=2) ── 127.0.0.1:8800  python -m loadtests.staging …   (own session, leaves with its parent)
                     └─ 127.0.0.2:8800  python -m loadtests.staging …

All nodes stand behind one host name, which needs no DNS: `Cluster.resolve` says the addresses as curl would.
While it runs a node can be killed and started again, and all can be told that the stage has changed (`live`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import RLock
from types import TracebackType
from typing import IO, Final, Self

from loadtests.errors import InputError, SurgecastError
from loadtests.faults import StageOrder
from loadtests.staging.clock import newest
from loadtests.staging.counts import NodeCounts, parse
from loadtests.staging.declared import Capacity
from loadtests.staging.keys import require_cryptography
from loadtests.staging.live import CRASH, DONE, Live
from loadtests.staging.node import bind
from loadtests.units import show_bitrate, show_duration

HOST: Final = "stage.surgecast.test"
"""Name of the stage. ``.test`` is reserved (RFC 6761): no such name exists outside."""

PORTS: Final = range(1024, 10_000)
"""Unprivileged, and below every system's range of ports for outgoing connections, where load would collide."""

ADDRESSES: Final = range(1, 255)
"""Last numbers of 127.0.0.x; how many nodes there can be."""

START_SECONDS: Final = 15.0
"""How long all nodes together may take to become healthy: twenty times what one takes on an idle core."""

STOP_SECONDS: Final = 5.0
"""How long a node may take to end before it is killed; it gives open responses two seconds."""

CRASH_SECONDS: Final = 0.2
"""How long a node that was told to crash may take; then it is killed, and the kernel ends its connections."""

ANSWER_SECONDS: Final = 5.0
"""How long a node may take to answer /healthz or /metrics, or an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Where a node listens and what it declares: ``egress`` in bit/s, ``rps`` in requests/s, None is unlimited."""

    address: str
    port: int
    egress: float | None
    rps: float | None


@dataclass(slots=True)
class Running:
    """A node's process and the file that catches what it says before it fails."""

    node: Node
    process: subprocess.Popen[bytes]
    errors: IO[bytes]


class Cluster:
    """Origin nodes as child processes; a context manager. Capacity is per node, ``latency`` in seconds.

    ``live`` says whether there are tokens and keys; `obey` changes it, from any thread.
    """

    def __init__(
        self,
        nodes: int = 2,
        *,
        port: int = 8800,
        egress: float | None = None,
        rps: float | None = None,
        latency: float = 0.0,
        host: str = HOST,
        live: Live | None = None,
    ) -> None:
        _check(nodes, port, latency)
        Capacity(egress=egress, rps=rps)  # refuses what cannot be declared
        self.nodes = tuple(
            Node(address=f"127.0.0.{number}", port=port, egress=egress, rps=rps) for number in ADDRESSES[:nodes]
        )
        self._host = host
        self._latency = latency
        self._live = (live or Live()).model_copy(update={"secret": secrets.token_hex(16)})
        if self._live.keys:
            require_cryptography()
        self._shares = [1.0] * nodes
        self._running: dict[int, Running] = {}
        self._one_order = RLock()

    @property
    def url(self) -> str:
        """The MPEG-TS master playlist."""
        return self._master("live")

    @property
    def cmaf_url(self) -> str:
        """The fMP4 master playlist."""
        return self._master("cmaf")

    @property
    def resolve(self) -> tuple[str, ...]:
        """Where the host name leads, in curl's ``--resolve`` form."""
        addresses = ",".join(node.address for node in self.nodes)
        return (f"{self._host}:{self.nodes[0].port}:{addresses}",)

    def start(self) -> Self:
        """Start all nodes and wait until each is healthy; leave none behind if one fails."""
        for node in self.nodes:
            bind(node.address, node.port).close()
        try:
            for index in range(len(self.nodes)):
                self._launch(index)
            _await_health(self._running.values())
        except BaseException:
            self.stop()
            raise
        return self

    def check(self) -> None:
        """Raise if a node has ended by itself."""
        for running in list(self._running.values()):
            _must_run(running)

    def metrics(self) -> tuple[NodeCounts, ...]:
        """Read what every node that runs has counted since it started."""
        running = [one.node for _, one in sorted(self._running.items())]
        return tuple(parse(node.address, _get(node, "/metrics").decode()) for node in running)

    def obey(self, order: StageOrder) -> None:
        """Do what a fault wants; SurgecastError or InputError when it cannot be done. Returns once it holds."""
        if order.node is not None and order.node >= len(self.nodes):
            raise InputError(f"there is no node {order.node}", hint=f"nodes go from 0 to {len(self.nodes) - 1}")
        each = range(len(self.nodes)) if order.node is None else (order.node,)
        match order.do:
            case "kill" | "start":
                for index in each:
                    (self._kill if order.do == "kill" else self._start_again)(index)
            case "share":
                self._shares = [order.share if index in each else now for index, now in enumerate(self._shares)]
                self._tell()
            case "expire":
                self._tell(tokens_since=time.time())
            case "rotate":
                self._tell(rotations=(*self._live.rotations, newest(time.time()) + 1))
            case "flush":
                raise InputError("this stage has no cache in front", hint="empty your own with cdn_flush's 'command'")

    def _kill(self, index: int) -> None:
        with self._one_order:
            running = self._running.pop(index, None)
        if running is None:
            raise InputError(f"node {index} does not run", hint="start it before it is killed again")
        with contextlib.suppress(OSError):
            _write(running, CRASH)
        _reap(running, time.monotonic() + CRASH_SECONDS)

    def _start_again(self, index: int) -> None:
        with self._one_order:
            if index in self._running:
                raise InputError(f"node {index} runs already", hint="kill it first")
            bind(self.nodes[index].address, self.nodes[index].port).close()
            self._launch(index)
            running = self._running[index]
        _await_health([running])

    def _launch(self, index: int) -> None:
        """Start a node and tell it how the stage is."""
        running = _launch(self.nodes[index], self._latency)
        self._running[index] = running
        _write(running, self._live_of(index))

    def _live_of(self, index: int) -> str:
        return self._live.model_copy(update={"share": self._shares[index]}).model_dump_json()

    def _tell(self, **changes: object) -> None:
        """The stage is otherwise from now on: tell every node that runs, and wait until each has done it."""
        with self._one_order:
            self._live = self._live.model_copy(update=changes)
            for index, running in self._running.items():
                _write(running, self._live_of(index))
            for running in self._running.values():
                _await_done(running)

    def stop(self) -> None:
        """End all nodes; those that do not leave in time are killed."""
        for running in self._running.values():
            running.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while self._running:
            _reap(self._running.popitem()[1], deadline)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _master(self, folder: str) -> str:
        return f"http://{self._host}:{self.nodes[0].port}/{folder}/master.m3u8"


def _check(nodes: int, port: int, latency: float) -> None:
    if nodes not in ADDRESSES:
        raise InputError(f"{nodes} nodes cannot be staged", hint=f"ask for 1 to {ADDRESSES[-1]} nodes")
    if port not in PORTS:
        hint = f"choose one from {PORTS[0]} to {PORTS[-1]}; above lie the ports of outgoing connections"
        raise InputError(f"port {port} is not for staging", hint=hint)
    if latency < 0:
        raise InputError(f"a latency of {latency:g} s is not possible", hint="give 0 or more")


def command(node: Node, latency: float) -> list[str]:
    """Return the command line of a node whose parent is this process."""
    line = [sys.executable, "-m", "loadtests.staging", "--host", node.address, "--port", str(node.port)]
    if node.egress is not None:
        line += ["--egress", show_bitrate(node.egress)]
    if node.rps is not None:
        line += ["--rps", repr(node.rps)]
    return [*line, "--latency", show_duration(latency), "--parent", str(os.getpid()), "--told"]


def _launch(node: Node, latency: float) -> Running:
    """Start a node in a session of its own, so that Ctrl-C in a terminal reaches only this process."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _reap, after the process has ended
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        command(node, latency),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        stderr=errors,
        start_new_session=True,
    )
    return Running(node, process, errors)


def _write(running: Running, line: str) -> None:
    assert running.process.stdin is not None
    running.process.stdin.write(f"{line}\n".encode())


def _await_done(running: Running) -> None:
    """Read one answer; SurgecastError when none comes."""
    answers = running.process.stdout
    assert answers is not None
    ready, _, _ = select.select([answers], [], [], ANSWER_SECONDS)
    if not ready or answers.read(len(DONE)) != DONE:
        raise SurgecastError(f"{_name(running.node)} does not do what it is told", hint="is the machine overloaded?")


def _await_health(cluster: Iterable[Running]) -> None:
    deadline = time.monotonic() + START_SECONDS
    for running in cluster:
        while not _healthy(running.node):
            _must_run(running)
            if time.monotonic() > deadline:
                hint = "is the machine overloaded? try fewer nodes"
                raise SurgecastError(f"{_name(running.node)} was not healthy after {START_SECONDS:g} s", hint=hint)
            time.sleep(0.02)
        _await_done(running)


def _healthy(node: Node) -> bool:
    try:
        return _get(node, "/healthz") == b"ok\n"
    except SurgecastError:
        return False


def _must_run(running: Running) -> None:
    code = running.process.poll()
    if code is None:
        return
    running.errors.seek(0)
    said = running.errors.read().decode(errors="replace").strip()
    if code == InputError.exit_code:
        raise InputError(said)
    raise SurgecastError(f"{_name(running.node)} ended with code {code}", hint=said[-500:] or "it said nothing")


def _get(node: Node, path: str) -> bytes:
    """Fetch ``path`` from a node; a node that cannot answer is our failure."""
    with _connection(node) as connection:
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise SurgecastError(f"{_name(node)} does not answer {path}: {error}") from error


@contextlib.contextmanager
def _connection(node: Node) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(node.address, node.port, timeout=ANSWER_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def _reap(running: Running, deadline: float) -> None:
    try:
        running.process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
    for end in (running.process.stdin, running.process.stdout, running.errors):
        assert end is not None
        end.close()


def _name(node: Node) -> str:
    return f"staging node {node.address}:{node.port}"
