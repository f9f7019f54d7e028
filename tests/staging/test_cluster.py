"""Nodes as processes: they come up together, leave when told or when their parent dies, and say what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO

import psutil
import pytest

from loadtests.errors import InputError, SurgecastError
from loadtests.staging import Cluster, Node, serve
from loadtests.staging.__main__ import main, settings
from loadtests.staging.cluster import command
from loadtests.staging.node import bind
from loadtests.staging.stage import capacity, description


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def soon(done: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_every_node_has_its_own_address_and_all_have_one_name(port: int) -> None:
    with Cluster(3, port=port, egress=40e6, rps=400) as cluster:
        assert cluster.nodes == tuple(Node(address=f"127.0.0.{n}", port=port, egress=40e6, rps=400) for n in (1, 2, 3))
        assert cluster.url == f"http://stage.surgecast.test:{port}/live/master.m3u8"
        assert cluster.cmaf_url == f"http://stage.surgecast.test:{port}/cmaf/master.m3u8"
        assert cluster.resolve == (f"stage.surgecast.test:{port}:127.0.0.1,127.0.0.2,127.0.0.3",)
        assert [counts.address for counts in cluster.metrics()] == [node.address for node in cluster.nodes]
        cluster.check()
    assert not any(listens(node.address, port) for node in cluster.nodes)


def test_nodes_are_in_sessions_of_their_own_so_that_ctrl_c_does_not_reach_them(port: int) -> None:
    before = {child.pid for child in children()}
    with Cluster(2, port=port):
        started = {child.pid for child in children()} - before
        assert len(started) == 2
        assert all(os.getsid(pid) == pid for pid in started)
    assert not started & {child.pid for child in children()}


def test_a_port_that_is_taken_is_named_with_a_remedy(port: int) -> None:
    before = children()
    with bind("127.0.0.2", port), pytest.raises(InputError) as caught:
        Cluster(2, port=port).start()
    assert caught.value.message == f"port {port} on 127.0.0.2 is taken"
    assert "--port" in caught.value.hint
    assert children() == before


def test_an_address_that_does_not_exist_is_named_with_the_command_that_makes_it(port: int) -> None:
    with pytest.raises(InputError) as caught:
        bind("192.0.2.1", port)  # TEST-NET-1 (RFC 5737): no machine has it
    assert "ifconfig lo0 alias 192.0.2.1" in caught.value.hint


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nodes": 0}, "0 nodes"),
        ({"nodes": 300}, "300 nodes"),
        ({"port": 80}, "port 80"),
        ({"port": 18_800}, "port 18800"),
        ({"egress": 0.0}, "egress"),
        ({"rps": -1.0}, "rps"),
        ({"latency": -0.1}, "latency"),
    ],
)
def test_what_cannot_be_staged_is_refused_before_anything_starts(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Cluster(**wrong)  # type: ignore[arg-type] # wrong on purpose
    assert caught.value.hint


def test_a_node_that_dies_is_noticed(port: int) -> None:
    before = children()
    with Cluster(1, port=port) as cluster:
        (process,) = [child for child in children() if child not in before]
        process.kill()

        def noticed() -> bool:
            try:
                cluster.check()
            except SurgecastError as error:
                return f"127.0.0.1:{port} ended with code -9" in error.message
            return False

        assert soon(noticed)
        with pytest.raises(SurgecastError, match="does not answer /metrics"):
            cluster.metrics()


def test_a_node_leaves_when_its_parent_is_killed(port: int) -> None:
    """The parent gets no chance to stop anything."""
    code = f"from loadtests.staging import Cluster; Cluster(2, port={port}).start(); print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        nodes = psutil.Process(parent.pid).children()
        assert len(nodes) == 2
        parent.send_signal(signal.SIGKILL)
    assert soon(lambda: not any(listens(address, port) for address in ("127.0.0.1", "127.0.0.2")))
    assert soon(lambda: not any(node.is_running() and node.status() != psutil.STATUS_ZOMBIE for node in nodes))


def test_serve_says_where_the_stage_is_and_stops_at_ctrl_c(port: int) -> None:
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a background job has none
    code = f"{heard}; from loadtests.staging import serve; serve(nodes=2, port={port}, egress=40e6, rps=400)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as stage:
        assert stage.stderr is not None
        assert stage.stderr.readline() == "Live now. Ctrl-C stops it.\n"
        assert listens("127.0.0.2", port)
        stage.send_signal(signal.SIGINT)
        out, messages = stage.communicate(timeout=10)
    assert (stage.returncode, messages) == (0, "Stopped.\n")
    assert out.splitlines()[0] == f"url      http://stage.surgecast.test:{port}/live/master.m3u8"
    assert f"--resolve stage.surgecast.test:{port}:127.0.0.1,127.0.0.2" in out
    assert f"ffplay http://127.0.0.1:{port}/live/master.m3u8" in out
    assert out.count("egress 40Mbps, 400 requests/s") == 2
    assert not listens("127.0.0.1", port)


def test_serve_starts_nothing_where_it_cannot(port: int) -> None:
    out = StringIO()
    with bind("127.0.0.1", port), pytest.raises(InputError, match="is taken"):
        serve(nodes=1, port=port, out=out, messages=out)
    assert out.getvalue() == ""


def test_a_node_is_told_what_its_cluster_declares() -> None:
    node = Node(address="127.0.0.2", port=8800, egress=2.5e6, rps=0.5)
    given = settings(command(node, 0.3)[3:])
    assert (given.host, given.port, given.latency, given.parent) == ("127.0.0.2", 8800, 0.3, os.getpid())
    assert (given.capacity.egress, given.capacity.rps) == (2.5e6, 0.5)


def test_unlimited_is_said_in_words() -> None:
    assert capacity(Node(address="", port=1, egress=None, rps=None)) == "unlimited egress, unlimited requests"
    assert any("ffplay" in line for line in description(Cluster(1)))


def test_a_node_started_by_hand_names_its_mistakes(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with bind("127.0.0.1", port):
        assert main(["--port", str(port)]) == 2
    assert f"port {port} on 127.0.0.1 is taken" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--egress", "40"])
    assert "expected one of the units bps, kbps, Mbps, Gbps" in capsys.readouterr().err
