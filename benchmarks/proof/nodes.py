"""The nodes of a cluster while the context lasts: the embedded origin's, or nginx in network namespaces."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from benchmarks.proof.certificate import self_signed
from benchmarks.proof.drawn import Drawn
from benchmarks.proof.namespaces import Net, Place
from benchmarks.proof.rolling import rolling
from loadtests.errors import SurgecastError
from loadtests.session import LadderStep
from loadtests.staging import Cluster
from loadtests.staging.cluster import HOST
from loadtests.staging.media import load

PORT: Final = 8080
"""Of nginx, each in a namespace of its own."""
STATUS: Final = 8081
PORTS: Final = range(7000, 8700)
"""Of embedded nodes, which share the loopback: below the ports of outgoing connections."""
FRAMING: Final = 1514 / 1448
"""Bytes on the link for a byte of HTTP in full packets."""
PACKET: Final = 66
"""Bytes of a packet around its HTTP: heads of Ethernet, IPv4 and TCP with time stamps."""
PLAYLIST: Final = {"embedded": 920, "nginx": 530}
"""Bytes of a playlist with its head, as served here."""
HEAD: Final = 240
"""Bytes of a segment's head, as served here."""
LINE: Final = 2
"""Seconds of requests that may stand in line at nginx, as at the embedded origin."""

CONFIG: Final = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; {sending} tcp_nodelay on; keepalive_requests 1000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  {zone}
  server {{
    listen {address}:{port} {ssl} backlog=4096; root {www};
    {tls}
    location / {{ {limit} }}
  }}
  server {{ listen {address}:{status}; location = /status {{ stub_status; }} }}
}}
"""
SLOW: Final = "sendfile off; output_buffers 1 1k;"
"""Files read and written piece by piece, as from a network's file system: what makes a request dear in CPU."""
TLS: Final = """ssl_certificate {certificate}; ssl_certificate_key {certificate}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off; ssl_session_cache off; keepalive_timeout 0;"""


@dataclass(frozen=True, slots=True)
class Declared:
    """What one node declares; bit/s on the wire (embedded) or on the link (nginx), requests/s, share of a core."""

    egress: float | None = None
    rps: float | None = None
    quota: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """By all nodes, since they started."""

    cpu: float
    """Seconds."""
    work: float
    """What the CPU is spent on, as `work_per_viewer` counts it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How viewers reach the nodes, and what these have spent where it is known."""

    url: str
    resolve: str
    ca_file: str = ""
    spent: Callable[[], Spent] | None = None


def bit_rates() -> dict[LadderStep, float]:
    """bit/s of the media at each step of the ladder."""
    rates = sorted(float(one.average_bitrate) for one in load()[0].renditions)
    return {"lowest": rates[0], "middle": rates[len(rates) // 2], "highest": rates[-1]}


def wire_per_viewer(drawn: Drawn) -> float:
    """bit/s that one viewer asks for, as the kind of node counts it: segments, playlists and heads."""
    return http_per_viewer(drawn) * (FRAMING if drawn.kind == "nginx" else 1.0)


def http_per_viewer(drawn: Drawn) -> float:
    """bit/s of HTTP that one viewer asks for."""
    steps = bit_rates()
    media = sum(share * steps[step] for step, share in drawn.mix.items())
    return media + 8 * (PLAYLIST[drawn.kind] + HEAD) / drawn.segment


def work_per_viewer(drawn: Drawn) -> float:
    """What one viewer makes a CPU do each second: handshakes where each request has one, else bits of HTTP.

    Of requests that viewers give up only what was really sent is work, so requests are no measure of that.
    """
    return requests_per_viewer(drawn) if drawn.tls else http_per_viewer(drawn)


def requests_per_viewer(drawn: Drawn) -> float:
    """Requests/s of one viewer: a playlist and a segment in each segment's time."""
    return 2.0 / drawn.segment


def declared(drawn: Drawn) -> Declared:
    """What a node declares so that `Drawn.fill` viewers fill it."""
    match drawn.binds:
        case "egress":
            return Declared(egress=float(round(drawn.fill * wire_per_viewer(drawn), -4)))
        case "requests":
            return Declared(rps=float(round(drawn.fill * requests_per_viewer(drawn))))
        case "cpu":
            return Declared(quota=drawn.quota)


def filled_by(drawn: Drawn, node: Declared) -> float:
    """Viewers who fill one node, by what it declares; not for a CPU."""
    if node.egress is not None:
        return node.egress / wire_per_viewer(drawn)
    assert node.rps is not None
    return node.rps / requests_per_viewer(drawn)


@contextmanager
def staged(drawn: Drawn, nodes: int, folder: Path) -> Iterator[Stage]:
    """So many fresh nodes; ``folder`` should be in memory."""
    node = declared(drawn)
    if drawn.kind == "nginx":
        with _nginx(drawn, nodes, node, folder) as stage:
            yield stage
        return
    port = free_port()
    with Cluster(nodes, port=port, egress=node.egress, rps=node.rps) as cluster:
        yield Stage(cluster.url, cluster.resolve[0])


def free_port() -> int:
    """A port of the loopback that nobody listens on, a chance one so that two clusters do not meet."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise SurgecastError(f"no free port from {PORTS.start} to {PORTS.stop - 1}")


@contextmanager
def _nginx(drawn: Drawn, nodes: int, node: Declared, folder: Path) -> Iterator[Stage]:
    www = folder / "www"
    with ExitStack() as stack:
        stack.enter_context(rolling(www, drawn.segment))
        certificate = self_signed(HOST, folder) if drawn.tls else None
        tls = TLS.format(certificate=certificate) if certificate else ""
        net = Net.open()
        stack.callback(net.close)
        places = [net.node(node.egress, node.quota) for _ in range(nodes)]
        processes = []
        for place in places:
            home = folder / place.namespace
            home.mkdir()
            config = home / "nginx.conf"
            config.write_text(_config(place, node, www, home, tls), encoding="ascii")
            first = ["nice", "-n", "-15"] if node.quota else []  # so that it has its quota whoever else wants the core
            words = place.command([*first, "nginx", "-p", home, "-c", config, "-e", "stderr"])
            processes.append(process := subprocess.Popen(words, stdin=subprocess.DEVNULL))
            stack.callback(_end, process)
        for place, process in zip(places, processes, strict=True):
            _await(place.address, process)
        scheme, addresses = "https" if certificate else "http", ",".join(place.address for place in places)
        yield Stage(
            url=f"{scheme}://{HOST}:{PORT}/live/master.m3u8",
            resolve=f"{HOST}:{PORT}:{addresses}",
            ca_file=str(certificate or ""),
            spent=lambda: _spent(drawn, places, processes),
        )


def _config(place: Place, node: Declared, www: Path, folder: Path, tls: str) -> str:
    rate = round(node.rps) if node.rps else 0
    return CONFIG.format(
        folder=folder,
        address=place.address,
        port=PORT,
        status=STATUS,
        www=www,
        sending=SLOW if node.quota and not tls else "sendfile on;",
        ssl="ssl" if tls else "",
        tls=tls,
        zone=f"limit_req_zone $server_addr zone=all:1m rate={rate}r/s;" if rate else "",
        limit=f"limit_req zone=all burst={rate * LINE};" if rate else "",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if all(_listens(address, port) for port in (PORT, STATUS)):
            return
        time.sleep(0.05)
    raise SurgecastError(f"nginx does not listen at {address}:{PORT}")


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def _spent(drawn: Drawn, places: list[Place], processes: list[subprocess.Popen[bytes]]) -> Spent:
    cpu, work = 0.0, 0.0
    for place, process in zip(places, processes, strict=True):
        # nanoseconds on a core, as the scheduler counts them against the quota
        cpu += int(Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
        work += _requests(place) if drawn.tls else 8 * (place.sent("bytes") - PACKET * place.sent("packets"))
    return Spent(cpu, work)


def _requests(place: Place) -> int:
    with urlopen(f"http://{place.address}:{STATUS}/status", timeout=20) as answer:
        found = re.search(r"\s(\d+) (\d+) (\d+)\s", answer.read().decode("ascii"))
    assert found
    return int(found[3]) - 1
